"""The attention session: a worker an encoder and slide, none for heads and modes; the dead are ignored."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.fields import small_field
from tests.ui.fake_relevance import FakeClient
from viewer.common.settings import Settings
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.worker import strings as worker_strings
from viewer.relevance.worker.messages import Failed, Note, Progress, WorkerDied
from viewer.ui.overlays.attention_session import AttentionChoice, AttentionSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView
    from viewer.slide.formats.array import ArraySource

SALIENCY = AttentionChoice("saliency")
HIPT = AttentionChoice("hipt")


@pytest.fixture
def clients() -> list[FakeClient]:
    return []


@pytest.fixture
def session(fake_view: FakeSlideView, clients: list[FakeClient]) -> Iterator[AttentionSession]:
    def make(on_event: Callable[[object], None]) -> FakeClient:
        clients.append(FakeClient(on_event))
        return clients[-1]

    session = AttentionSession(fake_view, Settings.default(), make_client=make)  # type: ignore[arg-type]
    yield session
    session.close()
    assert all(client.closed for client in clients if client.requests)


@pytest.fixture
def opened(
    session: AttentionSession, fake_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> AttentionSession:
    """A session on a slide of known pixel size."""
    fake_view.show_source(make_source(mpp_um=(0.5, 0.5)))
    return session


def recorded(signal: Any) -> list[Any]:
    """What a signal emits from now on."""
    values: list[Any] = []
    signal.connect(lambda *emitted: values.append(emitted[0] if emitted else None))
    return values


def test_nothing_starts_before_attention_is_shown(
    opened: AttentionSession, fake_view: FakeSlideView, clients: list[FakeClient]
) -> None:
    opened.show(None)
    fake_view.set_mpp_um((0.4, 0.4))
    assert clients == []
    opened.show(SALIENCY)
    assert clients[0].requests[0] == ("open", (0.4, 0.4), False, "saliency")
    assert opened.running


def test_what_is_known_comes_as_a_layer_and_with_what_it_was_made_for(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    opened.show(SALIENCY)
    with qtbot.wait_signal(opened.layer_made) as made:
        clients[0].attend(200)
    layer, choice = made.args or (None, None)
    assert choice == SALIENCY
    assert layer.scores[0, 0] == 206  # the mean of the attention that 200 and 210 stand for
    assert layer.known[0, 0]
    assert not layer.known[-1, -1]
    assert layer.estimated[-1, -1]
    assert layer.levels.tokens[0, 0] == 200


def test_heads_and_modes_draw_anew_and_start_no_worker(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    opened.show(HIPT)
    with qtbot.wait_signal(opened.layer_made):
        clients[0].attend(200)
    second = replace(HIPT, patch_head=1)
    with qtbot.wait_signal(opened.layer_made) as made:
        opened.show(second)
    layer, choice = made.args or (None, None)
    assert (layer.scores[0, 0], choice) == (210, second)
    ranks = replace(second, mode="blend")
    with qtbot.wait_signal(opened.layer_made) as made:
        opened.show(ranks)
    layer, choice = made.args or (None, None)
    assert choice == ranks
    assert layer.scores[0, 0] == 127  # all get the same, so all are in the middle
    assert len(clients) == 1


def test_overlapping_patches_are_requested_of_the_present_worker_and_of_the_next(
    opened: AttentionSession, clients: list[FakeClient]
) -> None:
    opened.show(SALIENCY)
    assert not [words for words in clients[0].requests if words[0] == "overlap"]
    for merge in ("mean", "max", None, "mean"):
        opened.show(replace(SALIENCY, overlap=merge))
        assert clients[0].requests[-1] == ("overlap", merge)
    opened.show(replace(SALIENCY, overlap="mean", mode="blend"))
    assert clients[0].requests.count(("overlap", "mean")) == 2, "once for each time it was chosen"
    opened.show(replace(HIPT, overlap="mean"))
    assert ("overlap", "mean") in clients[1].requests


def test_another_encoder_gets_a_worker_of_its_own_and_the_layer_goes(
    opened: AttentionSession, clients: list[FakeClient]
) -> None:
    began = recorded(opened.began)
    opened.show(SALIENCY)
    assert len(began) == 1
    layers = recorded(opened.layer_made)
    opened.show(replace(SALIENCY, mode="blend"))
    assert len(began) == 1, "another mode is no other analysis"
    opened.show(HIPT)
    assert layers == [None]
    assert len(began) == 2
    assert clients[0].closed
    assert clients[1].requests[0][3] == "hipt"
    opened.show(None)
    assert clients[1].closed
    assert not opened.running


def test_the_levels_that_the_encoder_compares_are_there_with_the_layer(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    levels: list[tuple[str, ...]] = []
    opened.layer_made.connect(lambda *_: levels.append(opened.levels))
    opened.show(HIPT)
    with qtbot.wait_signal(opened.layer_made):
        clients[0].attend(levels=("patch", "token"))
    opened.show(SALIENCY)
    assert levels == [(), ("patch", "token"), ()], "nothing is known of another analysis"


def test_another_slide_or_pixel_size_begins_anew(
    opened: AttentionSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.show(SALIENCY)
    fake_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    fake_view.set_mpp_um((0.25, 0.25), estimated=True)
    assert [client.requests[0][1:3] for client in clients] == [
        ((0.5, 0.5), False),
        ((1.0, 1.0), False),
        ((0.25, 0.25), True),
    ]
    assert [client.closed for client in clients] == [True, True, False]
    fake_view.show_source(None)
    assert clients[2].closed


def test_what_a_worker_given_up_says_is_not_recorded(
    qtbot: QtBot,
    opened: AttentionSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.show(SALIENCY)
    clients[0].attend()
    fake_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    layers, failed = recorded(opened.layer_made), recorded(opened.failed)
    clients[0].send_event(Note("of the slide before"))
    clients[0].send_event(Failed("too late"))
    clients[1].send_event(Note("of this slide"))
    qtbot.wait_until(lambda: opened.notes == ("of this slide",))
    assert (layers, failed) == ([], [])
    assert opened.running


def test_notes_are_those_of_this_slide_each_once(
    qtbot: QtBot,
    opened: AttentionSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    opened.show(HIPT)
    for words in ("no level of slides", "no stain", "no level of slides"):
        clients[0].send_event(Note(words))
    clients[0].send_event(Progress(1, 10, 0, None, False))
    with qtbot.wait_signal(opened.progressed):
        pass
    assert opened.notes == ("no level of slides", "no stain")
    opened.show(replace(HIPT, token_head=1))
    assert opened.notes == ("no level of slides", "no stain")
    fake_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    assert opened.notes == ()


def test_without_a_pixel_size_it_is_requested_and_attention_waits(
    session: AttentionSession,
    fake_view: FakeSlideView,
    make_source: Callable[..., ArraySource],
    clients: list[FakeClient],
) -> None:
    wanted, began = recorded(session.pixel_size_missing), recorded(session.began)
    fake_view.show_source(make_source())
    assert wanted == []
    session.show(SALIENCY)
    assert (len(wanted), clients, began) == (1, [], [])
    fake_view.set_mpp_um((0.4, 0.4), estimated=True)
    assert clients[0].requests[0] == ("open", (0.4, 0.4), True, "saliency")
    fake_view.show_source(make_source())
    assert (len(wanted), len(clients)) == (2, 1)


def test_a_pixel_size_that_cannot_be_right_is_reported(
    session: AttentionSession, fake_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> None:
    failed, began = recorded(session.failed), recorded(session.began)
    fake_view.show_source(make_source(mpp_um=(1e6, 1e6)))
    session.show(SALIENCY)
    assert began == []
    assert [bool(re.fullmatch(pattern(worker_strings.BAD_PIXEL_SIZE), words)) for words in failed] == [True]
    assert not session.running


def test_a_failure_ends_the_worker_and_what_is_chosen_next_starts_another(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    failed, progress = recorded(opened.failed), recorded(opened.progressed)
    opened.show(HIPT)
    clients[0].send_event(Failed("the weights hold no numbers"))
    qtbot.wait_until(lambda: failed == ["the weights hold no numbers"])
    assert clients[0].closed
    assert progress == [None]
    opened.show(replace(HIPT, mode="blend"))
    assert len(clients) == 2
    assert opened.running


def test_a_worker_that_starts_again_is_kept_and_one_that_does_not_is_closed(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    failed = recorded(opened.failed)
    opened.show(HIPT)
    clients[0].send_event(WorkerDied("it died and starts again", True))
    qtbot.wait_until(lambda: failed == ["it died and starts again"])
    assert opened.running
    clients[0].send_event(WorkerDied("it died again", False))
    qtbot.wait_until(lambda: failed[1:] == ["it died again"])
    assert clients[0].closed
    assert not opened.running
    opened.show(HIPT)
    assert len(clients) == 2


def test_a_layer_that_cannot_be_made_is_reported_and_the_next_one_comes(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    opened.show(replace(HIPT, token_head=7))
    with qtbot.wait_signal(opened.failed) as failed:
        clients[0].attend()
    assert "there is no head 8" in str(failed.args)
    with qtbot.wait_signal(opened.layer_made):
        opened.show(HIPT)


def test_the_analysis_is_held_and_goes_on(opened: AttentionSession, clients: list[FakeClient]) -> None:
    opened.set_paused(True)  # there is no worker yet
    opened.show(SALIENCY)
    opened.set_paused(True)
    opened.set_paused(False)
    assert clients[0].requests[-2:] == [("paused", True), ("paused", False)]


def test_nothing_is_received_after_the_end(
    qtbot: QtBot, opened: AttentionSession, clients: list[FakeClient]
) -> None:
    opened.show(SALIENCY)
    failed = recorded(opened.failed)
    opened.close()
    assert clients[0].closed
    clients[0].attend()
    clients[0].send_event(Failed("too late"))
    qtbot.wait(50)
    assert failed == []


def test_the_query_of_the_search_decides_what_is_analysed_first(
    opened: AttentionSession, fake_view: FakeSlideView, clients: list[FakeClient]
) -> None:
    assert fake_view.source is not None
    pyramid = fake_view.source.pyramid
    elsewhere = small_field()
    grid = PatchGrid.over(pyramid.width, pyramid.height, (0.5, 0.5))
    scores = np.zeros(grid.shape, np.float32)
    opened.set_relevance(RelevanceField.of(grid, scores, scores == 0, elsewhere.provenance))
    opened.show(SALIENCY)
    assert ("relevance", grid.shape) in clients[0].requests, "what was asked before counts too"
    opened.set_relevance(None)
    assert clients[0].requests[-1] == ("relevance", None)
    opened.set_relevance(elsewhere)
    assert clients[0].requests[-1] == ("relevance", None), "another slide's answer says nothing of this one"


def test_the_worker_receives_the_viewport(
    qtbot: QtBot, opened: AttentionSession, fake_view: FakeSlideView, clients: list[FakeClient]
) -> None:
    with qtbot.wait_exposed(fake_view):
        fake_view.show()
    opened.show(SALIENCY)
    fake_view.go_to(100, 100)
    qtbot.wait_until(lambda: ("viewport",) in clients[0].requests)
    fake_view.hide()
