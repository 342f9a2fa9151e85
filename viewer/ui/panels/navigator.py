"""The navigator: the whole slide, small, with the field of view outlined; it moves and zooms the view."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionFocusRect, QWidget

from viewer.overlay.thumbnail import overlay_picture
from viewer.slide.source import TileError
from viewer.slide.thumbnail import thumbnail
from viewer.ui.canvas.pointer_control import ZOOM_PER_NOTCH
from viewer.ui.panels import strings
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.throttle import Throttle
from viewer.view.camera import slide_from_screen

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QWheelEvent

    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView

log = logging.getLogger("foveola.ui")

_THUMBNAIL_PX = 768
_MARGIN_PX = 4
_SMALLEST_OUTLINE_PX = 6.0
_CROSS_PX = 9.0
_KEY_PAN_SHARE = 0.2
_LIGHT, _DARK = QColor(255, 255, 255), QColor(20, 20, 30)
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class _ThumbnailSignals(QObject):
    """Carries a thumbnail, or the reason why there is none, from the reading thread to the GUI thread."""

    ready = Signal(object, object)
    failed = Signal(object, str)


class _ReadThumbnail(QRunnable):
    """Reads the overview off the GUI thread: a slow share must not hold up the window."""

    def __init__(self, source: Source, signals: _ThumbnailSignals) -> None:
        super().__init__()
        self._source = source
        self._signals = signals

    def run(self) -> None:
        try:
            pixels = thumbnail(self._source, _THUMBNAIL_PX)
        except TileError as error:
            self._signals.failed.emit(self._source, str(error))
        except Exception as error:  # a codec's bug costs the overview, never the window
            log.exception("overview of %s", self._source.info.path)
            self._signals.failed.emit(self._source, strings.OVERVIEW_UNREADABLE.format(error=error))
        else:
            self._signals.ready.emit(self._source, pixels)


class Navigator(QWidget):
    """The whole slide with the field of the view it follows outlined, turned as the view is."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._overlay: tuple[tuple[int, int], QImage] | None = None
        self._message = strings.NO_SLIDE
        self._grab: tuple[float, float] | None = None
        self._signals = _ThumbnailSignals()  # no child: the reading thread may outlive this widget
        self._signals.ready.connect(self._show_thumbnail)
        self._signals.failed.connect(self._show_failure)
        self._repaint = Throttle(self, self.update)
        self._following = Following(
            {
                "view_changed": self._repaint.request,
                "source_changed": self._read_thumbnail,
                "overlays.changed": self._drop_overlay,
                "build_progress": self._levels_built,
            }
        )
        self.setAccessibleName(strings.NAVIGATOR)
        self.setAccessibleDescription(strings.NAVIGATOR_DESCRIPTION)
        self.setToolTip(strings.NAVIGATOR_TIP)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show the slide of another view, and move and zoom that view."""
        self._slide_view = slide_view
        self._grab = None
        self._following.follow(slide_view)
        self._drop_overlay()
        self._read_thumbnail()

    def sizeHint(self) -> QSize:  # Qt's name
        em = self.fontMetrics().height()
        return QSize(16 * em, 12 * em)

    def minimumSizeHint(self) -> QSize:
        em = self.fontMetrics().height()
        return QSize(8 * em, 6 * em)

    @property
    def has_overview(self) -> bool:
        """Whether the thumbnail has been read."""
        return self._image is not None

    @property
    def message(self) -> str:
        """The text shown in place of the overview while there is none."""
        return self._message

    def field_outline(self) -> QPolygonF:
        """The corners of the field of view in this widget's logical pixels; empty without a slide."""
        view, size = self._slide_view.camera.view, self._slide_view.canvas.size_px
        if self._slide_view.source is None:
            return QPolygonF()
        aspect, (width, height) = self._slide_view.camera.aspect, size
        corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
        return QPolygonF([self._widget_point(*slide_from_screen(view, size, aspect, *c)) for c in corners])

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if self._image is None:
            painter.setPen(self.palette().placeholderText().color())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), flags, self._message)
        else:
            box = self._picture_box()
            painter.drawImage(box, self._image)
            if self._slide_view.overlays.drawn:
                painter.drawImage(box, self._overlay_image(box))
            painter.setPen(QPen(self.palette().mid().color(), 1))
            painter.drawRect(box)
            self._paint_field(painter)
        if self.hasFocus():
            option = QStyleOptionFocusRect()
            option.initFrom(self)
            self.style().drawPrimitive(QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._slide_view.source is None:
            return
        x, y = self._slide_point(event.position())
        target = self._slide_view.camera.target
        if self.field_outline().containsPoint(event.position(), Qt.FillRule.OddEvenFill):
            self._grab = target.centre_x - x, target.centre_y - y  # a drag keeps its grip on the field
        else:
            self._grab = 0.0, 0.0
            self._go_to(x, y, instant=False)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grab is not None:
            x, y = self._slide_point(event.position())
            self._go_to(x + self._grab[0], y + self._grab[1], instant=True)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._grab = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._slide_view.source is not None:
            self._slide_view.zoom_by(ZOOM_PER_NOTCH ** (event.angleDelta().y() / 120))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        width, height = self._slide_view.canvas.size_px
        if key in _ARROWS:
            dx, dy = _ARROWS[key]
            self._slide_view.pan_by(dx * width * _KEY_PAN_SHARE, dy * height * _KEY_PAN_SHARE)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._slide_view.zoom_by(ZOOM_PER_NOTCH)
        elif key == Qt.Key.Key_Minus:
            self._slide_view.zoom_by(1 / ZOOM_PER_NOTCH)
        else:
            super().keyPressEvent(event)

    def _read_thumbnail(self) -> None:
        source = self._slide_view.source
        self._image = None
        self._message = strings.NO_SLIDE if source is None else strings.READING_OVERVIEW
        if source is not None:
            QThreadPool.globalInstance().start(_ReadThumbnail(source, self._signals))
        self.update()

    def _levels_built(self, progress: float) -> None:
        if progress >= 1.0:
            self._read_thumbnail()

    def _show_thumbnail(self, source: Source, pixels: NDArray[np.uint8]) -> None:
        if source is not self._slide_view.source:
            return  # the slide was changed while its overview was read
        pixels = np.ascontiguousarray(pixels)
        height, width = pixels.shape[:2]
        # A copy, because the image would otherwise point into an array that is freed.
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self._image = image.copy()
        self.update()

    def _show_failure(self, source: Source, reason: str) -> None:
        if source is self._slide_view.source:
            self._message = strings.NO_OVERVIEW.format(reason=reason)
            self.update()

    def _drop_overlay(self) -> None:
        self._overlay = None
        self._repaint.request()

    def _overlay_image(self, box: QRectF) -> QImage:
        """The overlays at this widget's own resolution; kept until they or the size change."""
        pyramid, ratio = self._slide_view.pyramid, self.devicePixelRatioF()
        assert pyramid is not None
        size_px = max(round(box.width() * ratio), 1), max(round(box.height() * ratio), 1)
        if self._overlay is None or self._overlay[0] != size_px:
            slide_px = pyramid.width, pyramid.height
            pixels = overlay_picture(self._slide_view.overlays.drawn, slide_px, size_px)
            kind = QImage.Format.Format_RGBA8888_Premultiplied
            # A copy, because the image would otherwise point into an array that is freed.
            self._overlay = size_px, QImage(pixels.data, *size_px, 4 * size_px[0], kind).copy()
        return self._overlay[1]

    def _picture_box(self) -> QRectF:
        """The rectangle of the whole slide in this widget, with its proportions kept."""
        pyramid = self._slide_view.pyramid
        if pyramid is None:
            return QRectF()
        width, height = pyramid.width, pyramid.height * pyramid.pixel_aspect
        room_x, room_y = max(self.width() - 2 * _MARGIN_PX, 1), max(self.height() - 2 * _MARGIN_PX, 1)
        scale = min(room_x / width, room_y / height)
        w, h = width * scale, height * scale
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def _widget_point(self, x: float, y: float) -> QPointF:
        box, pyramid = self._picture_box(), self._slide_view.pyramid
        assert pyramid is not None
        return QPointF(box.x() + x * box.width() / pyramid.width, box.y() + y * box.height() / pyramid.height)

    def _slide_point(self, point: QPointF) -> tuple[float, float]:
        box, pyramid = self._picture_box(), self._slide_view.pyramid
        assert pyramid is not None
        return (
            (point.x() - box.x()) / box.width() * pyramid.width,
            (point.y() - box.y()) / box.height() * pyramid.height,
        )

    def _go_to(self, x: float, y: float, *, instant: bool) -> None:
        pyramid = self._slide_view.pyramid
        if pyramid is not None:
            inside = min(max(x, 0.0), float(pyramid.width)), min(max(y, 0.0), float(pyramid.height))
            self._slide_view.go_to(*inside, instant=instant)

    def _paint_field(self, painter: QPainter) -> None:
        """The outline, light within dark, to show on any tissue; a cross-hair where it would be tiny."""
        outline = self.field_outline()
        bounds = outline.boundingRect()
        tiny = max(bounds.width(), bounds.height()) < _SMALLEST_OUTLINE_PX
        if not tiny:
            painter.setClipRect(self._picture_box().adjusted(-2, -2, 2, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((_DARK, 4.0), (_LIGHT, 2.0)):
            painter.setPen(QPen(colour, width))
            if not tiny:
                painter.drawPolygon(outline)
            else:
                at, gap, arm = bounds.center(), _CROSS_PX / 3, _CROSS_PX
                for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                    direction = QPointF(dx, dy)
                    painter.drawLine(at + direction * gap, at + direction * arm)
        painter.setClipping(False)
