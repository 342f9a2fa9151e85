"""Labelled tiles: sets of small pictures of one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

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
