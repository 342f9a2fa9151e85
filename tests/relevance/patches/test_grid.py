"""The patch grid: covers the slide, agrees with itself, refuses pixel sizes that cannot be right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import pattern
from viewer.relevance.patches import strings
from viewer.relevance.patches.grid import PatchGrid


def test_patches_are_128_micrometres_wide() -> None:
    grid = PatchGrid.over(10_000, 5_000, (0.25, 0.5))
    assert (grid.patch_width_px, grid.patch_height_px) == (512, 256)
    assert grid.shape == (20, 20)
    assert grid.patch_count == 400


@given(st.integers(1, 60_000), st.integers(1, 60_000), st.floats(0.2, 3.0), st.floats(0.2, 3.0))
def test_the_grid_covers_the_slide_and_not_a_patch_more(
    width: int, height: int, mpp_x: float, mpp_y: float
) -> None:
    grid = PatchGrid.over(width, height, (mpp_x, mpp_y))
    far = grid.rect(grid.rows - 1, grid.columns - 1)
    assert far.x0 < width <= far.x1 + 1e-6
    assert far.y0 < height <= far.y1 + 1e-6


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(0.2, 0.9), st.data())
def test_every_point_of_a_patch_finds_it(width: int, height: int, mpp: float, data: st.DataObject) -> None:
    grid = PatchGrid.over(width, height, (mpp, mpp))
    row = data.draw(st.integers(0, grid.rows - 1))
    col = data.draw(st.integers(0, grid.columns - 1))
    centre = grid.rect(row, col).centre
    assert grid.cell_at(*centre) == (row, col)


def test_points_outside_have_no_patch() -> None:
    grid = PatchGrid(4, 3, 100.0, 100.0)
    assert grid.cell_at(-1, 0) is None
    assert grid.cell_at(0, 300) is None
    assert grid.cell_at(399.9, 299.9) == (2, 3)


def test_coords_are_top_left_corners_in_whole_pixels_row_by_row() -> None:
    grid = PatchGrid(3, 2, 340.7, 341.0)
    assert grid.coords().tolist() == [[0, 0], [341, 0], [681, 0], [0, 341], [341, 341], [681, 341]]
    assert grid.coords().dtype == np.int64


@pytest.mark.parametrize(
    "mpp",
    [(200.0, 0.25), (0.25, 8.1), (1e-9, 1e-9), (float("nan"), 0.25), (0.019, 0.5), (0, 1), (8, 8)],
)
def test_impossible_pixel_sizes_are_refused(mpp: tuple[float, float]) -> None:
    wrong = f"{pattern(strings.IMPOSSIBLE_PIXELS)}|{pattern(strings.IMPOSSIBLE_SLIDE)}"
    with pytest.raises(ValueError, match=wrong):
        PatchGrid.over(100_000, 100_000, mpp)
