"""Weights and levels per region as weights and levels per tile, for the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.view.screen import WEIGHT_RANGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid
    from viewer.view.screen import FloatArray, TileLevel, TileWeight


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
    return _highest_of_patches(pyramid, clipped, (patch_width_px, patch_height_px), beyond=WEIGHT_RANGE[0])


def region_level(
    pyramid: Pyramid, levels: NDArray[np.uint8], patch_width_px: float, patch_height_px: float
) -> TileLevel:
    """The finest level to be fetched for each tile while the view moves: the finest of the patches that it
    touches; 0 beyond the grid.

    ``levels`` (rows, columns) as allocated. The finest of all is what the screen needed then: where that was
    granted nothing bounds what a closer view needs.
    """
    finest_first = -np.where(levels == levels.min(), 0, levels.astype(np.float32))
    look_up = _highest_of_patches(pyramid, finest_first, (patch_width_px, patch_height_px), beyond=0.0)

    def finest(level_index: int, centre_x: FloatArray, centre_y: FloatArray) -> NDArray[np.intp]:
        return -look_up(level_index, centre_x, centre_y).astype(np.intp)

    return finest


def _highest_of_patches(
    pyramid: Pyramid, values: NDArray[np.float32], patch_px: tuple[float, float], *, beyond: float
) -> TileWeight:
    """For each tile the highest value of the patches that it touches; ``beyond`` the grid."""
    tables: dict[int, NDArray[np.float32]] = {}

    def look_up(level_index: int, centre_x: FloatArray, centre_y: FloatArray) -> FloatArray:
        level = pyramid.levels[level_index]
        step_x, step_y = level.tile_width * level.scale_x, level.tile_height * level.scale_y
        table = tables.get(level_index)
        if table is None:
            across = _highest_per_tile(values, level.columns, step_x / patch_px[0], axis=1, beyond=beyond)
            table = _highest_per_tile(across, level.rows, step_y / patch_px[1], axis=0, beyond=beyond)
            tables[level_index] = table
        rows = np.minimum((centre_y / step_y).astype(np.intp), level.rows - 1)
        cols = np.minimum((centre_x / step_x).astype(np.intp), level.columns - 1)
        return table[rows, cols]

    return look_up


def _highest_per_tile(
    values: NDArray[np.float32], tiles: int, patches_a_tile: float, *, axis: int, beyond: float
) -> NDArray[np.float32]:
    """Along one axis: the highest value under each of ``tiles`` tiles."""
    last = values.shape[axis] - 1
    edges = np.arange(tiles + 1) * patches_a_tile
    first = np.minimum(np.floor(edges[:-1]).astype(np.intp), last)
    end = np.minimum(np.maximum(np.ceil(edges[1:]).astype(np.intp) - 1, 0), last)
    # reduceat takes each tile up to where the next begins; the patch that both touch is the tile's own end.
    highest = np.maximum(np.maximum.reduceat(values, first, axis=axis), values.take(end, axis=axis))
    outside = np.floor(edges[:-1]) > last
    shape = [1, 1]
    shape[axis] = tiles
    return np.where(outside.reshape(shape), np.float32(beyond), highest)
