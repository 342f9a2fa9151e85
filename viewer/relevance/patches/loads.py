"""How tiles of each patch are loaded: allocated by the worker, read by the window. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Loads:
    """(rows, columns) each: the weight with which tiles are loaded (float32, 1 to 4), and the finest pyramid
    level (uint8) of those that are loaded before the view rests.
    """

    weights: NDArray[np.float32]
    levels: NDArray[np.uint8]
