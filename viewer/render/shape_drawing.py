"""From shapes to draw calls, for pictures that are drawn once. Used and released with its context current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpu.gl.stroke_renderer import StrokeRenderer, stroke_vertices
from viewer.slide.geometry import Rect
from viewer.view.camera import field_of_view, screen_from_slide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.overlay.shapes import ShapeSet
    from viewer.view.camera import View
    from viewer.view.screen import Screen

_GRAIN_PX = 0.4
_REACH_PX = 10.0
"""How far the widest strokes reach beyond their line."""


class ShapeDrawing:
    """Sets of shapes, later ones over earlier ones. Their widths count in logical pixels, of which
    ``pixel_ratio`` says how large they are in the picture."""

    def __init__(self, shapes: Sequence[ShapeSet], pixel_ratio: float = 1.0) -> None:
        self._shapes, self._pixel_ratio = tuple(shapes), pixel_ratio
        self._renderer = StrokeRenderer()

    def draw(self, view: View, screen: Screen) -> None:
        """Draw over what the bound framebuffer holds; ``view`` counts in its pixels."""
        field = field_of_view(view, screen.size_px, screen.aspect)
        reach = _REACH_PX * self._pixel_ratio * view.downsample
        region = Rect(
            field.x0 - reach,
            field.y0 - reach / screen.aspect,
            field.x1 + reach,
            field.y1 + reach / screen.aspect,
        )
        centre = field.centre
        for shapes in self._shapes:
            strokes = shapes.strokes_in(region, grain_px=view.downsample * _GRAIN_PX)
            width_px = strokes.width_px * np.float32(self._pixel_ratio)
            vertices = stroke_vertices(strokes.starts, strokes.ends, strokes.rgba, width_px, centre)
            self._draw(vertices, view, screen, centre)

    def release(self) -> None:
        """Free every GL object."""
        self._renderer.release()

    def _draw(
        self, vertices: NDArray[np.void], view: View, screen: Screen, origin: tuple[float, float]
    ) -> None:
        self._renderer.draw(
            vertices,
            framebuffer_px=(int(screen.width_px), int(screen.height_px)),
            downsample=view.downsample,
            aspect=screen.aspect,
            rotation_rad=view.rotation_rad,
            origin_px=screen_from_slide(view, screen.size_px, screen.aspect, *origin),
        )
