"""The middle of the window: messages above, the start page or the slide views below.

Views are side by side in a splitter. One is active; panels and actions work on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from viewer.ui.widgets.action_spec import Need
from viewer.ui.widgets.dock_folding import LEAST_SHARE
from viewer.ui.widgets.limited_scroll_area import LimitedHeightScrollArea, YieldingArea
from viewer.ui.widgets.theme import em_px
from viewer.view.gaze import NoGaze
from viewer.view.gaze_selection import chosen_gaze

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from viewer.common.settings import Gaze
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.shell.start_page import StartPage
    from viewer.ui.widgets.messages import MessageArea


_LEAST_EM = 1.6
"""Height of the messages, where there are any: a line."""


class ViewArea(QWidget):
    """Shows the start page while no view holds a slide. A view becomes active with the keyboard's focus."""

    active_view_changed = Signal(object)
    """The SlideView that is active now."""

    def __init__(self, messages: MessageArea, view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._views: list[SlideView] = []
        self._active = view
        self._slides = QSplitter()
        self._slides.setChildrenCollapsible(False)
        self._start_page: YieldingArea | None = None
        self.pages = QStackedWidget()
        """The views, and the start page."""
        self.pages.addWidget(self._slides)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._message_area = messages
        self._messages = LimitedHeightScrollArea(messages)
        self._messages.verticalScrollBar().rangeChanged.connect(self._show_newest)
        layout.addWidget(self._messages)
        layout.addWidget(self.pages, 1)
        self.add_view(view)

    @property
    def views(self) -> list[SlideView]:
        return list(self._views)

    @property
    def active_view(self) -> SlideView:
        """The view that actions and panels work on."""
        return self._active

    def height_above(self, width_px: int) -> int:
        """How high messages are above the pages in an area of that width."""
        return min(self._messages.needed_px(width_px), self._most_for_messages(width_px))

    def set_start_page(self, page: StartPage) -> None:
        """The page for a window without a slide."""
        self._start_page = YieldingArea(page)
        self.pages.addWidget(self._start_page)
        self._choose_page()

    def add_view(self, view: SlideView) -> None:
        """Add a view to the right of the others."""
        self._views.append(view)
        self._slides.addWidget(view)
        view.source_changed.connect(self._choose_page)
        view.canvas.native.installEventFilter(self)

    def set_active_view(self, view: SlideView) -> None:
        """Make a view the one that panels and actions work on."""
        if view is not self._active:
            self._active = view
            self.active_view_changed.emit(view)

    def needs_met(self) -> dict[Need, bool]:
        """Which of the needs of actions the active view meets."""
        view, source = self._active, self._active.source
        return {
            Need.SLIDE: source is not None,
            Need.MAGNIFICATION: view.magnification is not None,
            Need.FILE_IMAGES: source is not None and bool(source.info.images),
            Need.ASSOCIATED_IMAGES: source is not None and bool(source.info.associated_images),
            Need.COLOUR_PROFILE: view.colour.has_icc,
            Need.FAILED_TILES: view.failed_tiles > 0,
        }

    def apply_gaze(self, gaze: Gaze, report: Callable[[str], None]) -> None:
        """Use the gaze of the settings in the active view only: there is one reader. ``report`` gets what
        a tracker says, in its thread."""
        self.end_gaze()
        self._active.set_gaze(
            chosen_gaze(
                gaze.source,
                recording=gaze.recording,
                pointer_radius_deg=gaze.pointer_radius_deg,
                tracker_radius_deg=gaze.tracker_radius_deg,
                report=report,
            )
        )

    def end_gaze(self) -> None:
        """Follow no gaze in any view."""
        for view in self._views:
            view.set_gaze(NoGaze())

    def resizeEvent(self, event: QResizeEvent) -> None:  # Qt's name
        """Leave most of the height to the slide, and half of the window, however many messages there are."""
        super().resizeEvent(event)
        self._messages.set_max_height(self._most_for_messages(self.width()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Make the view that gets the keyboard focus the active one."""
        if event.type() == QEvent.Type.FocusIn:
            for view in self._views:
                if view.canvas.native is watched:
                    self.set_active_view(view)
        return super().eventFilter(watched, event)

    def _show_newest(self) -> None:
        """Scroll to the newest message, to its first line where not all of it is seen."""
        if messages := self._message_area.messages:
            self._messages.verticalScrollBar().setValue(messages[-1].y())

    def _most_for_messages(self, width_px: int) -> int:
        """How high messages may be in an area of that width."""
        whole = self.window().size()
        slide_px = LEAST_SHARE * whole.width() * whole.height() / max(width_px, 1)
        return min(self.height() // 4, max(int(self.height() - slide_px), em_px(_LEAST_EM)))

    def _choose_page(self) -> None:
        any_slide = any(view.source is not None for view in self._views)
        if self._start_page is None:
            return
        self.pages.setCurrentWidget(self._slides if any_slide else self._start_page)
        if any_slide:
            self.active_view.setFocus()
