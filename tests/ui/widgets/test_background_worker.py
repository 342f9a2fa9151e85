"""Work beside the window: its order, its answers, what is dropped, and its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from viewer.ui.widgets.background_worker import SideThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


@pytest.fixture
def side() -> Iterator[SideThread]:
    thread = SideThread("test")
    yield thread
    thread.close(wait_s=1)


def test_answers_come_in_the_gui_thread(qtbot: QtBot, side: SideThread) -> None:
    answers: list[tuple[str, bool]] = []
    here = threading.get_ident()

    def answered(words: str) -> None:
        answers.append((words, threading.get_ident() == here))

    side.run(lambda: "done", answered, lambda error: answered(str(error)))
    side.run(lambda: str(1 // 0), answered, lambda error: answered(str(error)))
    qtbot.wait_until(lambda: len(answers) == 2)
    assert sorted(answers) == [("done", True), ("integer division or modulo by zero", True)]


def test_one_glance_is_served_in_order_and_a_newer_one_first(
    qtbot: QtBot, side: SideThread, monkeypatch: pytest.MonkeyPatch
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


def test_what_is_dropped_is_not_heard_of_even_where_it_runs(qtbot: QtBot, side: SideThread) -> None:
    running, go_on, heard = threading.Event(), threading.Event(), []

    def slow() -> str:
        running.set()
        go_on.wait(5)
        return "slow"

    side.run(slow, heard.append, lambda _error: None)
    assert running.wait(5)
    side.run(lambda: "waiting", heard.append, lambda _error: None)
    side.drop_all()
    go_on.set()
    side.run(lambda: "later", heard.append, lambda _error: None)
    qtbot.wait_until(lambda: bool(heard))
    assert heard == ["later"]


@pytest.mark.usefixtures("qapp")
def test_closing_ends_the_thread_also_while_paused(side: SideThread) -> None:
    side.set_paused(True)
    side.run(lambda: None, lambda _answer: None, lambda _error: None)
    side.close(wait_s=1)
    assert "foveola-test" not in {thread.name for thread in threading.enumerate()}
