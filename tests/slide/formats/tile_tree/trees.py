"""Trees of tiles for tests, and what a source makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from viewer.slide.geometry import TileKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def write_tiles(
    folder: Path,
    pixels: NDArray[np.uint8],
    tile_px: int,
    name: Callable[[int, int], str],
    overlap_px: int = 0,
) -> None:
    """Write a level as files, row by row."""
    rows, columns = (-(-side // tile_px) for side in pixels.shape[:2])
    for row in range(rows):
        for column in range(columns):
            y, x = max(row * tile_px - overlap_px, 0), max(column * tile_px - overlap_px, 0)
            piece = pixels[y : (row + 1) * tile_px + overlap_px, x : (column + 1) * tile_px + overlap_px]
            file = folder / name(column, row)
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(piece).save(file)


def halve(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every other pixel; sizes are rounded up."""
    return np.ascontiguousarray(pixels[::2, ::2])


def level_pixels(source: Any, index: int) -> NDArray[np.uint8]:
    """All tiles of a level put together, as RGB. They must be opaque."""
    level = source.pyramid.levels[index]
    rows = [
        np.concatenate(
            [source.read_tile(TileKey(index, column, row)) for column in range(level.columns)], axis=1
        )
        for row in range(level.rows)
    ]
    pixels = np.concatenate(rows, axis=0)
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3]
