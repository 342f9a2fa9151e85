"""How many pixels of a mask are set in any rectangle, by four look-ups: for each part of each frame. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from viewer.slide.tissue.integral import integral

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rects(NamedTuple):
    """Rectangles of the slide, level-0 pixels; arrays of shapes that broadcast."""

    x0: NDArray[Any]
    y0: NDArray[Any]
    x1: NDArray[Any]
    y1: NDArray[Any]


class CountedMask:
    """``mask`` bool (rows, columns) from the slide's corner, whose pixels are ``step_px`` (x, y) level-0
    pixels; ``margin``: pixels round a rectangle that count as in it."""

    def __init__(self, mask: NDArray[np.bool_], step_px: tuple[float, float], *, margin: int = 0) -> None:
        self._before = integral(mask)
        self._step_px = step_px
        self._margin = margin

    def any_in(self, rects: Rects) -> NDArray[np.bool_]:
        """Whether a pixel is set that reaches into each rectangle."""
        if self._before[-1, -1] == 0:
            return np.zeros(np.broadcast_shapes(rects.x0.shape, rects.y0.shape), np.bool_)
        found: NDArray[np.bool_] = self.counts_in(rects)[0] > 0
        return found

    def counts_in(self, rects: Rects) -> tuple[NDArray[Any], NDArray[Any]]:
        """How many of the pixels that reach into each rectangle are set, and how many there are."""
        (step_x, step_y), (last_row, last_col) = self._step_px, np.subtract(self._before.shape, 1)
        left = np.clip(np.floor(rects.x0 / step_x) - self._margin, 0, last_col).astype(np.intp)
        right = np.clip(np.ceil(rects.x1 / step_x) + self._margin, 0, last_col).astype(np.intp)
        upper = np.clip(np.floor(rects.y0 / step_y) - self._margin, 0, last_row).astype(np.intp)
        lower = np.clip(np.ceil(rects.y1 / step_y) + self._margin, 0, last_row).astype(np.intp)
        before = self._before
        counts = before[lower, right] - before[upper, right] - before[lower, left] + before[upper, left]
        return counts, (right - left) * (lower - upper)
