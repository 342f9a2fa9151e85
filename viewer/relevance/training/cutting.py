"""Squares of tissue read from slides at one pixel size, for trainings on pixels."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.atomic_write import save_atomically
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask


def tissue_squares(mask: TissueMask, side_px: tuple[float, float], least: float) -> NDArray[np.float64]:
    """Centres (n, 2), as x, y in level-0 px, of the squares of a grid from the slide's corner that lie wholly
    on the slide and of which ``least`` is tissue; ``side_px`` (x, y)."""
    columns, rows = (int(extent // side) for extent, side in zip(mask.extent_px, side_px, strict=True))
    if not (columns and rows):
        return np.empty((0, 2))
    cells = np.argwhere(mask.patch_fractions(columns, rows, *side_px) >= least)
    centres: NDArray[np.float64] = (cells[:, ::-1] + 0.5) * np.array(side_px)
    return centres


def some(centres: NDArray[np.float64], most: int, random: np.random.Generator) -> NDArray[np.float64]:
    """At most so many of them, in their order."""
    return centres[np.sort(random.permutation(len(centres))[:most])]


def read_squares(
    source: Source,
    centres: NDArray[np.float64],
    mpp_um: tuple[float, float],
    *,
    side_px: int,
    pixel_um: float,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Of the squares of ``side_px`` pixels of ``pixel_um`` round these centres those that can be read, as
    (n, side_px, side_px, 3) RGB; and which of all of them those are."""
    half_x, half_y = (side_px * pixel_um / 2 / mpp for mpp in mpp_um)
    pixels = np.empty((len(centres), side_px, side_px, 3), np.uint8)
    readable = np.ones(len(pixels), bool)
    for number, (x, y) in enumerate(centres.tolist()):
        try:
            rect = Rect(x - half_x, y - half_y, x + half_x, y + half_y)
            pixels[number] = read_region(source, rect, (side_px, side_px))
        except TileError:
            readable[number] = False
    return pixels[readable], readable


# What was read once, on disk


def digest_of(content: Any) -> str:
    """Equal for equal content: what JSON holds, and text for all else."""
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def kept_facts(path: Path, digest: str) -> dict[str, Any] | None:
    """The facts beside an array that ``keep`` wrote for the same digest, where it is there."""
    try:
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("digest") == digest else None


def keep(path: Path, array: NDArray[Any], facts: dict[str, Any]) -> None:
    """Write an array as ``path`` (.npy) and facts, with their digest, beside it. Raises SaveError."""
    path.with_suffix(".json").unlink(missing_ok=True)  # of an array before, which the next line replaces
    content = io.BytesIO()
    np.save(content, array)
    save_atomically(path, content.getvalue())
    save_atomically(path.with_suffix(".json"), json.dumps(facts).encode())
