"""What each patch is worth loading and computing: made by the worker, read by the window. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Loads:
    """What each patch is worth: for loading tiles a weight (float32, 1 to 4) and a level (uint8), for an
    encoder its tokens (uint16); (rows, columns) each.
    """

    weights: NDArray[np.float32]
    levels: NDArray[np.uint8]
    tokens: NDArray[np.uint16]
