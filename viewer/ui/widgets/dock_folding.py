"""DockFolding: folds a window's docks into tabs while its middle would get less than half of the window.

First the docks of each side fold into one, then all of them; at last they are narrower than their panels,
which scroll. Where there is room again, the arrangement that the reader made comes back, with its sizes.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
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
    QToolButton,
    QWidget,
)

from viewer.ui.widgets import strings
from viewer.ui.widgets.limited_scroll_area import YieldingArea
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from PySide6.QtWidgets import QMainWindow

LEAST_SHARE = 0.5
"""Of the window, for its middle."""
_AS_ARRANGED, _EACH_SIDE, _ALL = range(3)
_TABS_EM, _ARROW_PX = 1.8, 8
_LEFT, _RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


@dataclass(slots=True)
class DockSizes:
    """Of docks by their object names, in logical pixels, as the reader arranged them. Where docks share a
    width the last one counts."""

    widths: dict[str, int] = field(default_factory=dict)
    heights: dict[str, int] = field(default_factory=dict)


class DockFolding(QObject):
    """Arranges the ``docks``, each around a YieldingArea, when the window is resized and when one is shown or
    hidden. What the reader drags in between stays; ``sizes`` are those of the reader's arrangement, whatever
    there is room for."""

    _changed = Signal()
    _dropped = Signal()

    def __init__(
        self,
        window: QMainWindow,
        docks: Mapping[str, QDockWidget],
        middle: QWidget,
        height_above: Callable[[int], int],
    ) -> None:
        """``docks`` by their object names. ``middle``: what keeps its share, the central widget or the lower
        part of it. ``height_above``: how much of the central widget lies above the middle, by its width."""
        super().__init__(window)
        window.setAnimated(False)  # sizes would be those before, while docks glide to their places
        self._window, self._docks, self._middle = window, docks, middle
        self._height_above = height_above
        self.sizes = DockSizes()
        self._folded = _AS_ARRANGED
        self._own = QByteArray()
        """The reader's arrangement, while another is in force."""
        self._homes: dict[QDockWidget, Qt.DockWidgetArea] = {}
        self._tabs: dict[QDockWidget, list[QDockWidget]] = {}
        """Which others each dock shares its place with, in the reader's arrangement."""
        self._front: QDockWidget | None = None
        self._before_drag: dict[str, QSize] | None = None
        """The sizes of the docks when the mouse was pressed beside them."""
        self._arranging = self._due = False
        self._changed.connect(self._arrange, Qt.ConnectionType.QueuedConnection)
        self._dropped.connect(self._keep_dragged, Qt.ConnectionType.QueuedConnection)
        window.tabifiedDockWidgetActivated.connect(self._tab_chosen)
        for watched in (window, middle):
            watched.installEventFilter(self)

    def watch(self, dock: QDockWidget) -> None:
        """Arrange again whenever this dock is shown or hidden."""
        dock.installEventFilter(self)
        dock.dockLocationChanged.connect(self._moved)

    def unfold(self) -> None:
        """Go back to the reader's arrangement."""
        if self._folded == _AS_ARRANGED:
            return
        bars = self._window.findChildren(QToolBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        hidden = {part: part.isHidden() for part in (*self._docks.values(), *bars)}
        focus = QApplication.focusWidget()
        self._window.restoreState(self._own)
        for part, was_hidden in hidden.items():
            part.setHidden(was_hidden)
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
        elif watched is self._window:
            changed = kind in (QEvent.Type.Resize, QEvent.Type.FontChange)
            if (
                kind == QEvent.Type.MouseButtonPress
            ):  # an edge of a dock is dragged, where the window has the mouse
                self._before_drag = self._present_sizes()
            elif kind == QEvent.Type.MouseButtonRelease:
                self._dropped.emit()
        elif isinstance(event, QResizeEvent) and self._before_drag is None:
            changed = event.size().height() != event.oldSize().height()
        if changed and not self._due:
            self._due = True
            self._changed.emit()
        return super().eventFilter(watched, event)

    def _tab_chosen(self, dock: QDockWidget) -> None:
        if not self._arranging:
            self._front = dock

    def _moved(self) -> None:
        """Take over the sizes that docks get where the reader drops one."""
        if self._window.isVisible() and not self._arranging:
            self._before_drag = {}
            self._dropped.emit()

    def _keep_dragged(self) -> None:
        """Take over the sizes that the reader gave docks since the mouse was pressed."""
        before, self._before_drag = self._before_drag, None
        if before is None or not self._window.isVisible() or self._folded == _ALL:
            return
        for name, size in self._present_sizes().items():
            old = before.get(name, QSize())
            if size.width() != old.width():
                self.sizes.widths.pop(name, None)
                self.sizes.widths[name] = size.width()
            if size.height() != old.height() and self._folded == _AS_ARRANGED:
                self.sizes.heights[name] = size.height()

    def _present_sizes(self) -> dict[str, QSize]:
        """Of the docks that are seen beside the middle."""
        return {
            dock.objectName(): dock.size()
            for dock in self._docks.values()
            if not (dock.isHidden() or dock.isFloating() or self.is_behind(dock))
        }

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
        self._lay_out()
        if folded == _AS_ARRANGED:
            for column in self._columns(docks):
                self._share_height(column)
        self._set_widths(docks)
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
            for button in bar.findChildren(QToolButton):  # as wide as they are, the bar asks for less
                button.setIconSize(QSize(_ARROW_PX, _ARROW_PX))

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
                places = [set(self._tabs.get(dock, ())) & set(here) | {dock} for dock in here]
                tall = dict(zip(here, heights, strict=True))
                needed = sum(max(tall[dock] for dock in place) for place in _once(places))
            else:
                needed = max(heights) + (em_px(_TABS_EM) if len(here) > 1 else 0)
            if needed > height:
                return False
        return across * down >= LEAST_SHARE * width * self._window.height()

    def _columns(self, docks: Sequence[QDockWidget]) -> Iterator[list[QDockWidget]]:
        """The docks below each other on each side, of those that share a place the one in front."""
        for area in (_LEFT, _RIGHT):
            here = [dock for dock in docks if self._window.dockWidgetArea(dock) == area]
            if here:
                yield [dock for dock in here if not self.is_behind(dock)] or here[:1]

    def _share_height(self, column: list[QDockWidget]) -> None:
        """Give each dock of a column what it needs not to scroll, and its part of the rest by what the reader
        gave it beyond that; where one is new, by what they ask for. Qt shrinks all alike."""
        heights = self.sizes.heights
        names = [dock.objectName() for dock in column]
        known = all(name in heights for name in names)
        least = [_least_size(dock).height() for dock in column]
        wished = [
            heights[name] if known else dock.sizeHint().height()
            for name, dock in zip(names, column, strict=True)
        ]
        if known:
            least = [min(low, wish) for low, wish in zip(least, wished, strict=True)]
        parts = [max(wish - low, 0) for wish, low in zip(wished, least, strict=True)]
        if not any(parts):
            parts = [1] * len(column)
        rest = sum(dock.height() for dock in column) - sum(least)
        shared = [low + rest * part // sum(parts) for low, part in zip(least, parts, strict=True)]
        self._resize(column, shared, Qt.Orientation.Vertical)
        if not known:
            heights.update(zip(names, shared, strict=True))

    def _set_widths(self, docks: Sequence[QDockWidget]) -> None:
        """Give the docks beside the middle the reader's widths, as far as the middle has its share."""
        sides = [here for area, here in self._sides(docks, self._folded).items() if area in (_LEFT, _RIGHT)]
        least = [max(_least_size(dock).width() for dock in here) for here in sides]
        if self._folded == _ALL:
            widths = least
        else:
            kept = {self._docks[name]: px for name, px in self.sizes.widths.items() if name in self._docks}
            self._resize(list(kept), list(kept.values()), Qt.Orientation.Horizontal)
            widths = [max(dock.width() for dock in here) for here in sides]
        excess = sum(widths) - self._room_px(len(sides))
        if excess > 0:
            spare = [max(width - needed, 0) for width, needed in zip(widths, least, strict=True)]
            parts = spare if sum(spare) >= excess else widths
            shares = [part / sum(parts) for part in parts]
            widths = [max(int(width - excess * part), 1) for width, part in zip(widths, shares, strict=True)]
        if excess > 0 or self._folded == _ALL:
            self._resize([here[0] for here in sides], widths, Qt.Orientation.Horizontal)

    def _resize(self, docks: list[QDockWidget], sizes: list[int], orientation: Qt.Orientation) -> None:
        self._window.resizeDocks(docks, sizes, orientation)
        self._lay_out()

    def _lay_out(self) -> None:
        """Give all parts the sizes that were set; Qt does so later."""
        layout = self._window.layout()
        assert layout is not None
        layout.activate()

    def _room_px(self, side_count: int) -> int:
        """For the widths of all docks beside the middle."""
        whole, central = self._window.width(), self._window.centralWidget()
        assert central is not None
        middle_px = LEAST_SHARE * whole * self._window.height()

        def has_share(width: int) -> bool:
            return width * (central.height() - self._height_above(width)) >= middle_px

        needed = bisect_left(range(whole), True, key=has_share)
        return max(whole - needed - self._edge_px * side_count, 0)

    @property
    def _edge_px(self) -> int:
        """Between a dock and the middle, and the pixel that rounding takes."""
        metric = QStyle.PixelMetric.PM_DockWidgetSeparatorExtent
        return self._window.style().pixelMetric(metric, None, self._window) + 1

    def _height_px(self) -> int:
        """Of the middle, what lies above it for a while, and the docks beside it."""
        parts = self._window.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        bars = [part for part in parts if isinstance(part, (QMenuBar, QToolBar, QStatusBar))]
        return self._window.height() - sum(bar.height() for bar in bars if bar.isVisible())


def _least_size(dock: QDockWidget) -> QSize:
    """Of a dock whose panel does not have to scroll."""
    area, title = dock.widget(), dock.titleBarWidget()
    assert isinstance(area, YieldingArea)
    return area.content_size.grownBy(QMargins(0, title.sizeHint().height(), 0, 0))


def _once(places: Sequence[set[QDockWidget]]) -> list[set[QDockWidget]]:
    """Without those that are there before."""
    return [place for number, place in enumerate(places) if place not in places[:number]]
