"""Which tile lies in which layer of the texture pool, and which goes when room is needed. No OpenGL here.

Eviction order: never a pinned tile, never one used in the present frame; of the others the one whose last
use is oldest, and among equally old ones the deepest level first (children before the parents that stand in
for them). The order is worked out once per frame for all slots (numpy, about 0.1 ms for 1,000), then
consumed tile by tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from numpy.typing import NDArray

_NEVER = -1


class SlotTable:
    """A fixed number of slots, each free or holding one key.

    Attributes:
        width_px, height_px: int32 (capacity,), valid size of the slot's mip 0; 0 before an upload.
        arrived_s: float64 (capacity,), when the pixels arrived (for cross-fades), in the caller's clock.

    Args:
        capacity: number of slots, at least 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a slot table needs at least 1 slot, not {capacity}")
        self.capacity = capacity
        self.width_px: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self.height_px: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self.arrived_s: NDArray[np.float64] = np.zeros(capacity, np.float64)
        self._slot_of: dict[Hashable, int] = {}
        self._key_of: list[Hashable] = [None] * capacity
        self._held: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._pinned: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._depth: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._last_used: NDArray[np.int64] = np.full(capacity, _NEVER, np.int64)
        self._free = list(range(capacity - 1, -1, -1))
        # Victims of one frame, best last so that pop() takes it.
        self._victims: list[int] = []
        self._victims_frame = _NEVER

    def __len__(self) -> int:
        return len(self._slot_of)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._slot_of

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._slot_of)

    def get(self, key: Hashable) -> int | None:
        """The slot that holds `key`, or None. This is no use of it: see touch."""
        return self._slot_of.get(key)

    def touch(self, keys: Iterable[Hashable], frame: int) -> None:
        """Mark tiles as used in `frame`; keys without a slot are passed over."""
        slot_of = self._slot_of
        slots = [slot_of[key] for key in keys if key in slot_of]
        if slots:
            self._last_used[slots] = frame

    def touch_slots(self, slots: NDArray[np.int32], frame: int) -> None:
        """Mark the tiles in `slots` as used in `frame`; for callers that keep slots in arrays."""
        self._last_used[slots] = frame

    def allocate(self, key: Hashable, *, depth: int, pinned: bool, frame: int) -> int | None:
        """A slot for `key`, evicting another tile if there is no free one.

        A key that already has a slot keeps it. The slot counts as used in `frame`.

        Args:
            depth: steps below the coarsest level (0): the deeper, the earlier evicted.
            pinned: never evicted until unpin or discard.
            frame: number of the present frame; must not decrease from call to call.

        Returns:
            The slot, or None if every slot is pinned or used in this frame.
        """
        slot = self._slot_of.get(key)
        if slot is None:
            slot = self._free.pop() if self._free else self._evict(frame)
            if slot is None:
                return None
            self._slot_of[key] = slot
            self._key_of[slot] = key
            self._held[slot] = True
        self._pinned[slot] = pinned
        self._depth[slot] = depth
        self._last_used[slot] = frame
        return slot

    def unpin(self, key: Hashable) -> None:
        """Let `key` be evicted again; no effect without a slot."""
        slot = self._slot_of.get(key)
        if slot is not None:
            self._pinned[slot] = False

    def discard(self, key: Hashable) -> None:
        """Free the slot of `key`, pinned or not; no effect without a slot."""
        slot = self._slot_of.get(key)
        if slot is not None:
            self._vacate(slot)
            self._free.append(slot)

    def clear(self) -> None:
        """Free every slot."""
        for key in list(self._slot_of):
            self.discard(key)

    def _vacate(self, slot: int) -> None:
        del self._slot_of[self._key_of[slot]]
        self._key_of[slot] = None
        self._held[slot] = False
        self._pinned[slot] = False
        self._last_used[slot] = _NEVER
        self.width_px[slot] = 0
        self.height_px[slot] = 0

    def _evict(self, frame: int) -> int | None:
        slot = self._next_victim(frame)
        if slot is None and self._victims_frame == frame:
            # The list was made earlier in this frame; unpinning may have added victims since.
            self._victims_frame = _NEVER
            slot = self._next_victim(frame)
        if slot is not None:
            self._vacate(slot)
        return slot

    def _next_victim(self, frame: int) -> int | None:
        if self._victims_frame != frame:
            self._victims = self._eviction_order(frame)
            self._victims_frame = frame
        while self._victims:
            slot = self._victims.pop()
            # Touched, pinned or discarded since the list was made?
            if self._held[slot] and not self._pinned[slot] and self._last_used[slot] < frame:
                return slot
        return None

    def _eviction_order(self, frame: int) -> list[int]:
        """Slots that may go, the first to go last in the list."""
        candidates = np.flatnonzero(self._held & ~self._pinned & (self._last_used < frame))
        order = np.lexsort((self._depth[candidates], -self._last_used[candidates]))
        victims: list[int] = candidates[order].tolist()
        return victims
