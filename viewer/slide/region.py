"""Any rectangle of a slide at any size, as one array, for analysis and thumbnails of places.

The screen draws whole tiles instead (``stream``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from viewer.slide.geometry import Rect, TileKey
from viewer.slide.pixels import rgba_8

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.source import Source

MAX_READ_PX = 64_000_000


def read_region(source: Source, rect: Rect, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of ``rect`` (level-0 px) at ``size_px`` (width, height): (height, width, 3) RGB.

    Read from the coarsest level that is no coarser than ``size_px``, averaged down from there; what lies
    outside the slide is its background. Raises TileError where a tile cannot be read: half a region is no
    measurement. Raises ValueError for a size below 1 px and where more than 64 million pixels would have to
    be read.
    """
    width, height = size_px
    if min(width, height) < 1 or rect.width <= 0 or rect.height <= 0:
        raise ValueError(
            f"a region of {rect.width:g}×{rect.height:g} px cannot be read as {width}×{height} px"
        )
    pyramid = source.pyramid
    index = pyramid.level_for_downsample(min(rect.width / width, rect.height / height))
    level = pyramid.levels[index]
    # A margin of one output pixel, so that averaging at the border includes what lies beyond it.
    left, top = rect.x0 / level.scale_x, rect.y0 / level.scale_y
    right, bottom = rect.x1 / level.scale_x, rect.y1 / level.scale_y
    margin_x, margin_y = (right - left) / width, (bottom - top) / height
    x0, y0 = int(np.floor(left - margin_x)), int(np.floor(top - margin_y))
    x1, y1 = int(np.ceil(right + margin_x)), int(np.ceil(bottom + margin_y))
    if (x1 - x0) * (y1 - y0) > MAX_READ_PX:
        raise ValueError(
            f"{source.info.path.name}: {x1 - x0}×{y1 - y0} px would have to be read for one region"
        )
    picture = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
    picture[...] = source.info.background_rgb
    padded = Rect(x0 * level.scale_x, y0 * level.scale_y, x1 * level.scale_x, y1 * level.scale_y)
    tiles = pyramid.visible_tiles(index, padded)
    for row in range(tiles.row0, tiles.row1):
        for col in range(tiles.col0, tiles.col1):
            tile = rgba_8(source.read_tile(TileKey(index, col, row)))
            tile_x, tile_y = col * level.tile_width - x0, row * level.tile_height - y0
            skip_x, skip_y = max(0, -tile_x), max(0, -tile_y)
            part = tile[skip_y : picture.shape[0] - tile_y, skip_x : picture.shape[1] - tile_x, :3]
            picture[
                tile_y + skip_y : tile_y + skip_y + part.shape[0],
                tile_x + skip_x : tile_x + skip_x + part.shape[1],
            ] = part
    box = (left - x0, top - y0, right - x0, bottom - y0)
    if box == (1, 1, 1 + width, 1 + height):
        return np.ascontiguousarray(picture[1:-1, 1:-1])
    # A triangle as wide as an output pixel: free of aliasing when it shrinks, linear when it enlarges.
    return np.asarray(Image.fromarray(picture).resize(size_px, Image.Resampling.BILINEAR, box=box))
