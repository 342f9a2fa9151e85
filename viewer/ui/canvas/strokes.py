"""Strokes on the canvas with vispy: one vertex buffer, one draw call."""

from __future__ import annotations

from math import cos, sin
from typing import TYPE_CHECKING

from vispy import gloo

from gpu.gl.program import read_shader
from gpu.gl.stroke_renderer import stroke_indices, stroke_vertices
from viewer.view.camera import screen_from_slide

if TYPE_CHECKING:
    from viewer.overlay.shapes import Strokes
    from viewer.view.camera import View


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
        vertices = stroke_vertices(strokes.starts, strokes.ends, strokes.rgba, strokes.width_px, origin)
        self._program.bind(gloo.VertexBuffer(vertices))
        self._indices = gloo.IndexBuffer(stroke_indices(self._count))

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
