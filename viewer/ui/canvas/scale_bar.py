"""The scale bar: how long it is, how it is painted, and its layer on the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from viewer.common.scale import format_length, nice_length_um
from viewer.ui.canvas import strings
from viewer.ui.canvas.gl_quad import ImageQuad

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.view.camera import View

LONGEST_SHARE = 0.2
"""The bar is at most this share of the picture's width…"""
LONGEST_PX = 240.0
"""… and at most so many logical pixels long."""
_MARGIN_PX = 14
_INK = QColor(20, 22, 28)
_PLATE = QColor(255, 255, 255, 225)


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A bar of a round length: how long it is on the tissue and on the screen, and what is written on it.

    ``estimated``: the pixel size is an estimate.
    """

    length_um: float
    length_px: float
    estimated: bool = False

    @property
    def label(self) -> str:
        length = format_length(self.length_um)
        return strings.ESTIMATED_LENGTH.format(length=length) if self.estimated else length


def scale_bar(um_per_px: float, longest_px: float, *, estimated: bool = False) -> ScaleBar:
    """The longest round bar within ``longest_px`` pixels of ``um_per_px`` micrometres."""
    length_um = nice_length_um(longest_px * um_per_px)
    return ScaleBar(length_um, length_um / um_per_px, estimated)


def bar_size(bar: ScaleBar, font: QFont) -> tuple[float, float]:
    """Width and height of a bar with its label above, in the units of the font's metrics."""
    metrics = QFontMetricsF(font)
    unit = metrics.height()
    return max(bar.length_px, metrics.horizontalAdvance(bar.label)), unit * 1.45


def paint_bar(painter: QPainter, bar: ScaleBar, font: QFont, left: float, top: float) -> None:
    """Paint label and bar in dark ink, ``bar_size`` large, for a light ground."""
    width, height = bar_size(bar, font)
    unit = QFontMetricsF(font).height()
    thick, tick = max(unit * 0.14, 1.0), unit * 0.4
    painter.setFont(font)
    painter.setPen(_INK)
    painter.drawText(QRectF(left, top, width, unit), Qt.AlignmentFlag.AlignCenter, bar.label)
    start, bottom = left + (width - bar.length_px) / 2, top + height
    painter.fillRect(QRectF(start, bottom - thick, bar.length_px, thick), _INK)
    for x in (start, start + bar.length_px - thick):
        painter.fillRect(QRectF(x, bottom - tick, thick, tick), _INK)


class ScaleBarLayer:
    """The scale bar at the bottom left of the canvas, on a light plate that keeps it legible on any tissue.

    Nothing is drawn while the pixel size is unknown.
    """

    def __init__(self, slide_view: SlideView) -> None:
        self._slide_view = slide_view
        self._plate = ImageQuad()
        self.visible = True

    def context_lost(self) -> None:
        """Rebuild at the next draw."""
        self._plate.context_lost()

    def draw(self, view: View, screen_px: tuple[float, float], pixel_ratio: float) -> None:
        """Draw within the canvas's frame; ``view`` counts in logical pixels."""
        mpp_um = self._slide_view.mpp_um
        if not self.visible or mpp_um is None or self._slide_view.source is None:
            return
        longest_px = min(screen_px[0] * LONGEST_SHARE, LONGEST_PX)
        um_per_px = mpp_um[0] * view.downsample
        bar = scale_bar(um_per_px, longest_px, estimated=self._slide_view.mpp_estimated)
        font = self._slide_view.font()
        key = (bar.label, round(bar.length_px * pixel_ratio), pixel_ratio, font.key())
        if not self._plate.shows(key):
            self._plate.set_image(plate_image(bar, font, pixel_ratio), key)
        height = plate_size(bar, font)[1]
        self._plate.draw(_MARGIN_PX, screen_px[1] - height - _MARGIN_PX, screen_px, pixel_ratio)


def largest_reach(view_width_px: float, font: QFont) -> tuple[float, float]:
    """How far the bar's plate may reach from the left and from the bottom of a view of this width, whatever
    the zoom and whether or not the pixel size is estimated, in logical pixels."""
    longest = ScaleBar(500.0, min(view_width_px * LONGEST_SHARE, LONGEST_PX), estimated=True)
    width, height = plate_size(longest, font)
    return _MARGIN_PX + width, _MARGIN_PX + height


def plate_size(bar: ScaleBar, font: QFont) -> tuple[float, float]:
    """Width and height of the plate in logical pixels."""
    width, height = bar_size(bar, font)
    padding = QFontMetricsF(font).height() * 0.5
    return width + 2 * padding, height + 1.4 * padding


def plate_image(bar: ScaleBar, font: QFont, pixel_ratio: float) -> QImage:
    """The plate with bar and label, at ``pixel_ratio`` device pixels per logical pixel."""
    width, height = plate_size(bar, font)
    size = round(width * pixel_ratio), round(height * pixel_ratio)
    image = QImage(*size, QImage.Format.Format_RGBA8888_Premultiplied)
    image.setDevicePixelRatio(pixel_ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PLATE)
    painter.drawRoundedRect(QRectF(0, 0, width, height), 5, 5)
    padding = QFontMetricsF(font).height() * 0.5
    paint_bar(painter, bar, font, padding, padding * 0.4)
    painter.end()
    return image
