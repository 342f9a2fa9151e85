"""Recorded gaze from a CSV file of strangers: checked, bounded, played back in its own time. Pure but for
reading.

Columns ``t_s,x,y`` and optionally ``radius_deg``, named in the first line. ``t_s`` never falls; x and y are
shares of the display from its top left corner, empty while nothing was seen (a blink).
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING

from viewer.common.errors import FoveolaError
from viewer.view import strings
from viewer.view.gaze import GazePoint

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.view.gaze import GazeMoment

MAX_FILE_BYTES = 64 << 20
DEFAULT_RADIUS_DEG = 1.0
_MOST_GAP_S = 0.5
_FARTHEST_SHARE = 10.0
_WIDEST_RADIUS_DEG = 90.0


class GazeFileError(FoveolaError):
    """A recording that cannot be played: which file and line, what is wrong, what it should say."""


class RecordedGaze:
    """Plays a recording from the first sample that is asked for; silent after its end."""

    def __init__(self, path: Path, radius_deg: float = DEFAULT_RADIUS_DEG) -> None:
        """``radius_deg`` holds where the file states none. Raises GazeFileError."""
        self._times_s, self._points = _read(path, radius_deg)
        self._started_s: float | None = None

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        """The recorded point of now; None in blinks, gaps of half a second, and after the end."""
        if self._started_s is None:
            self._started_s = moment.now_s
        at_s = self._times_s[0] + moment.now_s - self._started_s
        index = bisect_right(self._times_s, at_s) - 1
        x, y, radius_deg = self._points[index]
        if isnan(x) or at_s - self._times_s[index] > _MOST_GAP_S:
            return None
        return GazePoint(*moment.canvas_point(x, y), radius_deg)

    def close(self) -> None:
        """The file was closed after reading."""


def _read(path: Path, radius_deg: float) -> tuple[list[float], list[tuple[float, float, float]]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise GazeFileError(strings.UNREADABLE.format(path=path, reason=error.strerror)) from error
    if len(data) > MAX_FILE_BYTES:
        raise GazeFileError(strings.TOO_LARGE.format(path=path, most_mib=MAX_FILE_BYTES >> 20))
    try:
        return _parsed(path, data.decode("utf-8-sig"), radius_deg)
    except (UnicodeDecodeError, csv.Error) as error:
        raise GazeFileError(strings.NOT_CSV.format(path=path, error=error)) from error


def _parsed(path: Path, text: str, radius_deg: float) -> tuple[list[float], list[tuple[float, float, float]]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = [name.strip() for name in next(rows, [])]
    if header not in (["t_s", "x", "y"], ["t_s", "x", "y", "radius_deg"]):
        raise GazeFileError(strings.FIRST_LINE.format(path=path))
    times_s: list[float] = []
    points: list[tuple[float, float, float]] = []
    for row in rows:
        if not row:
            continue
        try:
            if len(row) != len(header):
                raise ValueError(strings.VALUE_COUNT.format(found=len(row), expected=len(header)))
            time_s, point = _sample(row, radius_deg)
            if times_s and time_s < times_s[-1]:
                raise ValueError(strings.TIME_RUNS_BACKWARDS)
        except ValueError as error:
            raise GazeFileError(
                strings.BAD_LINE.format(path=path, line=rows.line_num, error=error)
            ) from error
        times_s.append(time_s)
        points.append(point)
    if not times_s:
        raise GazeFileError(strings.NO_SAMPLES.format(path=path))
    return times_s, points


def _sample(row: list[str], radius_deg: float) -> tuple[float, tuple[float, float, float]]:
    time_s = float(row[0])
    if not isfinite(time_s):
        raise ValueError(strings.TIME_IS_NO_NUMBER)
    if not row[1].strip() or not row[2].strip():
        return time_s, (nan, nan, radius_deg)
    x, y, radius = float(row[1]), float(row[2]), float(row[3]) if len(row) > 3 else radius_deg
    if not (abs(x) <= _FARTHEST_SHARE and abs(y) <= _FARTHEST_SHARE):
        raise ValueError(strings.NOT_SHARES)
    if not 0 <= radius <= _WIDEST_RADIUS_DEG:
        raise ValueError(strings.RADIUS_RANGE.format(most=_WIDEST_RADIUS_DEG))
    return time_s, (x, y, radius)
