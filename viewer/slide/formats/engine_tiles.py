"""The tiles that the streamer requests, for tiles of a file of any size: as they are, gathered, or cut."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

# Smaller tiles are gathered into one of at least this, for one texture layer and one request. 240 is Aperio's
# old tile.
_LEAST_PX = 240
MAX_WHOLE_PX = 1024
CUT_PX = 512
_CACHE_BYTES = 64 * 2**20
BAND_BYTES = 64 * 2**20
"""From strips, tiles are cut that take at most so much across the image."""
_LEAST_BAND_ROWS = 16


def is_cut(width: int, height: int) -> bool:
    """Whether several tiles are cut from one of the file, of this size."""
    return max(width, height) > MAX_WHOLE_PX


def engine_tile_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of what is requested, where the file has tiles of this size."""
    if is_cut(width, height):
        return min(width, CUT_PX), min(height, CUT_PX)
    times = -(-_LEAST_PX // max(width, height))
    return width * times, height * times


def strip_tile_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of what is requested of an image in strips: fewer rows the wider it is."""
    rows = CUT_PX
    while rows > _LEAST_BAND_ROWS and rows * width * 4 > BAND_BYTES:
        rows //= 2
    return min(width, CUT_PX), min(height, rows)


def cached_if_cut(
    read: Callable[..., NDArray[np.uint8]], width: int, height: int
) -> Callable[..., NDArray[np.uint8]]:
    """What reads a tile of the file, RGBA of this size, with the last ones kept where several are cut from
    one: neighbours are requested together.
    """
    return lru_cache(max(1, _CACHE_BYTES // (4 * width * height)))(read) if is_cut(width, height) else read
