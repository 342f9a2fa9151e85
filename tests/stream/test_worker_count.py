"""How many tiles are decoded at once: the cores the process may use but one, which is the GUI's."""

from __future__ import annotations

import os

import pytest

from viewer.stream.streamer import default_worker_count


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (8, 7)])
def test_is_the_cores_the_process_may_use_but_one(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)), raising=False)
    assert default_worker_count() == workers


@pytest.mark.parametrize(("cores", "workers"), [(None, 1), (1, 1), (8, 7)])
def test_counts_all_cores_where_the_system_does_not_say(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert default_worker_count() == workers
