"""The session without Qt: one worker a slide, late events dropped, notes once, restarts, and the end."""

from __future__ import annotations

import re
from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages import pattern
from tests.ui.fake_relevance import FakeClient
from viewer.relevance.worker import strings
from viewer.relevance.worker.messages import Failed, Note, Progress, WorkerDied
from viewer.relevance.worker.session import RetiredClients, Session, SessionCallbacks
from viewer.slide.geometry import Pyramid

if TYPE_CHECKING:
    from collections.abc import Callable

MPP_UM = (0.5, 0.5)


class Owner:
    """Who owns a session: a queue in the place of the GUI thread's, and what was called, in order."""

    def __init__(self) -> None:
        slide = SimpleNamespace(pyramid=Pyramid.from_sizes([(2000, 1000)], [(256, 256)]))
        self.view = SimpleNamespace(source=slide, mpp_um=MPP_UM, mpp_estimated=False)
        self.clients: list[FakeClient] = []
        self.called: list[tuple[Any, ...]] = []
        self.queue: deque[Callable[[], None]] = deque()
        self.moving = False
        self.session = Session(
            self.view,
            SessionCallbacks(
                began=lambda: self.called.append(("began",)),
                ended=lambda reason: self.called.append(("ended", reason)),
                failed=lambda reason: self.called.append(("failed", reason)),
                notes_changed=lambda: self.called.append(("notes", self.session.notes)),
                event=lambda event: self.called.append(("event", event)),
            ),
            post=self.queue.append,
            send_viewport=self._send,
            schedule_viewport=lambda: self.called.append(("viewport requested",)),
            make_client=self._make,  # type: ignore[arg-type]
        )

    def begin(self) -> bool:
        return self.session.begin("measured", store_bytes=1, threads=2)

    def run_queue(self) -> None:
        while self.queue:
            self.queue.popleft()()

    def _make(self, on_event: Callable[[object], None]) -> FakeClient:
        self.clients.append(FakeClient(on_event))
        return self.clients[-1]

    def _send(self, client: Any) -> bool:
        client.set_viewport()
        return self.moving


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_a_worker_is_started_once(owner: Owner) -> None:
    assert owner.begin()
    assert owner.begin()
    assert owner.clients[0].requests == [("open", MPP_UM, False, "measured")]
    assert owner.called == [("began",), ("viewport requested",)]


@pytest.mark.parametrize("missing", ["source", "mpp_um"])
def test_nothing_begins_without_a_slide_or_the_size_of_its_pixels(owner: Owner, missing: str) -> None:
    setattr(owner.view, missing, None)
    assert not owner.begin()
    assert (owner.clients, owner.called) == ([], [])


def test_a_pixel_size_that_cannot_be_right_is_said(owner: Owner) -> None:
    owner.view.mpp_um = (1e6, 1e6)
    assert not owner.begin()
    assert owner.session.client is None
    assert re.fullmatch(pattern(strings.BAD_PIXEL_SIZE), owner.called[0][1])


def test_events_come_in_the_owners_thread_and_only_those_of_the_present_worker(owner: Owner) -> None:
    owner.begin()
    owner.called.clear()
    progress = Progress(1, 10, 0, None, False)
    owner.clients[0].send_event(progress)
    assert owner.called == []
    owner.run_queue()
    assert owner.called == [("event", progress)]
    assert owner.session.progress == progress
    owner.clients[0].send_event(Note("of the slide before"))
    owner.session.forget()
    owner.begin()
    owner.run_queue()
    assert owner.session.notes == ()
    assert owner.session.progress is None


def test_notes_are_said_once_also_by_a_worker_that_starts_again(owner: Owner) -> None:
    owner.begin()
    for event in (Note("no stain"), WorkerDied("starts again", True), Note("no stain"), Note("slow")):
        owner.clients[0].send_event(event)
    owner.run_queue()
    assert owner.session.notes == ("no stain", "slow")
    assert [words[1] for words in owner.called if words[0] == "notes"] == [
        ("no stain",),
        ("no stain", "slow"),
    ]
    owner.session.forget()
    assert owner.session.notes == ()


def test_a_worker_that_starts_again_is_kept_and_one_that_does_not_is_retired(owner: Owner) -> None:
    owner.begin()
    owner.clients[0].send_event(WorkerDied("died", True))
    owner.run_queue()
    assert owner.session.client is not None
    assert owner.called[-1] == ("failed", "died")
    owner.clients[0].send_event(WorkerDied("died again", False))
    owner.run_queue()
    assert owner.session.client is None
    assert owner.called[-2:] == [("ended", "died again"), ("failed", "died again")]
    assert owner.clients[0].closed


def test_a_failure_ends_the_worker_and_another_may_begin(owner: Owner) -> None:
    owner.begin()
    owner.clients[0].send_event(Failed("no such file"))
    owner.run_queue()
    assert owner.called[-2:] == [("ended", "no such file"), ("failed", "no such file")]
    assert owner.begin()
    assert len(owner.clients) == 2


def test_the_viewport_is_sent_again_while_it_moves(owner: Owner) -> None:
    owner.session.viewport_due()  # nobody to tell
    owner.begin()
    owner.called.clear()
    owner.moving = True
    owner.session.viewport_due()
    owner.moving = False
    owner.session.viewport_due()
    assert owner.called == [("viewport requested",)]
    assert owner.clients[0].requests[-2:] == [("viewport",), ("viewport",)]


def test_a_stop_is_reported_once_and_the_analysis_is_held(owner: Owner) -> None:
    owner.session.set_paused(True)
    owner.begin()
    owner.session.set_paused(True)
    assert owner.clients[0].requests[-1] == ("paused", True)
    owner.session.stop("enough")
    owner.session.stop("enough")
    assert owner.called.count(("ended", "enough")) == 1


def test_the_end_calls_nobody(owner: Owner) -> None:
    owner.begin()
    owner.called.clear()
    owner.clients[0].send_event(Failed("too late"))
    owner.session.close()
    owner.run_queue()
    assert owner.clients[0].closed
    assert owner.called == []


def test_the_next_worker_waits_for_those_that_have_not_ended() -> None:
    retired = RetiredClients()
    slow, quick = FakeClient(print), FakeClient(print)
    slow.release = lambda: None  # type: ignore[method-assign]
    for client in (slow, quick):
        retired.add(client)  # type: ignore[arg-type]
    assert retired.running == (slow,)
    retired.close()
    assert slow.closed
    assert retired.running == ()
