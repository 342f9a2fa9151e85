"""Background work: its order, its results, what is dropped, and its end."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from viewer.common.atomic_write import SaveError
from viewer.ui.widgets.background_worker import BackgroundWorker, NewestWork, raise_defect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


@pytest.fixture
def side() -> Iterator[BackgroundWorker]:
    thread = BackgroundWorker("test")
    yield thread
    thread.close(wait_s=1)


def test_results_arrive_in_the_gui_thread(qtbot: QtBot, side: BackgroundWorker) -> None:
    results: list[tuple[str, bool]] = []
    gui_thread = threading.get_ident()

    def receive(result: str) -> None:
        results.append((result, threading.get_ident() == gui_thread))

    side.run(lambda: "done", receive, lambda error: receive(str(error)))
    side.run(lambda: str(1 // 0), receive, lambda error: receive(str(error)))
    qtbot.wait_until(lambda: len(results) == 2)
    assert sorted(results) == [("done", True), ("integer division or modulo by zero", True)]


def test_only_a_defect_has_a_traceback_in_the_log(
    qtbot: QtBot, side: BackgroundWorker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: Exception) -> None:
        raise error

    caplog.set_level("INFO", logger="foveola")
    failed: list[Exception] = []
    for error in (SaveError(Path("sizes.json"), "the disk is full"), KeyError("defect")):
        side.run(partial(fail, error), lambda _none: None, failed.append)
    qtbot.wait_until(lambda: len(failed) == 2)
    records = [record for record in caplog.records if "background work" in record.message]
    assert [record.exc_info is not None for record in records] == [False, True]
    assert "sizes.json: the disk is full" in records[0].message


def test_a_batch_runs_in_order_and_a_newer_one_first(
    qtbot: QtBot, side: BackgroundWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [10.0]
    monkeypatch.setattr("viewer.ui.widgets.background_worker.monotonic", lambda: now_s[0])
    done: list[int] = []
    side.set_paused(True)
    for number in (3, 4, 1, 2):
        if number == 1:
            now_s[0] += 1
        side.run(lambda number=number: number, done.append, lambda _error: None)  # type: ignore[misc]
    side.set_paused(False)
    qtbot.wait_until(lambda: len(done) == 4)
    assert done == [1, 2, 3, 4]


def test_dropped_work_delivers_no_result_even_where_it_runs(qtbot: QtBot, side: BackgroundWorker) -> None:
    running, go_on, results = threading.Event(), threading.Event(), []

    def slow() -> str:
        running.set()
        go_on.wait(5)
        return "slow"

    side.run(slow, results.append, lambda _error: None)
    assert running.wait(5)
    side.run(lambda: "waiting", results.append, lambda _error: None)
    side.drop_all()
    go_on.set()
    side.run(lambda: "later", results.append, lambda _error: None)
    qtbot.wait_until(lambda: bool(results))
    assert results == ["later"]


@pytest.mark.usefixtures("qapp")
def test_closing_ends_the_thread_also_while_paused(side: BackgroundWorker) -> None:
    side.set_paused(True)
    side.run(lambda: None, lambda _result: None, lambda _error: None)
    side.close(wait_s=1)
    assert "foveola-test" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.usefixtures("qapp")
def test_a_thread_that_nobody_waits_for_is_no_matter_for_the_log(
    side: BackgroundWorker, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    side.run(lambda: go_on.wait(5), lambda _result: None, lambda _error: None)
    side.close(wait_s=0)
    assert caplog.text == ""
    side.close(wait_s=0.01)
    assert "foveola-test" in caplog.text, "one that was waited for is"
    go_on.set()


def test_newer_work_passes_work_that_hangs(qtbot: QtBot) -> None:
    go_on, hung, results = threading.Event(), threading.Event(), []
    newest = NewestWork("test")

    def hang() -> str:
        hung.set()
        go_on.wait(5)
        return "old"

    newest.run(hang, results.append, raise_defect)
    assert hung.wait(5)
    newest.run(lambda: "new", results.append, raise_defect)
    qtbot.wait_until(lambda: results == ["new"])
    go_on.set()
    newest.run(lambda: "dropped", results.append, raise_defect)
    newest.drop()
    qtbot.wait(50)
    newest.close(wait_s=1)
    assert results == ["new"]
    with pytest.raises(ZeroDivisionError):
        raise_defect(ZeroDivisionError())
