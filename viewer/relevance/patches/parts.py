"""Parts of a patch: squares of half its side at every quarter of it. Pure.

A focus smaller than a patch fills a small share of it, and most of the part that lies best. A part belongs to
the patch that holds its middle, so that parts at every quarter of a patch cover the slide, each once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 4
"""Parts along a side of a patch; the first reaches a quarter of a patch beyond it."""
PARTS = STEPS * STEPS
REACH = 1 / STEPS
"""Of the parts of a block beyond its first and last patches, in patches."""


def parts_of_patches(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """By patch (rows, columns, PARTS, n), of values (rows · 4 + 1, columns · 4 + 1, n) at every quarter: the
    last ones belong to the patches after the block."""
    rows, cols = (side // STEPS for side in values.shape[:2])
    own = values[: rows * STEPS, : cols * STEPS].reshape(rows, STEPS, cols, STEPS, -1)
    return np.ascontiguousarray(own.swapaxes(1, 2).reshape(rows, cols, PARTS, -1))
