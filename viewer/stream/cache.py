"""A byte-bounded cache; not locked, the owner does that.

The least recently used entry is evicted first, a pinned one never. A single entry larger than the whole cache
is kept alone, so that tiles are shown with any budget.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


K = TypeVar("K", bound="Hashable")
V = TypeVar("V", bound=Sized)


class ByteCache(Generic[K, V]):
    """Values by key up to ``capacity_bytes``; pinned values count but are never evicted."""

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._pinned: dict[K, V] = {}
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._entries) + len(self._pinned)

    def __contains__(self, key: object) -> bool:
        return key in self._entries or key in self._pinned

    def get(self, key: K) -> V | None:
        """The value, which counts as used now; None where it is not in the cache."""
        value = self._entries.get(key)
        if value is None:
            return self._pinned.get(key)
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, *, pinned: bool = False) -> None:
        """Add the value, evicting others where there is no room."""
        self.discard(key)
        (self._pinned if pinned else self._entries)[key] = value
        self.nbytes += value.nbytes
        self._shrink()

    def discard(self, key: K) -> None:
        """Remove the value, if it is in the cache."""
        value = (self._entries if key in self._entries else self._pinned).pop(key, None)
        if value is not None:
            self.nbytes -= value.nbytes

    def resize(self, capacity_bytes: int) -> None:
        """Change the bound; entries beyond it are evicted at once."""
        self.capacity_bytes = capacity_bytes
        self._shrink()

    def _shrink(self) -> None:
        while self.nbytes > self.capacity_bytes and len(self._entries) > 1:
            _, value = self._entries.popitem(last=False)
            self.nbytes -= value.nbytes
