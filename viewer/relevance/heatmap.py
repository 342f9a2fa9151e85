"""A field as a pyramidal OME-TIFF that lies over its slide in other viewers.

One 8-bit channel: 0 was not analysed, 1 to 255 are the scores from 0 to 1. Eight pixels a patch at the finest
of four levels, one at the coarsest: every level repeats or picks values, none mixes analysed with not
analysed. Source: OME-TIFF 6 (pyramids in SubIFDs), OME model 2016-06.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer import RESEARCH_USE
from viewer.facts import shown
from viewer.relevance.field import UNIT
from viewer.relevance.grid import PATCH_UM
from viewer.saving import save_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.field import RelevanceField

NOT_ANALYSED = 0
_LEVELS = 4
_PX_PER_PATCH = 2 ** (_LEVELS - 1)
PIXEL_UM = PATCH_UM / _PX_PER_PATCH
_TILE_PX = 256


def write_heatmap(field: RelevanceField, path: Path, *, extent_px: tuple[int, int], slide_name: str) -> None:
    """Write the map of a slide of ``extent_px`` (width, height) level-0 px. Raises SaveError.

    Its corner is the slide's, its pixels are 16 µm wide: a viewer that knows the slide's pixel size lays the
    one over the other. Scores are rounded to 1/254; ``export.write_scores`` has them exactly.
    """
    import tifffile

    finest = _finest(field, extent_px)
    data = io.BytesIO()
    options: dict[str, Any] = {
        "tile": (_TILE_PX, _TILE_PX),
        "compression": "zlib",
        "photometric": "minisblack",
        "resolutionunit": "CENTIMETER",
    }
    with tifffile.TiffWriter(data, ome=True, bigtiff=finest.nbytes > 1 << 30) as writer:
        for level in range(_LEVELS):
            per_cm = 1e4 / (PIXEL_UM * 2**level)
            picture = finest[:: 2**level, :: 2**level]
            if level == 0:
                writer.write(
                    picture,
                    subifds=_LEVELS - 1,
                    resolution=(per_cm, per_cm),
                    metadata=_metadata(field, slide_name),
                    software=field.provenance.software,
                    **options,
                )
            else:
                writer.write(picture, subfiletype=1, resolution=(per_cm, per_cm), **options)
    save_atomically(path, data.getvalue())


def pixels_from_field(field: RelevanceField) -> NDArray[np.uint8]:
    """One pixel a patch: 0 for not analysed, 1 + 254 · score for the others."""
    scores = np.rint(field.scores * 254).astype(np.uint8) + np.uint8(1)
    return np.where(field.known, scores, np.uint8(NOT_ANALYSED))


def _finest(field: RelevanceField, extent_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The map at 16 µm per pixel, cut to the slide."""
    columns = _pixels(extent_px[0], field.grid.patch_width_px)
    rows = _pixels(extent_px[1], field.grid.patch_height_px)
    patches = pixels_from_field(field)
    # Picked by index: a repeated array would be eight times as high before it is as wide.
    picked = patches[np.arange(rows)[:, None] // _PX_PER_PATCH, np.arange(columns)[None, :] // _PX_PER_PATCH]
    return np.ascontiguousarray(picked)


def _pixels(length_px: int, patch_px: float) -> int:
    return max(1, round(length_px / patch_px * _PX_PER_PATCH))


def _metadata(field: RelevanceField, slide_name: str) -> dict[str, Any]:
    provenance = field.provenance
    estimated = " (estimated)" if provenance.mpp_estimated else ""
    description = (
        f"Query: {provenance.query}. Encoder: {provenance.encoder}; {provenance.normalisation}. "
        f"Values: 0 not analysed; 1 to 255 {UNIT}, as 1 + 254 · score. "
        f"Pixel size of the slide: {provenance.mpp_um[0]:g} × {provenance.mpp_um[1]:g} µm{estimated}. "
        f"Made {provenance.made_utc} by {provenance.software}. {RESEARCH_USE}."
    )
    return {
        "axes": "YX",
        "Name": shown(f"{slide_name}: {provenance.query}"),
        "Description": shown(description),
        "PhysicalSizeX": PIXEL_UM,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": PIXEL_UM,
        "PhysicalSizeYUnit": "µm",
    }
