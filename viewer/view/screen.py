"""The screen in framebuffer pixels, and how much a tile under each place of it weighs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
TileWeight = Callable[[int, FloatArray, FloatArray], FloatArray]
"""Weights (n,) from 1 to 4 for tiles of a level, given their centres x (n,) and y (n,) in slide pixels."""
TileLevel = Callable[[int, FloatArray, FloatArray], NDArray[np.intp]]
"""The finest levels (n,) to be fetched while the view moves, for tiles given as for weights."""
WEIGHT_RANGE = (1.0, 4.0)


class Screen(NamedTuple):
    """The framebuffer that is filled: width and height in device pixels, and the slide's pixel aspect."""

    width_px: float
    height_px: float
    aspect: float = 1.0

    @property
    def size_px(self) -> tuple[float, float]:
        return self.width_px, self.height_px


def uniform(_level: int, centre_x: FloatArray, _centre_y: FloatArray) -> FloatArray:
    """The weight of tiles when nothing is known about them: 1."""
    return np.ones_like(centre_x)
