"""A decoded tile: its pixels with their mip chain, ready for the texture pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARK_STEP_PX = 16
_MARK_LIGHT = np.array((236, 232, 238, 255), np.uint8)
_MARK_DARK = np.array((150, 60, 110, 255), np.uint8)


@dataclass(frozen=True, slots=True)
class DecodedTile:
    """Mip chain of one tile, (h, w, 4) uint8 RGBA each, halving from full size. ``failed`` tiles carry marked
    pixels."""

    mips: tuple[NDArray[np.uint8], ...]
    failed: bool = False

    @property
    def nbytes(self) -> int:
        return sum(mip.nbytes for mip in self.mips)


def decoded_tile(pixels: NDArray[np.uint8], mip_levels: int) -> DecodedTile:
    """The mip chain of ``pixels`` (h, w, 4), ``mip_levels`` long.

    Mips average stored values, as scanner vendors average their own levels: anything else, linear light too,
    would make tissue change brightness at every switch of level. Odd edges average the pixels that exist.
    """
    mips = [pixels]
    for _ in range(mip_levels - 1):
        height, width = mips[-1].shape[:2]
        # RGBX: Pillow's reduce is several times faster without alpha to premultiply, and tiles are opaque
        image = Image.frombuffer("RGBX", (width, height), mips[-1], "raw", "RGBX", 0, 1)
        mips.append(np.asarray(image.reduce(2)))
    return DecodedTile(tuple(mips))


def marked_tile(width: int, height: int, mip_levels: int) -> DecodedTile:
    """What stands for a tile that cannot be decoded: diagonal stripes that no stain produces, never plain
    background.
    """
    stripe = (np.add.outer(np.arange(height), np.arange(width)) // _MARK_STEP_PX) % 4 == 0
    pixels = np.where(stripe[..., None], _MARK_DARK, _MARK_LIGHT)
    return DecodedTile(decoded_tile(pixels, mip_levels).mips, failed=True)
