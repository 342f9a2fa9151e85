"""Sample formats of tiles, and the conversions that readers share: any 8-bit array to opaque RGBA on the
slide's background, any tile to 8-bit RGBA."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8 | np.uint16]
"""A tile: (height, width, samples)."""


class SampleFormat(NamedTuple):
    """Samples a pixel, 4 (RGBA) or 1 (a channel), of 8 or 16 bits each."""

    per_pixel: int = 4
    bits: int = 8

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"u{self.bits // 8}")


RGBA_8 = SampleFormat()
GREY_8 = SampleFormat(1, 8)
GREY_16 = SampleFormat(1, 16)


def rgba_8(tile: Pixels) -> NDArray[np.uint8]:
    """A tile of any format as (height, width, 4): the upper 8 bits of 16, one sample as grey. RGBA of 8 bits
    is returned as it is."""
    pixels = (tile if tile.itemsize == 1 else tile >> 8).astype(np.uint8, copy=False)
    return pixels if pixels.shape[2] == 4 else opaque_rgba(pixels, (255, 255, 255))


def background_tile(width: int, height: int, background_rgb: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A (height, width, 4) tile of nothing but background."""
    tile = np.empty((height, width, 4), np.uint8)
    tile[...] = (*background_rgb, 255)
    return tile


def opaque_rgba(pixels: NDArray[np.uint8], background_rgb: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(height, width, 4) opaque RGBA from grey (h, w), grey+alpha (h, w, 2), RGB (h, w, 3) or straight RGBA
    (h, w, 4).

    Transparent pixels are laid on the background. An array that is opaque RGBA already is returned as it is,
    made C-contiguous; nothing else is changed in place.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, samples = pixels.shape
    if samples == 4 and bool((pixels[..., 3] == 255).all()):
        return np.ascontiguousarray(pixels)
    tile = np.empty((height, width, 4), np.uint8)
    tile[..., :3] = pixels[..., : 3 if samples >= 3 else 1]
    tile[..., 3] = 255
    if samples in (2, 4):
        alpha = pixels[..., -1:].astype(np.uint16)
        background = np.array(background_rgb, np.uint16)
        # (c·a + b·(255 − a)) / 255, rounded, in 16 bits: the largest sum is 255 · 255 + 127.
        tile[..., :3] = (tile[..., :3] * alpha + background * (255 - alpha) + 127) // 255
    return tile


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of 2×2 stored values, rounded; an odd last row or column counts twice. (h, w, c) to half of it,
    rounded up.
    """
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rows = pixels[0::2].astype(np.uint16)
    rows += pixels[1::2]
    sums = rows[:, 0::2] + rows[:, 1::2]
    sums += 2
    sums >>= 2
    return sums.astype(np.uint8)
