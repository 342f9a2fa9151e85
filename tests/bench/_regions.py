"""Labelled regions of slides and labelled tiles: which patch belongs to which class, and how well scores rank
them.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid

CONCEPT_OF_CLASS = {
    "normal_colon_mucosa": "normal_mucosa",
    "small_bowel_mucosa": "normal_mucosa",
    "tumour": "tumour_epithelium",
}
"""Region classes whose concept has another name."""

TILE_SETS = {
    "nct-crc-90": (
        1.18,
        {
            "ADI": "adipose_tissue",
            "BACK": "background",
            "DEB": "necrosis",
            "LYM": "lymphocytes",
            "MUC": "mucin",
            "MUS": "smooth_muscle",
            "NORM": "normal_mucosa",
            "STR": "stroma",
            "TUM": "tumour_epithelium",
        },
    ),
    "kather-24": (
        0.495,
        {
            "ADIPOSE": "adipose_tissue",
            "DEBRIS": "necrosis",
            "EMPTY": "background",
            "LYMPHO": "lymphocytes",
            "MUCOSA": "normal_mucosa",
            "STROMA": "stroma",
            "TUMOR": "tumour_epithelium",
        },
    ),
}
"""Folder under tiles/: µm per pixel, and the concept of each class.

COMPLEX mixes two classes and is left out.
"""

OTHER = "other"
"""The class of regions that are like nothing asked for: others are ranked against them."""

OVERLAYS = ("pen_mark", "out_of_focus")
"""Classes that lie over others: a patch under one belongs to no tissue class."""


def concepts_of_patches(regions_file: Path, grid: PatchGrid) -> dict[str, NDArray[np.bool_]]:
    """For each concept with regions the patches (rows, columns) whose centres lie in one."""
    x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
    y = (np.arange(grid.rows) + 0.5) * grid.patch_height_px
    centres_x, centres_y = np.broadcast_arrays(x, y[:, None])
    found: dict[str, NDArray[np.bool_]] = {}
    for feature in json.loads(regions_file.read_text(encoding="utf-8"))["features"]:
        name = feature["properties"]["classification"]["name"]
        concept = CONCEPT_OF_CLASS.get(name, name)
        mask = found.setdefault(concept, np.zeros(grid.shape, np.bool_))
        mask |= _inside(feature["geometry"], centres_x, centres_y)
    overlaid = np.zeros(grid.shape, np.bool_)
    for name in OVERLAYS:
        overlaid |= found.get(name, False)
    return {name: mask if name in OVERLAYS else mask & ~overlaid for name, mask in found.items()}


def tiles(folder: Path) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """The tiles of a set (h, w, 3) and their concepts, in the order of names."""
    _, concepts = TILE_SETS[folder.name]
    pictures, labels = [], []
    for name, concept in concepts.items():
        for file in sorted((folder / name).iterdir()):
            with Image.open(file) as picture:
                pictures.append(np.asarray(picture.convert("RGB")))
            labels.append(concept)
    return pictures, labels


def auroc(scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a positive ranks above a negative, ties count half.

    NaN where there are none of either. A score that is NaN counts as the lowest: what could not be told was
    not found.
    """
    values = np.where(np.isfinite(scores), scores, -1.0)
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")


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
