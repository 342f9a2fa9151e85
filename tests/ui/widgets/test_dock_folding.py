"""Docks fold into tabs where the middle of a window would get too little, and unfold where there is room."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QLabel,
    QLineEdit,
    QMainWindow,
    QSizePolicy,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.widgets.dock_folding import LEAST_SHARE, DockFolding
from viewer.ui.widgets.limited_scroll_area import YieldingArea

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
PLACES = {"one": LEFT, "two": LEFT, "three": RIGHT, "four": RIGHT}


class Window(QMainWindow):
    """A window with four panels of 200 × 150 px, two on each side; all are hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.middle, self.note = QLabel(), QLabel()
        self.note.setFixedHeight(100)
        self.note.hide()
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.note)
        layout.addWidget(self.middle, 1)
        self.setCentralWidget(central)
        self.docks: dict[str, QDockWidget] = {}
        self.folding = DockFolding(self, self.docks, self.middle, self.height_above)
        for name, area in PLACES.items():
            dock = self.docks[name] = QDockWidget(name, objectName=name)
            panel = QLineEdit()
            panel.setMinimumSize(200, 150)
            panel.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            dock.setWidget(YieldingArea(panel))
            dock.setTitleBarWidget(QLabel(name))
            self.addDockWidget(area, dock)
            dock.hide()
            self.folding.watch(dock)

    @property
    def share(self) -> float:
        """Of the middle."""
        return self.middle.width() * self.middle.height() / (self.width() * self.height())

    def height_above(self, _width: int) -> int:
        return 0 if self.note.isHidden() else self.note.height()

    def tabs_of(self, name: str) -> set[str]:
        return {dock.objectName() for dock in self.tabifiedDockWidgets(self.docks[name])}


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    window = Window()
    qtbot.add_widget(window)
    window.resize(1600, 1000)
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)  # a display would answer later
    window.show()
    return window


def show(window: Window, *names: str, size: tuple[int, int] | None = None) -> None:
    """Show panels and, where given, resize, and let the window arrange itself."""
    for name in names:
        window.docks[name].show()
    if size is not None:
        window.resize(*size)
    settle()


def settle() -> None:
    for _ in range(3):  # resizing the docks resizes the middle, which may arrange once more
        QApplication.processEvents()


def drag(window: Window, *, below: str | None, beside: str | None, by_px: int) -> None:
    """Drag the edge below a dock downwards, or the edge right of it to the right."""
    place = window.docks[below or beside or ""].geometry()
    start = QPoint(place.center().x(), place.bottom() + 2) if below else QPoint(place.right() + 2, 200)
    end = start + (QPoint(0, by_px) if below else QPoint(by_px, 0))
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, at, button, buttons in (
        (QEvent.Type.MouseButtonPress, start, left, left),
        (QEvent.Type.MouseMove, end, none, left),
        (QEvent.Type.MouseButtonRelease, end, left, none),
    ):
        point = QPointF(at)
        event = QMouseEvent(
            kind, point, QPointF(window.mapToGlobal(at)), button, buttons, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(window, event)
        settle()  # Qt moves an edge once the events are done


def test_in_a_large_window_panels_stay_where_they_are(window: Window) -> None:
    show(window, *PLACES)
    assert [window.tabs_of(name) for name in PLACES] == [set()] * 4
    assert [window.dockWidgetArea(dock) for dock in window.docks.values()] == list(PLACES.values())


def test_in_a_low_window_each_side_folds(window: Window) -> None:
    show(window, *PLACES, size=(1600, 300))
    assert window.tabs_of("one") == {"two"}
    assert window.tabs_of("three") == {"four"}
    assert window.share >= LEAST_SHARE


def test_in_a_narrow_window_all_fold_into_one(window: Window) -> None:
    show(window, *PLACES, size=(600, 400))
    assert window.tabs_of("one") == {"two", "three", "four"}
    assert window.dockWidgetArea(window.docks["four"]) == LEFT
    assert window.share >= LEAST_SHARE
    (bar,) = [bar for bar in window.findChildren(QTabBar) if bar.isVisible()]
    assert bar.accessibleName()


def test_in_a_tiny_window_panels_are_narrower_than_they_need_and_scroll(window: Window) -> None:
    show(window, *PLACES, size=(400, 300))
    assert window.size().toTuple() == (400, 300)
    assert window.share >= LEAST_SHARE
    front = next(dock for dock in window.docks.values() if not window.folding.is_behind(dock))
    area = front.widget()
    assert isinstance(area, YieldingArea)
    assert area.width() < area.content.width() == 200
    assert area.horizontalScrollBar().isVisible()


def test_the_panel_that_was_shown_last_is_in_front_and_keeps_the_keyboard(window: Window) -> None:
    show(window, "one", "three", size=(600, 400))
    window.docks["two"].show()
    area = window.docks["two"].widget()
    assert isinstance(area, YieldingArea)
    area.content.setFocus()
    settle()
    behind = {name for name, dock in window.docks.items() if window.folding.is_behind(dock)}
    assert behind == {"one", "three"}
    window.resize(1600, 1000)
    settle()
    assert window.focusWidget() is area.content


def test_the_readers_arrangement_comes_back_with_what_was_opened_meanwhile(window: Window) -> None:
    show(window, "one", "two", "three")
    window.splitDockWidget(window.docks["one"], window.docks["three"], Qt.Orientation.Vertical)
    window.tabifyDockWidget(window.docks["one"], window.docks["two"])
    settle()
    show(window, "four", size=(600, 400))
    window.docks["three"].hide()
    settle()
    assert window.tabs_of("one") == {"two", "four"}
    show(window, size=(1600, 1000))
    assert window.tabs_of("one") == {"two"}
    areas = {name: window.dockWidgetArea(dock) for name, dock in window.docks.items()}
    assert areas == {"one": LEFT, "two": LEFT, "three": LEFT, "four": RIGHT}
    assert window.docks["three"].isHidden()
    assert not window.docks["four"].isHidden()


def test_any_size_and_any_panels_leave_the_middle_its_share(window: Window) -> None:
    sizes = (1600, 1000), (900, 300), (500, 700), (400, 300), (1024, 700), (512, 350), (1400, 350)
    for size in (*sizes, *reversed(sizes)):
        for first, second in pairwise([*PLACES, *PLACES]):
            for dock in window.docks.values():
                dock.hide()
            show(window, first, second, size=size)
            assert window.share >= LEAST_SHARE, (size, first, second)


def test_a_dock_that_the_reader_widens_is_wide_wherever_there_is_room(window: Window) -> None:
    show(window, "one", size=(1000, 600))
    wide = window.docks["one"].width() + 200
    drag(window, below=None, beside="one", by_px=200)
    assert window.docks["one"].width() == wide
    show(window, size=(600, 600))
    assert window.share >= LEAST_SHARE
    assert window.docks["one"].width() < wide
    show(window, size=(1000, 600))
    assert window.docks["one"].width() == wide


def test_heights_that_the_reader_dragged_come_back(window: Window) -> None:
    show(window, "one", "two")
    drag(window, below="one", beside=None, by_px=150)
    dragged = [window.docks[name].height() for name in ("one", "two")]
    assert dragged[0] > dragged[1] + 200
    show(window, size=(1600, 330))
    assert window.tabs_of("one") == set()
    assert min(window.docks[name].height() for name in ("one", "two")) >= 150
    show(window, size=(500, 300))
    assert window.tabs_of("one") == {"two"}
    show(window, size=(1600, 1000))
    assert [window.docks[name].height() for name in ("one", "two")] == dragged
    assert window.folding.sizes.heights == {"one": dragged[0], "two": dragged[1]}


def test_a_note_above_the_middle_narrows_the_docks_and_folds_none(window: Window) -> None:
    show(window, "one", "three", size=(900, 600))
    before = [window.docks[name].width() for name in ("one", "three")]
    window.note.show()
    settle()
    assert window.middle.height() <= 500
    assert window.tabs_of("one") == set()
    assert window.share >= LEAST_SHARE
    window.note.hide()
    settle()
    assert [window.docks[name].width() for name in ("one", "three")] == before
