"""The status line: magnification, angle, pixel size, cursor, sharpness, failed tiles, research use only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QWidget

import viewer
from viewer.common.scale import ESTIMATE_DIGITS, format_magnification, format_position, pixel_size_in_words
from viewer.ui.shell import strings
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.theme import em_px
from viewer.ui.widgets.throttle import Throttle

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.widgets.theme import ThemeKeeper


class _Disc(QWidget):
    """A filled disc for sharp, a half one for loading, an empty one where tiles failed, a dash for no slide:
    shapes that need no colour."""

    def __init__(self, themes: ThemeKeeper) -> None:
        super().__init__()
        self._themes = themes
        self._filled_share: float | None = None

    def set_filled(self, share: float | None) -> None:
        """1 for a whole disc, 0.5 for half of it, 0 for its outline, None for a dash."""
        if share != self._filled_share:
            self._filled_share = share
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(em_px(0.9), em_px(0.9))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height()) * 0.8
        box = QRectF(0, 0, side, side)
        box.moveCenter(QRectF(self.rect()).center())
        whole = self._filled_share == 1
        text_colour = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(QPen(self._themes.theme.colour("sharp") if whole else text_colour, max(1.0, side / 9)))
        if self._filled_share is None:
            middle = QPointF(0, box.center().y() - box.top())
            painter.drawLine(box.topLeft() + middle, box.topRight() + middle)
            return
        painter.drawEllipse(box)
        painter.setBrush(painter.pen().color())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPie(box, 90 * 16, round(360 * 16 * self._filled_share))


class _Figure(QLabel):
    """Text of one size, unless it needs more: where the size of a label may have changed, Qt lays out and
    draws the whole window anew, which at every step of a view takes longer than drawing the slide."""

    def __init__(self, widest: str) -> None:
        super().__init__()
        self._widest = widest
        self._measure()

    def setText(self, text: str) -> None:  # Qt's name
        super().setText(text)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._measure()

    def _measure(self) -> None:
        self._least = QSize(_text_width_px(self._widest), 0)
        self._fit()

    def _fit(self) -> None:
        self.setFixedSize(self.sizeHint().expandedTo(self._least))


class SharpnessIndicator(QWidget):
    """Whether every visible pixel is shown at full resolution, as a shape and as text."""

    def __init__(self, themes: ThemeKeeper) -> None:
        super().__init__()
        self._disc = _Disc(themes)
        self._label = _Figure(strings.LOADING)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(em_px(0.8), 0, 0, 0)
        layout.setSpacing(em_px(0.3))
        layout.addWidget(self._disc)
        layout.addWidget(self._label)
        self.setToolTip(strings.SHARPNESS_TOOLTIP)

    @property
    def text(self) -> str:
        return self._label.text()

    def show_state(self, *, slide_open: bool, sharp: bool, failed: bool) -> None:
        """Show the state of a view; with ``failed`` tiles in it, it is never shown as sharp."""
        if not slide_open:
            text, filled_share = strings.NO_SLIDE, None
        elif not sharp:
            text, filled_share = strings.LOADING, 0.5
        else:
            text, filled_share = (strings.FAILED_IN_VIEW, 0.0) if failed else (strings.ALL_SHARP, 1.0)
        self._label.setText(text)
        self._disc.set_filled(filled_share)
        self.setAccessibleName(self._label.text())


class StatusLine(QStatusBar):
    """The status line of the active view, updated at most 15 times a second while it moves."""

    def __init__(self, slide_view: SlideView, themes: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cursor: tuple[float, float] | None = None
        self._building = False
        self.magnification = _field(strings.MAGNIFICATION, "888.8x")
        self.pixel_size = _field(strings.PIXEL_SIZE, "8.8888 µm/px")
        self.angle = _field(strings.ANGLE, strings.ANGLE_FIGURE.format(degrees=359.9))
        self.angle.setToolTip(strings.ANGLE_TOOLTIP)
        self.position = _field(strings.POSITION, strings.MIDDLE.format(position="88888.8, 88888.8 µm"))
        self.failed = QLabel()
        self.failed.setAccessibleName(strings.FAILED_TILES)
        self.failed.setToolTip(strings.FAILED_TILES_TOOLTIP)
        self.building = QProgressBar(maximum=100, format=strings.BUILDING_LEVELS.format(percent="%p"))
        self.building.setAccessibleName(strings.BUILDING_LEVELS_NAME)
        self.building.setFixedWidth(_text_width_px(strings.BUILDING_LEVELS.format(percent=100)) + em_px(1))
        self.foveated = QLabel(strings.FOVEATED)
        self.foveated.setToolTip(strings.FOVEATED_TOOLTIP)
        self.foveated.hide()
        self.sharp = SharpnessIndicator(themes)
        self.research = QLabel(viewer.RESEARCH_USE)
        self.research.setObjectName("research")
        self.research.setToolTip(strings.RESEARCH_TOOLTIP)
        self.research.setContentsMargins(em_px(0.5), 0, em_px(0.3), 0)
        for widget in (
            self.foveated,
            self.building,
            self.failed,
            self.position,
            self.magnification,
            self.angle,
            self.pixel_size,
            self.sharp,
            self.research,
        ):
            self.addPermanentWidget(widget)
        self.messageChanged.connect(self._show_what_fits)
        self._throttle = Throttle(self, self._show_scale)
        self._following = Following(
            {
                "frame_drawn": self._throttle.request,  # a turn may be set and taken back between frames
                "cursor_moved": self._cursor_moved,
                "mpp_changed": self.refresh,
                "source_changed": self.refresh,
                "sharp_changed": self._show_sharp,
                "failed_tiles_changed": self._show_failed,
                "failed_in_view_changed": self._show_sharp,
                "build_progress": self._show_building,
                "foveated_changed": self._show_foveated,
            }
        )
        themes.changed.connect(self.update)
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show the state of another view from now on."""
        self._view, self._cursor = slide_view, None
        self._following.follow(slide_view)
        self._show_foveated(slide_view.canvas.foveated)
        self._show_building(slide_view.levels_built)
        self.refresh()

    def refresh(self) -> None:
        """Show everything again, after the slide changed."""
        if self._view.source is None:
            self._cursor, self._building = None, False
        self._show_scale()
        self._show_sharp()
        self._show_failed()

    def _cursor_moved(self, point: tuple[float, float] | None) -> None:
        self._cursor = point
        self._throttle.request()

    def _show_scale(self) -> None:
        view, mpp_um = self._view, self._view.mpp_um
        self.magnification.setText("" if view.source is None else _zoom_figure(view))
        degrees = round(math.degrees(view.camera.target.rotation_rad), 1) % 360
        self.angle.setText("" if view.source is None else strings.ANGLE_FIGURE.format(degrees=degrees))
        self.pixel_size.setText(_pixel_size(view))
        unknown = view.source is not None and mpp_um is None
        known_tip = strings.PIXEL_SIZE_ESTIMATED_TOOLTIP if view.mpp_estimated else strings.PIXEL_SIZE_TOOLTIP
        if view.mpp_origin:
            known_tip = strings.PIXEL_SIZE_ORIGIN_TOOLTIP.format(origin=view.mpp_origin)
        self.pixel_size.setToolTip(strings.PIXEL_SIZE_UNKNOWN_TOOLTIP if unknown else known_tip)
        self.magnification.setToolTip(
            strings.ZOOM_SHARE_TOOLTIP if view.magnification is None else strings.MAGNIFICATION
        )
        self._show_position()
        self._show_what_fits()

    def _show_position(self) -> None:
        """Show the position of the cursor; without one over the slide, of the middle of the view."""
        if self._view.source is None:
            self.position.setText("")
            return
        now = self._view.camera.view
        at_cursor = self._cursor is not None
        here = self._cursor or (now.centre_x, now.centre_y)
        text = format_position(*here, mpp_um=self._view.mpp_um)
        self.position.setText(text if at_cursor else strings.MIDDLE.format(position=text))
        self.position.setToolTip(strings.POSITION_OF_CURSOR if at_cursor else strings.POSITION_OF_MIDDLE)

    def _show_sharp(self, *_state: object) -> None:
        view = self._view
        self.sharp.show_state(
            slide_open=view.source is not None, sharp=view.sharp, failed=view.failed_in_view > 0
        )

    def _show_failed(self, *_state: object) -> None:
        count = self._view.failed_tiles
        template = strings.ONE_TILE_FAILED if count == 1 else strings.MANY_TILES_FAILED
        self.failed.setText(template.format(count=count) if count else "")
        self._show_what_fits()

    def _show_building(self, share: float) -> None:
        self.building.setValue(round(share * 100))
        self._building = share < 1
        self._show_what_fits()

    def _show_foveated(self, on: bool) -> None:
        self.foveated.setVisible(on)
        self._show_what_fits()

    def minimumSizeHint(self) -> QSize:
        """Of the figures that are always visible: the others go where there is no room for them."""
        return QSize(sum(map(_width_px, self._always)), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_what_fits()

    @property
    def _always(self) -> list[QWidget]:
        fields = self.magnification, self.angle, self.research
        return [*fields, self.foveated] if self._view.canvas.foveated else list(fields)

    def _show_what_fits(self, *_change: object) -> None:
        """Hide the less important fields that do not fit beside the others and a message."""
        message = self.currentMessage()
        room_px = self.width() - sum(map(_width_px, self._always)) - em_px(1)
        room_px -= self.fontMetrics().horizontalAdvance(message) + em_px(1) if message else 0
        for field, meant in (
            (self.sharp, True),
            (self.failed, self._view.failed_tiles > 0),
            (self.building, self._building),
            (self.pixel_size, True),
            (self.position, True),
        ):
            room_px -= _width_px(field) if meant else 0
            field.setVisible(meant and room_px >= 0)


def _zoom_figure(view: SlideView) -> str:
    """The magnification; where it is unknown, screen pixels per slide pixel in percent."""
    if view.magnification is not None:
        return format_magnification(view.magnification)
    percent = 100 * view.canvas.pixel_ratio / view.camera.target.downsample
    return strings.ZOOM_SHARE.format(percent=f"{percent:,.0f}" if percent >= 9.5 else f"{percent:.2g}")


def _width_px(field: QWidget) -> int:
    """That a field takes in the line, with the gap to the next."""
    return max(field.sizeHint().width(), field.minimumWidth()) + em_px(0.5)


def _pixel_size(view: SlideView) -> str:
    if view.source is None:
        return ""
    if view.mpp_um is None:
        return strings.PIXEL_SIZE_UNKNOWN
    digits = ESTIMATE_DIGITS if view.mpp_estimated else 4
    size = pixel_size_in_words(view.mpp_um, estimated=False, digits=digits)
    if view.mpp_estimated:
        return strings.PIXEL_SIZE_ESTIMATED.format(size=size)
    overrides = view.mpp_entered and view.source.info.mpp_um is not None
    return strings.PIXEL_SIZE_OVERRIDES.format(size=size) if overrides else size


def _field(name: str, widest: str) -> QLabel:
    label = _Figure(widest)
    label.setAccessibleName(name)
    label.setToolTip(name)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return label


def _text_width_px(text: str) -> int:
    return QLabel(text).sizeHint().width()
