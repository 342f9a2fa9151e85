"""ArraySource: an image that fits decoded in memory, cut into tiles of one level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.pixels import opaque_rgba
from viewer.slide.source import SlideInfo, Source, TileError
from viewer.slide.strings import TILE_OF_CLOSED

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE_PX = 256


class ArraySource(Source):
    """A Source over one uint8 array: (h, w) grey, (h, w, 2) grey + alpha, (h, w, 3) RGB or (h, w, 4) straight
    RGBA.

    The array is not copied; it must not be changed afterwards.
    """

    def __init__(self, info: SlideInfo, array: NDArray[np.uint8], *, pixel_aspect: float = 1.0) -> None:
        if (
            array.dtype != np.uint8
            or array.ndim not in (2, 3)
            or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4))
        ):
            raise ValueError(f"expected uint8 grey, RGB or RGBA, got {array.dtype} of shape {array.shape}")
        self._info = info
        self._array: NDArray[np.uint8] | None = array
        height, width = array.shape[:2]
        self._pyramid = Pyramid.from_sizes([(width, height)], [(TILE_PX, TILE_PX)], pixel_aspect=pixel_aspect)

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``."""
        array = self._array
        if array is None:
            raise TileError(TILE_OF_CLOSED.format(path=self._info.path))
        x, y, width, height = self.tile_region(key)
        tile = opaque_rgba(array[y : y + height, x : x + width], self._info.background_rgb)
        # A tile that spans the image's whole width may be a view of it; a tile must not keep the image alive.
        return tile.copy() if np.may_share_memory(tile, array) else tile

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """An array has none: always KeyError."""
        raise KeyError(name)

    def close(self) -> None:
        """Release the array."""
        self._array = None
