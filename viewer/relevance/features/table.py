"""FeatureTable: the features of patches in memory, in the order they came. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid


class FeatureTable:
    """Grows at its end; a patch that is there stays as it is."""

    def __init__(self, grid: PatchGrid) -> None:
        self.grid = grid
        self.count = 0
        self._index = np.full(grid.shape, -1, np.int32)
        self._cells = np.empty((0, 2), np.int32)
        self._features = np.empty((0, 0), np.float32)

    @property
    def width(self) -> int:
        """Features a patch; 0 before the first."""
        return self._features.shape[1]

    def known(self) -> NDArray[np.bool_]:
        """Which patches are there: (rows, columns)."""
        known: NDArray[np.bool_] = self._index >= 0
        return known

    def index_of(self, row: int, col: int) -> int | None:
        """The place of a patch in the table; None where it is not there."""
        index = int(self._index[row, col])
        return index if index >= 0 else None

    def rows(self, start: int = 0, stop: int | None = None) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Cells (n, 2) as row, column, and features (n, width): read-only views that later rows leave as
        they are.
        """
        stop = self.count if stop is None else min(stop, self.count)
        cells, features = self._cells[start:stop], self._features[start:stop]
        cells.flags.writeable = features.flags.writeable = False
        return cells, features

    def add(self, cells: NDArray[np.integer[Any]], features: NDArray[np.floating[Any]]) -> None:
        """Add the patches that are not there yet: cells (n, 2) and features (n, width).

        Raises ValueError for shapes that do not fit and for cells beyond the grid; nothing is added then.
        """
        if features.ndim != 2 or cells.shape != (len(features), 2):
            raise ValueError(f"features of shape {features.shape} for cells of shape {cells.shape}")
        if self.count and features.shape[1] != self.width:
            raise ValueError(f"{features.shape[1]} features a patch among {self.width}")
        if len(cells) and not (cells.min() >= 0 and (cells < self.grid.shape).all()):
            raise ValueError(f"patches beyond a grid of {self.grid.shape}")
        flat = cells[:, 0].astype(np.int64) * self.grid.columns + cells[:, 1]
        first = np.sort(np.unique(flat, return_index=True)[1])
        new = first[self._index.reshape(-1)[flat[first]] < 0]
        end = self.count + len(new)
        if end > len(self._cells) or features.shape[1] != self.width:
            room = max(end, min(2 * end, self.grid.patch_count))
            self._cells = _grown(self._cells, self.count, (room, 2))
            self._features = _grown(self._features, self.count, (room, features.shape[1]))
        self._cells[self.count : end] = cells[new]
        self._features[self.count : end] = features[new]
        self._index.reshape(-1)[flat[new]] = np.arange(self.count, end)
        self.count = end


def _grown(array: NDArray[Any], count: int, shape: tuple[int, int]) -> NDArray[Any]:
    grown = np.empty(shape, array.dtype)
    if count:
        grown[:count] = array[:count]
    return grown
