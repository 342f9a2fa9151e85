"""Rectangles of patches that are read and encoded together."""

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
        """The smallest block that holds all patches of this one that are in the mask; at least one is."""
        rows, cols = np.nonzero(mask[self.cells])
        top, left = int(rows.min()), int(cols.min())
        return Block(self.row + top, self.col + left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
