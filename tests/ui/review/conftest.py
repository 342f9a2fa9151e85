"""A window with cases in its worklist, and what the second reader found there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.slide_files import write_slide
from viewer.review.findings.finding import Finding, Maker, new_id
from viewer.review.reading.kinds import Mode
from viewer.slide.geometry import Rect
from viewer.ui.review.case_reader import CaseReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenCase = Callable[..., MainWindow]

WAIT_MS = 10_000
MAKER = Maker("measured", "Measured concepts", "version 1", "necrosis", 0.6, "likeness")


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cases that the second reader was to read; it reads none."""
    cases: list[str] = []

    def add(_reader: CaseReader, more: Iterable[str], *, first: bool = False) -> None:
        del first
        cases.extend(more)

    monkeypatch.setattr(CaseReader, "add", add)
    return cases


@pytest.fixture
def case_folder(tmp_path: Path) -> Path:
    """Three slides, and a folder of two: four cases."""
    folder = tmp_path / "cases"
    (folder / "two slides").mkdir(parents=True)
    for number, name in enumerate(("a.tif", "b.tif", "c.tif", "two slides/1.tif", "two slides/2.tif")):
        write_slide(folder / name, mpp_um=0.5, colour=(190, 90, 100 + 10 * number))
    return folder


@pytest.fixture
def list_window(request: pytest.FixtureRequest, window: MainWindow, case_folder: Path) -> MainWindow:
    """A window whose worklist shows the four cases; the second reader reads none."""
    request.getfixturevalue("requested")
    window.actions_["worklist"].trigger()
    assert window.review.list is not None
    window.review.list.add_folder(case_folder)
    return window


@pytest.fixture
def open_case(qtbot: QtBot, list_window: MainWindow) -> OpenCase:
    """``open_case(title, mode)`` opens a case of the four as the reader r1."""

    def open_one(title: str = "a", mode: Mode = Mode.BLINDED_FIRST) -> MainWindow:
        worklist = list_window.review.worklist
        assert worklist is not None
        (case,) = [case for case in worklist.cases() if case.title == title]
        list_window.review.open_case(case.id, "r1", mode)
        reading = list_window.review.reading
        qtbot.wait_until(lambda: reading.slides.slide_id is not None, timeout=WAIT_MS)
        return list_window

    return open_one


def proposed(window: MainWindow, *places: tuple[float, float]) -> tuple[Finding, ...]:
    """Have the program find something at places of the slide that is shown."""
    reading = window.review.reading
    slide_id = reading.slides.slide_id
    assert slide_id is not None
    assert reading.session is not None
    findings = tuple(
        Finding(new_id(), slide_id, "necrosis", (x, y), Rect(x - 20, y - 20, x + 20, y + 20), 0.9, MAKER)
        for x, y in places
    )
    payload: dict[str, Any] = {
        "mpp_um": 0.5,
        "findings": [finding.as_json() for finding in findings],
        "asked": [{"text": "necrosis"}],
        "not_analysed": [["granuloma", "cannot be measured"]],
    }
    reading.session.take_findings(slide_id, payload)
    reading.show_progress(reading.session.case, None)
    return findings
