"""Colour maps for likeness: read from resources, as tables of equal perceived steps. Pure.

Points are in OKLCH; the path between them is straight in OKLab (B. Ottosson, "A perceptual color space
for image processing", 2020), sampled at equal distances.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENTRIES = 256
_STEPS_A_LEG = 512
_LMS_FROM_LAB = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@cache
def colour_maps() -> dict[str, NDArray[np.uint8]]:
    """Every map by name: (256, 3) sRGB from likeness 0 to 1. Read once, read-only."""
    text = resources.files("resources").joinpath("colour_maps", "sequential.toml").read_text(encoding="utf-8")
    return {name: _table(np.array(entry["points"])) for name, entry in tomllib.loads(text).items()}


def colour_stops(name: str, count: int = 17) -> tuple[tuple[int, int, int], ...]:
    """``count`` colours of a map at equal steps from 0 to 1, for a legend. KeyError for an unknown name."""
    rows = np.rint(np.linspace(0, ENTRIES - 1, count)).astype(int)
    return tuple((int(r), int(g), int(b)) for r, g, b in colour_maps()[name][rows])


def _table(points_lch: NDArray[np.float64]) -> NDArray[np.uint8]:
    hue = np.radians(points_lch[:, 2])
    lab = np.stack(
        [points_lch[:, 0], points_lch[:, 1] * np.cos(hue), points_lch[:, 1] * np.sin(hue)], axis=-1
    )
    at = np.linspace(0, len(lab) - 1, _STEPS_A_LEG * (len(lab) - 1) + 1)
    path = np.stack([np.interp(at, np.arange(len(lab)), axis) for axis in lab.T], axis=-1)
    distance = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    equal = np.linspace(0, distance[-1], ENTRIES)
    rgb = _srgb_from_oklab(np.stack([np.interp(equal, distance, axis) for axis in path.T], axis=-1))
    table = np.rint(rgb * 255).astype(np.uint8)
    table.flags.writeable = False
    return table


def _srgb_from_oklab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.clip(((lab @ _LMS_FROM_LAB.T) ** 3) @ _RGB_FROM_LMS.T, 0.0, 1.0)
    srgb: NDArray[np.float64] = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return srgb
