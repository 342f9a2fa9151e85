"""Gaze from an eye tracker on the Lab Streaming Layer (optional package pylsl).

Takes the first stream of type "Gaze" whose first two channels are x and y as shares of the display from its
top left corner. Nothing here waits: streams are looked for and read in liblsl's own threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.common.errors import FoveolaError
from viewer.view import strings
from viewer.view.gaze import GazePoint

if TYPE_CHECKING:
    from viewer.view.gaze import GazeMoment

DEFAULT_RADIUS_DEG = 1.0
_STREAM_TYPE = "Gaze"
_BUFFER_S = 2
_HOLD_S = 0.2
"""A point holds this long: trackers are slower than displays."""
_FARTHEST_SHARE = 10.0


class NoTrackerError(FoveolaError):
    """Eye trackers cannot be used here, and what to install."""


class LslGaze:
    """The latest point of a tracker. A tracker that goes and comes back is found again."""

    def __init__(self, radius_deg: float = DEFAULT_RADIUS_DEG) -> None:
        """Raises NoTrackerError where pylsl or the library beneath it is missing."""
        try:
            import pylsl
        except (ImportError, RuntimeError) as error:  # RuntimeError: pylsl without liblsl
            raise NoTrackerError(strings.NEEDS_PYLSL.format(error=error)) from error
        self._lsl: Any = pylsl
        self._resolver: Any = pylsl.ContinuousResolver(prop="type", value=_STREAM_TYPE)
        self._inlet: Any = None
        self._radius_deg = radius_deg
        self._last: tuple[float, float, float] | None = None  # time, x, y

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        """The latest point on the display; None while there is no tracker, or it sees no eye."""
        for values in self._new_values():
            if len(values) >= 2 and all(abs(value) <= _FARTHEST_SHARE for value in values[:2]):
                self._last = moment.now_s, float(values[0]), float(values[1])
        if self._last is None or moment.now_s - self._last[0] > _HOLD_S:
            return None
        return GazePoint(*moment.canvas_point(*self._last[1:]), self._radius_deg)

    def close(self) -> None:
        """Leave the stream."""
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None

    def _new_values(self) -> list[list[float]]:
        if self._inlet is None:
            streams = self._resolver.results()
            if not streams:
                return []
            self._inlet = self._lsl.StreamInlet(streams[0], max_buflen=_BUFFER_S, recover=False)
        try:
            values, _times = self._inlet.pull_chunk(timeout=0.0)
        except self._lsl.LostError:  # the tracker is gone: look for it, or another one, from now on
            self._inlet = None
            return []
        return list(values)
