"""The line at the bottom: magnification, pixel size, cursor, whether all is sharp, research use only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QWidget

import viewer
from viewer.common.scale import format_magnification, format_position, pixel_size_in_words
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.theme import em_px
from viewer.ui.widgets.throttle import Throttle

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.widgets.theme import ThemeKeeper

_TIP_RESEARCH = "Foveola is not a medical device and must not be used for diagnosis"
_TIP_ESTIMATED = "Estimated from the slide itself: the file does not state it; Tools › Set pixel size…"
_TIP_NO_PIXEL_SIZE = "This file does not state its pixel size; Tools › Set pixel size…"


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


class SharpLight(QWidget):
    """Whether every visible pixel is shown at full resolution, as a shape and a word."""

    def __init__(self, themes: ThemeKeeper) -> None:
        super().__init__()
        self._disc = _Disc(themes)
        self._word = QLabel()
        self._word.setMinimumWidth(_width_of("Loading tiles"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(em_px(0.8), 0, 0, 0)
        layout.setSpacing(em_px(0.3))
        layout.addWidget(self._disc)
        layout.addWidget(self._word)
        self.setToolTip(
            "All sharp: every pixel in view is shown at the full resolution of this magnification. "
            "Tiles failed: what is striped in view could not be read"
        )

    @property
    def text(self) -> str:
        return self._word.text()

    def show_state(self, *, slide_open: bool, sharp: bool, failed: bool) -> None:
        """Take over what the slide's view says; a view with ``failed`` tiles in it is never called sharp."""
        if not slide_open:
            word, filled_share = "No slide", None
        elif not sharp:
            word, filled_share = "Loading tiles", 0.5
        else:
            word, filled_share = ("Tiles failed", 0.0) if failed else ("All sharp", 1.0)
        self._word.setText(word)
        self._disc.set_filled(filled_share)
        self.setAccessibleName(self._word.text())


class StatusLine(QStatusBar):
    """Follows the active view, at most 15 times a second while it moves."""

    def __init__(self, slide_view: SlideView, themes: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cursor: tuple[float, float] | None = None
        self.magnification = _field("Magnification", "888.8x")
        self.pixel_size = _field("Pixel size", "8.8888 µm/px")
        self.position = _field("Position", "88888.8, 88888.8 µm")
        self.failed = QLabel()
        self.failed.setAccessibleName("Tiles that could not be read")
        self.failed.setToolTip("These tiles are marked in the slide; Tools › Read failed tiles again (F5)")
        self.building = QProgressBar(maximum=100, format="Building levels %p %")
        self.building.setAccessibleName("Building the coarse levels of a file that has none")
        self.building.setFixedWidth(_width_of("Building levels 100 %") + em_px(1))
        self.foveated = QLabel("⚠ Foveated: coarse away from the gaze")
        self.foveated.setToolTip("For research only; Tools › Foveated drawing turns it off")
        self.foveated.hide()
        self.sharp = SharpLight(themes)
        self.research = QLabel(viewer.RESEARCH_USE)
        self.research.setObjectName("research")
        self.research.setToolTip(_TIP_RESEARCH)
        self.research.setContentsMargins(em_px(0.5), 0, em_px(0.3), 0)
        for widget in (
            self.foveated,
            self.building,
            self.failed,
            self.position,
            self.magnification,
            self.pixel_size,
        ):
            self.addPermanentWidget(widget)
        self.addPermanentWidget(self.sharp)
        self.addPermanentWidget(self.research)
        self._throttle = Throttle(self, self._show_place)
        self._following = Following(
            {
                "view_changed": self._throttle.request,
                "cursor_moved": self._cursor_moved,
                "mpp_changed": self.refresh,
                "source_changed": self.refresh,
                "sharp_changed": self._show_sharp,
                "failed_tiles_changed": self._show_failed,
                "failed_in_view_changed": self._show_sharp,
                "build_progress": self._show_building,
                "foveated_changed": self.foveated.setVisible,
            }
        )
        themes.changed.connect(self.update)
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Tell of another view."""
        self._view, self._cursor = slide_view, None
        self._following.follow(slide_view)
        self.foveated.setVisible(slide_view.canvas.foveated)
        self._show_building(slide_view.levels_built)
        self.refresh()

    def refresh(self) -> None:
        """Take over everything anew, after the slide changed."""
        if self._view.source is None:
            self._cursor = None
            self.building.hide()
        self._show_place()
        self._show_sharp()
        self._show_failed()

    def _cursor_moved(self, point: tuple[float, float] | None) -> None:
        self._cursor = point
        self._throttle.request()

    def _show_place(self) -> None:
        view, mpp_um = self._view, self._view.mpp_um
        self.magnification.setText("" if view.source is None else format_magnification(view.magnification))
        self.pixel_size.setText("" if view.source is None else _pixel_size(mpp_um, view.mpp_estimated))
        unknown = view.source is not None and mpp_um is None
        known_tip = _TIP_ESTIMATED if view.mpp_estimated else "Size of a full-resolution pixel"
        self.pixel_size.setToolTip(_TIP_NO_PIXEL_SIZE if unknown else known_tip)
        self.magnification.setToolTip(_TIP_NO_PIXEL_SIZE if view.magnification is None else "Magnification")
        self._show_position()

    def _show_position(self) -> None:
        """The cursor's place; without a cursor over the slide the middle of the view, for the keyboard."""
        if self._view.source is None:
            self.position.setText("")
            return
        now = self._view.camera.view
        at_cursor = self._cursor is not None
        here = self._cursor or (now.centre_x, now.centre_y)
        text = format_position(*here, mpp_um=self._view.mpp_um)
        self.position.setText(text if at_cursor else f"middle {text}")
        self.position.setToolTip("Place of the cursor" if at_cursor else "Middle of the view")

    def _show_sharp(self, *_state: object) -> None:
        view = self._view
        self.sharp.show_state(
            slide_open=view.source is not None, sharp=view.sharp, failed=view.failed_in_view > 0
        )

    def _show_failed(self, *_state: object) -> None:
        count = self._view.failed_tiles
        self.failed.setText(f"⚠ {count:,} tile{'' if count == 1 else 's'} failed" if count else "")
        self.failed.setVisible(count > 0)

    def _show_building(self, share: float) -> None:
        self.building.setValue(round(share * 100))
        self.building.setVisible(share < 1)


def _pixel_size(mpp_um: tuple[float, float] | None, estimated: bool) -> str:
    if mpp_um is None:
        return "pixel size unknown"
    size = pixel_size_in_words(mpp_um, estimated=False, digits=4)
    return f"≈ {size}, estimated" if estimated else size


def _field(name: str, widest: str) -> QLabel:
    label = QLabel()
    label.setAccessibleName(name)
    label.setToolTip(name)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setMinimumWidth(_width_of(widest))
    return label


def _width_of(text: str) -> int:
    return QLabel(text).sizeHint().width()
