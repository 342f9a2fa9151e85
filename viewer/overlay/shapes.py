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

FARTHEST_PX = 1e9
"""From the slide's corner: a file whose points lie farther is damaged."""
_DEFAULT_RGBA: Rgba = (0.0, 0.85, 0.25, 1.0)
_DOT_GRAINS = 4
"""Shapes smaller than this many grains are drawn as dots: a screen pixel or two."""
_LEVEL_STROKES = 50_000
"""So many and fewer are merged within a frame; of more there are levels merged beforehand."""
_LEVEL_SAVES = 0.7
"""A level has at most this share of the strokes of the one before it."""
_MOST_STROKES, _COARSER = 400_000, (1, 2, 4)
"""Of one region: where it has more, they are merged so much more coarsely."""


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
    def rectangle(rect: Rect, *, rgba: Rgba = _DEFAULT_RGBA, width_px: float = 2.0) -> Shape:
        """The outline of an upright rectangle."""
        corners = [(rect.x0, rect.y0), (rect.x1, rect.y0), (rect.x1, rect.y1), (rect.x0, rect.y1)]
        return Shape.polygon(corners, rgba=rgba, width_px=width_px)

    @staticmethod
    def point(x: float, y: float, *, rgba: Rgba = _DEFAULT_RGBA, width_px: float = 8.0) -> Shape:
        """A dot."""
        return Shape(np.array([[x, y]]), rgba=rgba, width_px=width_px)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines packed one behind the other: ``points`` (n, 2) float64 slide pixels, ``first`` (lines + 1,) the
    index of each one's first point and n, ``closed`` (lines,) bool. Each has at least one point."""

    points: NDArray[np.float64]
    first: NDArray[np.intp]
    closed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.closed)

    @property
    def boxes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The low and high corner of each line, (lines, 2) both."""
        if not len(self):
            return np.empty((0, 2)), np.empty((0, 2))
        starts = self.first[:-1]
        return np.minimum.reduceat(self.points, starts), np.maximum.reduceat(self.points, starts)

    def taken(self, which: NDArray[np.intp]) -> Lines:
        """These lines alone, in this order."""
        counts = np.diff(self.first)[which]
        return Lines(
            self.points[ranges(self.first[which], counts)],
            np.concatenate(([0], np.cumsum(counts))),
            self.closed[which],
        )

    def strokes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Starts and ends (n, 2) of all strokes, and the line that each is of, line by line."""
        counts = np.diff(self.first)
        following = np.arange(1, len(self.points) + 1)
        following[self.first[1:] - 1] = self.first[:-1]
        drawn = np.ones(len(self.points), bool)
        drawn[self.first[1:] - 1] = self.closed | (counts == 1)
        owner = np.repeat(np.arange(len(self)), counts)
        return self.points[drawn], self.points[following[drawn]], owner[drawn]


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

    @staticmethod
    def joined(parts: Sequence[Strokes]) -> Strokes:
        """One behind the other, later ones over earlier ones."""
        return Strokes(
            np.concatenate([part.starts for part in parts]).reshape(-1, 2),
            np.concatenate([part.ends for part in parts]).reshape(-1, 2),
            np.concatenate([part.rgba for part in parts]).reshape(-1, 4),
            np.concatenate([part.width_px for part in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """All strokes with corners merged to ``grain_px`` (0: as they are): those of shape i are ``first[i]`` to
    ``first[i + 1]``, at least one."""

    grain_px: float
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    first: NDArray[np.intp]

    @staticmethod
    def of(
        grain_px: float, starts: NDArray[np.float64], ends: NDArray[np.float64], owner: NDArray[np.intp]
    ) -> _Level:
        """From strokes whose owners, all shapes, come in order."""
        counts = np.bincount(owner)
        return _Level(grain_px, starts, ends, np.concatenate(([0], np.cumsum(counts))))

    def strokes_of(
        self, shapes: NDArray[np.intp], dots: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The strokes of some shapes, of ``dots`` only the first; which of those shapes each is of."""
        counts = np.where(dots, 1, np.diff(self.first)[shapes])
        return ranges(self.first[shapes], counts), np.repeat(np.arange(len(shapes)), counts)


class ShapeSet:
    """Shapes in drawing order, packed once."""

    def __init__(self, shapes: Sequence[Shape] = ()) -> None:
        counts = [len(shape.points) for shape in shapes]
        lines = Lines(
            np.concatenate([shape.points for shape in shapes]) if shapes else np.empty((0, 2)),
            np.concatenate(([0], np.cumsum(counts, dtype=np.intp))),
            np.array([shape.closed for shape in shapes], bool),
        )
        rgba = np.array([shape.rgba for shape in shapes], np.float32).reshape(-1, 4)
        self._pack(lines, rgba, np.array([shape.width_px for shape in shapes], np.float32))

    @staticmethod
    def of_lines(lines: Lines, *, rgba: NDArray[np.float32], width_px: NDArray[np.float32]) -> ShapeSet:
        """A set from packed lines, with ``rgba`` (lines, 4) and ``width_px`` (lines,) as of ``Shape``."""
        made = ShapeSet()
        made._pack(lines, rgba, width_px)
        return made

    def _pack(self, lines: Lines, rgba: NDArray[np.float32], width_px: NDArray[np.float32]) -> None:
        self._rgba, self._width_px, self._closed = rgba, width_px, lines.closed
        self._low, self._high = lines.boxes
        starts, ends, owner = lines.strokes()
        self._levels = [_Level.of(0.0, starts, ends, owner)]
        grain_px = 1.0
        while len(starts) > max(_LEVEL_STROKES, 2 * len(self)):
            starts, ends, owner = _merged(starts, ends, owner, grain_px)
            if len(starts) <= _LEVEL_SAVES * len(self._levels[-1].starts):
                self._levels.append(_Level.of(grain_px, starts, ends, owner))
            grain_px *= 2

    def __len__(self) -> int:
        return len(self._low)

    def strokes_in(self, region: Rect, *, grain_px: float) -> Strokes:
        """The strokes that may touch the region, for a view at ``grain_px`` slide pixels per screen pixel or
        coarser.

        Corners closer than the grain are merged, which moves none by more than ``grain_px`` and saves most
        strokes at low magnification; every shape keeps at least one, and one of a few grains only that. The
        grain is coarser where there are hundreds of thousands of strokes.
        """
        shapes = np.flatnonzero(_boxes_touch(self._low, self._high, region))
        sides = (self._high - self._low)[shapes].max(axis=1, initial=0)
        for coarser in _COARSER:
            grain = coarser * grain_px
            fitting = [each for each in self._levels if 2 * each.grain_px <= grain]
            level, dots = (fitting or self._levels)[-1 if fitting else 0], sides < _DOT_GRAINS * grain
            strokes, row = level.strokes_of(shapes, dots)
            starts = level.starts[strokes]
            ends = np.where(dots[row, None], starts, level.ends[strokes])
            near = _boxes_touch(np.minimum(starts, ends), np.maximum(starts, ends), region)
            if near.sum() <= _MOST_STROKES:
                break
        starts, ends, row = _merged(starts[near], ends[near], row[near], grain)
        owner = shapes[row]
        return Strokes(starts, ends, self._rgba[owner], self._width_px[owner])

    def near(
        self, x: float, y: float, reach_px: float
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.float64]]:
        """The shapes whose boxes, grown by ``reach_px``, hold a point; whether it lies within each, by the
        even-odd rule; and how far its line is, in slide pixels."""
        low, high = self._low - reach_px, self._high + reach_px
        shapes = np.flatnonzero(((low <= (x, y)) & (high >= (x, y))).all(axis=1))
        if not len(shapes):
            return shapes, np.zeros(0, bool), np.zeros(0)
        level = self._levels[0]
        strokes, row = level.strokes_of(shapes, np.zeros(len(shapes), bool))
        begin = np.flatnonzero(np.diff(row, prepend=-1))
        starts, along = level.starts[strokes] - (x, y), level.ends[strokes] - level.starts[strokes]
        length = np.maximum((along**2).sum(axis=1), 1e-12)
        at = np.clip(-(starts * along).sum(axis=1) / length, 0, 1)
        away = np.hypot(*(starts + at[:, None] * along).T)
        ends_y = starts[:, 1] + along[:, 1]
        crosses = (starts[:, 1] > 0) != (ends_y > 0)
        level_x = starts[:, 0] - starts[:, 1] * along[:, 0] / np.where(along[:, 1] == 0, 1, along[:, 1])
        odd = np.add.reduceat(crosses & (level_x > 0), begin, dtype=np.intp) % 2 == 1
        return shapes, odd & self._closed[shapes], np.minimum.reduceat(away, begin)


def _merged(
    starts: NDArray[np.float64], ends: NDArray[np.float64], owner: NDArray[np.intp], grain_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Strokes with corners merged to the grain, and their owners, which come in order. An owner without
    remaining strokes keeps its first one, as a dot."""
    starts, ends = np.rint(starts / grain_px), np.rint(ends / grain_px)
    kept = (starts != ends).any(axis=1)
    left = np.bincount(owner, weights=kept)
    kept[np.flatnonzero(np.diff(owner, prepend=-1))] |= left[np.unique(owner)] == 0
    return starts[kept] * grain_px, ends[kept] * grain_px, owner[kept]


def ranges(first: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """All numbers from ``first[i]`` to ``first[i] + counts[i]``, one range behind the other."""
    before = np.cumsum(counts) - counts
    numbers: NDArray[np.intp] = np.arange(int(counts.sum())) + np.repeat(first - before, counts)
    return numbers


def _boxes_touch(low: NDArray[np.float64], high: NDArray[np.float64], region: Rect) -> NDArray[np.bool_]:
    """Which of the boxes from ``low`` to ``high``, (n, 2) each, touch the region."""
    touch: NDArray[np.bool_] = (high[:, 0] >= region.x0) & (low[:, 0] <= region.x1)
    touch &= (high[:, 1] >= region.y0) & (low[:, 1] <= region.y1)
    return touch
