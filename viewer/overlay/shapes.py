"""Shapes on a slide, packed into arrays so that thousands are selected for a view without a loop. Pure.

Every shape becomes straight strokes with round ends; a point is a stroke of no length, a dot. Coordinates
are float64 slide pixels here; the renderer subtracts an origin near the view first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from viewer.slide.geometry import Rect

Points = Sequence[tuple[float, float]] | NDArray[np.float64]
Rgba = tuple[float, float, float, float]

_DEFAULT_RGBA: Rgba = (0.0, 0.85, 0.25, 1.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """A line through ``points`` (n, 2), n ≥ 1, in slide pixels, back to the first where ``closed``.

    ``width_px`` is the line's width (a point's diameter) in logical screen pixels, at every zoom. ``rgba`` is
    straight, 0 to 1; only opaque shapes show no joints where their strokes overlap.
    """

    points: NDArray[np.float64]
    closed: bool = False
    rgba: Rgba = _DEFAULT_RGBA
    width_px: float = 2.0

    def __post_init__(self) -> None:
        points = np.asarray(self.points, np.float64)
        if points.ndim != 2 or points.shape[0] < 1 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise ValueError(f"a shape needs finite points of shape (n, 2), not {points.shape}")
        if not 0 < self.width_px < 1000:
            raise ValueError(f"a stroke of {self.width_px} px cannot be drawn")
        object.__setattr__(self, "points", points)

    @staticmethod
    def polygon(points: Points, *, rgba: Rgba = _DEFAULT_RGBA, width_px: float = 2.0) -> Shape:
        """A closed outline."""
        return Shape(np.asarray(points, np.float64), closed=True, rgba=rgba, width_px=width_px)

    @staticmethod
    def polyline(points: Points, *, rgba: Rgba = _DEFAULT_RGBA, width_px: float = 2.0) -> Shape:
        """An open line."""
        return Shape(np.asarray(points, np.float64), rgba=rgba, width_px=width_px)

    @staticmethod
    def rectangle(rect: Rect, *, rgba: Rgba = _DEFAULT_RGBA, width_px: float = 2.0) -> Shape:
        """The outline of an upright rectangle."""
        corners = [(rect.x0, rect.y0), (rect.x1, rect.y0), (rect.x1, rect.y1), (rect.x0, rect.y1)]
        return Shape.polygon(corners, rgba=rgba, width_px=width_px)

    @staticmethod
    def point(x: float, y: float, *, rgba: Rgba = _DEFAULT_RGBA, width_px: float = 8.0) -> Shape:
        """A dot."""
        return Shape(np.array([[x, y]]), rgba=rgba, width_px=width_px)


@dataclass(frozen=True, slots=True)
class Strokes:
    """Straight strokes: ``starts`` and ``ends`` (n, 2) float64 slide pixels, ``rgba`` (n, 4) and ``width_px``
    (n,) float32."""

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    rgba: NDArray[np.float32]
    width_px: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.width_px)


class ShapeSet:
    """Shapes in drawing order, packed once."""

    def __init__(self, shapes: Sequence[Shape] = ()) -> None:
        starts, ends = [], []
        for shape in shapes:
            points = shape.points
            if len(points) == 1:
                starts.append(points)
                ends.append(points)
            else:
                starts.append(points if shape.closed else points[:-1])
                ends.append(np.roll(points, -1, axis=0) if shape.closed else points[1:])
        counts = np.array([len(part) for part in starts], np.intp)
        empty = np.empty((0, 2))
        self._strokes = Strokes(
            np.concatenate(starts) if starts else empty,
            np.concatenate(ends) if ends else empty,
            np.repeat(np.array([s.rgba for s in shapes], np.float32).reshape(-1, 4), counts, axis=0),
            np.repeat(np.array([s.width_px for s in shapes], np.float32), counts),
        )
        self._first = np.concatenate(([0], np.cumsum(counts)))
        self._owner = np.repeat(np.arange(len(counts)), counts)
        low = [shape.points.min(axis=0) for shape in shapes]
        high = [shape.points.max(axis=0) for shape in shapes]
        self._low = np.array(low).reshape(-1, 2)
        self._high = np.array(high).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._low)

    def strokes_in(self, region: Rect, *, grain_px: float) -> Strokes:
        """The strokes that may touch the region, for a view at ``grain_px`` slide pixels per screen pixel or
        coarser.

        Corners closer than the grain are merged, which moves none by more than ``grain_px`` and saves most
        strokes at low magnification; every shape keeps at least one.
        """
        all_strokes = self._strokes
        indices = np.flatnonzero(_boxes_touch(self._low, self._high, region)[self._owner])
        starts, ends = all_strokes.starts[indices], all_strokes.ends[indices]
        near = _boxes_touch(np.minimum(starts, ends), np.maximum(starts, ends), region)
        indices = indices[near]
        starts, ends = np.rint(starts[near] / grain_px), np.rint(ends[near] / grain_px)
        long = (starts != ends).any(axis=1)
        # A shape without remaining strokes keeps its first one, as a dot.
        owner = self._owner[indices]
        lengths = np.bincount(owner, weights=long, minlength=len(self))
        long |= (lengths[owner] == 0) & (indices == self._first[owner])
        kept = indices[long]
        return Strokes(
            starts[long] * grain_px, ends[long] * grain_px, all_strokes.rgba[kept], all_strokes.width_px[kept]
        )


def _boxes_touch(low: NDArray[np.float64], high: NDArray[np.float64], region: Rect) -> NDArray[np.bool_]:
    """Which of the boxes from ``low`` to ``high``, (n, 2) each, touch the region."""
    touch: NDArray[np.bool_] = (high[:, 0] >= region.x0) & (low[:, 0] <= region.x1)
    touch &= (high[:, 1] >= region.y0) & (low[:, 1] <= region.y1)
    return touch
