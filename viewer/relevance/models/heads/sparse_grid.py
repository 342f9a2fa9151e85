"""Index tables of neighbours over a sparse grid of patches, in memory linear in the patches.

No image of indices and no graph: occupied cells are kept as sorted keys and found by binary search, so that
glass between two pieces of tissue needs no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class SparseGrid:
    """``n`` occupied cells, counted from their own top left, in the order row by row."""

    cells: Tensor
    """(n, 2) int64: row, column, from 0."""
    keys: Tensor
    """(n,) int64, ascending: row · columns + column."""
    columns: int

    @staticmethod
    def of(cells: Tensor) -> tuple[SparseGrid, Tensor]:
        """The grid of (n, 2) distinct cells, and which of them each of its places holds, (n,) int64."""
        cells = cells.long()
        cells = cells - cells.amin(0)
        columns = int(cells[:, 1].max()) + 1
        keys, order = torch.sort(cells[:, 0] * columns + cells[:, 1])
        return SparseGrid(cells[order], keys, columns), order

    def places(self, cells: Tensor) -> Tensor:
        """Where (…, 2) cells are kept, (…) int64; −1 for an empty cell."""
        rows, columns = cells.unbind(-1)
        keys = rows * self.columns + columns
        found = torch.searchsorted(self.keys, keys).clamp_(max=len(self.keys) - 1)
        there = (self.keys[found] == keys) & (columns >= 0) & (columns < self.columns)
        return torch.where(there, found, -1)

    def halved(self) -> tuple[SparseGrid, Tensor]:
        """The grid of 2 × 2 cells that hold something, m of them, and their (m, 4) children's places.

        Children go row by row; −1 where there is none.
        """
        columns = -(-self.columns // 2)
        parents = self.cells // 2
        keys = torch.unique(parents[:, 0] * columns + parents[:, 1])
        cells = torch.stack((keys // columns, keys % columns), 1)
        steps = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], device=cells.device)
        return SparseGrid(cells, keys, columns), self.places(2 * cells[:, None] + steps)

    def blocks(self, side: int) -> tuple[Tensor, Tensor]:
        """The blocks of side × side cells that hold something: (b, 2) int64 cells of their top left, and
        which block each occupied cell lies in, (n,) int64.
        """
        wide = -(-self.columns // side)
        own = (self.cells[:, 0] // side) * wide + self.cells[:, 1] // side
        keys, of_cell = torch.unique(own, return_inverse=True)
        return torch.stack((keys // wide, keys % wide), 1) * side, of_cell
