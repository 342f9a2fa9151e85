"""viewer.overlay.counted_mask: what is set in any rectangle, as counted pixel by pixel."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import pytest

from viewer.overlay.counted_mask import CountedMask, Rects

STEP_PX = (10.0, 20.0)


@pytest.mark.parametrize("margin", [0, 1])
def test_each_rectangle_counts_the_pixels_that_reach_into_it(margin: int) -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((12, 30)) < 0.1
    x0, y0 = rng.uniform(-60, 330, 200), rng.uniform(-60, 270, 200)
    rects = Rects(x0, y0, x0 + rng.uniform(1, 60, 200), y0 + rng.uniform(1, 60, 200))
    counted = CountedMask(mask, STEP_PX, margin=margin)
    counts, areas = counted.counts_in(rects)
    for number, (left, upper, right, lower) in enumerate(np.stack(rects, axis=-1)):
        rows = slice(max(floor(upper / 20) - margin, 0), max(ceil(lower / 20) + margin, 0))
        cols = slice(max(floor(left / 10) - margin, 0), max(ceil(right / 10) + margin, 0))
        assert (counts[number], areas[number]) == (mask[rows, cols].sum(), mask[rows, cols].size)
    assert (counted.any_in(rects) == (counts > 0)).all()


def test_rows_and_columns_of_rectangles_broadcast_in_an_empty_mask_too() -> None:
    x, y = np.arange(5) * 10.0, np.arange(3)[:, None] * 20.0
    rects = Rects(x, y, x + 10, y + 20)
    for filled in (False, True):
        found = CountedMask(np.full((3, 5), filled), STEP_PX).any_in(rects)
        assert found.shape == (3, 5)
        assert (found == filled).all()
