"""Opening slides in threads: good, broken, cancelled, superseded, hanging."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ui.sources import MadeSource
from viewer.slide.formats.registry import open_for_viewing
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError
from viewer.ui.shell.slide_opener import SlideOpener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.slide_opener import Progress

GOOD, SLOW = Locator.parse("good.svs"), Locator.parse("slow.svs")


class _Disk:
    """Opens made slides; one of them only once the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.sources: dict[Locator, MadeSource] = {}

    def open(self, locator: Locator) -> MadeSource:
        if locator == SLOW:
            self.gate.wait()
        if locator.name == "broken.svs":
            raise SlideError(locator.path, "it is broken")
        if locator.name == "odd.svs":
            raise ZeroDivisionError("odd")
        self.sources[locator] = MadeSource(size=512)
        return self.sources[locator]


@pytest.fixture
def disk() -> Iterator[_Disk]:
    disk = _Disk()
    yield disk
    disk.gate.set()


@pytest.fixture
def opener(disk: _Disk, qapp: QApplication) -> Iterator[SlideOpener]:
    opener = SlideOpener(qapp, open_source=disk.open)
    yield opener
    disk.gate.set()
    opener.close()


@pytest.fixture
def events(opener: SlideOpener) -> list[tuple[str, object]]:
    """All signals of the opener, as (name, argument)."""
    events: list[tuple[str, object]] = []
    for name in ("started", "opened", "cancelled"):
        getattr(opener, name).connect(lambda what, name=name: events.append((name, what)))
    opener.failed.connect(lambda path, reason: events.append(("failed", (path, reason))))
    return events


def names(events: list[tuple[str, object]]) -> list[str]:
    return [name for name, _ in events]


def test_a_good_slide_opens(
    qtbot: QtBot, opener: SlideOpener, disk: _Disk, events: list[tuple[str, object]]
) -> None:
    opener.open(GOOD)
    assert opener.opening == GOOD
    qtbot.wait_until(lambda: "opened" in names(events))
    assert events == [("started", GOOD), ("opened", disk.sources[GOOD])]
    assert opener.opening is None


@pytest.mark.parametrize(
    ("name", "reason"), [("broken.svs", "it is broken"), ("odd.svs", "ZeroDivisionError: odd")]
)
def test_a_failure_names_file_and_reason(
    qtbot: QtBot, opener: SlideOpener, events: list[tuple[str, object]], name: str, reason: str
) -> None:
    with qtbot.wait_signal(opener.failed):
        opener.open(Path(name))
    locator, words = events[-1][1]  # type: ignore[misc]
    assert locator == Locator.parse(name)
    assert reason in words


def test_cancel_closes_the_slide_that_comes_late(
    qtbot: QtBot, opener: SlideOpener, disk: _Disk, events: list[tuple[str, object]]
) -> None:
    opener.open(SLOW)
    opener.cancel()
    opener.cancel()
    assert names(events) == ["started", "cancelled"]
    disk.gate.set()
    qtbot.wait_until(lambda: SLOW in disk.sources and disk.sources[SLOW].closed)
    assert names(events) == ["started", "cancelled"]


def test_a_newer_opening_wins(
    qtbot: QtBot, opener: SlideOpener, disk: _Disk, events: list[tuple[str, object]]
) -> None:
    opener.open(SLOW)
    opener.open(GOOD)
    qtbot.wait_until(lambda: "opened" in names(events))
    disk.gate.set()
    qtbot.wait_until(lambda: SLOW in disk.sources and disk.sources[SLOW].closed)
    assert events[-1] == ("opened", disk.sources[GOOD])
    assert not disk.sources[GOOD].closed


def test_preparation_reports_and_can_be_cancelled(
    qtbot: QtBot, opener: SlideOpener, disk: _Disk, events: list[tuple[str, object]]
) -> None:
    ended: list[str] = []

    def prepare(_path: Path, progress: Progress) -> None:
        progress(1, 4)
        disk.gate.wait()
        try:
            progress(2, 4)
        finally:
            ended.append("unwound")

    with qtbot.wait_signal(opener.progressed) as blocker:
        opener.open(GOOD, prepare=prepare)
    assert blocker.args == [0.25]
    opener.cancel()
    disk.gate.set()
    qtbot.wait_until(lambda: bool(ended))
    assert names(events) == ["started", "cancelled"]
    assert disk.sources == {}


def test_preparation_comes_before_opening(qtbot: QtBot, opener: SlideOpener) -> None:
    order: list[Path] = []
    with qtbot.wait_signal(opener.opened):
        opener.open(GOOD, prepare=lambda path, _progress: order.append(path))
    assert order == [GOOD.path]


def test_closing_leaves_a_hanging_opening_behind_and_closes_its_slide(
    opener: SlideOpener, disk: _Disk, events: list[tuple[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    opener.open(SLOW)
    opener.close(wait_s=0.05)
    assert "left behind" in caplog.text
    disk.gate.set()
    opener.close()
    assert disk.sources[SLOW].closed
    assert names(events) == ["started"]


def test_the_usual_opener_opens_files(qtbot: QtBot, slide_file: Path, usual_opener: SlideOpener) -> None:
    with qtbot.wait_signal(usual_opener.opened) as blocker:
        usual_opener.open(slide_file)
    source = blocker.args[0]
    assert source.info.path == slide_file
    source.close()


@pytest.fixture
def usual_opener(qapp: QApplication) -> Iterator[SlideOpener]:
    opener = SlideOpener(qapp, open_source=open_for_viewing)
    yield opener
    opener.close()
