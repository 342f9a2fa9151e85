"""viewer.stream.streamer: the best wanted tile first, stale work dropped, no failure that stops the rest."""

from __future__ import annotations

import logging
import threading

import pytest

from tests.stream.held_slides import (
    KEYS,
    PATIENCE_S,
    TILE_BYTES,
    TILE_PX,
    Arrivals,
    FakeSource,
    load,
    streaming,
)
from viewer.slide.source import TileError, TileNotReadyError
from viewer.stream import streamer as streamer_module
from viewer.stream.streamer import TileState

A, B, C, D, E, F = KEYS[:6]


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


class TestOrder:
    def test_tiles_are_read_in_the_order_of_the_wanted_list(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        wanted = [D, A, C, B, F, E]
        with streaming(source, arrivals) as streamer:
            load(streamer, arrivals, *wanted)
        assert source.asked == wanted

    def test_a_new_list_replaces_the_old_one(self, source: FakeSource, arrivals: Arrivals) -> None:
        """What is no longer wanted is never read; what is being read lands in memory all the same."""
        with streaming(source, arrivals) as streamer:
            source.hold(A)
            streamer.request([A, B, C])
            source.wait_requested(A)
            streamer.request([D, C], urgent=2)
            assert streamer.queue_length == 2
            source.let_go()
            arrivals.wait_for(2)
            assert source.asked == [A, D, C]
            assert streamer.has(A)

    def test_an_empty_list_stops_all_reads_but_the_present_one(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        with streaming(source, arrivals) as streamer:
            source.hold(A)
            streamer.request(KEYS)
            source.wait_requested(A)
            streamer.request([])
            assert streamer.queue_length == 0
            source.let_go()
            load(streamer, arrivals, F)
        assert source.asked == [A, F]

    def test_nothing_is_read_twice(self, source: FakeSource, arrivals: Arrivals) -> None:
        """Neither what is in memory, nor what is being read, nor what a list names twice."""
        with streaming(source, arrivals) as streamer:
            load(streamer, arrivals, A)
            source.hold(B)
            streamer.request([B])
            source.wait_requested(B)
            streamer.request([A, B, C, C, D], urgent=5)
            assert streamer.queue_length == 3, "A is in memory, B is being read"
            source.let_go()
            arrivals.wait_for(4)
        assert source.asked == [A, B, C, D]

    @pytest.mark.parametrize(("moving", "at_once"), [(True, 2), (False, 3)])
    def test_no_more_is_in_flight_than_there_are_workers(
        self, source: FakeSource, arrivals: Arrivals, moving: bool, at_once: int
    ) -> None:
        """And one more while the view rests, when the GUI thread leaves its core."""
        with streaming(source, arrivals, workers=2) as streamer:
            streamer.set_moving(moving)
            source.hold(*KEYS)
            streamer.request(KEYS, urgent=len(KEYS))
            source.wait_requested(*KEYS[:at_once])
            assert streamer.in_flight == at_once
            assert streamer.queue_length == len(KEYS) - at_once
            source.let_go()
            arrivals.wait_for(len(KEYS))
            assert streamer.in_flight == 0
        assert source.most_at_once <= at_once

    def test_a_view_that_comes_to_rest_lets_one_more_tile_be_read(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        with streaming(source, arrivals) as streamer:
            source.hold(A, B)
            streamer.request([A, B])
            source.wait_requested(A)
            streamer.set_moving(False)
            source.wait_requested(A, B)


class TestMemory:
    def test_a_tile_that_came_in_is_ready_with_its_mips(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals) as streamer:
            assert streamer.ready(C) is None
            assert not streamer.has(C)
            load(streamer, arrivals, C)
            tile = streamer.ready(C)
            assert tile is not None
            assert [mip.shape for mip in tile.mips] == [(8, 8, 4), (4, 4, 4)]
            assert all((mip == 20).all() for mip in tile.mips)
            assert streamer.has(C)
            assert (streamer.cache_tiles, streamer.cache_nbytes) == (1, TILE_BYTES)

    def test_tiles_not_used_for_longest_make_room(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals, tiles=2) as streamer:
            load(streamer, arrivals, A, B)
            assert streamer.ready(A) is not None
            load(streamer, arrivals, C)
            assert [streamer.has(key) for key in (A, B, C)] == [True, False, True]

    def test_pinned_tiles_stay(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals, tiles=2, pinned=[A]) as streamer:
            source.wait_requested(A)  # nobody has wanted it
            for key in (B, C, D):
                load(streamer, arrivals, key)
            assert [key for key in KEYS if streamer.has(key)] == [A, D]
            streamer.resize_cache(0)
            assert streamer.has(A)

    def test_a_smaller_cache_forgets_at_once(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals) as streamer:
            load(streamer, arrivals, A, B, C)
            streamer.resize_cache(TILE_BYTES)
            assert [key for key in KEYS if streamer.has(key)] == [C]


class TestArrivals:
    def test_only_tiles_for_the_screen_are_announced(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals) as streamer:
            source.hold(E)
            streamer.request([A, B, C, D, E], urgent=2)
            source.wait_requested(E)
            assert all(streamer.has(key) for key in (A, B, C, D))
            arrivals.wait_for(2)
        assert arrivals.count == 2

    def test_what_is_left_for_the_screen_is_counted(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals) as streamer:
            load(streamer, arrivals, A)
            source.hold(B, C)
            streamer.request([A, B, C, D], urgent=3)
            assert streamer.urgent_left == 2
            source.let_go(B)
            source.wait_requested(C)
            assert streamer.urgent_left == 1
            streamer.request([D], urgent=1)
            assert streamer.urgent_left == 1
            source.let_go()
            arrivals.wait_for(3)
            assert streamer.urgent_left == 0
        assert arrivals.count == 3, "C fell out of the list while it was read: it is for the screen no longer"

    def test_a_tile_requested_ahead_that_becomes_urgent_while_it_is_read_is_announced(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        with streaming(source, arrivals) as streamer:
            source.hold(A)
            streamer.request([A])
            source.wait_requested(A)
            streamer.request([A], urgent=1)
            source.let_go()
            arrivals.wait_for(1)

    def test_a_listener_that_fails_costs_no_worker(
        self, source: FakeSource, arrivals: Arrivals, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken_once() -> None:
            arrivals()
            if arrivals.count == 1:
                raise RuntimeError("the window is gone")

        with streaming(source, broken_once) as streamer:
            load(streamer, arrivals, A)
            load(streamer, arrivals, B, C, D)
        assert "the window is gone" in caplog.text


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            TileError("cut short"),
            ValueError("a bug"),
            OSError("share gone"),
            MemoryError(),
            ZeroDivisionError(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_a_tile_that_cannot_be_read_is_marked_counted_and_logged_and_the_rest_goes_on(
        self, source: FakeSource, arrivals: Arrivals, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        source.errors[A] = error
        with caplog.at_level(logging.WARNING), streaming(source, arrivals) as streamer:
            load(streamer, arrivals, A, B, C)
            marked, good = streamer.ready(A), streamer.ready(B)
            assert marked is not None
            assert good is not None
            assert (marked.failed, good.failed) == (True, False)
            assert marked.mips[0].shape == (TILE_PX, TILE_PX, 4)
            assert streamer.failed_count == 1
            assert [streamer.state(key) for key in (A, B)] == [TileState.FAILED, TileState.READY]
        assert str(tuple(A)) in caplog.text
        assert str(error) in caplog.text

    def test_a_slide_that_fails_throughout_does_not_fill_the_log(
        self, source: FakeSource, arrivals: Arrivals, caplog: pytest.LogCaptureFixture
    ) -> None:
        source.errors |= dict.fromkeys(KEYS, TileError("share gone"))
        with caplog.at_level(logging.WARNING), streaming(source, arrivals) as streamer:
            load(streamer, arrivals, *KEYS)
            for _ in range(5):
                streamer.retry_failed()
                load(streamer, arrivals, *KEYS)
            assert streamer.failed_count == len(KEYS)
        assert len(caplog.records) == 10 < 6 * len(KEYS)

    def test_a_failed_tile_is_read_again_only_on_request(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        source.errors[A] = TileError("share gone")
        with streaming(source, arrivals) as streamer:
            load(streamer, arrivals, A)
            load(streamer, arrivals, B)
            streamer.request([A], urgent=1)
            assert (streamer.urgent_left, streamer.queue_length) == (0, 0)

            source.errors.clear()
            streamer.retry_failed()
            assert (streamer.failed_count, streamer.state(A)) == (0, TileState.WAITING)
            load(streamer, arrivals, A)
            assert streamer.state(A) is TileState.READY
        assert source.asked == [A, B, A]

    def test_a_failed_tile_that_left_memory_and_can_be_read_now_has_not_failed(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        source.errors[A] = TileError("share gone")
        with streaming(source, arrivals, tiles=1) as streamer:
            load(streamer, arrivals, A)
            load(streamer, arrivals, B)
            assert (streamer.has(A), streamer.state(A), streamer.failed_count) == (False, TileState.FAILED, 1)
            source.errors.clear()
            load(streamer, arrivals, A)
            assert (streamer.state(A), streamer.failed_count) == (TileState.READY, 0)

    def test_a_tile_that_is_being_built_is_no_failure_and_is_requested_again_with_the_next_list(
        self, source: FakeSource, arrivals: Arrivals
    ) -> None:
        source.errors[A] = TileNotReadyError("level 3 is being built")
        with streaming(source, arrivals) as streamer:
            streamer.request([A, B], urgent=2)
            arrivals.wait_for(1)
            assert streamer.state(A) is TileState.BUILDING
            assert (streamer.has(A), streamer.failed_count, arrivals.count) == (False, 0, 1)
            streamer.request([])
            assert streamer.state(A) is TileState.WAITING

            source.errors.clear()
            load(streamer, arrivals, A)
            assert streamer.state(A) is TileState.READY
        assert source.asked == [A, B, A]


def test_states_follow_a_tile_from_wish_to_memory(source: FakeSource, arrivals: Arrivals) -> None:
    with streaming(source, arrivals) as streamer:
        assert streamer.state(A) is TileState.WAITING, "nobody wants it"
        source.hold(A, B)
        streamer.request([A, B], urgent=2)
        source.wait_requested(A)
        assert (streamer.state(A), streamer.state(B)) == (TileState.DECODING, TileState.WAITING)
        source.let_go()
        arrivals.wait_for(2)
        assert (streamer.state(A), streamer.state(B)) == (TileState.READY, TileState.READY)


class TestClose:
    def test_ends_every_thread_and_drops_the_queue(self, source: FakeSource, arrivals: Arrivals) -> None:
        before = set(threading.enumerate())
        with streaming(source, arrivals, workers=3) as streamer:
            started = set(threading.enumerate()) - before
            assert len(started) == 4, "one more than workers, for a view at rest"
            source.hold(*KEYS)
            streamer.request(KEYS)
            source.wait_requested(*KEYS[:3])
        assert not set(threading.enumerate()) & started
        assert streamer.queue_length == 0
        assert len(source.asked) == 3

    def test_says_whether_a_read_outlasts_its_patience(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals) as streamer:
            source.hold(A)
            streamer.request([A], urgent=1)
            source.wait_requested(A)
            assert not streamer.close(timeout_s=0.0)
            source.let_go()
            assert streamer.close(PATIENCE_S)
        assert arrivals.count == 0, "nobody is told of a tile that comes in after closing"

    def test_closing_twice_is_allowed(self, source: FakeSource, arrivals: Arrivals) -> None:
        with streaming(source, arrivals) as streamer:
            assert streamer.close(PATIENCE_S)
            assert streamer.close(PATIENCE_S)


class TestWorkerCount:
    def test_is_what_a_streamer_uses_by_default(
        self, monkeypatch: pytest.MonkeyPatch, source: FakeSource, arrivals: Arrivals
    ) -> None:
        monkeypatch.setattr(streamer_module, "default_worker_count", lambda: 3)
        with streaming(source, arrivals, workers=0) as streamer:
            source.hold(*KEYS)
            streamer.request(KEYS)
            source.wait_requested(*KEYS[:3])
            assert streamer.in_flight == 3
