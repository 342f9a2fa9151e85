"""viewer.stream.region_priority: a tile weighs what the weightiest patch under it does."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import pytest

from viewer.slide.geometry import Pyramid
from viewer.stream.region_priority import region_weight

PYRAMID = Pyramid.from_sizes([(1000, 700), (250, 175)], [(64, 64)] * 2)


@pytest.mark.parametrize("patch_px", [(37.5, 51.0), (256.0, 256.0), (500.0, 90.0), (64.0, 64.0)])
def test_a_tile_takes_the_highest_of_its_patches(
    patch_px: tuple[float, float], rng: np.random.Generator
) -> None:
    columns, rows = ceil(1000 / patch_px[0]), ceil(700 / patch_px[1])
    weights = rng.uniform(1, 4, (rows, columns)).astype(np.float32)
    weigh = region_weight(PYRAMID, weights, *patch_px)
    for index, level in enumerate(PYRAMID.levels):
        step_x, step_y = level.tile_width * level.scale_x, level.tile_height * level.scale_y
        for row in range(level.rows):
            for col in range(level.columns):
                x0, x1 = floor(col * step_x / patch_px[0]), ceil((col + 1) * step_x / patch_px[0])
                y0, y1 = floor(row * step_y / patch_px[1]), ceil((row + 1) * step_y / patch_px[1])
                got = weigh(index, np.array([(col + 0.5) * step_x]), np.array([(row + 0.5) * step_y]))
                assert got == weights[y0:y1, x0:x1].max()


def test_beyond_the_grid_and_below_one_a_tile_weighs_one() -> None:
    weigh = region_weight(PYRAMID, np.array([[9.0, 0.2]], np.float32), 64.0, 64.0)
    got = weigh(0, np.array([32.0, 96.0, 500.0, 32.0]), np.array([32.0, 32.0, 32.0, 500.0]))
    assert got.tolist() == [4.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("weights", [np.zeros((0, 2)), np.ones(3), np.array([[np.nan]])])
def test_what_is_no_grid_of_numbers_is_refused(weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        region_weight(PYRAMID, weights.astype(np.float32), 10.0, 10.0)
