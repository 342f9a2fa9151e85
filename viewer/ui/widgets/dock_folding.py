"""DockFolding: folds a window's docks into tabs while its middle would get less than half of the window.

First the docks of each side fold into one, then all of them; at last they are narrower than their panels,
which scroll. Where there is room again, the arrangement that the reader made comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QMargins, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMenuBar,
    QStatusBar,
    QStyle,
    QTabBar,
    QToolBar,
    QWidget,
)

from viewer.ui.widgets import strings
from viewer.ui.widgets.limited_scroll_area import YieldingArea
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtWidgets import QMainWindow

LEAST_SHARE = 0.5
"""Of the window, for its middle."""
_AS_ARRANGED, _EACH_SIDE, _ALL = range(3)
_TABS_EM = 1.8
_LEFT, _RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


class DockFolding(QObject):
    """Arranges the ``docks``, each around a YieldingArea, when the window is resized and when one is shown or
    hidden. What the reader drags in between stays."""

    _changed = Signal()

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget], middle: QWidget) -> None:
        """``middle``: what keeps its share, the central widget or a part of it."""
        super().__init__(window)
        window.setAnimated(False)  # sizes would be those before, while docks glide to their places
        self._window, self._docks, self._middle = window, docks, middle
        self._folded = _AS_ARRANGED
        self._own = QByteArray()
        """The reader's arrangement, while another is in force."""
        self._homes: dict[QDockWidget, Qt.DockWidgetArea] = {}
        self._tabs: dict[QDockWidget, list[QDockWidget]] = {}
        """Which others each dock shares its place with, in the reader's arrangement."""
        self._front: QDockWidget | None = None
        self._new: set[QDockWidget] = set()
        """Docks that share out the height of their column when they are first shown: Qt shrinks all alike."""
        self._arranging = self._due = False
        self._changed.connect(self._arrange, Qt.ConnectionType.QueuedConnection)
        window.tabifiedDockWidgetActivated.connect(self._tab_chosen)
        for watched in (window, middle):
            watched.installEventFilter(self)

    def watch(self, dock: QDockWidget) -> None:
        """Arrange again whenever this dock is shown or hidden."""
        dock.installEventFilter(self)
        self._new.add(dock)

    def unfold(self) -> None:
        """Go back to the reader's arrangement."""
        if self._folded == _AS_ARRANGED:
            return
        hidden = {dock: dock.isHidden() for dock in self._docks.values()}
        focus = QApplication.focusWidget()
        self._window.restoreState(self._own)
        for dock, was_hidden in hidden.items():
            dock.setHidden(was_hidden)
        if focus is not None and focus.isVisible():
            focus.setFocus()
        self._folded = _AS_ARRANGED

    def bring_to_front(self, dock: QDockWidget) -> None:
        """Show a dock, in front of those that it shares its place with."""
        dock.show()
        dock.raise_()
        self._front = dock

    def is_behind(self, dock: QDockWidget) -> bool:
        """Whether another tab covers a dock that is not hidden."""
        tabs = self._window.tabifiedDockWidgets(dock)
        return bool(tabs) and not dock.isHidden() and dock.visibleRegion().isEmpty()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrange once the events that are under way are done."""
        if self._arranging:
            return super().eventFilter(watched, event)
        kind, changed = event.type(), False
        if isinstance(watched, QDockWidget):
            changed = kind in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent)
            if kind == QEvent.Type.ShowToParent:
                self._front = watched
                if not self._window.isVisible():  # where the reader left it
                    self._new.discard(watched)
        elif isinstance(event, QResizeEvent):  # a dragged edge changes the width of the middle alone
            changed = watched is self._window or event.size().height() != event.oldSize().height()
        changed |= watched is self._window and kind == QEvent.Type.FontChange
        if changed and not self._due:
            self._due = True
            self._changed.emit()
        return super().eventFilter(watched, event)

    def _tab_chosen(self, dock: QDockWidget) -> None:
        if not self._arranging:
            self._front = dock

    def _arrange(self) -> None:
        self._due = False
        docks = [dock for dock in self._docks.values() if not (dock.isHidden() or dock.isFloating())]
        if not self._window.isVisible() or not docks:
            return
        self._arranging = True
        if self._folded == _AS_ARRANGED:
            self._homes = {dock: self._window.dockWidgetArea(dock) for dock in self._docks.values()}
            self._tabs = {dock: self._window.tabifiedDockWidgets(dock) for dock in docks}
        folded = next((fold for fold in (_AS_ARRANGED, _EACH_SIDE) if self._fits(docks, fold)), _ALL)
        if folded < self._folded:
            self.unfold()
        if folded > _AS_ARRANGED:
            self._fold(docks, folded)
        else:
            for dock in self._new.intersection(docks):
                self._share_height(dock, docks)
        self._make_room(docks)
        self._arranging = False

    def _fold(self, docks: Sequence[QDockWidget], folded: int) -> None:
        if self._folded == _AS_ARRANGED:
            self._own = self._window.saveState()
        self._folded = folded
        for area, here in self._sides(docks, folded).items():
            for dock in here:
                if self._window.dockWidgetArea(dock) != area:
                    self._window.addDockWidget(area, dock)
            first = max(here, key=lambda dock: len(self._window.tabifiedDockWidgets(dock)))
            for dock in here:
                if dock is not first and dock not in self._window.tabifiedDockWidgets(first):
                    self._window.tabifyDockWidget(first, dock)
        if self._front is not None:
            self._front.raise_()
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setAccessibleName(strings.PANEL_TABS)
            bar.setElideMode(Qt.TextElideMode.ElideNone)

    def _sides(self, docks: Sequence[QDockWidget], folded: int) -> dict[Qt.DockWidgetArea, list[QDockWidget]]:
        """The docks by area: where the reader has them, or all in one."""
        sides: dict[Qt.DockWidgetArea, list[QDockWidget]] = {}
        for dock in docks:
            sides.setdefault(self._homes[dock], []).append(dock)
        return sides if folded < _ALL else {_LEFT if _LEFT in sides else _RIGHT: list(docks)}

    def _fits(self, docks: Sequence[QDockWidget], folded: int) -> bool:
        """Whether the middle keeps its share while no panel has to scroll."""
        width, height = self._window.width(), self._height_px()
        across, down = width, height
        for area, here in self._sides(docks, folded).items():
            widths, heights = zip(*(_least_size(dock).toTuple() for dock in here), strict=True)
            if area not in (_LEFT, _RIGHT):
                down -= max(heights)
                continue
            across -= max(widths) + self._edge_px
            if folded == _AS_ARRANGED:
                places = [not set(self._tabs.get(dock, ())) & set(here[:n]) for n, dock in enumerate(here)]
                needed = sum(tall for tall, place in zip(heights, places, strict=True) if place)
            else:
                needed = max(heights) + (em_px(_TABS_EM) if len(here) > 1 else 0)
            if needed > height:
                return False
        return across * down >= LEAST_SHARE * width * self._window.height()

    def _share_height(self, new: QDockWidget, docks: Sequence[QDockWidget]) -> None:
        """Give each dock of a new one's column what it needs not to scroll, and its part of the rest by what
        it asks for beyond that.
        """
        self._new.remove(new)
        tabs, area = self._window.tabifiedDockWidgets(new), self._window.dockWidgetArea(new)
        column = [dock for dock in docks if self._window.dockWidgetArea(dock) == area and dock not in tabs]
        if area not in (_LEFT, _RIGHT):
            return
        least = [_least_size(dock).height() for dock in column]
        asked = [max(dock.sizeHint().height() - low, 1) for dock, low in zip(column, least, strict=True)]
        rest = sum(dock.height() for dock in column) - sum(least)
        heights = [low + rest * part // sum(asked) for low, part in zip(least, asked, strict=True)]
        self._window.resizeDocks(column, heights, Qt.Orientation.Vertical)

    def _make_room(self, docks: Sequence[QDockWidget]) -> None:
        """Narrow the docks beside the middle where it has less than its share."""
        layout = self._window.layout()
        assert layout is not None
        layout.activate()
        sides = [here for area, here in self._sides(docks, self._folded).items() if area in (_LEFT, _RIGHT)]
        least = [max(_least_size(dock).width() for dock in here) for here in sides]
        widths = [max(dock.width() for dock in here) for here in sides]
        height = self._height_px()
        if self._folded == _ALL:
            # What lies above the middle for a while counts too: these widths adapt again when it goes.
            widths, height = least, self._middle.height()
        share_px = LEAST_SHARE * self._window.width() * self._window.height() / max(height, 1)
        excess = sum(widths) + self._edge_px * len(sides) - (self._window.width() - share_px)
        if excess > 0:
            spare = [max(width - needed, 0) for width, needed in zip(widths, least, strict=True)]
            parts = spare if sum(spare) >= excess else widths
            shares = [part / sum(parts) for part in parts]
            widths = [int(width - excess * share) for width, share in zip(widths, shares, strict=True)]
        if excess > 0 or self._folded == _ALL:
            self._window.resizeDocks([here[0] for here in sides], widths, Qt.Orientation.Horizontal)

    @property
    def _edge_px(self) -> int:
        """Between a dock and the middle, and the pixel that rounding takes."""
        metric = QStyle.PixelMetric.PM_DockWidgetSeparatorExtent
        return self._window.style().pixelMetric(metric, None, self._window) + 1

    def _height_px(self) -> int:
        """Of the middle and the docks beside it."""
        parts = self._window.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        bars = [part for part in parts if isinstance(part, (QMenuBar, QToolBar, QStatusBar))]
        return self._window.height() - sum(bar.height() for bar in bars if bar.isVisible())


def _least_size(dock: QDockWidget) -> QSize:
    """Of a dock whose panel does not have to scroll."""
    area, title = dock.widget(), dock.titleBarWidget()
    assert isinstance(area, YieldingArea)
    return area.content_size.grownBy(QMargins(0, title.sizeHint().height(), 0, 0))
