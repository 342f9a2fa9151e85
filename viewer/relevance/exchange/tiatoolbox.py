"""Maps as TIAToolbox's annotation stores: one SQLite table of shapes (WKB) with properties (JSON).

The file is opened read-only and never trusted: only an ordinary table is read, no view and no trigger, for a
bounded number of steps. Source: the tables that TIAToolbox writes.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from array import array
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from viewer.overlay.outlines import OutlineLabel
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.geometry import Geometry, ShapeError, geometry_from_wkb
from viewer.relevance.exchange.objects import MAX_NAME, Shapes, number_from, text_from
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.relevance.exchange.scores import ImportedScores, MapRequest

_MAX_VALUE_BYTES = 4 << 20
_MAX_SECONDS = 120.0
_STEPS_A_CHECK = 100_000
_COLUMNS = {"cx", "cy", "geometry", "properties"}
_CLASS_NAMES = ("type", "class", "label", "name")
"""Where stores have the class of a shape."""


def read_sqlite_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map of an annotation store. Raises FeatureFileError."""
    pending = path.with_name(path.name + "-wal")
    if pending.is_file() and pending.stat().st_size:
        raise FeatureFileError(path, strings.UNSAVED_CHANGES.format(file=pending.name))
    uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as store:
            shapes = _shapes(path, store, request)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise FeatureFileError(path, strings.READ_TOO_SLOWLY.format(seconds=_MAX_SECONDS)) from None
        raise FeatureFileError(path, strings.NOT_A_STORE.format(error=error)) from error
    except (sqlite3.Error, ValueError, OverflowError, RecursionError) as error:
        raise FeatureFileError(path, strings.NOT_A_STORE.format(error=error)) from error
    return shapes.imported("TIAToolbox")


def _shapes(path: Path, store: sqlite3.Connection, request: MapRequest) -> Shapes:
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
    shapes = Shapes(path, request)
    for cx, cy, geometry, stored in store.execute(
        "SELECT cx, cy, geometry, properties FROM annotations NOT INDEXED"
    ):
        properties = _properties(stored)
        if properties is None:
            shapes.leave_out(strings.DAMAGED)
            continue
        read_geometry, read_label = partial(_geometry, geometry, cx, cy), partial(_label, properties)
        shapes.add(read_geometry, _numbers(properties), read_label, annotation=False)
    return shapes


def _properties(stored: Any) -> dict[str, Any] | None:
    """None where they are damaged."""
    try:
        content = json.loads(stored) if isinstance(stored, bytes) else {}
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else {}


def _label(properties: dict[str, Any]) -> OutlineLabel:
    return OutlineLabel(kind=next(filter(None, map(text_from, map(properties.get, _CLASS_NAMES))), ""))


def _numbers(properties: dict[str, Any]) -> dict[str, float]:
    """The properties that are numbers; those of an inner object by both names."""
    found: dict[str, float] = {}
    for name, value in properties.items():
        inner = value.items() if isinstance(value, dict) else ((None, value),)
        for part, candidate in inner:
            number = number_from(candidate)
            if number is not None:
                found[(name if part is None else f"{name}: {part}")[:MAX_NAME]] = number
    return found


def _geometry(stored: Any, cx: Any, cy: Any) -> Geometry:
    """A shape; a point is stored as its place alone. Raises ShapeError."""
    if stored is None and isinstance(cx, int | float) and isinstance(cy, int | float):
        place = Geometry()
        place.add(array("d", (cx, cy)))
        return place
    if not isinstance(stored, bytes) or not stored:
        raise ShapeError(strings.WITHOUT_PLACE)
    return geometry_from_wkb(_unpacked(stored))


def _unpacked(data: bytes) -> bytes:
    """Well-known binary begins with 0 or 1, a zlib stream never does. Raises ShapeError."""
    if data[0] in (0, 1):
        return data
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, _MAX_VALUE_BYTES)
    except zlib.error as error:
        raise ShapeError(strings.DAMAGED) from error
    if not unpacker.eof:  # cut short, or larger than it may be
        raise ShapeError(strings.DAMAGED)
    return plain
