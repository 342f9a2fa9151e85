"""The worklist in the window: adding, searching, sorting, opening; the second reader in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from viewer.review.reading.kinds import Mode
from viewer.review.worklist.state import State
from viewer.ui.review import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.review.worklist_window import WorklistWindow
    from viewer.ui.shell.main_window import MainWindow

WAIT_MS = 60_000


def listed(window: MainWindow) -> WorklistWindow:
    assert window.review.list is not None
    return window.review.list


def titles(window: MainWindow) -> list[str]:
    return [case.title for case in listed(window).shown]


def test_cases_are_searched_filtered_and_sorted(list_window: MainWindow) -> None:
    page = listed(list_window)
    assert titles(list_window) == ["a", "b", "c", "two slides"]
    assert page.model.index(3, 4).data() == "2"
    assert page.model.index(0, 2).data() == "waiting since today"
    page.search.setText("two")
    assert titles(list_window) == ["two slides"]
    page.search.setText("nothing has this name")
    assert page.empty.text() == strings.NO_MATCH
    page.search.clear()
    worklist = list_window.review.worklist
    assert worklist is not None
    worklist.set_state(page.shown[2].id, State.INDEXING)
    worklist.set_state(page.shown[2].id, State.READY, findings=2, highest=0.9)
    page.show_cases()
    assert titles(list_window) == ["a", "b", "c", "two slides"]  # who reads blinded is not told
    assert page.model.index(2, 2).data() == "waiting since today"
    page.mode.setCurrentIndex(page.mode.findData(Mode.CONCURRENT))
    page.show_cases()
    assert titles(list_window) == ["c", "a", "b", "two slides"]
    assert "2 findings" in page.model.index(0, 2).data()
    page.state.setCurrentIndex(page.state.findData(State.READY))
    page.show_cases()
    assert titles(list_window) == ["c"]


def test_a_table_is_added_and_a_wrong_one_named(
    list_window: MainWindow, case_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = case_folder / "cases.csv"
    table.write_text("case,slide,question\nx,a.tif,Is it there?\n", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, **_k: (str(table), ""))
    listed(list_window).add_table_button.click()
    assert "already in the list: 1" in listed(list_window).message.text()  # the slide of case a
    table.write_text("case,slide\nx,missing.tif\n", encoding="utf-8")
    listed(list_window).add_table_button.click()
    assert "missing.tif" in listed(list_window).message.text()
    assert len(titles(list_window)) == 4
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a, **_k: "")
    listed(list_window).add_folder_button.click()
    assert len(titles(list_window)) == 4


def test_enter_opens_the_selected_case_and_resume_the_last(qtbot: QtBot, list_window: MainWindow) -> None:
    page = listed(list_window)
    assert not page.resume.isEnabled()
    page.table.selectRow(1)
    page.reader.clear()
    assert not page.open_selected.isEnabled()
    page.reader.setText("r1")
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    reading = list_window.review.reading
    qtbot.wait_until(lambda: reading.slides.slide_id is not None, timeout=WAIT_MS)
    assert list_window.review.list is None
    qtbot.wait_until(
        lambda: float(list_window.review.coverage.recorder.coverage.seconds.max()) > 0.2,  # type: ignore[union-attr]
        timeout=WAIT_MS,
    )
    assert reading.session is not None
    case = reading.session.case
    list_window.actions_["close_case"].trigger()
    list_window.actions_["worklist"].trigger()
    page = listed(list_window)
    assert page.reader.text() == "r1"
    page.resume.click()
    assert reading.session is not None
    assert reading.session.case == case


def test_all_unread_cases_can_be_read(list_window: MainWindow, requested: list[str]) -> None:
    listed(list_window).read.click()
    assert requested == [case.id for case in listed(list_window).shown]


def test_a_record_that_cannot_be_opened_is_said(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "record.sqlite"
    file.write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("FOVEOLA_RECORD", str(file))
    window.actions_["worklist"].trigger()
    assert window.review.list is None
    assert "record.sqlite" in window.messages.messages[-1].text


@pytest.mark.slow
def test_the_second_reader_reads_in_the_background(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, copy_phantom: Callable[[Path, int], Path]
) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    copy_phantom(folder / "phantom.tif", 4096)
    window.actions_["worklist"].trigger()
    page = listed(window)
    page.add_folder(folder)
    page.read.click()
    assert window.review.second_reader.waiting == 1
    qtbot.wait_until(lambda: window.review.second_reader.waiting == 0, timeout=WAIT_MS)
    (case,) = page.shown
    assert case.state is State.READY, case.reason
    assert case.findings is not None
    assert not page.read.isChecked()


def test_a_case_that_cannot_be_read_is_named(qtbot: QtBot, window: MainWindow, slide_file: Path) -> None:
    window.actions_["worklist"].trigger()
    page = listed(window)
    page.add_folder(slide_file.parent)
    slide_file.unlink()
    page.read.click()
    qtbot.wait_until(lambda: window.review.second_reader.waiting == 0, timeout=WAIT_MS)
    (case,) = page.shown
    assert case.state is State.NOT_ANALYSED
    assert slide_file.name in case.reason
