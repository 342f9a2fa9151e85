"""The start page while the files of recent slides are read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from viewer.ui.shell import start_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pytest
    from pytestqt.qtbot import QtBot

    from viewer.ui.panels.slide_list import SlideEntry
    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


def test_a_slow_share_with_recent_slides_holds_up_no_start(
    qtbot: QtBot,
    make_window: Callable[[], MainWindow],
    slide_file: Path,
    open_in: OpenIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = make_window()
    open_in(first, slide_file)
    first.close()
    answers, read = threading.Event(), start_page.entries_of

    def read_slowly(paths: Sequence[Path]) -> list[SlideEntry]:
        assert answers.wait(10)
        return read(paths)

    monkeypatch.setattr(start_page, "entries_of", read_slowly)
    recent = make_window().start_page.recent_list
    assert list(recent.slides.entries) == []
    answers.set()
    qtbot.wait_until(lambda: [entry.path for entry in recent.slides.entries] == [slide_file])


def test_a_defect_in_reading_recent_slides_is_shown_as_one(
    qtbot: QtBot,
    make_window: Callable[[], MainWindow],
    slide_file: Path,
    open_in: OpenIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = make_window()
    open_in(first, slide_file)
    first.close()

    def fail(_paths: Sequence[Path]) -> list[SlideEntry]:
        raise ValueError("embedded null byte")

    monkeypatch.setattr(start_page, "entries_of", fail)
    with qtbot.capture_exceptions() as errors:
        make_window()
        qtbot.wait_until(lambda: bool(errors))
    assert "embedded null byte" in str(errors[0][1])
