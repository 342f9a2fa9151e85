"""The folder of slides: which files, in which order, with which pictures, and where the next one is."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from tests.messages import pattern
from tests.ui.slide_files import SLIDE_PX
from viewer.ui.panels import strings
from viewer.ui.panels.slide_folder import SlideFolder, entries_of, slides_in
from viewer.ui.panels.slide_list import SlideEntry, SlideList, size_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytestqt.qtbot import QtBot

    from viewer.ui.panels.thumbnails import ThumbnailWorker


@pytest.fixture
def panel(qtbot: QtBot, thumbnails: ThumbnailWorker) -> Iterator[SlideFolder]:
    panel = SlideFolder(thumbnails)
    qtbot.add_widget(panel)
    panel.resize(300, 600)
    with qtbot.wait_exposed(panel):
        panel.show()
    yield panel
    panel.close_work()


def names(panel: SlideFolder) -> list[str]:
    return [entry.path.name for entry in panel.entries]


def headings(panel: SlideFolder) -> list[str]:
    return [label.text() for label in panel.findChildren(QLabel)]


def show(qtbot: QtBot, panel: SlideFolder, folder: Path) -> None:
    with qtbot.wait_signal(panel.listed):
        panel.show_folder(folder)


def show_files(qtbot: QtBot, panel: SlideFolder, files: Sequence[Path]) -> None:
    with qtbot.wait_signal(panel.listed):
        panel.show_files(files)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (250_000, "250 kB"),
        (2_600_000_000, "2.6 GB"),
        (3e12, "3.0 TB"),
    ],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert size_in_words(int(size)) == words


def test_a_folder_is_listed_in_order(qtbot: QtBot, panel: SlideFolder, slide_folder: Path) -> None:
    show(qtbot, panel, slide_folder)
    assert names(panel) == ["Slide 1.tif", "slide 2.tif", "slide 3.tif", "slide 10.tif"]


def test_very_large_folders_are_cut_off(
    slide_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("viewer.ui.panels.slide_folder.MAX_LISTED", 2)
    assert len(slides_in(slide_folder)) == 2
    assert "the rest is not listed" in caplog.text


def test_the_first_slide_is_chosen_on_request(qtbot: QtBot, panel: SlideFolder, slide_folder: Path) -> None:
    with qtbot.wait_signal(panel.chosen) as blocker:
        panel.show_folder(slide_folder, open_first=True)
    assert blocker.args == [slide_folder / "Slide 1.tif"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", pattern(strings.FOLDER_UNREADABLE, reason="no such file or directory")),
        ("", strings.EMPTY_FOLDER),
    ],
)
def test_a_folder_without_slides_is_reported(
    qtbot: QtBot, panel: SlideFolder, tmp_path: Path, name: str, reason: str
) -> None:
    with qtbot.wait_signal(panel.failed) as blocker:
        panel.show_folder(tmp_path / name, open_first=True)
    assert blocker.args[0] == tmp_path / name
    assert re.fullmatch(reason, blocker.args[1])


def test_pictures_and_reasons_come_in(qtbot: QtBot, panel: SlideFolder, slide_folder: Path) -> None:
    show(qtbot, panel, slide_folder)
    qtbot.wait_until(lambda: all(entry.thumbnail is not None for entry in panel.entries))
    good, broken = panel.entries[0], panel.entries[2]
    assert good.pixmap is not None
    assert strings.SIZE_PX.format(width=SLIDE_PX[0], height=SLIDE_PX[1]) in good.facts
    assert not good.problem
    assert broken.pixmap is None
    assert broken.thumbnail is not None
    assert broken.facts == strings.WARNING.format(text=broken.problem)
    assert broken.problem == broken.thumbnail.reason


def test_the_slides_beyond_the_open_one_are_the_nearest_first(
    qtbot: QtBot, panel: SlideFolder, slide_folder: Path
) -> None:
    def beyond(step: int) -> list[str]:
        return [entry.path.name for entry in panel.beyond(step)]

    show(qtbot, panel, slide_folder)
    names = ["Slide 1.tif", "slide 2.tif", "slide 3.tif", "slide 10.tif"]
    assert beyond(1) == names
    assert beyond(-1) == names[::-1]
    panel.set_current(slide_folder / "slide 2.tif")
    assert beyond(1) == names[2:]
    assert beyond(-1) == names[:1]
    opening = [panel.beyond(1, opening=slide_folder / name) for name in ("slide 3.tif", "elsewhere.tif")]
    assert [[entry.path.name for entry in entries] for entries in opening] == [names[3:], names[2:]]
    panel.go_past(slide_folder / "slide 3.tif")
    assert beyond(1) == names[3:]
    panel.go_past(slide_folder / "elsewhere.tif")
    assert beyond(1) == names[3:]


def test_chosen_files_are_listed_in_their_order(qtbot: QtBot, panel: SlideFolder, slide_folder: Path) -> None:
    show_files(qtbot, panel, [slide_folder / "slide 10.tif", slide_folder / "gone.tif"])
    assert strings.CHOSEN_SLIDES.format(count=2) in headings(panel)
    assert names(panel) == ["slide 10.tif", "gone.tif"]
    assert panel.entries[1].facts == strings.FILE_GONE
    assert panel.contains(slide_folder / "gone.tif")
    assert not panel.contains(slide_folder / "slide 2.tif")
    panel.take_out(slide_folder / "gone.tif")
    assert names(panel) == ["slide 10.tif"]
    assert strings.CHOSEN_SLIDE in headings(panel)


def test_chosen_files_count_as_listed_while_a_slow_share_is_read_and_the_newest_list_is_shown(
    qtbot: QtBot, panel: SlideFolder, slide_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = threading.Event(), entries_of

    def slow(paths: Sequence[Path]) -> list[SlideEntry]:
        if paths == [tmp_path / "far.tif"]:
            gate.wait()
        return real(paths)

    show(qtbot, panel, slide_folder)
    monkeypatch.setattr("viewer.ui.panels.slide_folder.entries_of", slow)
    panel.show_files([tmp_path / "far.tif"])
    assert panel.contains(tmp_path / "far.tif")
    assert not panel.is_chosen, "what is listed is still the folder"
    assert len(names(panel)) == 4
    show_files(qtbot, panel, [slide_folder / "Slide 1.tif"])
    gate.set()
    qtbot.wait(50)
    assert names(panel) == ["Slide 1.tif"]
    assert panel.is_chosen
    assert not panel.contains(tmp_path / "far.tif")


def test_enter_and_click_choose_and_arrows_do_not(
    qtbot: QtBot, panel: SlideFolder, slide_folder: Path
) -> None:
    show(qtbot, panel, slide_folder)
    panel.set_current(slide_folder / "Slide 1.tif")
    chosen: list[Path] = []
    panel.chosen.connect(chosen.append)
    view = panel.findChild(SlideList)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert chosen == []
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert chosen == [slide_folder / "slide 2.tif"]
    place = view.visualRect(view.model().index(3, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen[1:] == [slide_folder / "slide 10.tif"]


def test_text_for_assistive_technology(qtbot: QtBot, panel: SlideFolder, slide_folder: Path) -> None:
    show_files(qtbot, panel, [slide_folder / "Slide 1.tif"])
    model = panel.findChild(SlideList).model()
    text = model.data(model.index(0, 0), Qt.ItemDataRole.AccessibleTextRole)
    assert text.startswith("Slide 1.tif\n")
    assert model.data(model.index(-1, 0)) is None
    assert model.data(model.index(0, 0), Qt.ItemDataRole.EditRole) is None


def test_a_slide_that_opens_but_has_no_picture_is_openable() -> None:
    from viewer.ui.panels.thumbnails import SlideThumbnail

    entry = SlideEntry(
        Path("a.svs"), 1000, thumbnail=SlideThumbnail(Path("a.svs"), (10, 10), reason="no picture: large")
    )
    assert not entry.problem
    assert strings.SIZE_PX.format(width=10, height=10) in entry.facts


def test_another_folder_replaces_a_listing_under_way(
    qtbot: QtBot, panel: SlideFolder, slide_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    listings: list[threading.Thread] = []
    real = slides_in

    def slow(folder: Path) -> list[SlideEntry]:
        if folder == tmp_path:
            listings.append(threading.current_thread())
            gate.wait()
        return real(folder)

    monkeypatch.setattr("viewer.ui.panels.slide_folder.slides_in", slow)
    panel.show_folder(tmp_path)
    qtbot.wait_until(lambda: bool(listings))
    show(qtbot, panel, slide_folder)
    gate.set()
    listings[0].join()
    qtbot.wait(20)
    assert len(names(panel)) == 4
