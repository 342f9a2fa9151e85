"""Shapes over the slide: drawn directly while they are few, from a picture of them while they are many.

The shapes of the field and a margin around it are put on the GPU; as long as the view stays inside, a frame
costs one draw call. Beyond ``DIRECT_STROKES`` even that is too slow, so they are drawn once into a texture,
which moves with the view and is drawn again when the view comes to rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from vispy import gloo

from viewer.overlay.shapes import ShapeSet, Strokes
from viewer.slide.geometry import Rect
from viewer.ui.canvas.gl_quad import Quad, set_overlay_state
from viewer.ui.canvas.strokes import StrokePainter
from viewer.view.camera import View, field_of_view, screen_from_slide, slide_from_screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.ui.canvas.slide_view import SlideView

DIRECT_STROKES = 3000
"""On software OpenGL so many take as long as the picture of any number of them: 3 ms at 1280 × 800."""
_MARGIN_SHARE = 0.25
_ZOOM_KEPT = 2.0
_GRAIN_PX = 0.4
_REST_MS = 120
_REMAKE_INTERVAL_S = 0.25


@dataclass(slots=True)
class _Batch:
    """Strokes on the GPU: for which region and down to which downsample they are complete."""

    painter: StrokePainter
    region: Rect
    downsample: float
    stroke_count: int

    def serves(self, field: Rect, downsample: float) -> bool:
        inside = self.region.intersection(field) == field
        return inside and self.downsample / _ZOOM_KEPT <= downsample <= self.downsample * _ZOOM_KEPT


@dataclass(slots=True)
class _Picture:
    """Shapes drawn into a texture: for which view, and how large it is in logical pixels."""

    view: View
    size_px: tuple[float, float]
    texture: gloo.Texture2D
    quad: Quad
    made_s: float


class ShapesLayer:
    """The shapes on one canvas. ``set_shapes`` replaces all of them."""

    def __init__(self, slide_view: SlideView) -> None:
        self._slide_view = slide_view
        self._shapes: tuple[ShapeSet, ...] = ()
        self._batch: _Batch | None = None
        self._picture: _Picture | None = None
        self._last_view: View | None = None
        self._at_rest = False
        self._rest_timer = QTimer(slide_view, singleShot=True, interval=_REST_MS)
        self._rest_timer.timeout.connect(self._came_to_rest)

    def set_shapes(self, shapes: Sequence[ShapeSet]) -> None:
        """Show these from now on, later ones over earlier ones."""
        self._shapes = tuple(each for each in shapes if len(each))
        self.context_lost()
        self._slide_view.canvas.request_frame()

    def context_lost(self) -> None:
        """Forget what the GPU held; it is rebuilt at the next draw."""
        self._batch = self._picture = None

    @property
    def uses_picture(self) -> bool:
        """Whether the shapes are shown from a picture of them."""
        return self._picture is not None

    def draw(self, view: View, screen_px: tuple[float, float], pixel_ratio: float) -> None:
        """Draw within the canvas's frame; ``view`` counts in logical pixels."""
        if not self._shapes:
            return
        aspect = self._slide_view.camera.aspect
        field = field_of_view(view, screen_px, aspect)
        moved, self._last_view = view != self._last_view, view
        if self._picture is None:
            batch = self._batch_for(view, field)
            if batch.stroke_count <= DIRECT_STROKES:
                batch.painter.draw(view, screen_px, aspect, pixel_ratio)
                return
        self._draw_picture(view, field, screen_px, pixel_ratio, moved=moved)

    def _batch_for(self, view: View, field: Rect) -> _Batch:
        batch = self._batch
        if batch is None or not batch.serves(field, view.downsample):
            region = _grown(field)
            grain_px = view.downsample * _GRAIN_PX
            strokes = Strokes.joined([each.strokes_in(region, grain_px=grain_px) for each in self._shapes])
            painter = StrokePainter(strokes, region.centre)
            batch = self._batch = _Batch(painter, region, view.downsample, len(strokes))
        return batch

    def _draw_picture(
        self, view: View, field: Rect, screen_px: tuple[float, float], pixel_ratio: float, *, moved: bool
    ) -> None:
        picture, now_s = self._picture, perf_counter()
        if picture is not None and view != picture.view:
            shown = field_of_view(picture.view, picture.size_px, self._slide_view.camera.aspect)
            ratio = view.downsample / picture.view.downsample
            useful = shown.intersection(field) == field and 1 / _ZOOM_KEPT <= ratio <= _ZOOM_KEPT
            stale = self._at_rest or (not useful and now_s - picture.made_s > _REMAKE_INTERVAL_S)
            if stale:
                picture = None
            elif moved or not self._rest_timer.isActive():
                self._rest_timer.start()
        self._at_rest = False
        if picture is None:
            picture = self._made_picture(view, field, screen_px, pixel_ratio, now_s)
        self._picture = picture
        if picture is not None:
            self._draw_quad(picture, view, screen_px, pixel_ratio)

    def _made_picture(
        self, view: View, field: Rect, screen_px: tuple[float, float], pixel_ratio: float, now_s: float
    ) -> _Picture | None:
        """Draw the shapes of the field and its margin into a texture; None where they are few enough."""
        aspect = self._slide_view.camera.aspect
        batch = self._batch_for(view, field)
        if batch.stroke_count <= DIRECT_STROKES:
            batch.painter.draw(view, screen_px, aspect, pixel_ratio)
            return None
        margins = [round(side * pixel_ratio * _MARGIN_SHARE) for side in screen_px]
        size = [round(side * pixel_ratio) + 2 * m for side, m in zip(screen_px, margins, strict=True)]
        size_px = size[0] / pixel_ratio, size[1] / pixel_ratio
        texture = gloo.Texture2D((size[1], size[0], 4), interpolation="linear", format="rgba")
        with gloo.FrameBuffer(color=texture):
            set_overlay_state((size[0], size[1]))
            gloo.clear(color=(0, 0, 0, 0))
            batch.painter.draw(view, size_px, aspect, pixel_ratio)
        set_overlay_state((round(screen_px[0] * pixel_ratio), round(screen_px[1] * pixel_ratio)))
        return _Picture(view, size_px, texture, Quad(texture), now_s)

    def _draw_quad(
        self, picture: _Picture, view: View, screen_px: tuple[float, float], pixel_ratio: float
    ) -> None:
        # The rows of what was drawn into a framebuffer run upwards: the texture's first row is the bottom.
        width, height = picture.size_px
        x0, y0 = self._place_in(picture, view, screen_px, 0.0, 0.0)
        if (view.downsample, view.rotation_rad) == (picture.view.downsample, picture.view.rotation_rad):
            # Only panned: on whole pixels it stays crisp, and unfiltered it costs software OpenGL half.
            picture.texture.interpolation = "nearest"
            x0, y0 = round(x0 * pixel_ratio) / pixel_ratio, round(y0 * pixel_ratio) / pixel_ratio
            x1, y1 = x0 + width, y0 + height
            corners = [(x0, y1), (x1, y1), (x0, y0), (x1, y0)]
        else:
            picture.texture.interpolation = "linear"
            bottom_up = [(0.0, height), (width, height), (0.0, 0.0), (width, 0.0)]
            corners = [self._place_in(picture, view, screen_px, *corner) for corner in bottom_up]
        picture.quad.draw(corners, screen_px)

    def _place_in(
        self, picture: _Picture, view: View, screen_px: tuple[float, float], x: float, y: float
    ) -> tuple[float, float]:
        """Where a point of the picture is on the screen."""
        aspect = self._slide_view.camera.aspect
        at = slide_from_screen(picture.view, picture.size_px, aspect, x, y)
        return screen_from_slide(view, screen_px, aspect, *at)

    def _came_to_rest(self) -> None:
        self._at_rest = True
        self._slide_view.canvas.request_frame()


def _grown(field: Rect) -> Rect:
    """The field with the margin that is kept ready around it."""
    dx, dy = field.width * _MARGIN_SHARE, field.height * _MARGIN_SHARE
    return Rect(field.x0 - dx, field.y0 - dy, field.x1 + dx, field.y1 + dy)
