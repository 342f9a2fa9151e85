"""Relevance for other programs: scores as HDF5, places, patches and points as GeoJSON, places as CSV.

Only what was analysed is written; a patch that is missing in a file was not analysed. Every file has its
provenance, and states that it is for research use only.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer import RESEARCH_USE
from viewer.common.atomic_write import save_atomically
from viewer.common.text import escape_control

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from viewer.relevance.heatmap.points import PointFinding
    from viewer.relevance.patches.field import Provenance, RelevanceField
    from viewer.relevance.patches.peaks import Hit
    from viewer.slide.geometry import Rect

_UUID_SPACE = uuid.UUID("6b0f3c52-3c0f-5f0e-9d55-6f0d8a1f5b1e")
POINT_UNIT = "times as much as if all got the same"
_PLACE_RGB, _PATCH_RGB = [230, 159, 0], [86, 180, 233]  # distinct to all readers (Okabe and Ito, 2008)


def write_scores(field: RelevanceField, path: Path, *, slide_name: str, unit: str | None = None) -> None:
    """The score of every analysed patch, glass included, as HDF5: ``coords`` int64 (n, 2), the top left
    corner in level-0 px, ``scores`` float32 (n,) in [0, 1].

    ``patch_size_level0`` is the side of a patch in whole level-0 px, at the file and at ``coords``, as
    TRIDENT has it; ``patch_width_level0`` and ``patch_height_level0`` are exact. Raises SaveError.
    """
    import h5py

    grid, known = field.grid, field.known.reshape(-1)
    size_level0 = round((grid.patch_width_px + grid.patch_height_px) / 2)
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        coords = file.create_dataset("coords", data=grid.coords()[known])
        coords.attrs.update(
            {"patch_size_level0": size_level0, "overlap": 0, "name": escape_control(slide_name)}
        )
        file.create_dataset("scores", data=field.scores.reshape(-1)[known])
        file.attrs.update(
            {
                "patch_size_level0": size_level0,
                "patch_width_level0": grid.patch_width_px,
                "patch_height_level0": grid.patch_height_px,
                **export_facts(field, slide_name, unit),
            }
        )
    save_atomically(path, data.getvalue())


def write_geojson(
    field: RelevanceField,
    hits: Sequence[Hit],
    path: Path,
    *,
    slide_name: str,
    patches: bool = True,
    unit: str | None = None,
) -> None:
    """Places as annotations and, with ``patches``, analysed patches above 0 as tiles, as QuPath reads them.
    Raises SaveError.

    Coordinates are level-0 px. QuPath shows the measurement ``relevance: QUERY`` of tiles as a map.
    """
    features = list(_places(field, hits, slide_name))
    if patches:
        features += _patches(field, slide_name)
    _write_collection(path, features, export_facts(field, slide_name, unit))


def write_places(
    field: RelevanceField, hits: Sequence[Hit], path: Path, *, slide_name: str, extent_px: tuple[int, int]
) -> None:
    """A row for each place as CSV (RFC 4180): rank, score, peak and rectangle in level-0 px and in µm from
    the slide's corner, and the facts of the field. Raises SaveError.

    ``extent_px``: width and height of the slide, beyond which no rectangle reaches.
    """
    facts = export_facts(field, slide_name)
    x_um, y_um = facts.pop("mpp_um")
    facts = {"mpp_x_um": x_um, "mpp_y_um": y_um, **facts}
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    sides = ("x", "y", "left", "top", "right", "bottom")
    units = [f"{side}_{unit}" for unit in ("px", "um") for side in sides]
    rows.writerow(["rank", "score", *units, *facts])
    for rank, hit in enumerate(hits, 1):
        ends = min(hit.rect.x1, extent_px[0]), min(hit.rect.y1, extent_px[1])
        px = [*hit.peak, hit.rect.x0, hit.rect.y0, *ends]
        um = [value * mpp for value, mpp in zip(px, (x_um, y_um) * 3, strict=True)]
        places = [round(value, 2) for value in (*px, *um)]
        rows.writerow([rank, round(hit.score, 4), *places, *map(_cell, facts.values())])
    save_atomically(path, text.getvalue().encode())


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is marked as text: strangers name slides."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def write_points(
    points: Sequence[PointFinding], path: Path, *, provenance: Provenance, slide_name: str
) -> None:
    """Points as annotations in level-0 px, as QuPath reads them. Raises SaveError."""
    features = [
        _feature(
            {"type": "Point", "coordinates": [round(point.x, 2), round(point.y, 2)]},
            f"{escape_control(slide_name)}|{escape_control(provenance.query)}|point {point.rank}",
            objectType="annotation",
            name=f"{provenance.encoder}, point {point.rank}",
            classification={"name": provenance.encoder, "color": _PLACE_RGB},
            isLocked=True,
            measurements={POINT_UNIT: round(point.value, 4), "rank": point.rank},
            metadata={"encoder": provenance.encoder, "unit": POINT_UNIT, "note": RESEARCH_USE},
        )
        for point in points
    ]
    _write_collection(path, features, _facts(provenance, slide_name, POINT_UNIT))


def export_facts(field: RelevanceField, slide_name: str, unit: str | None = None) -> dict[str, Any]:
    """The facts in every export of a field, fit for JSON and for the attributes of a file. ``unit``: the
    meaning of 0 to 1, None: as its provenance has it. Glass is not analysed, though its score is known
    and written."""
    analysed = {"patches_on_slide": field.grid.patch_count, "patches_analysed": field.analysed_count}
    return {**_facts(field.provenance, slide_name, unit or field.provenance.unit), **analysed}


def _facts(provenance: Provenance, slide_name: str, unit: str) -> dict[str, Any]:
    facts = {"slide": slide_name, "note": RESEARCH_USE, **provenance.as_facts(), "unit": unit}
    return {name: escape_control(value) if isinstance(value, str) else value for name, value in facts.items()}


def _write_collection(path: Path, features: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    collection = {"type": "FeatureCollection", "features": features, "foveola": facts}
    text = json.dumps(collection, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    save_atomically(path, text.encode())


def _places(field: RelevanceField, hits: Sequence[Hit], slide_name: str) -> Iterator[dict[str, Any]]:
    query = escape_control(field.provenance.query)
    for rank, hit in enumerate(hits, 1):
        yield _feature(
            _square(hit.rect),
            f"{escape_control(slide_name)}|{query}|place {rank}",
            objectType="annotation",
            name=f"{query}, place {rank}",
            classification={"name": query, "color": _PLACE_RGB},
            isLocked=True,
            measurements={f"relevance: {query}": round(hit.score, 4), "rank": rank},
            metadata={
                "encoder": field.provenance.encoder,
                "unit": field.provenance.unit,
                "note": RESEARCH_USE,
            },
        )


def _patches(field: RelevanceField, slide_name: str) -> Iterator[dict[str, Any]]:
    query = escape_control(field.provenance.query)
    for row, col in np.argwhere(field.known & (field.scores > 0)).tolist():
        yield _feature(
            _square(field.grid.rect(row, col)),
            f"{escape_control(slide_name)}|{query}|patch {row} {col}",
            objectType="tile",
            color=_PATCH_RGB,
            measurements={f"relevance: {query}": round(float(field.scores[row, col]), 4)},
        )


def _square(rect: Rect) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(value, 2) for value in (rect.x0, rect.y0, rect.x1, rect.y1))
    return {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]}


def _feature(geometry: dict[str, Any], identity: str, /, **properties: Any) -> dict[str, Any]:
    """The same place has the same id in every export: QuPath replaces it instead of doubling it."""
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(_UUID_SPACE, identity)),
        "geometry": geometry,
        "properties": properties,
    }
