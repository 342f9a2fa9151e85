"""Reads maps of other programs as fields over a slide, and annotations as outlines: the formats, the notes.

Imported scores are of another program's model. Their provenance names the file, the column, and how its
numbers became 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.text import escape_control
from viewer.plugins import plugins
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.geojson import read_geojson_map
from viewer.relevance.exchange.hdf5 import read_hdf5_map
from viewer.relevance.exchange.numpy_files import read_numpy_map
from viewer.relevance.exchange.scores import ImportedScores, MapRequest, check_places, on_grid, scaled
from viewer.relevance.exchange.tiatoolbox import read_sqlite_map
from viewer.relevance.exchange.tiff import read_tiff_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError, check_regular
from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import LEAST_PATCH_PX, PATCH_UM, PatchGrid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.overlay.outlines import Outlines


GROUP = "foveola.map_formats"
_LEAST_SHARE = 0.001
_STAND_IN_PATCHES = 1500
"""Along a slide of unknown pixel size."""


@dataclass(frozen=True, slots=True)
class MapFormat:
    """A kind of file, by the lower-case ends of its names. ``read`` raises FeatureFileError; what it gives is
    checked against the slide afterwards. Packages name theirs in the group ``foveola.map_formats``.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Path, MapRequest], ImportedScores]


_OUR_OWN = (
    MapFormat((".h5", ".hdf5"), read_hdf5_map),
    MapFormat((".tif", ".tiff", ".btf"), read_tiff_map),
    MapFormat((".geojson", ".json", ".geojson.gz", ".json.gz"), read_geojson_map),
    MapFormat((".db", ".sqlite"), read_sqlite_map),
    MapFormat((".npy", ".npz"), read_numpy_map),
)


@dataclass(frozen=True, slots=True)
class ImportedMap:
    """A field from a file, None where it has no scores, its outlines, None where it has none, the program
    that made it, and notes for the reader."""

    field: RelevanceField | None
    outlines: Outlines | None
    producer: str
    notes: tuple[str, ...]


def read_map(
    path: Path,
    extent_px: tuple[int, int],
    grid: PatchGrid,
    *,
    mpp_estimated: bool,
    column: str | None = None,
    patch_px: float | None = None,
) -> ImportedMap:
    """The map, the outlines or both of a slide of ``extent_px`` (width, height) level-0 px over its grid.

    ``column`` chooses where a file has several scores; ``patch_px`` is the side of its patches in level-0 px
    where the file does not state it. Raises FeatureFileError: damaged, of another slide, of an unknown kind,
    or several columns and none chosen.
    """
    check_regular(path)
    if patch_px is not None and not 0 < patch_px < 1e6:
        raise FeatureFileError(path, strings.WRONG_PATCH_GIVEN.format(side=patch_px))
    request = MapRequest(extent_px, grid, mpp_estimated, column, patch_px)
    imported, outlines = _read(path, request), None
    name, notes = escape_control(path.name), []
    if imported.outlines is not None:
        outlines = imported.outlines
        notes.append(
            strings.OUTLINES.format(
                file=name, count=len(outlines), producer=imported.producer, kinds=len(outlines.kinds)
            )
        )
    field = None
    if outlines is None or len(imported.scores):
        field = _field(path, imported, request)
        first = strings.SOURCE.format(
            file=name,
            column=field.provenance.query,
            producer=imported.producer,
            normalisation=field.provenance.normalisation,
        )
        share = [strings.COVERS.format(share=_in_words(field.known_share))] if field.known_share < 1 else []
        notes = [first, *share, *notes]
    notes += imported.notes
    blank = len(imported.scores) - int(np.isfinite(imported.scores).sum())
    if blank and imported.producer != "Foveola":  # its maps leave out what was not analysed
        notes.append(strings.WITHOUT_NUMBERS.format(blank=blank, total=len(imported.scores)))
    if imported.producer not in ("Foveola", "OME-TIFF"):
        notes.append(strings.NO_SLIDE_NAMED)
    return ImportedMap(field, outlines, imported.producer, tuple(notes))


def _field(path: Path, imported: ImportedScores, request: MapRequest) -> RelevanceField:
    """The scores on the grid. Raises FeatureFileError."""
    grid = request.grid
    check_places(path, imported, request.extent_px)
    scores, normalisation, source_values = scaled(path, imported)
    try:
        values, known = on_grid(imported, scores, grid, request.extent_px)
    except ValueError as error:
        raise FeatureFileError(path, str(error)) from error
    if not known.any():
        raise FeatureFileError(path, strings.COVERS_NO_PATCH)
    provenance = Provenance(
        encoder=f"file:{escape_control(path.name)}",
        query=escape_control(imported.column),
        normalisation=normalisation,
        mpp_um=(PATCH_UM / grid.patch_width_px, PATCH_UM / grid.patch_height_px),
        mpp_estimated=request.mpp_estimated,
        made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        software=imported.producer,
        source_values=source_values,
    )
    return RelevanceField.of(grid, values, known, provenance)


def _in_words(share: float) -> str:
    """A share above 0 and below 1, which is rounded to neither."""
    if share < _LEAST_SHARE:
        return strings.LESS_THAN
    return strings.MORE_THAN if share > 1 - _LEAST_SHARE else f"{share:.1%}"


def stand_in_grid(extent_px: tuple[int, int]) -> PatchGrid:
    """For a slide of unknown pixel size: outlines need none. Scores on this grid are not to be shown."""
    mpp_um = min(PATCH_UM / LEAST_PATCH_PX, PATCH_UM * _STAND_IN_PATCHES / max(extent_px))
    return PatchGrid.over(*extent_px, (mpp_um, mpp_um))


def map_formats() -> tuple[MapFormat, ...]:
    """Every kind of map that can be read: our own first, then those that other packages bring."""
    return (*_OUR_OWN, *plugins(GROUP, MapFormat)[0])


def _read(path: Path, request: MapRequest) -> ImportedScores:
    name = path.name.lower()
    formats = map_formats()
    for one in formats:
        if name.endswith(one.suffixes):
            return one.read(path, request)
    known = ", ".join(suffix for one in formats for suffix in one.suffixes)
    _, problems = plugins(GROUP, MapFormat)
    raise FeatureFileError(path, "; ".join((strings.UNKNOWN_KIND.format(known=known), *problems)))
