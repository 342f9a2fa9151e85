"""Slides whose tiles wait for a network: fetching and decoding have threads of their own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.stream.held_slides import KEYS, PATIENCE_S, Arrivals, FarSource, load, streaming
from viewer.slide.source import TileError, TileNotReadyError
from viewer.stream import streamer as streamer_module
from viewer.stream.streamer import Streamer, TileState

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B, C, D = KEYS[:4]


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
def far() -> FarSource:
    return FarSource()


def test_many_tiles_are_fetched_at_once_while_the_decoding_threads_stay_free(
    far: FarSource, arrivals: Arrivals
) -> None:
    with streaming(far, arrivals) as streamer:
        waiting = KEYS[:-1]
        far.hold(*waiting)
        streamer.request(KEYS, urgent=len(KEYS))
        far.wait_requested(*KEYS)
        arrivals.wait_for(1)
        assert streamer.state(KEYS[-1]) is TileState.READY, "one worker, and eleven tiles on their way"
        assert {streamer.state(key) for key in waiting} == {TileState.FETCHING}
        assert (streamer.in_flight, streamer.queue_length) == (0, len(waiting))
        far.let_go()
        arrivals.wait_for(len(KEYS))
        tile = streamer.ready(C)
        assert tile is not None
        assert (tile.mips[0] == 20).all()
    assert sorted(far.asked) == sorted(far.decoded) == KEYS


def test_no_more_is_fetched_at_once_than_there_are_fetchers(
    far: FarSource, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamer_module, "FETCHERS", 3)
    with streaming(far, arrivals) as streamer:
        far.hold(*KEYS)
        streamer.request(KEYS, urgent=len(KEYS))
        far.wait_requested(A, B, C)
        assert len(far.asked) == 3
        far.let_go()
        arrivals.wait_for(len(KEYS))
    assert far.most_at_once == 3


def test_fetching_pauses_while_what_was_fetched_waits_to_be_decoded(
    far: FarSource, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamer_module, "FETCHERS", 2)
    with streaming(far, arrivals) as streamer:
        far.may_decode.clear()
        streamer.request(KEYS, urgent=len(KEYS))
        far.wait_requested(A, B, C)
        time.sleep(0.2)  # more would be asked for by now, were there no bound
        assert len(far.asked) <= 5, "one is decoded, two wait, two were on their way"
        far.may_decode.set()
        arrivals.wait_for(len(KEYS))


@pytest.fixture
def three_fetched(far: FarSource, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streamer]:
    """A is being decoded; B, C and D were fetched and wait for it; others are on their way."""
    monkeypatch.setattr(streamer_module, "FETCHERS", 4)
    with streaming(far, arrivals) as streamer:
        far.may_decode.clear()
        far.hold(*KEYS[4:])
        streamer.request([A])
        far.wait_requested(A)
        while not far.decoded:
            time.sleep(0.001)
        streamer.request([B, C, D, *KEYS[4:]])
        far.wait_requested(*KEYS[:8])  # each thread puts down what it fetched before it asks for more
        yield streamer


def test_the_best_wanted_of_the_fetched_tiles_is_decoded_first(
    far: FarSource, arrivals: Arrivals, three_fetched: Streamer
) -> None:
    three_fetched.request([D, B, C], urgent=3)
    far.may_decode.set()
    arrivals.wait_for(3)
    assert far.decoded == [A, D, B, C]


def test_what_was_fetched_and_is_wanted_no_more_is_dropped(
    far: FarSource, arrivals: Arrivals, three_fetched: Streamer
) -> None:
    """Whether it waits to be decoded or comes in later."""
    three_fetched.request([D], urgent=1)
    assert [three_fetched.state(key) for key in (B, C)] == [TileState.WAITING] * 2
    far.may_decode.set()
    arrivals.wait_for(1)
    far.let_go()
    load(three_fetched, arrivals, B)
    assert three_fetched.close(PATIENCE_S)
    assert far.decoded == [A, D, B]
    assert far.asked.count(B) == 2


def test_a_tile_wanted_again_before_it_comes_in_is_kept_and_fetched_once(
    far: FarSource, arrivals: Arrivals
) -> None:
    with streaming(far, arrivals) as streamer:
        far.hold(A)
        streamer.request([A])
        far.wait_requested(A)
        streamer.request([])
        streamer.request([A], urgent=1)
        far.let_go()
        arrivals.wait_for(1)
    assert far.asked == far.decoded == [A]


def test_a_tile_named_twice_is_fetched_once(far: FarSource, arrivals: Arrivals) -> None:
    with streaming(far, arrivals) as streamer:
        far.hold(A)
        streamer.request([A, A, B], urgent=3)
        far.wait_requested(A, B)
        far.let_go()
        arrivals.wait_for(2)
    assert sorted(far.asked) == [A, B]


def test_pinned_tiles_are_kept_whatever_is_wanted(far: FarSource) -> None:
    far.hold(A)
    arrivals = Arrivals()
    with streaming(far, arrivals, pinned=[A]) as streamer:
        far.wait_requested(A)
        load(streamer, arrivals, B)
        far.let_go()
        load(streamer, arrivals, C)
        while not streamer.has(A):
            time.sleep(0.001)


@pytest.mark.parametrize("error", [TileError("cut short"), OSError("lost"), ValueError("a bug")])
def test_a_tile_that_cannot_be_fetched_is_marked_counted_and_logged(
    far: FarSource, arrivals: Arrivals, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    far.errors[A] = error
    with streaming(far, arrivals) as streamer:
        load(streamer, arrivals, A, B)
        assert [streamer.state(key) for key in (A, B)] == [TileState.FAILED, TileState.READY]
        assert streamer.failed_count == 1
    assert str(error) in caplog.text
    assert far.decoded == [B]


def test_a_tile_that_is_being_built_is_no_failure(far: FarSource, arrivals: Arrivals) -> None:
    far.errors[A] = TileNotReadyError("level 3 is being built")
    with streaming(far, arrivals) as streamer:
        streamer.request([A, B], urgent=2)
        arrivals.wait_for(1)
        while streamer.state(A) is not TileState.BUILDING:
            time.sleep(0.001)
        assert streamer.failed_count == 0


def test_closing_ends_the_threads_of_both_stages(far: FarSource, arrivals: Arrivals) -> None:
    before = set(threading.enumerate())
    with streaming(far, arrivals, workers=3) as streamer:
        started = set(threading.enumerate()) - before
        assert len(started) == 4 + streamer_module.FETCHERS
        far.hold(*KEYS)
        streamer.request(KEYS)
        far.wait_requested(*KEYS)
    assert not set(threading.enumerate()) & started
