"""Integral images: the sum of any rectangle by its four corners. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def integral(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(height + 1, width + 1): how many pixels above and left of each corner of a pixel are set."""
    total = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    np.cumsum(mask, axis=0, dtype=np.int32, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    return total
