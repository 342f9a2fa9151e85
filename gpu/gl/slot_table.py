"""Which tile lies in which layer of the texture pool, and which is evicted for another. No OpenGL here.

Eviction order: never a pinned tile, never one used in the present frame; of the others the least recently
used, and among equals the deepest level first (children before the parents that are drawn in their place).
The order is computed once per frame for all slots (numpy, about 0.1 ms for 1,000), then consumed tile by
tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from numpy.typing import NDArray

_NEVER = -1


class SlotTable:
    """A fixed number of slots, each free or holding one key.

    Args:
        capacity: number of slots, at least 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a slot table needs at least 1 slot, not {capacity}")
        self.capacity = capacity
        self._slot_of: dict[Hashable, int] = {}
        self._key_of: list[Hashable] = []
        self._pinned: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._depth: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._last_used: NDArray[np.int64] = np.full(capacity, _NEVER, np.int64)
        # Victims of one frame, best last so that pop() takes it.
        self._victims: list[int] = []
        self._victims_frame = _NEVER

    def __len__(self) -> int:
        return len(self._slot_of)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._slot_of

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._slot_of)

    def touch(self, slots: NDArray[np.int32], frame: int) -> None:
        """Mark the tiles in `slots` as used in `frame`."""
        self._last_used[slots] = frame

    def pin(self, slots: NDArray[np.intp]) -> None:
        """Never evict the tiles in `slots`; every other may be from now on."""
        self._pinned[:] = False
        self._pinned[slots] = True
        self._victims_frame = _NEVER

    def allocate(self, key: Hashable, *, depth: int, pinned: bool, frame: int) -> int | None:
        """A slot for `key`, evicting another tile if there is no free one.

        A key that already has a slot keeps it. The slot counts as used in `frame`.

        Args:
            depth: steps below the coarsest level (0): the deeper, the earlier evicted.
            pinned: never evicted.
            frame: number of the present frame, from 0; must not decrease from call to call.

        Returns:
            The slot, or None if every slot is pinned or used in this frame.
        """
        slot = self._slot_of.get(key)
        if slot is None:
            slot = self._free_slot() if len(self._key_of) < self.capacity else self._evict(frame)
            if slot is None:
                return None
            self._slot_of[key] = slot
            self._key_of[slot] = key
        self._pinned[slot] = pinned
        self._depth[slot] = depth
        self._last_used[slot] = frame
        return slot

    def _free_slot(self) -> int:
        self._key_of.append(None)
        return len(self._key_of) - 1

    def _evict(self, frame: int) -> int | None:
        if self._victims_frame != frame:
            self._victims = self._eviction_order(frame)
            self._victims_frame = frame
        while self._victims:
            slot = self._victims.pop()
            if self._last_used[slot] < frame:  # not touched since the list was made
                del self._slot_of[self._key_of[slot]]
                return slot
        return None

    def _eviction_order(self, frame: int) -> list[int]:
        """Slots that may be evicted, the first to be evicted last in the list."""
        candidates = np.flatnonzero(~self._pinned & (self._last_used < frame))
        order = np.lexsort((self._depth[candidates], -self._last_used[candidates]))
        victims: list[int] = candidates[order].tolist()
        return victims
