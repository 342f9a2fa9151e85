"""The debug HUD: what the engine is doing, laid over the canvas together with tile borders."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from viewer.ui.canvas import strings
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.throttle import Throttle

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from viewer.ui.canvas.frame_stats import FrameStats
    from viewer.ui.canvas.slide_view import SlideView

_INTERVAL_MS = 200
_SPARK_FRAMES = 120
_SPARK_FULL_MS = 33.4
"""Frame time at the top of the sparkline: two frames of a 60 Hz display."""
_SPARK_TARGET_MS = 16.7
_COLUMNS = 36
_MARGIN_PX = 12
_PADDING_PX = 10
_PLATE = QColor(16, 18, 24, 208)
_TEXT = QColor(240, 242, 246)
_DIM = QColor(168, 176, 190)
_LINE = QColor(130, 210, 255)


def hud_lines(stats: FrameStats) -> list[str]:
    """The figures as lines of text, in a fixed order and width so that they do not jump."""
    values = {
        "stats": stats,
        "coarsest": max(stats.levels_count - 1, 0),
        "cpu_cache_mib": stats.cpu_cache_bytes / 2**20,
        "device": stats.compute_device.removeprefix("NVIDIA "),
    }
    return [line.format_map(values) for line in strings.HUD_LINES]


class Hud(QWidget):
    """Lies in the top left corner of the view it follows and lets the mouse through; hidden at first."""

    def __init__(self, slide_view: SlideView) -> None:
        super().__init__(slide_view)
        self._slide_view = slide_view
        self._following = Following({"frame_drawn": self._frame_drawn})
        self._frame_ms: deque[float] = deque(maxlen=_SPARK_FRAMES)
        self._lines: list[str] = []
        self._font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._font.setPointSizeF(self.font().pointSizeF() * 0.95)
        self._font.setStyleHint(QFont.StyleHint.Monospace)
        self._refresh = Throttle(self, self._update_figures, _INTERVAL_MS)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(strings.HUD_NAME)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.move(QPoint(_MARGIN_PX, _MARGIN_PX))
        self.resize(self.sizeHint())
        self.hide()

    @property
    def on(self) -> bool:
        return not self.isHidden()

    def set_on(self, on: bool) -> None:
        """Show or hide the figures and, with them, tile borders and levels."""
        if on == self.on:
            return
        self._slide_view.set_debug(on)
        if on:
            self._following.follow(self._slide_view)
            self._update_figures()
            self.raise_()
        else:
            self._following.stop()
            self._frame_ms.clear()
        self.setVisible(on)

    def follow(self, slide_view: SlideView) -> None:
        """Lie on another view."""
        on = self.on
        self.set_on(False)
        self._slide_view = slide_view
        self.setParent(slide_view)
        self.set_on(on)

    def sizeHint(self) -> QSize:  # Qt's name
        metrics = QFontMetricsF(self._font)
        rows = len(hud_lines(self._slide_view.frame_stats))
        width = metrics.horizontalAdvance("0") * _COLUMNS + 2 * _PADDING_PX
        return QSize(round(width), round((rows + 2.2) * metrics.lineSpacing()) + 2 * _PADDING_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setFont(self._font)
        spacing = painter.fontMetrics().lineSpacing()
        y = _PADDING_PX + painter.fontMetrics().ascent()
        painter.setPen(_TEXT)
        for line in self._lines:
            painter.drawText(_PADDING_PX, y, line)
            y += spacing
        top = _PADDING_PX + len(self._lines) * spacing + spacing * 0.3
        self._paint_sparkline(
            painter, QRectF(_PADDING_PX, top, self.width() - 2 * _PADDING_PX, spacing * 1.7)
        )
        painter.end()

    def _frame_drawn(self) -> None:
        self._frame_ms.append(self._slide_view.frame_stats.frame_ms_last)
        self._refresh.request()

    def _update_figures(self) -> None:
        self._lines = hud_lines(self._slide_view.frame_stats)
        self.update()

    def _paint_sparkline(self, painter: QPainter, box: QRectF) -> None:
        """Recent frame times, newest at the right; the dashed line is what 60 frames a second allow."""

        def height_of(frame_ms: float) -> float:
            return box.bottom() - min(frame_ms / _SPARK_FULL_MS, 1.0) * box.height()

        painter.setPen(QPen(_DIM, 1, Qt.PenStyle.DashLine))
        target = height_of(_SPARK_TARGET_MS)
        painter.drawLine(QPointF(box.left(), target), QPointF(box.right(), target))
        if len(self._frame_ms) > 1:
            step = box.width() / (_SPARK_FRAMES - 1)
            first = box.right() - step * (len(self._frame_ms) - 1)
            points = [QPointF(first + i * step, height_of(ms)) for i, ms in enumerate(self._frame_ms)]
            painter.setPen(QPen(_LINE, 1.4))
            painter.drawPolyline(QPolygonF(points))
