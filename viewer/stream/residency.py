"""Which tiles are on the graphics processor, as arrays, so that a frame looks them up in slices, not loops.

One int32 per tile of the pyramid and plane: its slot in the texture pool, or −1. Four bytes for every 256²
pixels of slide is 0.4 MB for six gigapixels; planes of which nothing is resident cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey, TileRange
    from viewer.slide.planes import Plane

ABSENT = -1


class Residency:
    """The slot of every tile, and when each slot was filled."""

    def __init__(self, pyramid: Pyramid, slots: int) -> None:
        self._levels = pyramid.levels
        self._grids: dict[Plane, list[NDArray[np.int32]]] = {}
        self.arrival_s: NDArray[np.float64] = np.zeros(slots, np.float64)
        self._key_in: list[TileKey | None] = [None] * slots

    def put(self, key: TileKey, slot: int, now_s: float) -> None:
        """From now on slot and tile belong to each other alone; ``now_s`` is when the tile's fade begins."""
        evicted, left = self._key_in[slot], self.slot(key)
        if evicted is not None:
            self.grid(evicted.level, evicted.plane)[evicted.row, evicted.col] = ABSENT
        if left != ABSENT:
            self._key_in[left] = None
        self._key_in[slot] = key
        self.grid(key.level, key.plane)[key.row, key.col] = slot
        self.arrival_s[slot] = now_s

    def slot(self, key: TileKey) -> int:
        """The tile's slot, or ABSENT."""
        return int(self.grid(key.level, key.plane)[key.row, key.col])

    def slots(self, tiles: TileRange) -> NDArray[np.int32]:
        """The slot of each tile of a block, or ABSENT, (rows, cols): a view."""
        grid = self.grid(tiles.level, tiles.plane)
        return grid[tiles.row0 : tiles.row1, tiles.col0 : tiles.col1]

    def grid(self, level: int, plane: Plane) -> NDArray[np.int32]:
        """The slot of each tile of a level of one plane, or ABSENT, (rows, cols): a view."""
        grids = self._grids.get(plane)
        if grids is None:
            resident = {key.plane for key in self._key_in if key is not None}
            self._grids = {held: self._grids[held] for held in self._grids.keys() & resident}
            grids = [np.full((level.rows, level.columns), ABSENT, np.int32) for level in self._levels]
            self._grids[plane] = grids
        return grids[level]
