"""Shapes as they stand in files: GeoJSON's geometries and well-known binary, as flat lists of corners.

Sources: RFC 7946; OGC 06-103r4 (well-known binary).
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from viewer.relevance.exchange import strings

_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_MULTI_PARTS = (4, 5, 6)
_MAX_DEPTH = 3
OPEN = -1


class ShapeError(ValueError):
    """A shape that is left out: ``reason`` is the same for all of its kind, and is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Geometry:
    """Lines one behind the other: ``coordinates`` are x, y, x, y …, ``counts`` the corners of each line,
    ``polygons`` the polygon that each bounds, the outer ring first, or ``OPEN`` for lines and points.

    They are numbers, finite or not; rings need not end where they begin.
    """

    coordinates: array[float] = field(default_factory=lambda: array("d"))
    counts: list[int] = field(default_factory=list)
    polygons: list[int] = field(default_factory=list)

    def add(self, coordinates: array[float], polygon: int = OPEN) -> None:
        """Add a line, unless it has no corners."""
        if coordinates:
            self.coordinates.extend(coordinates)
            self.counts.append(len(coordinates) // 2)
            self.polygons.append(polygon)


def geometry_from_geojson(value: Any) -> Geometry:
    """Raises ShapeError for what is empty, damaged or a collection."""
    if value is None:
        raise ShapeError(strings.WITHOUT_PLACE)
    if not isinstance(value, dict):
        raise ShapeError(strings.DAMAGED)
    kind, parts = value.get("type"), value.get("coordinates")
    made = Geometry()
    try:
        match kind:
            case "Point":
                made.add(_corners([parts] if parts else []))
            case "MultiPoint":
                for part in parts or ():
                    made.add(_corners([part]))
            case "LineString":
                made.add(_corners(parts or []))
            case "MultiLineString":
                for part in parts or ():
                    made.add(_corners(part))
            case "Polygon" | "MultiPolygon":
                for number, rings in enumerate([parts] if kind == "Polygon" else parts or ()):
                    for ring in rings or ():
                        made.add(_corners(ring), number)
            case "GeometryCollection":
                raise ShapeError(strings.A_COLLECTION)
            case _:
                raise ShapeError(strings.DAMAGED)
    except (TypeError, OverflowError) as error:
        raise ShapeError(strings.DAMAGED) from error
    return _checked(made)


def geometry_from_wkb(data: bytes) -> Geometry:
    """Raises ShapeError for what is empty, damaged or a collection."""
    made = Geometry()
    try:
        _Wkb(data).read_into(made)
    except struct.error as error:
        raise ShapeError(strings.DAMAGED) from error
    return _checked(made)


def _checked(made: Geometry) -> Geometry:
    if not made.counts:
        raise ShapeError(strings.WITHOUT_PLACE)
    return made


def _corners(points: list[Any]) -> array[float]:
    """x, y, x, y …; heights are left out. Raises TypeError and OverflowError where they are no numbers."""
    if not isinstance(points, list):
        raise TypeError
    sizes = set(map(len, points))
    if sizes and min(sizes) < 2:
        raise TypeError
    flat = points if sizes <= {2} else [point[:2] for point in points]
    return array("d", chain.from_iterable(flat))


class _Wkb:
    """Walks over one shape. Raises struct.error and ShapeError where it is not whole."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._polygons = 0

    def read_into(self, made: Geometry, depth: int = 0) -> None:
        """Add the shape at the present place."""
        (endian,) = self._take("B")
        order = "<" if endian == 1 else ">"
        (kind,) = self._take(f"{order}I")
        if kind == _POINT:
            made.add(array("d", self._take(f"{order}dd")))
        elif kind == _LINE:
            made.add(self._line(order))
        elif kind == _POLYGON:
            for _ in range(self._count(order, 4)):
                made.add(self._line(order), self._polygons)
            self._polygons += 1
        elif kind in _MULTI_PARTS and depth < _MAX_DEPTH:
            for _ in range(self._count(order, 5)):
                self.read_into(made, depth + 1)
        elif kind == _COLLECTION:
            raise ShapeError(strings.A_COLLECTION)
        else:
            raise ShapeError(strings.DAMAGED)

    def _line(self, order: str) -> array[float]:
        return array("d", self._take(f"{order}{2 * self._count(order, 16)}d"))

    def _count(self, order: str, bytes_each: int) -> int:
        """How many parts follow, no more than there is data for."""
        count: int = self._take(f"{order}I")[0]
        if count * bytes_each > len(self._data) - self._at:
            raise ShapeError(strings.DAMAGED)
        return count

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values
