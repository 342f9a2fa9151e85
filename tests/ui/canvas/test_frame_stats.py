"""viewer.ui.canvas.frame_stats: durations of recent frames, and frames in the last second."""

from __future__ import annotations

import pytest

from viewer.ui.canvas import frame_stats
from viewer.ui.canvas.frame_stats import FrameClock


def clock_of(*durations_ms: float, length: int = 120) -> FrameClock:
    clock = FrameClock(length)
    for index, duration_ms in enumerate(durations_ms):
        clock.add(float(index), index + duration_ms / 1e3)
    return clock


def test_before_the_first_frame_all_is_zero() -> None:
    clock = FrameClock()
    assert (clock.last_ms, clock.fps, clock.percentile_ms(0.5)) == (0, 0, 0)


def test_durations_are_in_milliseconds() -> None:
    clock = clock_of(3, 7, 5)
    assert clock.last_ms == pytest.approx(5)
    assert clock.percentile_ms(0.5) == pytest.approx(5)


@pytest.mark.parametrize(("share", "duration_ms"), [(0.0, 1), (0.5, 51), (0.95, 96), (1.0, 100)])
def test_a_percentile_is_what_that_share_of_frames_did_not_exceed(share: float, duration_ms: float) -> None:
    assert clock_of(*range(100, 0, -1)).percentile_ms(share) == pytest.approx(duration_ms)


def test_only_the_last_frames_count() -> None:
    assert clock_of(500, 1, 2, 3, length=3).percentile_ms(1.0) == pytest.approx(3)


def test_frames_of_the_last_second_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FrameClock()
    for index in range(30):
        clock.add(index * 0.1, index * 0.1 + 0.01)
    monkeypatch.setattr(frame_stats, "perf_counter", lambda: 2.95)
    assert clock.fps == 10
    monkeypatch.setattr(frame_stats, "perf_counter", lambda: 100.0)
    assert clock.fps == 0
