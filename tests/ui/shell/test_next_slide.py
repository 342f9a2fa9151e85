"""Next and previous slide go through the list of slides, past files that cannot be opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from tests.messages import pattern
from tests.ui.slide_files import write_slide
from viewer.ui.shell import slide_opener, strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


def messages(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.messages.messages]


def test_next_and_previous_slide(
    qtbot: QtBot, window: MainWindow, slide_folder: Path, open_in: OpenIn
) -> None:
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, slide_folder / "Slide 1.tif")
    with qtbot.wait_signal(window.opener.opened):
        qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert window.view.source is not None
    assert window.view.source.info.path.name == "slide 2.tif"
    with qtbot.wait_signal(window.opener.opened):
        window.actions_["previous_slide"].trigger()
    assert window.view.source.info.path.name == "Slide 1.tif"
    window.actions_["previous_slide"].trigger()
    assert window.opener.opening is None
    assert window.status.currentMessage() == strings.NO_FURTHER_SLIDE


def five_slides(folder: Path) -> Path:
    """Writes them; returns the first."""
    first, *_ = [write_slide(folder / f"slide {number}.tif") for number in range(5)]
    return first


def test_every_press_counts_also_while_a_slide_is_being_opened(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    opened: list[str] = []
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, five_slides(tmp_path))
    window.opener.opened.connect(lambda source: opened.append(source.info.path.name))
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_PageDown)
    qtbot.wait_until(lambda: bool(opened))
    assert opened == ["slide 3.tif"], "the ones between are not opened"
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_PageDown)
    qtbot.wait_until(lambda: len(opened) == 2)
    assert opened[-1] == "slide 4.tif", "it ends with the list"
    window.actions_["previous_slide"].trigger()
    window.actions_["next_slide"].trigger()
    assert window.opener.opening is None, "back at the slide that is open"
    assert not window.messages.opening.isVisible()
    assert window.view.source is not None
    assert window.view.source.info.path.name == "slide 4.tif"


def test_a_note_on_files_that_are_gone_says_so(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, five_slides(tmp_path))
    for path in tmp_path.glob("*.tif"):
        path.unlink()
    with qtbot.wait_signal(window.slides.list_ended):
        window.actions_["next_slide"].trigger()
    more = strings.MORE_PASSED.format(count=1)
    listed = f"slide 1.tif, slide 2.tif, slide 3.tif, {more}"
    assert messages(window) == [strings.MANY_MISSING.format(count=4, slides=listed)]


def test_the_note_has_the_files_of_all_presses(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    first = five_slides(tmp_path)
    broken(tmp_path / "slide 1.tif")
    broken(tmp_path / "slide 3.tif")
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, first)
    window.docks["folder"].show()
    qtbot.wait_until(lambda: all(entry.thumbnail for entry in window.folder.entries))
    with qtbot.wait_signal(window.opener.opened):
        for _ in range(2):
            window.actions_["next_slide"].trigger()
    assert window.view.source is not None
    assert window.view.source.info.path.name == "slide 4.tif"
    listed = "slide 1.tif, slide 3.tif"
    assert messages(window) == [strings.MANY_PASSED.format(count=2, slides=listed)]


def broken(path: Path) -> Path:
    path.write_bytes(b"II*\0 this is no slide")
    return path


@pytest.mark.parametrize("known", [False, True])
def test_next_slide_passes_broken_files_with_a_note(
    qtbot: QtBot, window: MainWindow, slide_folder: Path, open_in: OpenIn, known: bool
) -> None:
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, slide_folder / "slide 2.tif")
    if known:  # the list has found out already
        window.docks["folder"].show()
        qtbot.wait_until(lambda: all(entry.thumbnail for entry in window.folder.entries))
    with qtbot.wait_signal(window.opener.opened):
        window.actions_["next_slide"].trigger()
    assert window.view.source is not None
    assert window.view.source.info.path.name == "slide 10.tif"
    (note,) = messages(window)
    assert re.fullmatch(pattern(strings.ONE_PASSED, slide="slide 3.tif"), note)
    with qtbot.wait_signal(window.opener.opened):
        window.actions_["previous_slide"].trigger()
    assert window.view.source.info.path.name == "slide 2.tif"


def test_next_slide_at_broken_ends_stays_and_names_them(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    for number in range(1, 6):
        broken(tmp_path / f"slide {number}.tif")
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, write_slide(tmp_path / "slide 0.tif"))
    with qtbot.wait_signal(window.slides.list_ended):
        window.actions_["next_slide"].trigger()
    more = strings.MORE_PASSED.format(count=2)
    listed = f"slide 1.tif, slide 2.tif, slide 3.tif, {more}"
    assert messages(window) == [strings.MANY_PASSED.format(count=5, slides=listed)]
    assert window.status.currentMessage() == strings.NO_FURTHER_SLIDE
    write_slide(tmp_path / "slide 3.tif")
    with qtbot.wait_signal(window.opener.opened):
        window.actions_["next_slide"].trigger()
    assert window.view.source is not None
    assert window.view.source.info.path.name == "slide 3.tif", "the step counts from the open slide again"


def test_a_broken_slide_that_was_chosen_is_an_error_and_next_goes_on_from_it(
    qtbot: QtBot, window: MainWindow, slide_folder: Path, open_in: OpenIn
) -> None:
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, slide_folder / "Slide 1.tif")
    with qtbot.wait_signal(window.opener.failed):
        window.open_slide(slide_folder / "slide 3.tif")
    assert re.match(pattern(strings.NOT_OPENED, slide="slide 3.tif"), messages(window)[0])
    with qtbot.wait_signal(window.opener.opened):
        window.actions_["next_slide"].trigger()
    assert window.view.source is not None
    assert window.view.source.info.path.name == "slide 10.tif"
    assert messages(window) == []


@pytest.mark.parametrize("quickly", [True, False])
def test_a_held_key_keeps_the_note_on_files_that_were_passed(
    qtbot: QtBot,
    window: MainWindow,
    tmp_path: Path,
    open_in: OpenIn,
    monkeypatch: pytest.MonkeyPatch,
    quickly: bool,
) -> None:
    monkeypatch.setattr(slide_opener, "_UNREAD_MS", 100_000 if quickly else 0)
    first = five_slides(tmp_path)
    broken(tmp_path / "slide 1.tif")
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, first)
    for name in ("slide 2.tif", "slide 3.tif"):
        with qtbot.wait_signal(window.opener.opened):
            window.actions_["next_slide"].trigger()
        assert window.view.source is not None
        assert window.view.source.info.path.name == name
        qtbot.wait(20)
    assert [
        re.match(pattern(strings.ONE_PASSED, slide="slide 1.tif"), note) is not None
        for note in messages(window)
    ] == [True] * quickly
