"""From shapes to draw calls, for pictures that are drawn once. Used and released with its context current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu.gl.stroke_renderer import StrokeRenderer, stroke_vertices
from viewer.slide.geometry import Rect
from viewer.view.camera import field_of_view, screen_from_slide

if TYPE_CHECKING:
    from viewer.overlay.shapes import ShapeSet
    from viewer.view.camera import View
    from viewer.view.screen import Screen

_GRAIN_PX = 0.4
_REACH_PX = 10.0
"""How far the widest strokes reach beyond their line."""


class ShapeDrawing:
    """A set of shapes, whose widths count in pixels of the picture."""

    def __init__(self, shapes: ShapeSet) -> None:
        self._shapes = shapes
        self._renderer = StrokeRenderer()

    def draw(self, view: View, screen: Screen) -> None:
        """Draw over what the bound framebuffer holds."""
        field = field_of_view(view, screen.size_px, screen.aspect)
        reach = _REACH_PX * view.downsample
        region = Rect(
            field.x0 - reach,
            field.y0 - reach / screen.aspect,
            field.x1 + reach,
            field.y1 + reach / screen.aspect,
        )
        strokes = self._shapes.strokes_in(region, grain_px=view.downsample * _GRAIN_PX)
        centre = field.centre
        self._renderer.draw(
            stroke_vertices(strokes.starts, strokes.ends, strokes.rgba, strokes.width_px, centre),
            framebuffer_px=(int(screen.width_px), int(screen.height_px)),
            downsample=view.downsample,
            aspect=screen.aspect,
            rotation_rad=view.rotation_rad,
            origin_px=screen_from_slide(view, screen.size_px, screen.aspect, *centre),
        )

    def release(self) -> None:
        """Free every GL object."""
        self._renderer.release()
