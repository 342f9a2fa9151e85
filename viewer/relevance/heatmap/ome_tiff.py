"""A field, or attention, as a pyramidal OME-TIFF that lies over its slide in other viewers.

One 8-bit channel: 0 was not analysed, 1 to 255 are the scores from 0 to 1. A field has eight pixels a patch
at the finest of four levels and one at the coarsest, attention one a token: every level repeats or picks
values, none mixes analysed with not analysed. Source: OME-TIFF 6 (pyramids in SubIFDs), OME model 2016-06.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer import RESEARCH_USE, __version__
from viewer.common.atomic_write import save_atomically
from viewer.common.text import escape_control
from viewer.relevance.heatmap import strings
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.relevance.patches.grid import PATCH_UM

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.patches.field import Provenance, RelevanceField
    from viewer.relevance.patches.grid import PatchGrid

NOT_ANALYSED = 0
_LEVELS = 4
_PX_PER_PATCH = 2 ** (_LEVELS - 1)
PIXEL_UM = PATCH_UM / _PX_PER_PATCH
_TILE_PX = 256


def write_heatmap(
    field: RelevanceField,
    path: Path,
    *,
    extent_px: tuple[int, int],
    slide_name: str,
    what: str = strings.QUERY,
    unit: str | None = None,
) -> None:
    """Write the map of a slide of ``extent_px`` (width, height) level-0 px. Raises SaveError.

    ``what``: the kind of query in its provenance; ``unit``: the meaning of 0 to 1, None: as it has it.

    Its corner is the slide's, its pixels are 16 µm wide: a viewer with the slide's pixel size aligns the two.
    Scores are rounded to 1/254; ``export.write_scores`` has them exactly.
    """
    content = strings.CONTENT.format(kind=what, query=field.provenance.query)
    description = _description(field.provenance, content, unit or field.provenance.unit)
    name = escape_control(strings.NAME.format(slide=slide_name, query=field.provenance.query))
    finest = _cut(pixels_from_scores(field.scores, field.known), field.grid, extent_px, _PX_PER_PATCH)
    _write(path, finest, PIXEL_UM, name, description, field.provenance.software)


def write_imported(field: RelevanceField, path: Path, *, extent_px: tuple[int, int], slide_name: str) -> None:
    """As ``write_heatmap``, of a map of another program, which its provenance names. Raises SaveError."""
    producer = field.provenance.software
    ours = replace(field.provenance, software=f"Foveola {__version__}")
    write_heatmap(
        replace(field, provenance=ours),
        path,
        extent_px=extent_px,
        slide_name=slide_name,
        what=strings.MAP_OF.format(producer=producer),
        unit=strings.MAP_UNIT,
    )


def write_attention(
    scores: NDArray[np.float32],
    known: NDArray[np.bool_],
    grid: PatchGrid,
    path: Path,
    *,
    provenance: Provenance,
    unit: str,
    extent_px: tuple[int, int],
    slide_name: str,
) -> None:
    """Write attention over tokens (rows · 16, columns · 16), 0 to 1, as far as it is ``known``, a pixel of
    8 µm a token. ``provenance.query``: which attention; ``unit``: the meaning of 0 to 1.

    Raises SaveError.
    """
    finest = _cut(pixels_from_scores(scores, known), grid, extent_px, TOKENS_A_SIDE)
    name = escape_control(strings.NAME.format(slide=slide_name, query=provenance.query))
    description = _description(provenance, provenance.query, unit)
    _write(path, finest, PATCH_UM / TOKENS_A_SIDE, name, description, provenance.software)


def _write(
    path: Path, finest: NDArray[np.uint8], pixel_um: float, name: str, description: str, software: str
) -> None:
    import tifffile

    data = io.BytesIO()
    options: dict[str, Any] = {
        "tile": (_TILE_PX, _TILE_PX),
        "compression": "zlib",
        "photometric": "minisblack",
        "resolutionunit": "CENTIMETER",
    }
    with tifffile.TiffWriter(data, ome=True, bigtiff=finest.nbytes > 1 << 30) as writer:
        for level in range(_LEVELS):
            per_cm = 1e4 / (pixel_um * 2**level)
            picture = finest[:: 2**level, :: 2**level]
            if level == 0:
                writer.write(
                    picture,
                    subifds=_LEVELS - 1,
                    resolution=(per_cm, per_cm),
                    metadata={
                        "axes": "YX",
                        "Name": name,
                        "Description": description,
                        "PhysicalSizeX": pixel_um,
                        "PhysicalSizeXUnit": "µm",
                        "PhysicalSizeY": pixel_um,
                        "PhysicalSizeYUnit": "µm",
                    },
                    software=software,
                    **options,
                )
            else:
                writer.write(picture, subfiletype=1, resolution=(per_cm, per_cm), **options)
    save_atomically(path, data.getvalue())


def pixels_from_scores(scores: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """One pixel a score: 0 for not analysed, 1 + 254 · score for the others."""
    pixels = np.rint(scores * 254).astype(np.uint8) + np.uint8(1)
    return np.where(known, pixels, np.uint8(NOT_ANALYSED))


def _cut(
    values: NDArray[np.uint8], grid: PatchGrid, extent_px: tuple[int, int], px_per_patch: int
) -> NDArray[np.uint8]:
    """Values over the grid as ``px_per_patch`` pixels a patch, cut to the slide."""
    each = px_per_patch * grid.columns // values.shape[1]
    columns = max(1, round(extent_px[0] / grid.patch_width_px * px_per_patch))
    rows = max(1, round(extent_px[1] / grid.patch_height_px * px_per_patch))
    # Picked by index: a repeated array would be eight times as high before it is as wide.
    picked = values[np.arange(rows)[:, None] // each, np.arange(columns)[None, :] // each]
    return np.ascontiguousarray(picked)


def _description(provenance: Provenance, content: str, unit: str) -> str:
    return escape_control(
        strings.DESCRIPTION.format(
            content=content,
            encoder=provenance.encoder,
            normalisation=provenance.normalisation,
            unit=unit,
            x_um=provenance.mpp_um[0],
            y_um=provenance.mpp_um[1],
            estimated=strings.ESTIMATED if provenance.mpp_estimated else "",
            made_utc=provenance.made_utc,
            software=provenance.software,
            research_use=RESEARCH_USE,
        )
    )
