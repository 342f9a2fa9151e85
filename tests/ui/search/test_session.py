"""The session: questions go out once, late answers are ignored, and everything ends with the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.fake_relevance import FakeClient
from viewer.common.settings import Settings
from viewer.relevance.encoders.card import Reason
from viewer.relevance.query import strings as query_strings
from viewer.relevance.query.tree import Like, Term
from viewer.relevance.worker.messages import (
    Allocated,
    ComputingOn,
    Explained,
    Failed,
    Note,
    Progress,
    Refused,
    TermsMatched,
    WorkerDied,
)
from viewer.ui.canvas.viewport_report import send_viewport
from viewer.ui.search import strings
from viewer.ui.search.search_state import Example, Explanation
from viewer.ui.search.session import RelevanceSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView
    from viewer.slide.formats.array import ArraySource


@pytest.fixture
def clients() -> list[FakeClient]:
    return []


@pytest.fixture
def session(fake_view: FakeSlideView, clients: list[FakeClient]) -> Iterator[RelevanceSession]:
    def make(on_event: Callable[[object], None]) -> FakeClient:
        clients.append(FakeClient(on_event))
        return clients[-1]

    session = RelevanceSession(fake_view, Settings.default(), make_client=make)  # type: ignore[arg-type]
    yield session
    session.close()
    assert all(client.closed for client in clients)


@pytest.fixture
def opened(
    session: RelevanceSession, fake_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> RelevanceSession:
    """A session on a slide of known pixel size."""
    fake_view.show_source(make_source(mpp_um=(0.5, 0.5)))
    return session


def emitted(signal: Any) -> list[Any]:
    """The first argument, or None, of each emission of a signal from now on."""
    values: list[Any] = []
    signal.connect(lambda *arguments: values.append(arguments[0] if arguments else None))
    return values


def test_nothing_starts_before_something_is_asked(
    opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    assert clients == []
    opened.ask("fat")
    assert clients[0].requests[:2] == [
        ("open", (0.5, 0.5), False, "measured"),
        ("query", Term("fat", (("adipose_tissue", 1.0),))),
    ]
    opened.ask("blood")
    assert len(clients) == 1


def test_the_analysis_may_begin_early_once(opened: RelevanceSession, clients: list[FakeClient]) -> None:
    assert opened.begin()
    assert opened.begin()
    assert [words[0] for words in clients[0].requests] == ["open"]


def test_an_answer_brings_field_and_places(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    fields = emitted(opened.field_changed)
    opened.ask("fat")
    with qtbot.wait_signal(opened.hits_changed):
        clients[0].publish(1)
    assert len(fields) >= 1
    assert opened.field is clients[0].answer
    assert len(opened.hits) == 1
    assert opened.hits[0].score == pytest.approx(0.9)


def test_answers_to_an_earlier_question_are_ignored(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    opened.ask("blood")
    clients[0].publish(1)
    clients[0].send_event(Refused(1, "too late"))
    clients[0].send_event(Note("marker"))
    qtbot.wait_until(lambda: opened.notes[-1:] == ("marker",))
    assert opened.field is None
    assert opened.question.refused == ""


def test_changed_weights_are_sent_and_can_be_reset(
    opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    opened.set_weights(0, [("adipose_tissue", 0.5)])
    assert opened.question.edited
    assert clients[0].queries[-1] == Term("fat", (("adipose_tissue", 0.5),))
    opened.reset_weights()
    assert not opened.question.edited
    assert clients[0].queries[-1] == Term("fat", (("adipose_tissue", 1.0),))


def test_an_empty_text_ends_the_question_but_not_the_analysis(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    with qtbot.wait_signal(opened.hits_changed):
        clients[0].publish(1)
    opened.ask("  ")
    assert opened.question.query is None
    assert opened.field is None
    assert opened.hits == ()
    assert opened.running


def test_a_refused_question_requests_no_pixel_size(
    session: RelevanceSession, fake_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> None:
    requests = emitted(session.pixel_size_missing)
    fake_view.show_source(make_source())
    session.ask("KRAS mutation")
    assert session.question.refused
    assert requests == []


def test_without_a_pixel_size_it_is_requested_and_the_question_waits(
    session: RelevanceSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    requests = emitted(session.pixel_size_missing)
    fake_view.show_source(make_source())
    assert not session.begin()
    assert (clients, requests) == ([], [])
    session.ask("fat")
    assert len(requests) == 1
    assert clients == []
    fake_view.set_mpp_um((0.4, 0.4), estimated=True)
    assert clients[0].requests[0] == ("open", (0.4, 0.4), True, "measured")
    assert len(clients[0].queries) == 1
    assert len(requests) == 1


def test_another_slide_gets_its_own_worker_and_the_same_question(
    opened: RelevanceSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.ask("fat")
    fake_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    assert clients[0].closed
    assert clients[1].requests[0][1] == (1.0, 1.0)
    assert len(clients[1].queries) == 1
    fake_view.show_source(None)
    assert clients[1].closed
    assert not opened.running


def test_why_an_analysis_ended_goes_with_its_slide(
    opened: RelevanceSession, fake_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> None:
    opened.ask("fat")
    opened.stop()
    opened.clear()
    assert opened.end_reason == strings.STOPPED
    fake_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    assert opened.end_reason == ""


def test_examples_are_sent_and_go_with_their_slide(
    opened: RelevanceSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.ask("fat")
    opened.add_example(Example(frozenset({(0, 1)}), False, "there"))
    assert opened.question.query is None  # nothing to be like yet
    opened.add_example(Example(frozenset({(0, 0)}), True, "here"))
    assert clients[0].queries[-1] == Like(((0, 0),), ((0, 1),))
    fake_view.show_source(make_source(mpp_um=(0.5, 0.5)))
    assert opened.question.query is None


def test_a_patch_is_explained_part_by_part(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat without blood")
    with qtbot.wait_signal(opened.hits_changed):
        clients[0].publish(1)
    explanations = emitted(opened.explained)
    opened.explain_at(10, 10)
    assert isinstance(explanations[-1], Explanation)
    assert explanations[-1].score == pytest.approx(0.9)
    assert [part.term for part in explanations[-1].leaves] == ["fat", "without blood"]
    assert [words for words in clients[0].requests if words[0] == "explain"] == [
        ("explain", 0, 0, 0),
        ("explain", 1, 0, 0),
    ]
    reasons = (Reason("nuclear density", 11_900, "/mm²", 87, 0.5),)
    clients[0].send_event(Explained(0, 1, 5, 5, reasons))  # of another patch
    clients[0].send_event(Explained(0, 1, 0, 0, reasons))
    qtbot.wait_until(lambda: explanations[-1].leaves[1].reasons == reasons)
    assert explanations[-1].leaves[0].reasons is None


def test_what_is_not_analysed_has_no_score(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    with qtbot.wait_signal(opened.hits_changed):
        clients[0].publish(1)
    explanations = emitted(opened.explained)
    opened.explain_at(1999, 999)
    assert explanations[-1].score is None
    opened.explain_at(-5, 0)
    assert explanations[-1] is None


def test_a_refusal_leaves_the_field_not_analysed(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("lymphocytes")
    with qtbot.wait_signal(opened.question_changed):
        clients[0].send_event(Refused(1, "needs H&E"))
    assert opened.question.refused == "needs H&E"
    assert opened.field is None


def test_a_failure_ends_the_worker_and_is_reported(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    failed, ended = emitted(opened.failed), emitted(opened.ended)
    opened.ask("fat")
    clients[0].send_event(Failed("the slide cannot be read"))
    qtbot.wait_until(lambda: ended == ["the slide cannot be read"])
    assert failed == ["the slide cannot be read"]
    assert not opened.running
    opened.ask("fat")
    assert len(clients) == 2


def test_a_dead_worker_is_reported(qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]) -> None:
    failed = emitted(opened.failed)
    opened.ask("fat")
    clients[0].send_event(WorkerDied("it died and starts again", True))
    qtbot.wait_until(lambda: failed == ["it died and starts again"])
    assert opened.running
    clients[0].send_event(WorkerDied("it died again", False))
    qtbot.wait_until(lambda: failed[1:] == ["it died again"])
    assert not opened.running


def test_progress_pause_and_stop(qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]) -> None:
    ended = emitted(opened.ended)
    opened.ask("fat")
    clients[0].send_event(Progress(1, 10, 0, 5.0, False))
    qtbot.wait_until(lambda: opened.progress is not None)
    opened.set_paused(True)
    assert clients[0].requests[-1] == ("paused", True)
    opened.stop()
    assert clients[0].closed
    assert opened.progress is None
    assert ended == [strings.STOPPED]


def test_weights_steer_loading_unless_the_reader_does_not_want_it(
    qtbot: QtBot, opened: RelevanceSession, fake_view: FakeSlideView, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    clients[0].send_event(ComputingOn("Some card", "a test"))
    clients[0].send_event(Allocated())
    qtbot.wait_until(lambda: ("set_region_loads", 2.0) in fake_view.calls)
    assert fake_view.compute_device == "Some card"
    fake_view.calls.clear()
    opened.apply_settings(Settings.default().replace("relevance", steers_loading=False))
    assert fake_view.calls == [("set_region_loads", None)]
    clients[0].send_event(Allocated())
    clients[0].send_event(Note("marker"))
    qtbot.wait_until(lambda: opened.notes[-1:] == ("marker",))
    assert fake_view.calls == [("set_region_loads", None)]


def test_another_encoder_answers_the_same_question(
    opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    opened.apply_settings(Settings.default().replace("relevance", encoder="plip"))
    assert clients[0].closed
    assert clients[1].requests[0][3] == "plip"
    assert len(clients[1].queries) == 1


GREASY = (("greasy stuff", "fat"),)


def test_unknown_words_are_compared_by_their_meaning_and_what_is_found_is_offered(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("fat")
    with qtbot.wait_signal(opened.hits_changed):
        clients[0].publish(1)
    opened.ask("greasy stuff")
    assert clients[0].requests[-1] == ("match", ("greasy stuff",))
    assert opened.field is None  # that of "fat" does not stand under other words
    assert [problem.note for problem in opened.question.problems] == [False]
    assert opened.question.refused == strings.REFUSED
    assert "fat" not in opened.question.problems[0].nearest
    with qtbot.wait_signal(opened.question_changed):
        clients[0].send_event(TermsMatched(2, GREASY))
    assert clients[0].queries[-1] == Term("greasy stuff")
    (problem,) = opened.question.problems
    assert problem.nearest[0] == "fat"
    assert opened.question.refused


def test_words_that_are_like_nothing_are_sent_as_they_are(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("flurb")
    with qtbot.wait_signal(opened.question_changed):
        clients[0].send_event(TermsMatched(1, ()))
    assert clients[0].requests[-1] == ("query", Term("flurb"))
    assert opened.question.problems[0].sentence == query_strings.UNKNOWN_TERM.format(text="flurb")
    with qtbot.wait_signal(opened.question_changed):
        clients[0].send_event(Refused(2, "no words for it"))
    assert opened.question.refused == "no words for it"


def test_a_match_for_an_earlier_question_is_ignored(
    qtbot: QtBot, opened: RelevanceSession, clients: list[FakeClient]
) -> None:
    opened.ask("greasy stuff")
    opened.ask("blood")
    clients[0].send_event(TermsMatched(1, GREASY))
    clients[0].send_event(Note("marker"))
    qtbot.wait_until(lambda: opened.notes[-1:] == ("marker",))
    assert opened.question.text == "blood"
    opened.ask("greasy stuff")
    opened.clear()
    clients[0].send_event(TermsMatched(3, GREASY))
    clients[0].send_event(Note("end"))
    qtbot.wait_until(lambda: opened.notes[-1:] == ("end",))
    assert opened.question.query is None


def test_without_a_worker_unknown_words_get_the_usual_answer(
    session: RelevanceSession, clients: list[FakeClient]
) -> None:
    session.ask("flurb")
    assert clients == []
    assert session.question.problems[0].sentence == query_strings.UNKNOWN_TERM.format(text="flurb")
    assert session.question.refused == strings.REFUSED


def test_unknown_words_are_asked_again_of_another_slide_and_of_another_model(
    qtbot: QtBot,
    opened: RelevanceSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.ask("greasy stuff")
    with qtbot.wait_signal(opened.question_changed):
        clients[0].send_event(TermsMatched(1, GREASY))
    fake_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    assert [words for words in clients[1].requests if words[0] in ("query", "match")] == [
        ("query", Term("greasy stuff"))
    ]
    opened.apply_settings(Settings.default().replace("relevance", encoder="plip"))
    assert [words for words in clients[2].requests if words[0] in ("query", "match")] == [
        ("query", Term("greasy stuff"))
    ]
    assert (opened.question.problems, opened.question.refused) == ((), ""), "it reads any words"
    opened.apply_settings(Settings.default())
    assert opened.question.refused == strings.REFUSED
    assert ("match", ("greasy stuff",)) in clients[3].requests


def test_a_hand_that_holds_the_slide_moves_it(
    fake_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> None:
    fake_view.show_source(make_source(mpp_um=(0.5, 0.5)))
    client = FakeClient(print)
    assert not send_viewport(client, fake_view)  # type: ignore[arg-type]
    fake_view.canvas.hand.holding = True
    assert send_viewport(client, fake_view)  # type: ignore[arg-type]


def test_the_worker_is_sent_the_viewport(
    qtbot: QtBot, opened: RelevanceSession, fake_view: FakeSlideView, clients: list[FakeClient]
) -> None:
    with qtbot.wait_exposed(fake_view):
        fake_view.show()
    opened.ask("fat")
    fake_view.go_to(100, 100)
    fake_view.cursor_moved.emit((5.0, 6.0))
    qtbot.wait_until(lambda: ("viewport",) in clients[0].requests)
    assert opened.pointed_at == (5.0, 6.0)
    fake_view.cursor_moved.emit(None)
    assert opened.pointed_at == (100, 100)
    fake_view.hide()


def test_notes_go_with_their_slide(
    qtbot: QtBot,
    opened: RelevanceSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.ask("fat")
    clients[0].send_event(Note("no stain"))
    qtbot.wait_until(lambda: opened.notes == ("no stain",))
    fake_view.show_source(make_source())  # of unknown pixel size: no analysis begins
    assert opened.notes == ()
