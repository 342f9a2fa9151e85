"""Shapes packed into arrays, judged many at once: where they lie, how large they are, what form they have."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.overlay.shapes import FARTHEST_PX, Lines, ranges
from viewer.relevance.exchange.coverage import Polygons
from viewer.relevance.exchange.geometry import OPEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.exchange.geometry import Geometry

    _Floats = NDArray[np.float64]
    _Indices = NDArray[np.intp]
    _Flags = NDArray[np.bool_]

_ROUNDING = 1e-9


class ShapeArrays:
    """Geometries one behind the other."""

    def __init__(self) -> None:
        self._corners, self._counts, self._polygons = array("d"), array("q"), array("q")
        self._line_counts = array("q")

    @property
    def corner_count(self) -> int:
        return len(self._corners) // 2

    def add(self, geometry: Geometry) -> None:
        self._corners.extend(geometry.coordinates)
        self._counts.extend(geometry.counts)
        self._polygons.extend(geometry.polygons)
        self._line_counts.append(len(geometry.counts))

    def judged(self, extent_px: tuple[int, int]) -> JudgedShapes:
        """The shapes, at least one, over a slide of ``extent_px`` (width, height)."""
        points = np.array(self._corners).reshape(-1, 2)
        usable = (np.abs(points) <= FARTHEST_PX).all(axis=1)  # not where there is a NaN
        points[~usable] = 0
        polygon = np.array(self._polygons, np.intp)
        lines = Lines(points, _bounds(np.array(self._counts, np.intp)), polygon != OPEN)
        first_line = _bounds(np.array(self._line_counts, np.intp))
        low, high = lines.boxes
        low, high = np.minimum.reduceat(low, first_line[:-1]), np.maximum.reduceat(high, first_line[:-1])
        finite: _Flags = np.logical_and.reduceat(usable, lines.first[first_line[:-1]])
        off = (low >= extent_px) | (high < 0) | ((high == 0) & (low < 0))
        beside: _Flags = finite & (off[:, 0] | off[:, 1])
        area, has_area = _areas(lines, polygon, first_line)
        return JudgedShapes(
            lines, polygon, first_line, np.hstack([low, high]), finite, beside, area, has_area
        )


@dataclass(frozen=True, slots=True, eq=False)
class JudgedShapes:
    """Shape i has the lines ``first_line[i]`` to ``first_line[i + 1]``; ``polygon`` is that of each line in
    its shape. For each shape: its box (x0, y0, x1, y1), whether its corners are numbers, whether all of it
    lies beside the slide, its area where it does not cross itself, and whether it encloses anything."""

    lines: Lines
    polygon: _Indices
    first_line: _Indices
    boxes: _Floats
    finite: _Flags
    beside: _Flags
    area: _Floats
    has_area: _Flags

    @property
    def sides(self) -> _Floats:
        """Width and height of the boxes."""
        return self.boxes[:, 2:] - self.boxes[:, :2]

    @property
    def is_box(self) -> _Flags:
        """Whether a shape is an upright rectangle."""
        of_box = self.sides.prod(axis=1)
        return (
            (np.abs(self.area - of_box) <= _ROUNDING * of_box)
            & (np.diff(self.first_line) == 1)
            & (of_box > 0)
        )

    @property
    def boxes_of_area(self) -> _Floats:
        """The boxes, shrunk about their centres to the area of what is in them."""
        of_box = self.sides.prod(axis=1)
        share = np.divide(self.area, of_box, out=np.zeros(len(of_box)), where=of_box > 0)
        half = self.sides / 2 * np.sqrt(np.clip(share, 0, 1))[:, None]
        centre = self.boxes[:, :2] + self.sides / 2
        return np.hstack([centre - half, centre + half])

    @property
    def corner_counts(self) -> _Indices:
        """How many corners each shape has."""
        at = self.lines.first[self.first_line]
        return np.diff(at)


class CornerStore:
    """Lines of shapes, packed as they come, each with its shape and the polygon in it."""

    def __init__(self) -> None:
        self._corners, self._counts = array("d"), array("q")
        self._owner, self._polygon = array("q"), array("q")

    @property
    def corner_count(self) -> int:
        return len(self._corners) // 2

    def add(
        self, shapes: JudgedShapes, chosen: _Indices, owner: _Indices, *, rings_only: bool = False
    ) -> int:
        """Add the lines of the ``chosen`` shapes, each under its number in ``owner``; how many corners."""
        counts = np.diff(shapes.first_line)[chosen]
        which, of_shape = ranges(shapes.first_line[chosen], counts), np.repeat(owner[chosen], counts)
        if rings_only:
            ring = shapes.polygon[which] != OPEN
            which, of_shape = which[ring], of_shape[ring]
        lines = shapes.lines.taken(which)
        self._corners.frombytes(np.ascontiguousarray(lines.points).tobytes())
        added = np.diff(lines.first), of_shape, shapes.polygon[which]
        for kept, values in zip((self._counts, self._owner, self._polygon), added, strict=True):
            kept.frombytes(values.astype(np.int64).tobytes())
        return len(lines.points)

    def lines(self) -> tuple[Lines, _Indices]:
        """All lines, and the number of the shape of each."""
        polygon = np.array(self._polygon, np.intp)
        lines = Lines(
            np.array(self._corners).reshape(-1, 2), _bounds(np.array(self._counts, np.intp)), polygon != OPEN
        )
        return lines, np.array(self._owner, np.intp)

    def polygons(self) -> Polygons:
        """All rings, by their polygons."""
        rings, owner = self.lines()
        polygon = np.array(self._polygon, np.intp)
        begins = (np.diff(owner, prepend=-1) != 0) | (np.diff(polygon, prepend=OPEN) != 0)
        return Polygons(rings, np.cumsum(begins) - 1, owner[begins])


def _areas(lines: Lines, polygon: _Indices, first_line: _Indices) -> tuple[_Floats, _Flags]:
    """Of each shape the area by the shoelace formula, holes taken off, and whether it has a ring with at
    least three corners."""
    counts = np.diff(lines.first)
    points = lines.points - np.repeat(lines.points[lines.first[:-1]], counts, axis=0)
    following = np.arange(1, len(points) + 1)
    following[lines.first[1:] - 1] = lines.first[:-1]
    cross = points[:, 0] * points[following, 1] - points[following, 0] * points[:, 1]
    of_line = np.abs(np.add.reduceat(cross, lines.first[:-1])) / 2
    begins = np.diff(polygon, prepend=OPEN) != 0
    begins[first_line[:-1]] = True
    signed = np.where(lines.closed, np.where(begins, of_line, -of_line), 0.0)
    area = np.maximum(np.add.reduceat(signed, first_line[:-1]), 0)
    rings = lines.closed & (counts >= 3)
    return area, np.logical_or.reduceat(rings, first_line[:-1])


def _bounds(counts: _Indices) -> _Indices:
    """Where each of parts with so many members begins, and the end."""
    return np.concatenate(([0], np.cumsum(counts)))
