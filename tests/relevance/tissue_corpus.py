"""Small made corpora for the tissue encoder: pictures of two tissues beside glass, with regions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 512
"""Of a slide, at 1 µm a pixel: two patches of tissue a side, three of glass."""
_DENSITY = {"carcinoma": (0.9, 1.1, 0.5), "fibrous_stroma": (0.1, 0.5, 0.25)}
_LEFT, _RIGHT = (20, 20, 240, 300), (270, 20, 490, 300)


def region(name: str, corners: tuple[float, float, float, float]) -> dict[str, Any]:
    """A rectangle as QuPath writes it."""
    x0, y0, x1, y1 = corners
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {
        "type": "Feature",
        "properties": {"objectType": "annotation", "classification": {"name": name}},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def add_slide(
    folder: Path, name: str, *, left: str = "carcinoma", right: str = "fibrous_stroma", **facts: object
) -> Path:
    """A slide with two tissues and glass below them; its file of regions."""
    random = np.random.default_rng(list(name.encode()))
    density = np.zeros((SIDE_PX, SIDE_PX, 3))
    for tissue, (x0, y0, x1, y1) in ((left, _LEFT), (right, _RIGHT)):
        rough = random.normal(1, 0.25, (y1 - y0, x1 - x0, 1))
        density[y0:y1, x0:x1] = np.clip(rough, 0.2, 2) * np.array(_DENSITY[tissue])
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    (folder / "regions").mkdir(exist_ok=True)
    picture = np.rint(240 * np.exp(-density)).clip(0, 255).astype(np.uint8)
    Image.fromarray(picture).save(folder / "slides" / f"{name}.png")
    content = {
        "type": "FeatureCollection",
        "features": [region(left, _LEFT), region(right, _RIGHT)],
        "mpp_um": 1.0,
        **facts,
    }
    path = folder / "regions" / f"{name}.geojson"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def small_corpus(folder: Path) -> Path:
    """A slide with tumour and one without for each of the three parts."""
    for part in ("train", "calibration", "test"):
        add_slide(folder, f"{part}-tumour", part=part, diagnosis="a tumour")
        add_slide(folder, f"{part}-free", left="fibrous_stroma", part=part, tumour_free=True)
    return folder
