"""YCbCr to RGB. Source: JFIF 1.02 (ITU-T T.871), section 7; TIFF 6.0, section 21."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def rgb_from_ycbcr(pixels: NDArray[Any], bits: int = 8) -> NDArray[Any]:
    """(h, w, 3) of ``bits`` bits, with the standard's decimals taken exactly, rounded; of the same dtype."""
    middle = 1 << (bits - 1)
    wide: NDArray[Any] = pixels.astype(np.int32 if bits <= 8 else np.int64)
    y, cb, cr = wide[..., 0], wide[..., 1] - middle, wide[..., 2] - middle
    red = y + (1402 * cr + 500) // 1000
    green = y + (-34414 * cb - 71414 * cr + 50_000) // 100_000
    blue = y + (1772 * cb + 500) // 1000
    rgb = np.stack([red, green, blue], axis=2)
    converted: NDArray[Any] = np.clip(rgb, 0, (1 << bits) - 1).astype(pixels.dtype)
    return converted


class StatedYcbcr:
    """8-bit YCbCr to RGB by what a file states: the ``weights`` of red, green and blue in Y, and ``levels``,
    the codes of black and white of Y, then of no colour and of the most of Cb and of Cr.

    Raises ValueError for weights and levels that leave a colour undefined.
    """

    def __init__(self, weights: Sequence[float], levels: Sequence[float]) -> None:
        red, green, blue = weights
        spans = [high - low for low, high in zip(levels[::2], levels[1::2], strict=True)]
        if not (np.isfinite([*weights, *levels]).all() and all(spans) and green):
            raise ValueError(f"{list(weights)}, {list(levels)}")
        codes = np.arange(256)
        most = 255, 127, 127
        self._y, cb, cr = (
            ((codes - levels[2 * part]) * most[part] / spans[part]).astype(np.float32) for part in range(3)
        )
        self._red, self._blue = cr * (2 - 2 * red), cb * (2 - 2 * blue)
        self._green = self._blue * (-blue / green), self._red * (-red / green)

    def rgb(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(h, w, 3) of YCbCr as (h, w, 3) of RGB, rounded."""
        luma, cb, cr = self._y[pixels[..., 0]], pixels[..., 1], pixels[..., 2]
        rgb = np.empty(pixels.shape, np.uint8)
        for part, light in enumerate(
            (luma + self._red[cr], luma + self._green[0][cb] + self._green[1][cr], luma + self._blue[cb])
        ):
            rgb[..., part] = np.clip(np.rint(light, out=light), 0, 255, out=light)
        return rgb


def spread(chroma: NDArray[Any], shared: tuple[int, int], width: int, rows: int) -> NDArray[Any]:
    """(h, w, …) of which each serves ``shared`` px across and down, as (rows, width, …)."""
    across, down = shared
    return chroma.repeat(down, axis=0)[:rows].repeat(across, axis=1)[:, :width]


def full_from_units(units: NDArray[Any], shared: tuple[int, int], width: int, rows: int) -> NDArray[Any]:
    """(h, w, across · down + 2) of data units, the Y of ``shared`` px and their one Cb and Cr, as
    (rows, width, 3).
    """
    across, down = shared
    high, wide = units.shape[:2]
    luma = units[..., :-2].reshape(high, wide, down, across).swapaxes(1, 2)
    full = np.empty((rows, width, 3), units.dtype)
    full[..., 0] = luma.reshape(high * down, wide * across)[:rows, :width]
    full[..., 1:] = spread(units[..., -2:], shared, width, rows)
    return full
