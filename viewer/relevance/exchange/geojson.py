"""Maps as QuPath's GeoJSON: tiles, detections and cells with measurements; annotations are left out.

Coordinates are level-0 px. Source: QuPath's GeoJSON as its authors describe it (measurements an object since
0.4, a list of names and values before), RFC 7946.
"""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import psutil

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.objects import MAX_NAME, Box, Shapes, number_from
from viewer.relevance.exchange.scores import check_own_size
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.relevance.exchange.scores import ImportedScores, MapRequest

_MAX_BYTES = 1 << 30
_MEMORY_PER_BYTE = 30
"""What Python takes for a byte of JSON: 8 for tiles, up to 29 for small objects alone (measured)."""
_KINDS = ("tile", "detection", "cell")


def read_geojson_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map of a .geojson, .json or either with .gz. Raises FeatureFileError."""
    shapes, left_out = Shapes(path), 0
    for feature in _features(path, request.extent_px):
        properties = feature.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        kind = properties.get("objectType", properties.get("object_type", "detection"))
        if kind not in _KINDS:
            left_out += 1
            continue
        shapes.add(_box(path, feature.get("geometry")), dict(_measurements(properties)))
    if not shapes.count:
        raise FeatureFileError(path, strings.ONLY_ANNOTATIONS.format(count=left_out))
    return shapes.scores("QuPath GeoJSON", request.grid, request.column)


def _features(path: Path, extent_px: tuple[int, int]) -> list[dict[str, Any]]:
    try:
        content = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise FeatureFileError(path, strings.NOT_JSON.format(error=error)) from error
    if isinstance(content, dict):
        own = content.get("foveola")
        own = own if isinstance(own, dict) else {}
        mpp_um = own.get("mpp_um")
        if isinstance(mpp_um, list) and len(mpp_um) == 2:
            sizes = number_from(mpp_um[0]) or 0.0, number_from(mpp_um[1]) or 0.0
            check_own_size(path, number_from(own.get("patches_on_slide")), sizes, extent_px)
        content = content.get("features", [content] if content.get("type") == "Feature" else None)
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise FeatureFileError(path, strings.NOT_GEOJSON)
    return content


def _text(path: Path) -> bytes:
    """The whole file, unpacked. Raises FeatureFileError where its content would not fit the free memory."""
    most = min(_MAX_BYTES, psutil.virtual_memory().available // _MEMORY_PER_BYTE)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            data = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FeatureFileError(path, strings.UNREADABLE_PACKED.format(error=error)) from error
    if len(data) > most:
        raise FeatureFileError(path, strings.TOO_MANY_MIB.format(most_mib=most >> 20))
    return data


def _measurements(properties: dict[str, Any]) -> Iterator[tuple[str, float]]:
    measured = properties.get("measurements")
    if isinstance(measured, list):
        pairs = [(each.get("name"), each.get("value")) for each in measured if isinstance(each, dict)]
    else:
        pairs = list(measured.items()) if isinstance(measured, dict) else []
    for name, value in pairs:
        number = number_from(value)
        if isinstance(name, str) and number is not None:
            yield name[:MAX_NAME], number


def _box(path: Path, geometry: Any) -> Box:
    """The smallest rectangle around a shape."""
    kind, parts = (
        (geometry.get("type"), geometry.get("coordinates")) if isinstance(geometry, dict) else (None,) * 2
    )
    depth = {"Point": 0, "MultiPoint": 1, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}.get(str(kind))
    try:
        if depth is None:
            raise TypeError(f"a shape of type {str(kind)[:40]!r}")
        points: Any = [parts]
        for _ in range(depth):
            points = [point for part in points for point in part]
        x, y = [float(point[0]) for point in points], [float(point[1]) for point in points]
        return min(x), min(y), max(x), max(y)
    except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise FeatureFileError(path, strings.SHAPE_DAMAGED.format(error=error)) from error
