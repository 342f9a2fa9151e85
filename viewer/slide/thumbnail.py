"""A small picture of the whole slide, from its coarsest level that is large enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from viewer.slide import strings
from viewer.slide.geometry import TileKey
from viewer.slide.pixels import rgba_8
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.source import Source

_MAX_READ_PX = 64_000_000


def thumbnail(source: Source, max_px: int) -> NDArray[np.uint8]:
    """The whole slide, (h, w, 4) RGBA, longer side at most ``max_px``, with the tissue's true proportions.

    Tiles that cannot be read keep the slide's background. Raises TileError where the coarsest level has more
    than 64 million pixels: a thumbnail must not read a whole slide.
    """
    pyramid = source.pyramid
    downsample = max(1.0, pyramid.width / max_px, pyramid.height * pyramid.pixel_aspect / max_px)
    index = pyramid.level_for_downsample(downsample)
    while index + 1 < len(pyramid.levels) and _area(source, index) > _MAX_READ_PX:
        index += 1
    if _area(source, index) > _MAX_READ_PX:
        raise TileError(strings.NO_THUMBNAIL.format(name=source.info.path.name))
    level = pyramid.levels[index]
    picture = np.empty((level.height, level.width, 4), np.uint8)
    picture[...] = (*source.info.background_rgb, 255)
    for row in range(level.rows):
        for col in range(level.columns):
            x, y = col * level.tile_width, row * level.tile_height
            try:
                tile = rgba_8(source.read_tile(TileKey(index, col, row)))
            except TileError:
                continue
            picture[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    size = (
        max(1, round(pyramid.width / downsample)),
        max(1, round(pyramid.height * pyramid.pixel_aspect / downsample)),
    )
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _area(source: Source, index: int) -> int:
    level = source.pyramid.levels[index]
    return level.width * level.height
