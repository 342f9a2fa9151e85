"""Paths that are opened, dropped or named by URL, also from a share that takes its time."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from tests.messages import pattern
from viewer.common.paths import state_dir
from viewer.ui.shell import slide_opener, strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


def messages(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.messages.messages]


def drop(window: MainWindow, paths: Sequence[Path]) -> bool:
    """Drop files on the window; whether it took them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPointF(50, 50).toPoint(), copy, data, left, none)
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), copy, data, left, none))
    return enter.isAccepted()


# Slides in and out


@pytest.fixture
def slow_share(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What a path is takes until the event is set."""
    gate, real = threading.Event(), slide_opener.is_tile_folder

    def slow(path: Path) -> bool:
        gate.wait()
        return real(path)

    monkeypatch.setattr(slide_opener, "is_tile_folder", slow)
    yield gate
    gate.set()


def test_a_newer_opening_supersedes_paths_on_a_slow_share(
    qtbot: QtBot, window: MainWindow, slide_folder: Path, slide_file: Path, slow_share: threading.Event
) -> None:
    window.open_paths([slide_folder])
    qtbot.wait_until(window.messages.opening.isVisible)
    with qtbot.wait_signal(window.opener.opened):
        window.open_slide(slide_file)
    slow_share.set()
    qtbot.wait(50)
    assert window.view.source is not None
    assert window.view.source.info.path == slide_file
    assert window.opener.opening is None


def test_paths_on_a_slow_share_can_be_cancelled(
    qtbot: QtBot, window: MainWindow, slide_folder: Path, slow_share: threading.Event
) -> None:
    window.open_paths([slide_folder])
    qtbot.wait_until(window.messages.opening.isVisible)
    window.messages.opening.cancel_pressed.emit()
    assert not window.messages.opening.isVisible()
    slow_share.set()
    qtbot.wait(50)
    assert window.view.source is None
    assert window.folder.entries == []


def test_a_path_that_cannot_be_read_is_reported_by_its_opening(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    name = f"{'a' * 300}.svs"
    window.open_paths([])
    with qtbot.wait_signal(window.opener.failed):
        window.open_paths([tmp_path / name])
    assert re.match(pattern(strings.NOT_OPENED, slide=name), messages(window)[0])


def test_dropping_files_opens_the_first_and_lists_all(
    qtbot: QtBot, window: MainWindow, slide_folder: Path
) -> None:
    paths = [slide_folder / "slide 10.tif", slide_folder / "slide 2.tif"]
    with qtbot.wait_signal(window.opener.opened):
        assert drop(window, paths)
    assert window.view.source is not None
    assert window.view.source.info.path == paths[0]
    qtbot.wait_until(lambda: [entry.path for entry in window.folder.entries] == paths)
    assert window.docks["folder"].isVisible()


def test_dropping_a_folder_opens_its_first_slide(
    qtbot: QtBot, window: MainWindow, slide_folder: Path
) -> None:
    with qtbot.wait_signal(window.opener.opened):
        assert drop(window, [slide_folder])
    assert window.view.source is not None
    assert window.view.source.info.path.name == "Slide 1.tif"
    assert len(window.folder.entries) == 4


def test_dropping_text_is_not_taken(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("hello")
    event = QDragEnterEvent(
        QPointF(5, 5).toPoint(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    QApplication.sendEvent(window, event)
    assert not event.isAccepted()


def test_a_file_url_opens_and_another_url_is_refused(
    qtbot: QtBot, window: MainWindow, slide_file: Path
) -> None:
    with qtbot.wait_signal(window.opener.opened):
        window.open_paths([slide_file.as_uri()])
    assert window.view.source is not None
    assert window.view.source.info.path == slide_file
    with qtbot.wait_signal(window.opener.failed):
        window.open_paths(["https://host/a%20b.svs"])
    (text,) = messages(window)
    assert re.match(pattern(strings.NOT_OPENED, slide="a b.svs"), text)
    assert "Slides are not read from https addresses; give the path" in text


def test_a_slide_that_opens_at_the_start_leaves_the_notes_about_the_start(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path
) -> None:
    file = state_dir() / "reader.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("damaged")
    window = make_window()
    note = strings.STATE_DAMAGED.format(path=file, backup="reader.json.unreadable")
    assert note in messages(window)
    with qtbot.wait_signal(window.opener.opened):
        window.open_paths([slide_file])
    assert note in messages(window)
