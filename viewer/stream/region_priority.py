"""Weights per region as weights per tile, for the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.view.screen import WEIGHT_RANGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid
    from viewer.view.screen import FloatArray, TileWeight


def region_weight(
    pyramid: Pyramid, weights: NDArray[np.float32], patch_width_px: float, patch_height_px: float
) -> TileWeight:
    """The weight of each tile: the highest of the patches that it touches; 1 beyond the grid.

    ``weights`` (rows, columns) of patches from the slide's corner, in level-0 pixels; values are clipped to 1
    to 4. Raises ValueError where they are not a grid of finite numbers.
    """
    if weights.ndim != 2 or weights.size == 0 or not np.isfinite(weights).all():
        raise ValueError(f"weights are finite (rows, columns), not {weights.dtype} {weights.shape}")
    clipped = np.clip(weights, *WEIGHT_RANGE)
    tables: dict[int, NDArray[np.float32]] = {}

    def weight(level_index: int, centre_x: FloatArray, centre_y: FloatArray) -> FloatArray:
        level = pyramid.levels[level_index]
        step_x, step_y = level.tile_width * level.scale_x, level.tile_height * level.scale_y
        table = tables.get(level_index)
        if table is None:
            across = _highest_per_tile(clipped, level.columns, step_x / patch_width_px, axis=1)
            table = _highest_per_tile(across, level.rows, step_y / patch_height_px, axis=0)
            tables[level_index] = table
        rows = np.minimum((centre_y / step_y).astype(np.intp), level.rows - 1)
        cols = np.minimum((centre_x / step_x).astype(np.intp), level.columns - 1)
        return table[rows, cols]

    return weight


def _highest_per_tile(
    weights: NDArray[np.float32], tiles: int, patches_a_tile: float, *, axis: int
) -> NDArray[np.float32]:
    """Along one axis: the highest weight under each of ``tiles`` tiles."""
    last = weights.shape[axis] - 1
    edges = np.arange(tiles + 1) * patches_a_tile
    first = np.minimum(np.floor(edges[:-1]).astype(np.intp), last)
    end = np.minimum(np.maximum(np.ceil(edges[1:]).astype(np.intp) - 1, 0), last)
    # reduceat takes each tile up to where the next begins; the patch that both touch is the tile's own end.
    highest = np.maximum(np.maximum.reduceat(weights, first, axis=axis), weights.take(end, axis=axis))
    beyond = np.floor(edges[:-1]) > last
    shape = [1, 1]
    shape[axis] = tiles
    return np.where(beyond.reshape(shape), np.float32(WEIGHT_RANGE[0]), highest)
