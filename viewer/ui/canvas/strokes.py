"""Strokes on the canvas with vispy: one vertex buffer, one draw call."""

from __future__ import annotations

from math import cos, sin
from typing import TYPE_CHECKING

import numpy as np
from vispy import gloo

from gpu.gl.program import read_shader
from viewer.view.camera import screen_from_slide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.overlay.shapes import Strokes
    from viewer.view.camera import View

_VERTEX = np.dtype(
    [
        ("start", np.float32, 2),
        ("end", np.float32, 2),
        ("corner", np.float32, 2),
        ("colour", np.float32, 4),
        ("half_width", np.float32),
    ]
)
_CORNERS = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)
_TRIANGLES = np.array([0, 1, 2, 2, 1, 3], np.uint32)


class StrokePainter:
    """Holds strokes on the GPU, relative to an origin near them, and draws them for any view.

    Made within a GL context, and lost with it.
    """

    def __init__(self, strokes: Strokes, origin: tuple[float, float]) -> None:
        self._origin = origin
        self._count = len(strokes)
        if self._count == 0:
            return
        self._program = gloo.Program(read_shader("stroke.vert"), read_shader("stroke.frag"))
        self._program.bind(gloo.VertexBuffer(_vertices(strokes, origin)))
        quads = np.arange(self._count, dtype=np.uint32)[:, None] * 4 + _TRIANGLES
        self._indices = gloo.IndexBuffer(quads.reshape(-1))

    def draw(self, view: View, screen_px: tuple[float, float], aspect: float, pixel_ratio: float) -> None:
        """Draw for a view in logical pixels."""
        if self._count == 0:
            return
        c, s = cos(view.rotation_rad) / view.downsample, sin(view.rotation_rad) / view.downsample
        program = self._program
        program["screen_from_slide"] = (c, -s * aspect, s, c * aspect)
        program["origin_px"] = screen_from_slide(view, screen_px, aspect, *self._origin)
        program["screen_px"] = screen_px
        program["pixel_ratio"] = pixel_ratio
        program.draw("triangles", self._indices)


def _vertices(strokes: Strokes, origin: tuple[float, float]) -> NDArray[np.void]:
    """Four vertices a stroke. The origin is subtracted in float64: what is left fits float32 on any slide."""
    vertices = np.empty((len(strokes), 4), _VERTEX)
    vertices["start"] = (strokes.starts - origin)[:, None]
    vertices["end"] = (strokes.ends - origin)[:, None]
    vertices["corner"] = _CORNERS
    vertices["colour"] = strokes.rgba[:, None]
    vertices["half_width"] = strokes.width_px[:, None] / 2
    return vertices.reshape(-1)
