"""Maps as TIAToolbox's annotation stores: one SQLite table of shapes (WKB) with properties (JSON).

The file is opened read-only and never trusted: only an ordinary table is read, no view and no trigger, for a
bounded number of steps. Sources: the tables that TIAToolbox writes; OGC 06-103r4 (well-known binary).
"""

from __future__ import annotations

import json
import sqlite3
import struct
import time
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.objects import MAX_NAME, Box, Shapes, number_from
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.relevance.exchange.scores import ImportedScores, MapRequest

_MAX_VALUE_BYTES = 4 << 20
_MAX_SECONDS = 120.0
_STEPS_A_CHECK = 100_000
_COLUMNS = {"cx", "cy", "geometry", "properties"}
_POINT, _LINE, _POLYGON, _COLLECTIONS = 1, 2, 3, (4, 5, 6)
_MAX_DEPTH = 3


def read_sqlite_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map of an annotation store. Raises FeatureFileError."""
    pending = path.with_name(path.name + "-wal")
    if pending.is_file() and pending.stat().st_size:
        raise FeatureFileError(path, strings.UNSAVED_CHANGES.format(file=pending.name))
    uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as store:
            shapes = _shapes(path, store)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise FeatureFileError(path, strings.READ_TOO_SLOWLY.format(seconds=_MAX_SECONDS)) from None
        raise FeatureFileError(path, strings.NOT_A_STORE.format(error=error)) from error
    except (sqlite3.Error, ValueError, OverflowError, RecursionError) as error:
        raise FeatureFileError(path, strings.NOT_A_STORE.format(error=error)) from error
    return shapes.scores("TIAToolbox", request.grid, request.column)


def _shapes(path: Path, store: sqlite3.Connection) -> Shapes:
    stop = time.monotonic() + _MAX_SECONDS
    store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    store.set_progress_handler(lambda: time.monotonic() > stop, _STEPS_A_CHECK)
    store.text_factory = bytes
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
        store.execute(f"PRAGMA {pragma}")
    made = store.execute("SELECT type, sql FROM sqlite_master WHERE name = 'annotations'").fetchone()
    if made is None or made[0] != b"table" or not made[1].lstrip().upper().startswith(b"CREATE TABLE"):
        raise FeatureFileError(path, strings.NO_ANNOTATIONS_TABLE)
    # A hidden or computed column (not 0) would run code of the file.
    columns = {row[1].decode(): row[6] for row in store.execute("PRAGMA table_xinfo(annotations)")}
    if missing := [name for name in sorted(_COLUMNS) if columns.get(name) != 0]:
        raise FeatureFileError(path, strings.NO_ANNOTATIONS_COLUMNS.format(columns=", ".join(missing)))
    shapes = Shapes(path)
    for cx, cy, geometry, properties in store.execute(
        "SELECT cx, cy, geometry, properties FROM annotations NOT INDEXED"
    ):
        numbers = _numbers(path, properties)
        shapes.add(_box(path, geometry, cx, cy), numbers)
    return shapes


def _numbers(path: Path, properties: Any) -> dict[str, float]:
    """The properties that are numbers; those of an inner object by both names."""
    try:
        content = json.loads(properties) if isinstance(properties, bytes) else {}
    except (ValueError, RecursionError) as error:
        raise FeatureFileError(path, strings.PROPERTIES_NOT_JSON.format(error=error)) from error
    found: dict[str, float] = {}
    for name, value in content.items() if isinstance(content, dict) else ():
        inner = value.items() if isinstance(value, dict) else ((None, value),)
        for part, candidate in inner:
            number = number_from(candidate)
            if number is not None:
                found[(name if part is None else f"{name}: {part}")[:MAX_NAME]] = number
    return found


def _box(path: Path, geometry: Any, cx: Any, cy: Any) -> Box:
    """The smallest rectangle around a shape; a point is stored as its place alone."""
    if geometry is None and isinstance(cx, int | float) and isinstance(cy, int | float):
        return float(cx), float(cy), float(cx), float(cy)
    if not isinstance(geometry, bytes) or not geometry:
        raise FeatureFileError(path, strings.SHAPE_WITHOUT_PLACE)
    try:
        box = _Wkb(_unpacked(geometry)).box()
    except (struct.error, ValueError, zlib.error) as error:
        raise FeatureFileError(path, strings.SHAPE_DAMAGED.format(error=error)) from error
    return box


def _unpacked(data: bytes) -> bytes:
    """Well-known binary begins with 0 or 1, a zlib stream never does."""
    if data[0] in (0, 1):
        return data
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, _MAX_VALUE_BYTES)
    if not unpacker.eof:
        raise ValueError("it unpacks to more than it may, or is cut short")
    return plain


class _Wkb:
    """Walks over one shape. Raises struct.error and ValueError where it is not whole."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def box(self) -> Box:
        x, y = self._points(0)
        if not x:
            raise ValueError("it is empty")
        return min(x), min(y), max(x), max(y)

    def _points(self, depth: int) -> tuple[list[float], list[float]]:
        (endian,) = self._take("B")
        order = "<" if endian == 1 else ">"
        (kind,) = self._take(f"{order}I")
        if kind == _POINT:
            x, y = self._take(f"{order}dd")
            return [x], [y]
        (count,) = self._take(f"{order}I")
        if kind == _LINE:
            return self._ring(order, count)
        if kind == _POLYGON:
            rings = [self._ring(order, self._take(f"{order}I")[0]) for _ in range(self._at_most(count, 4))]
        elif kind in _COLLECTIONS and depth < _MAX_DEPTH:
            rings = [self._points(depth + 1) for _ in range(self._at_most(count, 5))]
        else:
            raise ValueError(f"it is of type {kind}")
        return [x for ring in rings for x in ring[0]], [y for ring in rings for y in ring[1]]

    def _ring(self, order: str, count: int) -> tuple[list[float], list[float]]:
        values = self._take(f"{order}{2 * self._at_most(count, 16)}d")
        return list(values[0::2]), list(values[1::2])

    def _at_most(self, count: int, bytes_each: int) -> int:
        if count * bytes_each > len(self._data) - self._at:
            raise ValueError(f"it claims {count:,} parts, and holds fewer")
        return count

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values
