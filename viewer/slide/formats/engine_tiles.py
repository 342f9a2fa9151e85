"""The tiles that the streamer requests, for tiles of a file of any size: as they are, gathered, or cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.shared_pieces import SharedPieces
from viewer.slide.pixels import opaque_rgba

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """What reads a tile of the file, of this size, with the last ones kept where several are cut from one:
    neighbours are requested together.
    """
    piece_bytes = 4 * width * height
    is_shared = is_cut(width, height)
    return SharedPieces(read, piece_bytes=piece_bytes, cache_bytes=_CACHE_BYTES) if is_shared else read


def region_of_pieces(
    piece_at: Callable[[int, int], NDArray[np.uint8]],
    piece_size: tuple[int, int],
    region: tuple[int, int, int, int],
    background_rgb: tuple[int, int, int],
) -> NDArray[np.uint8]:
    """(height, width, 4) opaque RGBA of a region (left, top, width, height), from the pieces that it touches.

    ``piece_at(column, row)`` gives what ``opaque_rgba`` takes; only the part inside is converted, as pieces
    may be of hundreds of megabytes.
    """
    x, y, width, height = region
    across, down = piece_size
    pixels = np.empty((height, width, 4), np.uint8)
    for row in range(y // down, -(-(y + height) // down)):
        for column in range(x // across, -(-(x + width) // across)):
            left, top = column * across - x, row * down - y
            piece = piece_at(column, row)
            part = piece[max(0, -top) : height - top, max(0, -left) : width - left]
            target = pixels[max(0, top) :, max(0, left) :][: part.shape[0], : part.shape[1]]
            target[...] = opaque_rgba(part, background_rgb)
    return pixels
