"""A decoded tile: its pixels with their mip chain, ready for the texture pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from viewer.slide.pixels import GREY_8, GREY_16, RGBA_8, SampleFormat

if TYPE_CHECKING:
    from viewer.slide.pixels import Pixels

_MARK_STEP_PX = 16
_MARK_LIGHT_DARK = np.array([(236, 232, 238, 255), (150, 60, 110, 255)], np.uint8)
# RGBX: Pillow's reduce is several times faster without alpha to premultiply, and tiles are opaque. It reduces
# no 16 bits.
_PILLOW_MODES = {RGBA_8: ("RGBX", np.uint8), GREY_8: ("L", np.uint8), GREY_16: ("I", np.int32)}


@dataclass(frozen=True, slots=True)
class DecodedTile:
    """Mip chain of one tile, (h, w, samples) each, halving from full size. ``failed`` tiles carry marked
    pixels."""

    mips: tuple[Pixels, ...]
    failed: bool = False

    @property
    def nbytes(self) -> int:
        return sum(mip.nbytes for mip in self.mips)


def decoded_tile(pixels: Pixels, mip_levels: int, samples: SampleFormat = RGBA_8) -> DecodedTile:
    """The mip chain of ``pixels`` (h, w, samples), ``mip_levels`` long. Raises ValueError for pixels of other
    ``samples``.

    Mips average stored values, as scanner vendors average their own levels: anything else, linear light too,
    would make tissue change brightness at every switch of level. Odd edges average the pixels that exist.
    """
    if pixels.ndim != 3 or (pixels.shape[2], pixels.dtype) != (samples.per_pixel, samples.dtype):
        raise ValueError(f"{pixels.dtype} pixels of shape {pixels.shape} are not of {samples}")
    mode, dtype = _PILLOW_MODES[samples]
    mips = [pixels]
    for _ in range(mip_levels - 1):
        height, width = mips[-1].shape[:2]
        stored = mips[-1].astype(dtype, copy=False)
        image = Image.frombuffer(mode, (width, height), stored, "raw", mode, 0, 1)
        halved = np.asarray(image.reduce(2)).astype(samples.dtype, copy=False)
        mips.append(halved.reshape(*halved.shape[:2], samples.per_pixel))
    return DecodedTile(tuple(mips))


def marked_tile(width: int, height: int, mip_levels: int, samples: SampleFormat = RGBA_8) -> DecodedTile:
    """The tile drawn for one that cannot be decoded: diagonal stripes that no stain produces, never plain
    background.
    """
    stripe = (np.add.outer(np.arange(height), np.arange(width)) // _MARK_STEP_PX) % 4 == 0
    marks = _MARK_LIGHT_DARK if samples.per_pixel == 4 else _MARK_LIGHT_DARK[:, 1:2]
    pixels = (marks * samples.dtype.type(2**samples.bits // 255))[stripe.astype(np.intp)]
    return DecodedTile(decoded_tile(pixels, mip_levels, samples).mips, failed=True)
