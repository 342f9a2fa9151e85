"""Gaze from strangers: recordings are checked and bounded, trackers come and go."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages import pattern
from viewer.common.settings import Gaze
from viewer.view import gaze_recording as gaze_file
from viewer.view import strings
from viewer.view.gaze import GazeMoment, GazeOrPointer, GazePoint, NoGaze, PointerGaze
from viewer.view.gaze_lsl import LslGaze, NoTrackerError
from viewer.view.gaze_recording import GazeFileError, RecordedGaze
from viewer.view.gaze_selection import chosen_gaze

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.view.gaze import GazeSource


def at(now_s: float) -> GazeMoment:
    return GazeMoment(now_s, None, canvas_origin_px=(0.0, 0.0), display_px=(1000.0, 500.0))


def recording(folder: Path, text: str | bytes) -> Path:
    path = folder / "gaze.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_recording_plays_in_its_own_time(tmp_path: Path) -> None:
    text = "\ufefft_s,x,y,radius_deg\r\n100.0,0.1,0.2,2\n100.1,,,\n100.2,0.5,0.5,0\n\n102.0,1,1,1\n"
    gaze = RecordedGaze(recording(tmp_path, text))
    assert gaze.sample(at(7.0)) == GazePoint(100.0, 100.0, 2.0)
    assert gaze.sample(at(7.09)) == GazePoint(100.0, 100.0, 2.0)
    assert gaze.sample(at(7.15)) is None, "a blink"
    assert gaze.sample(at(7.3)) == GazePoint(500.0, 250.0, 0.0)
    assert gaze.sample(at(8.5)) is None, "a gap"
    assert gaze.sample(at(9.01)) == GazePoint(1000.0, 500.0, 1.0)
    assert gaze.sample(at(99.0)) is None, "the end"
    gaze.close()


def test_a_recording_without_radius_takes_the_given_one(tmp_path: Path) -> None:
    gaze = RecordedGaze(recording(tmp_path, "t_s,x,y\n0,0.5,0.5\n"), 3.0)
    assert gaze.sample(at(0.0)) == GazePoint(500.0, 250.0, 3.0)


def at_line(number: int, reason: str) -> str:
    return pattern(strings.BAD_LINE.replace("{error}", reason), line=number)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line"),
        ("x,y\n1,2\n", pattern(strings.FIRST_LINE)),
        ("t_s,x,y\n", pattern(strings.NO_SAMPLES)),
        ("t_s,x,y\n0,0.5\n", at_line(2, strings.VALUE_COUNT)),
        ("t_s,x,y\n0,a,0.5\n", at_line(2, "{python}")),
        ("t_s,x,y\n0,960,540\n", at_line(2, strings.NOT_SHARES)),
        ("t_s,x,y\n0,nan,0.5\n", at_line(2, strings.NOT_SHARES)),
        ("t_s,x,y\ninf,0,0.5\n", at_line(2, strings.TIME_IS_NO_NUMBER)),
        ("t_s,x,y\n1,0,0\n0,0,0\n", at_line(3, strings.TIME_RUNS_BACKWARDS)),
        ("t_s,x,y,radius_deg\n0,0,0,-1\n", at_line(2, strings.RADIUS_RANGE)),
        ("t_s,x,y,radius_deg\n0,0,0,nan\n", at_line(2, strings.RADIUS_RANGE)),
        (b"t_s,x,y\n\xff\xfe", pattern(strings.NOT_CSV)),
        ('t_s,x,y\n"0,0,0\n', pattern(strings.NOT_CSV)),
        ("t_s,x,y\n" + "0" * 200_000 + ",0,0\n", pattern(strings.NOT_CSV)),
    ],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(GazeFileError, match=message) as caught:
        RecordedGaze(recording(tmp_path, text))
    assert "gaze.csv" in str(caught.value)


def test_a_missing_or_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GazeFileError, match=pattern(strings.UNREADABLE)):
        RecordedGaze(tmp_path / "none.csv")
    monkeypatch.setattr(gaze_file, "MAX_FILE_BYTES", 10)
    with pytest.raises(GazeFileError, match=pattern(strings.TOO_LARGE)):
        RecordedGaze(recording(tmp_path, "t_s,x,y\n0,0.5,0.5\n"))


class LostError(Exception):
    """As pylsl's."""


class FakeLsl:
    """Stands in for pylsl: streams that the test sets, one inlet at a time."""

    LostError = LostError

    def __init__(self) -> None:
        self.streams: list[object] = []
        self.chunks: list[Any] = []
        self.inlets = 0
        self.closed = 0

    def ContinuousResolver(self, **_facts: Any) -> Any:
        return SimpleNamespace(results=lambda: self.streams)

    def StreamInlet(self, _stream: object, **_facts: Any) -> Any:
        self.inlets += 1
        return SimpleNamespace(pull_chunk=self.pull, close_stream=self.close)

    def pull(self, *, timeout: float) -> tuple[list[Any], list[float]]:
        assert timeout == 0.0, "the window never waits for a tracker"
        chunk = self.chunks.pop(0) if self.chunks else []
        if chunk == "lost":
            raise LostError
        return chunk, [0.0] * len(chunk)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def lsl(monkeypatch: pytest.MonkeyPatch) -> FakeLsl:
    fake = FakeLsl()
    monkeypatch.setitem(sys.modules, "pylsl", fake)
    return fake


def test_a_trackers_latest_point_holds_until_the_next(lsl: FakeLsl) -> None:
    gaze = LslGaze(0.5)
    assert gaze.sample(at(0.0)) is None
    lsl.streams, lsl.chunks = [object()], [[[0.1, 0.1, 9.0], [0.2, 0.4, 9.0]]]
    assert gaze.sample(at(0.1)) == gaze.sample(at(0.2)) == GazePoint(200.0, 200.0, 0.5)
    assert gaze.sample(at(0.5)) is None
    gaze.close()
    gaze.close()
    assert lsl.closed == 1


def test_values_that_are_no_place_are_left_out(lsl: FakeLsl) -> None:
    lsl.streams, lsl.chunks = [object()], [[[0.5, 0.5], [float("nan"), 0.1], [1e9, 0.1], [0.3]]]
    assert LslGaze().sample(at(0.0)) == GazePoint(500.0, 250.0, 1.0)


def test_a_tracker_that_goes_is_found_again(lsl: FakeLsl) -> None:
    lsl.streams, lsl.chunks = [object()], [[[0.5, 0.5]], "lost", [[0.1, 0.1]]]
    gaze = LslGaze()
    assert gaze.sample(at(0.0)) is not None
    assert gaze.sample(at(1.0)) is None
    assert gaze.sample(at(1.1)) == GazePoint(100.0, 50.0, 1.0)
    assert lsl.inlets == 2


def test_without_pylsl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(NoTrackerError, match=pattern(strings.NEEDS_PYLSL)):
        LslGaze()


def chosen(choice: str, recording_file: str = "") -> tuple[GazeSource, list[str]]:
    reported: list[str] = []
    gaze = chosen_gaze(
        choice,
        recording=recording_file,
        pointer_radius_deg=5.0,
        tracker_radius_deg=1.0,
        report=reported.append,
    )
    return gaze, reported


@pytest.mark.usefixtures("lsl")
def test_each_choice_is_a_source(tmp_path: Path) -> None:
    file = str(recording(tmp_path, "t_s,x,y\n0,0.5,0.5\n"))
    kinds = {"off": NoGaze, "pointer": PointerGaze, "tracker": GazeOrPointer, "recording": GazeOrPointer}
    assert set(kinds) == set(Gaze.rule("source").options)
    for choice, kind in kinds.items():
        gaze, reported = chosen(choice, file)
        assert isinstance(gaze, kind)
        assert reported == []


def test_a_source_that_cannot_be_used_is_reported_and_the_pointer_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    for choice, reason in (("tracker", strings.NEEDS_PYLSL), ("recording", strings.UNREADABLE)):
        gaze, reported = chosen(choice, str(tmp_path / "none.csv"))
        assert isinstance(gaze, PointerGaze)
        (message,) = reported
        assert re.fullmatch(pattern(strings.FOLLOWING_POINTER).replace(".*", pattern(reason), 1), message)
