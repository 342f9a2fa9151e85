"""PatchSchedule: which patches are analysed next, in blocks. Pure.

First one patch of every part of the slide, so that an overlay appears at once; then block by block those of
the highest priority: by the scores of the query, by surprise, and by the field of view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.patches.blocks import Block
from viewer.relevance.patches.nearest import nearest_known
from viewer.relevance.patches.novelty import surprise_of
from viewer.view.gaze import gaze_weight
from viewer.view.screen import WEIGHT_RANGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid
    from viewer.slide.geometry import Rect
    from viewer.view.gaze import SlideGaze

    Mask = NDArray[np.bool_]
    Values = NDArray[np.float32]

COARSE_PATCHES = 256
"""About as many patches are analysed all over the slide, before whole blocks."""
_SURPRISE_WEIGHT = 0.3
_FLOOR = 0.05
_LEAST_ATTENTION = 0.1
_TO_THE_EDGE = 0.1
"""How much less the edge of the field of view counts than its middle, where no gaze is known."""
_SIDES = 1, 2, 4, 8, 16


class PatchSchedule:
    """For one slide. ``tissue`` (rows, columns): the patches that are to be analysed in the end.

    ``attention`` (rows, columns) in [0, 1] is how well the reader sees each patch, or would soon;
    ``surprise`` (rows, columns) in [0, 1] how different from the slide's ordinary tissue it is, NaN where
    nothing near by is known.
    """

    def __init__(self, grid: PatchGrid, tissue: Mask, *, coarse_first: bool = True) -> None:
        """``coarse_first`` False: for an encoder so slow that the field of view comes before all else."""
        self._coarse_first = coarse_first
        self._grid = grid
        self._tissue = tissue
        self._square = next(
            (side for side in _SIDES if _in_squares(tissue, side).any(1).sum() <= COARSE_PATCHES), _SIDES[-1]
        )
        self._query: Values = np.zeros(grid.shape, np.float32)
        self.attention = attention_at(grid, grid.rect(0, 0, *grid.shape), None)
        self.surprise: Values = np.full(grid.shape, np.nan, np.float32)
        self._known_count = 0
        self._first: list[tuple[int, int]] = []
        self._queue: list[Block] = []
        self._queue_side = 0

    def set_viewport(self, field: Rect, gaze: SlideGaze | None) -> None:
        """The field of view in level-0 px, and the point of gaze."""
        self.attention = attention_at(self._grid, field, gaze)
        self._queue_side = 0

    def update(
        self, scores: Values | None, cells: NDArray[np.integer[Any]], features: NDArray[np.float32]
    ) -> None:
        """What is known now: scores (rows, columns) of the query, 0 where unknown (None: no query), and
        features with their cells (n, 2)."""
        self._query = np.zeros(self._grid.shape, np.float32) if scores is None else scores
        if len(cells) != self._known_count:  # known patches are only added
            self._known_count = len(cells)
            nearest = nearest_known(self._grid.shape, cells, self._tissue)
            values = surprise_of(features)
            self.surprise = np.where(nearest >= 0, values[nearest], np.float32(np.nan))
        self._queue_side = 0

    def put_first(self, cells: Iterable[tuple[int, int]]) -> None:
        """Analyse these patches before all others: a query waits for them."""
        rows, cols = self._grid.shape
        self._first = [(row, col) for row, col in cells if 0 <= row < rows and 0 <= col < cols][::-1]

    def coarse_left(self, pending: Mask) -> bool:
        """Whether the coarse pass is not done yet."""
        return self._coarse_first and bool(self._untouched(pending).any())

    def next(self, pending: Mask, side: int) -> Block | None:
        """The block to analyse now, of at most ``side`` × ``side`` patches; None where nothing is pending."""
        while self._first:
            row, col = self._first.pop()
            if pending[row, col]:
                return Block(row, col, 1, 1)
        while True:
            if self._queue_side != side or not self._queue:
                self._queue = self._coarse(pending) or self._blocks(pending, side)
                self._queue_side = side
                if not self._queue:
                    return None
            block = self._queue.pop()
            if pending[block.cells].any():
                return block.around(pending)

    def _untouched(self, pending: Mask) -> Mask:
        """The squares of the coarse pass that hold tissue, all of it pending."""
        tissue, waiting = _in_squares(self._tissue, self._square), _in_squares(pending, self._square)
        untouched: Mask = tissue.any(1) & (waiting == tissue).all(1)
        return untouched

    def _coarse(self, pending: Mask) -> list[Block]:
        """The patch in the middle of the tissue of every untouched square, the best seen last."""
        if not self._coarse_first:
            return []
        untouched = np.flatnonzero(self._untouched(pending))
        if not len(untouched):
            return []
        side = self._square
        within = np.indices((side, side)).reshape(2, -1).T
        tissue = _in_squares(self._tissue, side)[untouched]
        counts = tissue.sum(1, keepdims=True)
        middles = (tissue @ within) / counts
        distance = ((within[None] - middles[:, None]) ** 2).sum(2)
        chosen = within[np.where(tissue, distance, np.inf).argmin(1)]
        across = -(-self._grid.columns // side)
        cells = np.stack([untouched // across, untouched % across], 1) * side + chosen
        seen = self.attention[cells[:, 0], cells[:, 1]]
        return [Block(row, col, 1, 1) for row, col in cells[np.argsort(seen, kind="stable")].tolist()]

    def _blocks(self, pending: Mask, side: int) -> list[Block]:
        """All pending patches in blocks, the highest priority last."""
        if self._coarse_first:
            priority = np.fmax(np.fmax(self._query, _SURPRISE_WEIGHT * self.surprise), _FLOOR)
        else:  # the field of view before high scores elsewhere
            priority = 1 + self._query
        interest = self.attention * priority
        waiting = _in_squares(pending, side)
        counts = waiting.sum(1)
        some = np.flatnonzero(counts)
        totals = (_in_squares(interest, side) * waiting).sum(1)
        some = some[np.argsort(totals[some] / counts[some], kind="stable")]
        return [_block_at(at, self._grid.shape, side) for at in some.tolist()]


def blocks_of(pending: Mask, side: int) -> list[Block]:
    """All pending patches (rows, columns) in blocks of ``side`` × ``side`` at most, row by row."""
    some = np.flatnonzero(_in_squares(pending, side).any(1))
    return [_block_at(at, pending.shape, side).around(pending) for at in some.tolist()]


def attention_at(grid: PatchGrid, field: Rect, gaze: SlideGaze | None) -> Values:
    """How well each patch is seen, 0.1 to 1: falling off with the distance from the field of view, in fields
    of view, and with acuity from the point of gaze as the weights of tiles do, or a little from the middle of
    the field.
    """
    x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
    y = ((np.arange(grid.rows) + 0.5) * grid.patch_height_px)[:, None]
    size = max(field.width, field.height, 1.0)
    beyond_x = np.maximum(np.maximum(field.x0 - x, x - field.x1), 0)
    beyond_y = np.maximum(np.maximum(field.y0 - y, y - field.y1), 0)
    seen = 1 / (1 + 4 * (beyond_x**2 + beyond_y**2) / size**2)
    if gaze is None:
        middle_x, middle_y = field.centre
        seen /= 1 + _TO_THE_EDGE * ((x - middle_x) ** 2 + (y - middle_y) ** 2) / size**2
    else:
        weights = gaze_weight(np.hypot(x - gaze.x, y - gaze.y), gaze.tangent_per_px, gaze.radius_deg)
        seen = seen * weights / WEIGHT_RANGE[1]
    return np.maximum(seen, _LEAST_ATTENTION).astype(np.float32)


def _in_squares(values: NDArray[Any], side: int) -> NDArray[Any]:
    """An array over the grid cut into squares, row by row: (squares, side · side), 0 beyond the grid."""
    rows, cols = values.shape
    down, across = -(-rows // side), -(-cols // side)
    padded = np.pad(values, ((0, down * side - rows), (0, across * side - cols)))
    return padded.reshape(down, side, across, side).swapaxes(1, 2).reshape(down * across, side * side)


def _block_at(square: int, shape: tuple[int, int], side: int) -> Block:
    """The square of this number in ``_in_squares``, cut at the edge of the grid."""
    rows, cols = shape
    row, col = (at * side for at in divmod(square, -(-cols // side)))
    return Block(row, col, min(side, rows - row), min(side, cols - col))
