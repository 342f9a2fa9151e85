"""Pixel sizes entered in the window: there again at the next start, given to other slides on request only."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QPushButton

from tests.messages import pattern
from tests.ui.children import child
from tests.ui.slide_files import write_slide
from viewer.common.paths import state_dir
from viewer.slide import strings as slide_strings
from viewer.slide.given_scale import GivenScale
from viewer.ui.panels import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.fixture
def slides(tmp_path: Path) -> list[Path]:
    """Three slides of different colours without a pixel size, and one with it; a broken one besides."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "broken.tif").write_bytes(b"II*\0 this is no slide")
    paths = [write_slide(folder / f"{red}.tif", colour=(red, 90, 140)) for red in (170, 180, 190)]
    return [*paths, write_slide(folder / "stated.tif", mpp_um=0.5)]


def enter(window: MainWindow, size_um: float) -> None:
    dialog = window.scales.dialog(window.view, window)
    dialog.set_mpp_um(size_um, size_um)
    dialog.accept()


def texts(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.messages.messages]


def test_it_is_there_again_in_another_window_after_moving(
    qtbot: QtBot, make_window: Callable[[], MainWindow], open_in: OpenIn, slides: list[Path], tmp_path: Path
) -> None:
    window = make_window()
    open_in(window, slides[0])
    enter(window, 0.25)
    qtbot.wait_until((state_dir() / "pixel_sizes.json").exists)
    window.close()
    moved = tmp_path / "moved.tif"
    shutil.move(slides[0], moved)
    again = make_window()
    open_in(again, moved)
    assert again.view.mpp_um == (0.25, 0.25)
    assert again.view.mpp_origin
    again.scales.dialog(again.view, again).forget()
    assert again.view.mpp_um is None
    qtbot.wait_until(lambda: not kept())


def test_an_accepted_estimate_stays_an_estimate(
    qtbot: QtBot, window: MainWindow, open_in: OpenIn, slides: list[Path]
) -> None:
    open_in(window, slides[0])
    dialog = window.scales.dialog(window.view, window)
    dialog.given.emit(GivenScale((0.3, 0.3), "2026-11-30", estimated=True))
    qtbot.wait_until(lambda: len(kept()) == 1)
    dialog.reject()
    open_in(window, slides[1])
    open_in(window, slides[0])
    assert window.view.mpp_um == (0.3, 0.3)
    assert window.view.mpp_estimated


def test_other_slides_get_it_when_the_reader_agrees_and_not_before(
    qtbot: QtBot, window: MainWindow, open_in: OpenIn, slides: list[Path]
) -> None:
    open_in(window, slides[0])
    qtbot.wait_until(lambda: len(window.folder.entries) == 5)
    enter(window, 0.25)
    qtbot.wait_until(lambda: any(strings.OFFER_SIZE.format(count=2) in text for text in texts(window)))
    assert len(kept()) == 1
    child(window.messages, QPushButton, strings.USE_FOR_OTHERS).click()
    said = strings.GIVEN_TO_OTHERS.format(size="0.25 µm/px", used=2, count=4)
    qtbot.wait_until(lambda: any(said in text for text in texts(window)))
    for others in (strings.STATE_THEIR_OWN, strings.NOT_OPENED):
        assert any(others.format(count=1) in text for text in texts(window))
    assert len(kept()) == 3
    open_in(window, slides[1])
    assert window.view.mpp_um == (0.25, 0.25)
    open_in(window, slides[3])
    assert window.view.mpp_um == (0.5, 0.5)


def test_a_newer_size_or_forgetting_it_takes_the_offer_away(
    qtbot: QtBot, window: MainWindow, open_in: OpenIn, slides: list[Path]
) -> None:
    def offered(size: str) -> bool:
        return [text.startswith(strings.SIZE_KEPT.format(size=size)) for text in texts(window)] == [True]

    open_in(window, slides[0])
    qtbot.wait_until(lambda: len(window.folder.entries) == 5)
    enter(window, 2.0)
    enter(window, 0.3)  # before the first was counted
    qtbot.wait_until(lambda: offered("0.3 µm/px"))
    enter(window, 0.25)
    assert texts(window) == []
    qtbot.wait_until(lambda: offered("0.25 µm/px"))
    window.scales.dialog(window.view, window).forget()
    assert texts(window) == []
    qtbot.wait_until(lambda: not kept())


def test_the_list_can_be_given_another_size_but_no_slide_that_was_given_its_own(
    qtbot: QtBot, window: MainWindow, open_in: OpenIn, slides: list[Path]
) -> None:
    def give_all(size: str, question: str) -> None:
        qtbot.wait_until(lambda: any(text.endswith(question) for text in texts(window)))
        child(window.messages, QPushButton, strings.USE_FOR_OTHERS).click()
        qtbot.wait_until(lambda: any(text.startswith(f"{size} is now") for text in texts(window)))

    open_in(window, slides[0])
    qtbot.wait_until(lambda: len(window.folder.entries) == 5)
    enter(window, 2.0)
    give_all("2 µm/px", strings.OFFER_SIZE.format(count=2))
    enter(window, 0.25)
    give_all("0.25 µm/px", strings.OFFER_SIZE.format(count=2))
    open_in(window, slides[1])
    assert window.view.mpp_um == (0.25, 0.25)
    enter(window, 0.4)
    qtbot.wait_until(lambda: any(strings.OFFER_SIZE_ONE in text for text in texts(window)))
    open_in(window, slides[2])
    assert window.view.mpp_um == (0.25, 0.25)


def test_a_damaged_store_is_said(window: MainWindow, open_in: OpenIn, slides: list[Path]) -> None:
    file = state_dir() / "pixel_sizes.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{")
    open_in(window, slides[0])
    assert re.fullmatch(pattern(slide_strings.SCALES_DAMAGED, path=file), texts(window)[-1])
    assert file.with_name("pixel_sizes.json.unreadable").read_text() == "{"


def test_a_size_that_cannot_be_kept_is_used_and_said(
    qtbot: QtBot, window: MainWindow, open_in: OpenIn, slides: list[Path]
) -> None:
    open_in(window, slides[0])
    (state_dir() / "pixel_sizes.json").mkdir(parents=True)
    enter(window, 0.25)
    said = pattern(strings.NOT_KEPT, size="0.25 µm/px")
    qtbot.wait_until(lambda: any(re.fullmatch(said, text) for text in texts(window)))
    assert window.view.mpp_um == (0.25, 0.25)


def test_a_slide_on_its_own_is_kept_without_an_offer(
    qtbot: QtBot, window: MainWindow, open_in: OpenIn, tmp_path: Path
) -> None:
    open_in(window, write_slide(tmp_path / "alone.tif"))
    qtbot.wait_until(lambda: len(window.folder.entries) == 1)
    enter(window, 0.25)
    qtbot.wait_until(lambda: len(kept()) == 1)
    assert not any("0.25" in text for text in texts(window))


def kept() -> dict[str, object]:
    file = state_dir() / "pixel_sizes.json"
    found: dict[str, object] = json.loads(file.read_bytes())["slides"] if file.exists() else {}
    return found
