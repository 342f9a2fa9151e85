"""Everything that is drawn over the tiles in the canvas's own GL context: shapes, cursor cross, scale bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from viewer.overlay.shapes import ShapeSet
from viewer.ui.canvas.gl_quad import ImageQuad, set_overlay_state
from viewer.ui.canvas.scale_bar import ScaleBarLayer
from viewer.ui.canvas.shapes_layer import ShapesLayer
from viewer.view.camera import screen_from_slide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.overlay.shapes import Shape
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.view.camera import View

_CROSS_PX = 31
_CROSS_GAP_PX = 4
_LIGHT, _DARK = QColor(255, 255, 255), QColor(20, 20, 30)


class CursorLayer:
    """A cross at the cursor's place on the slide, light within dark; off until ``visible``."""

    def __init__(self, slide_view: SlideView) -> None:
        self._slide_view = slide_view
        self._cross = ImageQuad()
        self._at: tuple[float, float] | None = None
        self._visible = False
        slide_view.cursor_moved.connect(self._cursor_moved)

    @property
    def visible(self) -> bool:
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        self._slide_view.canvas.request_frame()

    def context_lost(self) -> None:
        """Rebuild at the next draw."""
        self._cross.context_lost()

    def draw(self, view: View, screen_px: tuple[float, float], pixel_ratio: float) -> None:
        """Draw within the canvas's frame; ``view`` counts in logical pixels."""
        if not self._visible or self._at is None:
            return
        if not self._cross.shows(pixel_ratio):
            self._cross.set_image(cross_image(pixel_ratio), pixel_ratio)
        x, y = screen_from_slide(view, screen_px, self._slide_view.camera.aspect, *self._at)
        self._cross.draw(x - _CROSS_PX / 2, y - _CROSS_PX / 2, screen_px, pixel_ratio)

    def _cursor_moved(self, at: tuple[float, float] | None) -> None:
        self._at = at
        if self._visible:
            self._slide_view.canvas.request_frame()


def cross_image(pixel_ratio: float) -> QImage:
    """Four arms about an open middle, so that the cross hides nothing at the very point."""
    side = round(_CROSS_PX * pixel_ratio)
    image = QImage(side, side, QImage.Format.Format_RGBA8888_Premultiplied)
    image.setDevicePixelRatio(pixel_ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    middle, arm = QPointF(_CROSS_PX / 2, _CROSS_PX / 2), _CROSS_PX / 2 - 2
    for colour, width in ((_DARK, 3.0), (_LIGHT, 1.0)):
        painter.setPen(QPen(colour, width))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            direction = QPointF(dx, dy)
            painter.drawLine(middle + direction * _CROSS_GAP_PX, middle + direction * arm)
    painter.end()
    return image


class VectorOverlay:
    """The vector layer of a slide view; adds itself to it.

    ``scale_bar``, ``cursor`` and ``shapes`` are its parts.
    """

    def __init__(self, slide_view: SlideView) -> None:
        self._slide_view = slide_view
        self.shapes = ShapesLayer(slide_view)
        self._shapes_of: dict[str, ShapeSet] = {}
        self.cursor = CursorLayer(slide_view)
        self.scale_bar = ScaleBarLayer(slide_view)
        slide_view.add_vector_layer(self)

    def set_shapes(self, producer: str, shapes: Sequence[Shape] | ShapeSet) -> None:
        """Show these shapes of a producer from now on, later ones over earlier ones; those of others stay.
        Producers lie over one another in the order in which they first showed some."""
        self._shapes_of[producer] = shapes if isinstance(shapes, ShapeSet) else ShapeSet(shapes)
        self.shapes.set_shapes(tuple(self._shapes_of.values()))

    def set_scale_bar_visible(self, visible: bool) -> None:
        """Show or hide the scale bar."""
        self.scale_bar.visible = visible
        self._slide_view.canvas.request_frame()

    def context_lost(self) -> None:
        """The GL context is gone with everything in it: rebuild at the next draw."""
        for part in (self.shapes, self.cursor, self.scale_bar):
            part.context_lost()

    def draw(self, view: View, size_px: tuple[float, float], pixel_ratio: float) -> None:
        """Draw within the canvas's frame, after the tiles; ``view`` counts in logical pixels."""
        set_overlay_state((round(size_px[0] * pixel_ratio), round(size_px[1] * pixel_ratio)))
        for part in (self.shapes, self.cursor, self.scale_bar):
            part.draw(view, size_px, pixel_ratio)
