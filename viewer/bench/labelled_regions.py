"""Labelled regions of a slide: which patches belong to which class.

A file of regions is GeoJSON as QuPath writes it: a polygon in level-0 px and the name of its class each.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.bench import strings
from viewer.common.errors import FoveolaError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid

CONCEPT_OF_CLASS = {
    "normal_colon_mucosa": "normal_mucosa",
    "small_bowel_mucosa": "normal_mucosa",
    "tumour": "tumour_epithelium",
}
"""Region classes whose concept has another name."""

OTHER = "other"
"""The class of regions that are like nothing asked for: others are ranked against them."""

OVERLAYS = ("pen_mark", "out_of_focus")
"""Classes that lie over others: a patch under one belongs to no tissue class."""

_MAX_FILE_BYTES = 20_000_000


class RegionsError(FoveolaError):
    """A file of regions that cannot be used: which and why."""


def regions_beside(slide: Path) -> Path:
    """Where the regions of a slide lie."""
    return slide.with_name(f"{slide.stem}.regions.geojson")


def concepts_of_patches(regions_file: Path, grid: PatchGrid) -> dict[str, NDArray[np.bool_]]:
    """For each concept with regions the patches (rows, columns) whose centres lie in one. Raises
    RegionsError.
    """
    x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
    y = (np.arange(grid.rows) + 0.5) * grid.patch_height_px
    centres_x, centres_y = np.broadcast_arrays(x, y[:, None])
    found: dict[str, NDArray[np.bool_]] = {}
    try:
        if regions_file.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError(strings.TOO_LARGE)
        for feature in json.loads(regions_file.read_text(encoding="utf-8"))["features"]:
            name = str(feature["properties"]["classification"]["name"])
            concept = CONCEPT_OF_CLASS.get(name, name)
            mask = found.setdefault(concept, np.zeros(grid.shape, np.bool_))
            mask |= _inside(feature["geometry"], centres_x, centres_y)
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise RegionsError(strings.NO_REGIONS.format(path=regions_file, error=error)) from error
    overlaid = np.zeros(grid.shape, np.bool_)
    for name in OVERLAYS:
        overlaid |= found.get(name, False)
    return {name: mask if name in OVERLAYS else mask & ~overlaid for name, mask in found.items()}


def _inside(geometry: dict[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points lie in a Polygon or MultiPolygon, holes left out (even–odd rule)."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    inside = np.zeros(x.shape, np.bool_)
    for ring in (ring for polygon in polygons for ring in polygon):
        points = np.asarray(ring, np.float64)
        for (ax, ay), (bx, by) in pairwise(points):
            if ay != by:
                crosses = (ay > y) != (by > y)
                inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside
