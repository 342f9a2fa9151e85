"""Menus at a right click and by key, in the real window: what they hold, and the place that they act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from tests.ui.fake_relevance import FakeClient
from tests.ui.slide_files import write_slide
from viewer.ui.overlays import strings as overlay_strings
from viewer.ui.search import strings
from viewer.view.camera import slide_from_screen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QAbstractItemView
    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> list[FakeClient]:
    made: list[FakeClient] = []

    def make(on_event: Callable[[object], None]) -> FakeClient:
        made.append(FakeClient(on_event))
        return made[-1]

    monkeypatch.setattr("viewer.relevance.worker.session.RelevanceClient", make)
    return made


@pytest.fixture
def answered(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, clients: list[FakeClient]
) -> MainWindow:
    """A window with a place found for the query "fat"."""
    open_in(window, slide_file)
    window.docks["query"].show()
    window.query.session.ask("fat")
    with qtbot.wait_signal(window.query.session.hits_changed):
        clients[0].publish(1)
    return window


def ask_for_menu(part: QWidget, at: QPoint, reason: QContextMenuEvent.Reason) -> QMenu:
    QApplication.sendEvent(part, QContextMenuEvent(reason, at, part.mapToGlobal(at)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    keys = [key for action in menu.actions() if (key := QKeySequence.mnemonic(action.text()).toString())]
    assert len(set(keys)) == len(keys), "no two entries share a mnemonic"
    return menu


def right_click(part: QWidget, at: QPoint) -> QMenu:
    return ask_for_menu(part, at, QContextMenuEvent.Reason.Mouse)


def menu_of_row(view: QAbstractItemView, row: int = 0) -> QMenu:
    return right_click(view.viewport(), view.visualRect(view.model().index(row, 0)).center())


def entry(menu: QMenu, text: str) -> QAction:
    (found,) = (action for action in menu.actions() if action.text() == text)
    return found


def choose(qtbot: QtBot, menu: QMenu, action: QAction) -> None:
    """As the reader does: the menu closes before what was chosen is done."""
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    qtbot.wait_until(lambda: QApplication.activePopupWidget() is None)


def copied() -> str:
    return QGuiApplication.clipboard().text()


def test_the_menu_of_the_slide_acts_on_the_place_that_was_clicked(qtbot: QtBot, answered: MainWindow) -> None:
    canvas, camera = answered.view.canvas, answered.view.camera
    at = canvas.native.rect().center() + QPoint(20, -15)
    place = slide_from_screen(camera.view, canvas.size_px, camera.aspect, at.x(), at.y())
    menu = right_click(canvas.native, at)
    answered.view.cursor_moved.emit(None)  # the pointer is over the menu now
    choose(qtbot, menu, answered.actions_["copy_position"])
    session = answered.query.session
    assert copied() == session.place_in_words(*place)
    middle = camera.view.centre_x, camera.view.centre_y
    qtbot.wait_until(lambda: session.pointed_at == middle)
    menu = right_click(canvas.native, at)
    choose(qtbot, menu, answered.actions_["like"])
    (example,) = session.question.examples.items
    assert example.place == session.place_in_words(*place)


def test_by_key_the_menu_of_the_slide_opens_where_actions_act(qtbot: QtBot, answered: MainWindow) -> None:
    session, native = answered.query.session, answered.view.canvas.native
    answered.view.setFocus()
    answered.view.cursor_moved.emit((300.0, 400.0))
    qtbot.keyClick(native, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    choose(qtbot, menu, answered.actions_["copy_position"])
    assert copied() == session.place_in_words(300.0, 400.0)


def test_another_menu_takes_over_the_place(qtbot: QtBot, answered: MainWindow) -> None:
    canvas, camera = answered.view.canvas, answered.view.camera
    first = right_click(canvas.native, QPoint(60, 90))
    first.close()
    second = right_click(canvas.native, QPoint(200, 120))
    place = slide_from_screen(camera.view, canvas.size_px, camera.aspect, 200, 120)
    QApplication.processEvents()
    choose(qtbot, second, answered.actions_["copy_position"])
    assert copied() == answered.query.session.place_in_words(*place)


def test_without_a_slide_there_is_no_menu(window: MainWindow) -> None:
    native = window.view.canvas.native
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(native, QContextMenuEvent(reason, QPoint(5, 5), native.mapToGlobal(QPoint(5, 5))))
    assert QApplication.activePopupWidget() is None


def test_the_menu_of_a_place(qtbot: QtBot, answered: MainWindow) -> None:
    hits = answered.query.panel.hits
    before = answered.view.camera.target
    menu = menu_of_row(hits)
    choose(qtbot, menu, answered.actions_["copy_position"])
    peak = answered.query.session.hits[0].peak
    assert copied() == answered.query.session.place_in_words(*peak)
    assert answered.view.camera.target == before
    menu = menu_of_row(hits)
    assert answered.actions_["export_places"] in menu.actions()
    choose(qtbot, menu, entry(menu, strings.GO_TO_PLACE))
    assert answered.view.camera.target != before


def test_the_menu_of_a_layer(qtbot: QtBot, answered: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    overlays = answered.overlays
    overlays.keep()
    answered.query.panel.tabs.setCurrentWidget(overlays.page.parentWidget() or overlays.page)
    answered.query.panel.tabs.setCurrentIndex(answered.query.panel.tabs.count() - 1)
    layers = overlays.layer_list.list_widget
    fields = overlays.active.fields
    (kept,) = fields.kept
    present = menu_of_row(layers)
    assert overlay_strings.REMOVE.replace("&", "") not in [action.text() for action in present.actions()]
    assert answered.actions_["pin"] in present.actions()
    present.close()
    menu = menu_of_row(layers, 1)
    assert answered.actions_["pin"] not in menu.actions(), "it would keep the query, not this layer"
    shown = entry(menu, strings.SHOW_LAYER)
    assert shown.isChecked()
    choose(qtbot, menu, shown)
    assert [row.visible for row in fields.kept] == [False]
    menu = menu_of_row(layers, 1)
    choose(qtbot, menu, entry(menu, strings.LOOK))
    focused = QApplication.focusWidget()
    assert focused is not None
    assert focused.accessibleName() == overlay_strings.COLOURS_NAME
    assert overlays.layer_list.selected is not None
    assert overlays.layer_list.selected.name == kept.name, "it is the look of this layer"
    exported: list[str] = []
    monkeypatch.setattr(answered.exports, "export_layer_of", exported.append)
    menu = menu_of_row(layers, 1)
    assert not entry(menu, strings.SHOW_LAYER).isChecked()
    choose(qtbot, menu, entry(menu, answered.actions_["export_layer"].text()))
    assert exported == [kept.name]
    menu = menu_of_row(layers, 1)
    choose(qtbot, menu, entry(menu, overlay_strings.REMOVE.replace("&", "")))
    assert fields.kept == []
    assert fields.layer("query").look.visible


def test_the_menu_of_a_slide_in_a_folder(
    qtbot: QtBot, window: MainWindow, slide_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with qtbot.wait_signal(window.opener.opened):
        window.open_paths([slide_folder])
    slides = window.folder.slide_list
    second = window.folder.entries[1].path
    shown: list[str] = []

    def open_url(url: object) -> bool:
        shown.append(url.toLocalFile())  # type: ignore[attr-defined]
        return len(shown) == 1

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    menu = menu_of_row(slides, 1)
    assert strings.TAKE_OUT not in [action.text() for action in menu.actions()]
    choose(qtbot, menu, entry(menu, strings.COPY_PATH))
    assert copied() == str(second)
    for _ in range(2):
        menu = menu_of_row(slides, 1)
        choose(qtbot, menu, entry(menu, strings.SHOW_IN_FOLDER))
    assert shown == [str(slide_folder)] * 2
    texts = [bar.text for bar in window.messages.messages]
    assert texts == [strings.FOLDER_NOT_SHOWN.format(folder=slide_folder)]
    menu = menu_of_row(slides, 1)
    with qtbot.wait_signal(window.opener.opened):
        choose(qtbot, menu, entry(menu, strings.OPEN_SLIDE))
    assert window.view.source is not None
    assert window.view.source.info.path == second


def test_chosen_slides_can_be_taken_out_of_the_list(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    files = [write_slide(tmp_path / f"{number}.tif", mpp_um=0.5) for number in range(3)]
    with qtbot.wait_signal(window.opener.opened):
        window.open_paths(files)
    qtbot.wait_until(lambda: len(window.folder.entries) == 3)
    menu = menu_of_row(window.folder.slide_list, 1)
    choose(qtbot, menu, entry(menu, strings.TAKE_OUT))
    assert [slide.path for slide in window.folder.entries] == [files[0], files[2]]
    assert all(file.exists() for file in files)


def test_recent_slides_can_be_taken_out_of_the_list(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path, open_in: OpenIn
) -> None:
    first = make_window()
    open_in(first, slide_file)
    first.close()
    window = make_window()
    recent = window.start_page.recent_list
    qtbot.wait_until(lambda: bool(recent.slides.entries))
    menu = menu_of_row(recent)
    choose(qtbot, menu, entry(menu, strings.TAKE_OUT))
    assert list(recent.slides.entries) == []
    window.close()
    assert list(make_window().start_page.recent_list.slides.entries) == []
