"""Findings as QuPath's GeoJSON, in level-0 px; its 0.2 and later read it.

Source: QuPath's GeoJSON as its authors describe it, RFC 7946.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.relevance.exchange.geometry import OPEN, ShapeError, geometry_from_geojson
from viewer.relevance.exchange.json_stream import GeoJsonFile
from viewer.relevance.exchange.objects import text_from
from viewer.review.interchange import strings
from viewer.review.interchange.shapes import InterchangeError, Marked, check_slide, corners_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.review.findings.finding import Finding
    from viewer.review.interchange.shapes import Exported

_PROGRAM_RGB, _READER_RGB = [230, 159, 0], [0, 114, 178]


def write_qupath(exported: Exported) -> bytes:
    """A FeatureCollection of annotations."""
    own = {
        "use": RESEARCH_USE_STATEMENT,
        "case": exported.case,
        "slide_id": exported.slide_id,
    }
    features = [_feature(finding) for finding in exported.findings]
    return json.dumps({"type": "FeatureCollection", "foveola": own, "features": features}).encode()


def _feature(finding: Finding) -> dict[str, Any]:
    corners = [list(corner) for corner in corners_of(finding)]
    geometry: dict[str, Any] = {"type": "Point", "coordinates": corners[0]}
    if len(corners) == 2:
        geometry = {"type": "LineString", "coordinates": corners}
    elif len(corners) > 2:
        geometry = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    rgb = _PROGRAM_RGB if finding.by_program else _READER_RGB
    measurements = {} if finding.score is None else {"score": finding.score}
    if finding.maker is not None:
        measurements["threshold"] = finding.maker.threshold
    properties: dict[str, Any] = {
        "objectType": "annotation",
        "name": finding.id,
        "classification": {
            "name": finding.label,
            "color": rgb,
            "colorRGB": -(1 << 24) + (rgb[0] << 16) + (rgb[1] << 8) + rgb[2],
        },
        "isLocked": True,
        "measurements": [{"name": name, "value": value} for name, value in measurements.items()],
    }
    if finding.maker is not None:
        properties["foveola"] = finding.maker.as_json()
    stable = str(uuid.uuid5(uuid.NAMESPACE_OID, finding.id))
    return {"type": "Feature", "id": stable, "geometry": geometry, "properties": properties}


def read_qupath(path: Path, slide_id: str) -> Iterator[Marked]:
    """Each part of a shape by itself.

    Raises InterchangeError, also for holes, and FeatureFileError for what is no GeoJSON.
    """
    file = GeoJsonFile(path)
    for number, feature in enumerate(file.features(), 1):
        try:
            geometry = geometry_from_geojson(feature.get("geometry") if isinstance(feature, dict) else None)
        except ShapeError as error:
            raise InterchangeError(
                path, strings.BAD_SHAPE.format(number=number, reason=error.reason)
            ) from error
        rings = [polygon for polygon in geometry.polygons if polygon != OPEN]
        if len(set(rings)) < len(rings):
            raise InterchangeError(path, strings.HOLE.format(number=number))
        properties = feature.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        stated = properties.get("classification")
        label = text_from(stated.get("name") if isinstance(stated, dict) else stated)
        name = text_from(properties.get("name"))
        begin = 0
        for count in geometry.counts:
            flat = geometry.coordinates[begin : begin + 2 * count]
            begin += 2 * count
            corners = tuple(zip(flat[::2], flat[1::2], strict=True))
            if len(corners) > 1 and corners[0] == corners[-1]:
                corners = corners[:-1]
            yield Marked(name, label, corners)
    own = file.members.get("foveola")
    check_slide(path, own.get("slide_id") if isinstance(own, dict) else None, slide_id)
