"""Which tiles are on the graphics processor, as arrays, so that a frame asks with slices instead of loops.
Pure.

One int32 per tile of the pyramid: its slot in the texture pool, or −1. Four bytes for every 256² pixels of
slide is 0.4 MB for six gigapixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey

ABSENT = -1


class Residency:
    """The slot of every tile, and when each slot was filled."""

    def __init__(self, pyramid: Pyramid, slots: int) -> None:
        self.slot_grids: list[NDArray[np.int32]] = [
            np.full((level.rows, level.columns), ABSENT, np.int32) for level in pyramid.levels
        ]
        self.arrival_s: NDArray[np.float64] = np.zeros(slots, np.float64)
        self._key_in: list[TileKey | None] = [None] * slots

    def put(self, key: TileKey, slot: int, now_s: float) -> None:
        """From now on slot and tile belong to each other alone; ``now_s`` is when the tile's fade begins."""
        evicted, left = self._key_in[slot], self.slot(key)
        if evicted is not None:
            self.slot_grids[evicted.level][evicted.row, evicted.col] = ABSENT
        if left != ABSENT:
            self._key_in[left] = None
        self._key_in[slot] = key
        self.slot_grids[key.level][key.row, key.col] = slot
        self.arrival_s[slot] = now_s

    def slot(self, key: TileKey) -> int:
        """The tile's slot, or ABSENT."""
        return int(self.slot_grids[key.level][key.row, key.col])
