"""Where the reader looks: sources of gaze, what happens when a tracker vanishes, and gaze as a weight of
tiles. Pure.

Gaze orders loading and compute, and nothing else: every weight is at least 1, so what is not looked at comes
later, never not. Nothing here keeps or writes a gaze.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from viewer.view import strings
from viewer.view.acuity import eccentricity_deg, relative_acuity
from viewer.view.screen import WEIGHT_RANGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.view.camera import View
    from viewer.view.screen import FloatArray, Screen, TileWeight

POINTER_RADIUS_DEG = 5.0
"""How far from the pointer the eye may be."""
_PATIENCE_S = 1.0
"""A tracker that is silent for longer has vanished; blinks are shorter."""


class GazePoint(NamedTuple):
    """A point of the canvas in logical pixels, and how far off the eye may be, in degrees."""

    x_px: float
    y_px: float
    radius_deg: float


class SlideGaze(NamedTuple):
    """A point of the slide in level-0 px, what such a pixel subtends (tangent), and how far off the eye may
    be, in degrees."""

    x: float
    y: float
    tangent_per_px: float
    radius_deg: float


@dataclass(frozen=True, slots=True)
class GazeMoment:
    """What a source may need to know of now: the time, the pointer on the canvas, and where the canvas lies
    on its display, in logical pixels."""

    now_s: float
    pointer_px: tuple[float, float] | None
    canvas_origin_px: tuple[float, float]
    display_px: tuple[float, float]

    def canvas_point(self, x_share: float, y_share: float) -> tuple[float, float]:
        """A point of the display, given as shares of its width and height, in pixels of the canvas."""
        return (
            x_share * self.display_px[0] - self.canvas_origin_px[0],
            y_share * self.display_px[1] - self.canvas_origin_px[1],
        )


class GazeSource(Protocol):
    """Something that says where the reader looks."""

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        """The latest point, None where there is none. Returns at once."""

    def close(self) -> None:
        """Let go of devices."""


class NoGaze:
    """Nobody looks anywhere in particular."""

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        """None."""
        return None

    def close(self) -> None:
        """Nothing is held."""


class PointerGaze:
    """The eye is about where the pointer is."""

    def __init__(self, radius_deg: float = POINTER_RADIUS_DEG) -> None:
        self._radius_deg = radius_deg

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        """The pointer, where it is over the canvas."""
        return None if moment.pointer_px is None else GazePoint(*moment.pointer_px, self._radius_deg)

    def close(self) -> None:
        """Nothing is held."""


class GazeOrPointer:
    """A tracker or a recording, and the pointer while that is silent. ``report(message)`` says so, once each
    way."""

    def __init__(self, tracker: GazeSource, pointer: GazeSource, report: Callable[[str], None]) -> None:
        self._tracker, self._pointer, self._report = tracker, pointer, report
        self._last_signal_s: float | None = None
        self._lost = False

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        """The tracker's point; the pointer's, when the tracker has been silent for a second."""
        point = self._tracker.sample(moment)
        if self._last_signal_s is None:
            self._last_signal_s = moment.now_s
        if point is not None:
            self._last_signal_s = moment.now_s
            if self._lost:
                self._lost = False
                self._report(strings.TRACKER_BACK)
        elif moment.now_s - self._last_signal_s > _PATIENCE_S:
            if not self._lost:
                self._lost = True
                self._report(strings.TRACKER_SILENT)
            return self._pointer.sample(moment)
        return point

    def close(self) -> None:
        """Let go of both."""
        self._tracker.close()
        self._pointer.close()


def gaze_weight(distance_px: FloatArray, tangent_per_px: float, radius_deg: float) -> FloatArray:
    """What is so far from the point of gaze weighs: 4 where the eye may be looking, falling with acuity
    towards 1."""
    low, high = WEIGHT_RANGE
    return low + (high - low) * relative_acuity(eccentricity_deg(distance_px, tangent_per_px, radius_deg))


def attention_weight(view: View, screen: Screen, gaze: GazePoint | None, tangent_per_px: float) -> TileWeight:
    """``gaze_weight`` of each tile; 1 without a gaze.

    View, screen, gaze and ``tangent_per_px`` (acuity.tangent_per_px) all count in one kind of pixel.
    """
    c, s = cos(view.rotation_rad), sin(view.rotation_rad)

    def weigh(_level: int, centre_x: FloatArray, centre_y: FloatArray) -> FloatArray:
        if gaze is None:
            return np.full_like(centre_x, WEIGHT_RANGE[0])
        dx = (centre_x - view.centre_x) / view.downsample
        dy = (centre_y - view.centre_y) * screen.aspect / view.downsample
        x_px = screen.width_px / 2 + c * dx - s * dy
        y_px = screen.height_px / 2 + s * dx + c * dy
        distance_px = np.hypot(x_px - gaze.x_px, y_px - gaze.y_px)
        return gaze_weight(distance_px, tangent_per_px, gaze.radius_deg)

    return weigh
