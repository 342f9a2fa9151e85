"""The viewing stream: what is one record, what it says, how large it grows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from viewer.common.atomic_write import SaveError
from viewer.review.coverage import Display
from viewer.review.viewing_stream import Viewed, ViewingStream
from viewer.view.camera import View

if TYPE_CHECKING:
    from pathlib import Path

STEP_S = 0.1


def sample(at_s: float, *, x: float = 5000.0, is_moving: bool = False, magnification: float = 10.0) -> Viewed:
    shown = Display(View(x, 4000.0, 4.0, 0.5), (800.0, 600.0), 1.0, magnification, STEP_S, is_sharp=True)
    return Viewed("2026-11-30T10:00:00.000+00:00", at_s, is_moving, shown, 1.0)


def records(stream: ViewingStream) -> list[dict[str, Any]]:
    _head, *found = [json.loads(line) for line in stream.lines("ab" * 32, (20_000, 12_000))]
    return found


def test_a_rest_is_one_record_and_a_move_one_a_second() -> None:
    stream = ViewingStream()
    for step in range(50):
        stream.add(sample(step * STEP_S))
    for step in range(50, 80):
        stream.add(sample(step * STEP_S, x=5000.0 + 10 * step, is_moving=True))
    found = records(stream)
    assert [(each["event"], each["duration_s"]) for each in found] == [
        ("rest", 5.0), ("move", 1.0), ("move", 1.0), ("move", 1.0)
    ]  # fmt: skip
    assert found[0]["act"] == "inspect"
    assert [each.get("act") for each in found[1:]] == [None, "inspect", "inspect"]
    assert found[-1]["centre"][0] == 5790


def test_what_lies_apart_in_time_or_in_place_is_apart() -> None:
    stream = ViewingStream()
    stream.add(sample(0.0))
    stream.add(sample(60.0))  # nobody was there in between
    stream.add(sample(60.1, x=6000.0))
    stream.add(replace(sample(60.2, x=6000.0), overlays=("query",)))
    stream.add(replace(sample(60.3, x=6000.0), overlays=("query",), gaze=(6000.4, 4000.0)))
    found = records(stream)
    assert [each["duration_s"] for each in found] == [0.1] * 5
    assert found[3]["overlays"] == ["query"]
    assert found[4]["gaze"] == [6000, 4000]


def test_a_glance_at_40x_is_a_peek() -> None:
    stream = ViewingStream()
    stream.add(sample(0.0, magnification=39.9))
    (found,) = records(stream)
    assert found["act"] == "peek"
    assert found["rotation_deg"] == 28.6
    assert found["container"] == [800, 600]


def test_an_hour_of_moving_stays_below_1_mb() -> None:
    stream = ViewingStream()
    for step in range(36_000):
        stream.add(sample(step * STEP_S, x=5000.0 + step, is_moving=True))
    size_bytes = sum(len(line) + 1 for line in stream.lines("ab" * 32, (100_000, 100_000)))
    assert size_bytes < 1e6


def test_a_file_has_the_hash_of_the_slide_and_what_it_may_be_used_for(tmp_path: Path) -> None:
    stream = ViewingStream()
    stream.add(sample(0.0))
    stream.save(tmp_path / "viewing.jsonl", "ab" * 32, (20_000, 12_000))
    head, only = map(json.loads, (tmp_path / "viewing.jsonl").read_text().splitlines())
    assert head["slide"] == "ab" * 32
    assert head["records"] == 1
    assert head["note"] == "For Research Use Only. Not for use in diagnostic procedures."
    assert only["sharp"] is True
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(SaveError, match="folder"):
        stream.save(tmp_path / "folder.jsonl", "ab" * 32, (20_000, 12_000))
