"""Full-range YCbCr to RGB. Source: JFIF 1.02 (ITU-T T.871), section 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
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
