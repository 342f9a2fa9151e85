"""Point findings: the highest tokens, none near a higher one, as trying out every pair finds them."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

import numpy as np
import pytest

from viewer.relevance.heatmap.points import PointFinding, find_points
from viewer.relevance.patches.grid import PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = PatchGrid(3, 2, 200.0, 100.0)
"""48 × 32 tokens of 12.5 × 6.25 px, 8 µm wide and high."""


def one_by_one(values: NDArray[np.float32], limit: int, radius_um: float) -> list[PointFinding]:
    """What ``find_points`` finds, slowly."""
    order = sorted((-value, *cell) for cell, value in np.ndenumerate(values) if value > 1)
    kept: list[tuple[float, int, int]] = []
    for value, row, col in order:
        if len(kept) < limit and all(hypot(8 * (row - y), 8 * (col - x)) >= radius_um for _, y, x in kept):
            kept.append((-value, row, col))
    return [
        PointFinding((col + 0.5) * 12.5, (row + 0.5) * 6.25, value, rank)
        for rank, (value, row, col) in enumerate(kept, 1)
    ]


@pytest.mark.parametrize("radius_um", [8, 8.5, 20, 64, 1e4])
@pytest.mark.parametrize("limit", [3, 10_000])
@pytest.mark.parametrize("steps", [3, 200])
def test_points_are_those_found_one_by_one(radius_um: float, limit: int, steps: int) -> None:
    """With few different values, and with many: of equal ones the first counts."""
    rng = np.random.default_rng(steps)
    values = rng.integers(0, steps, (32, 48)).astype(np.float32) / (steps / 4)
    values[5, 7] = np.nan
    found = find_points(values, GRID, limit, radius_um=radius_um)
    assert list(found) == one_by_one(values, limit, radius_um)
    assert found


def test_what_gets_no_more_than_even_attention_is_no_finding() -> None:
    values = np.ones((32, 48), np.float32)
    assert find_points(values, GRID) == ()
    values[3, 5] = 1.5
    assert find_points(values, GRID) == (PointFinding(68.75, 21.875, 1.5, 1),)
    assert len(find_points(values, GRID, above=0.5)) > 1


@pytest.mark.parametrize("radius_um", [0, -1, 10_001, float("nan"), float("inf")])
def test_none_and_nowhere_are_refused(radius_um: float) -> None:
    with pytest.raises(ValueError, match="must be above 0 and at most 10000"):
        find_points(np.ones((32, 48)), GRID, radius_um=radius_um)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        find_points(np.ones((32, 48)), GRID, 0)


def test_values_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="32 × 32 tokens are not those of 2 × 3 patches"):
        find_points(np.ones((32, 32)), GRID)
