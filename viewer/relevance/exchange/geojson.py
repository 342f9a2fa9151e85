"""Maps and annotations as QuPath's GeoJSON: tiles, detections and cells with measurements, and outlines.

Coordinates are level-0 px. Source: QuPath's GeoJSON as its authors describe it (0.2: the type of an object is
its ``id``, measurements are a list of names and values, a colour is one number; 0.4: ``objectType``, an
object of measurements, three numbers), RFC 7946.
"""

from __future__ import annotations

from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any

from viewer.overlay.outlines import OutlineLabel, Rgb
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.geometry import geometry_from_geojson
from viewer.relevance.exchange.json_stream import GeoJsonFile
from viewer.relevance.exchange.objects import MAX_NAME, Shapes, number_from, text_from
from viewer.relevance.exchange.scores import check_own_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.relevance.exchange.scores import ImportedScores, MapRequest

_SCORED = ("tile", "detection", "cell")
_KINDS = {
    "pathannotationobject": "annotation", "pathdetectionobject": "detection", "pathcellobject": "cell",
    "pathtileobject": "tile", "tmacoreobject": "annotation", "pathrootobject": "annotation",
}  # fmt: skip
"""Kinds by QuPath's names of its classes."""


def read_geojson_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map, or the annotations, of a .geojson, .json or either with .gz. Raises FeatureFileError."""
    file, shapes = GeoJsonFile(path), Shapes(path, request)
    for feature in file.features():
        if not isinstance(feature, dict):
            shapes.leave_out(strings.NO_OBJECT)
            continue
        properties = feature.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        shapes.add(
            partial(geometry_from_geojson, feature.get("geometry") or feature.get("nucleusGeometry")),
            dict(_measurements(properties)),
            partial(_label, properties),
            annotation=_kind(feature, properties) not in _SCORED,
        )
    _check_own(path, file.members.get("foveola"), request.extent_px)
    return shapes.imported("QuPath GeoJSON")


def _check_own(path: Path, own: Any, extent_px: tuple[int, int]) -> None:
    """Whether our own export is of this slide. Raises FeatureFileError where it is not."""
    own = own if isinstance(own, dict) else {}
    mpp_um = own.get("mpp_um")
    if isinstance(mpp_um, list) and len(mpp_um) == 2:
        sizes = number_from(mpp_um[0]) or 0.0, number_from(mpp_um[1]) or 0.0
        check_own_size(path, number_from(own.get("patches_on_slide")), sizes, extent_px)


def _kind(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    stated = properties.get("objectType", properties.get("object_type"))
    if stated is None:
        return _KINDS.get(str(feature.get("id")).lower(), "detection")
    return _KINDS.get(str(stated).lower(), str(stated).lower())


def _label(properties: dict[str, Any]) -> OutlineLabel:
    stated = properties.get("classification")
    of_class = stated if isinstance(stated, dict) else {"name": stated}
    parts = of_class.get("names")
    kind = of_class.get("name") or (": ".join(map(str, parts[:8])) if isinstance(parts, list) else "")
    rgb = _rgb(properties.get("color")) or _rgb(of_class.get("color")) or _rgb(of_class.get("colorRGB"))
    return OutlineLabel(text_from(properties.get("name")), text_from(kind), rgb)


def _rgb(value: Any) -> Rgb | None:
    """Red, green, blue of 0 to 255, or a number of which they are the three low bytes, as Java has it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value >> 16 & 255, value >> 8 & 255, value & 255
    if isinstance(value, list) and len(value) >= 3:
        red, green, blue = (number_from(each) for each in value[:3])
        if red is not None and green is not None and blue is not None:
            return _byte(red), _byte(green), _byte(blue)
    return None


def _byte(value: float) -> int:
    return 0 if isnan(value) else int(min(max(value, 0), 255))


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
