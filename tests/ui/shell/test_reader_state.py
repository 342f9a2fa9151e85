"""The reader's state: recent slides, last views, damaged files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from viewer.common.atomic_write import SaveError
from viewer.common.paths import state_dir
from viewer.common.settings import settings_path
from viewer.common.strings import SAVING_NOT_ALLOWED
from viewer.relevance.query import history
from viewer.slide.locator import Locator
from viewer.ui.shell import reader_state, strings
from viewer.ui.shell.reader_state import MAX_RECENT, MAX_VIEWS, ReaderState
from viewer.view.camera import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.ui.shell.main_window import MainWindow

VIEW = View(1000.5, 2000.25, 4.0, 0.5)


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    path = tmp_path / "slide.svs"
    path.write_bytes(b"pixels")
    return path


def test_first_start_is_empty_without_a_message() -> None:
    state = ReaderState.load()
    assert state.recent == ()
    assert state.notice is None


def test_survives_a_restart(slide: Path) -> None:
    state = ReaderState.load()
    state.opened(slide)
    state.remember_view(slide, VIEW)
    state.save()
    again = ReaderState.load()
    assert again.recent == (slide,)
    assert again.last_view(slide) == VIEW


def test_recent_newest_first_without_doubles_and_bounded() -> None:
    state = ReaderState.load()
    for number in range(MAX_RECENT + 5):
        state.opened(Path(f"/slides/{number}.svs"))
    state.opened(Path("/slides/10.svs"))
    assert len(state.recent) == MAX_RECENT
    assert state.recent[:2] == (Path("/slides/10.svs"), Path(f"/slides/{MAX_RECENT + 4}.svs"))
    assert state.recent.count(Path("/slides/10.svs")) == 1


def test_relative_paths_are_kept_absolute(slide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(slide.parent)
    state = ReaderState.load()
    state.opened(Path("slide.svs"))
    assert state.recent == (slide,)
    state.forget(Path("slide.svs"))
    assert state.recent == ()


def test_a_changed_file_has_no_view(slide: Path) -> None:
    state = ReaderState.load()
    state.remember_view(slide, VIEW)
    slide.write_bytes(b"other pixels")
    assert state.last_view(slide) is None


def test_a_slide_that_is_gone_has_no_view(slide: Path) -> None:
    state = ReaderState.load()
    slide.unlink()
    state.remember_view(slide, VIEW)
    assert state.last_view(slide) is None


def test_views_are_bounded_oldest_first(slide: Path) -> None:
    state = ReaderState.load()
    state.remember_view(slide, VIEW)
    others = []
    for number in range(MAX_VIEWS):
        other = slide.with_name(f"{number}.svs")
        other.write_bytes(b"x")
        others.append(other)
        state.remember_view(other, VIEW)
    assert state.last_view(slide) is None
    assert state.last_view(others[0]) == VIEW


def test_forget_all(slide: Path) -> None:
    state = ReaderState.load()
    state.opened(slide)
    state.remember_view(slide, VIEW)
    state.forget_all()
    assert state.recent == ()
    assert state.last_view(slide) is None


def test_names_that_are_not_unicode_survive(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\xe9.svs")
    state = ReaderState.load()
    state.opened(odd)
    state.save()
    assert ReaderState.load().recent == (odd,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"version": 2, "recent": [], "views": {}}',
        b'{"version": 1, "recent": [3], "views": {}}',
        b'{"version": 1, "recent": [], "views": {"a": [1, 2, 0, 0]}}',
        b'{"version": 1, "recent": [], "views": {"a": [1, NaN, 1, 0]}}',
        b'{"version": 1, "recent": [], "views": {"a": [1]}}',
    ],
)
def test_a_damaged_file_is_renamed_and_reported(content: bytes) -> None:
    file = state_dir() / "reader.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    state = ReaderState.load()
    assert state.recent == ()
    assert state.notice == strings.STATE_DAMAGED.format(path=file, backup="reader.json.unreadable")
    assert not file.exists()
    assert file.with_name("reader.json.unreadable").read_bytes() == content
    state.save()
    assert json.loads(file.read_bytes())["version"] == 1


def test_a_damaged_file_that_cannot_be_renamed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    file = state_dir() / "reader.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{")

    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    assert re.fullmatch(pattern(strings.STATE_NOT_RENAMED, path=file), ReaderState.load().notice)


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    state = ReaderState.load(tmp_path)
    assert state.notice is not None
    assert re.fullmatch(pattern(strings.STATE_UNREADABLE, path=tmp_path), state.notice)


def test_each_image_of_a_file_has_its_own_view(slide: Path) -> None:
    state, second = ReaderState.load(), Locator.parse(slide).with_image(2)
    state.remember_view(slide, View(1, 2, 3))
    assert state.last_view(second) is None
    state.remember_view(second, View(4, 5, 6))
    state.save()
    state = ReaderState.load()
    assert (state.last_view(Locator.parse(slide)), state.last_view(second)) == (View(1, 2, 3), View(4, 5, 6))


def test_a_home_that_cannot_be_written_is_reported_once_until_it_can(
    window: MainWindow, slide_file: Path, open_in: Callable[[MainWindow, Path], None]
) -> None:
    blocked = settings_path(), state_dir() / "reader.json"
    for file in blocked:
        file.mkdir(parents=True)
    window.apply_settings(window.settings.replace("display", kinetic_pan=False))
    (reported,) = window.messages.messages
    assert str(blocked[0]) in reported.text
    open_in(window, slide_file)  # saves both
    assert window.messages.messages == [reported]
    reported.dismiss()
    for file in blocked:
        file.rmdir()
    window.slides.close()
    blocked[1].unlink()
    blocked[1].mkdir()
    open_in(window, slide_file)
    assert [str(blocked[1]) in bar.text for bar in window.messages.messages] == [True]


def test_earlier_queries_that_cannot_be_saved_for_the_same_cause_are_no_second_message(
    window: MainWindow,
    slide_file: Path,
    open_in: Callable[[MainWindow, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read_only(path: Path, _data: bytes) -> None:
        raise SaveError(path, SAVING_NOT_ALLOWED)

    blocked = state_dir() / "reader.json", state_dir() / "queries.json"
    for room in (reader_state, history):
        monkeypatch.setattr(room, "save_atomically", read_only)
    open_in(window, slide_file)
    saved = window.query.saved
    saved.remember("fat")
    saved.remember("blood")
    (reported,) = window.messages.messages
    assert str(blocked[0]) in reported.text
    reported.dismiss()
    saved.remember("necrosis")
    assert window.messages.messages == []
    for _ in range(2):  # the reader's own wish: not without a word
        saved.fill()
        saved.menu.actions()[-1].trigger()
        saved.remember("fat")
    (reported,) = window.messages.messages
    assert str(blocked[1]) in reported.text
