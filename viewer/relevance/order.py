"""Which patches are looked at next, and in blocks of what shape. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


class Block(NamedTuple):
    """A rectangle of patches: its first row and column, and how many of each."""

    row: int
    col: int
    rows: int
    cols: int

    @property
    def cells(self) -> tuple[slice, slice]:
        """To index an array over the grid."""
        return slice(self.row, self.row + self.rows), slice(self.col, self.col + self.cols)

    def around(self, mask: Mask) -> Block:
        """The smallest block that holds all patches of this one that are in the mask, which are some."""
        rows, cols = np.nonzero(mask[self.cells])
        top, left = int(rows.min()), int(cols.min())
        return Block(self.row + top, self.col + left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


def blocks_of(pending: Mask, side: int) -> list[Block]:
    """All pending patches (rows, columns) in blocks of ``side`` × ``side`` at most, row by row."""
    rows, cols = pending.shape
    padded = np.zeros((-(-rows // side) * side, -(-cols // side) * side), bool)
    padded[:rows, :cols] = pending
    some = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side).any(axis=(1, 3))
    return [
        Block(row, col, min(side, rows - row), min(side, cols - col)).around(pending)
        for row, col in (np.argwhere(some) * side).tolist()
    ]
