"""viewer.stream.cache: the bound holds, and what was used longest ago goes first."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from viewer.stream.cache import ByteCache


def block(nbytes: int) -> np.ndarray:
    return np.zeros(nbytes, np.uint8)


def cache_of(capacity_bytes: int, *keys: str) -> ByteCache[str, np.ndarray]:
    cache: ByteCache[str, np.ndarray] = ByteCache(capacity_bytes)
    for key in keys:
        cache.put(key, block(10))
    return cache


def held(cache: ByteCache[str, np.ndarray], keys: str) -> str:
    return "".join(key for key in keys if key in cache)


def test_the_entry_put_longest_ago_goes_first() -> None:
    cache = cache_of(30, *"abcd")
    assert held(cache, "abcd") == "bcd"
    assert (len(cache), cache.nbytes, cache.capacity_bytes) == (3, 30, 30)


def test_getting_counts_as_using() -> None:
    cache = cache_of(30, *"abc")
    cache.get("a")
    cache.put("d", block(10))
    assert held(cache, "abcd") == "acd"


def test_asking_whether_it_is_held_does_not_count_as_using() -> None:
    cache = cache_of(30, *"abc")
    assert "a" in cache
    cache.put("d", block(10))
    assert held(cache, "abcd") == "bcd"


def test_get_gives_the_value_or_none() -> None:
    cache = cache_of(30)
    value = block(5)
    cache.put("a", value)
    cache.put("p", value, pinned=True)
    assert cache.get("a") is value
    assert cache.get("p") is value
    assert cache.get("b") is None


def test_a_value_put_again_replaces_the_first_and_is_counted_once() -> None:
    cache = cache_of(30, *"ab")
    cache.put("a", block(20))
    assert (len(cache), cache.nbytes) == (2, 30)
    cache.put("c", block(10))
    assert held(cache, "abc") == "ac"


def test_pinned_entries_count_and_stay() -> None:
    cache = cache_of(30)
    cache.put("p", block(10), pinned=True)
    for key in "abcd":
        cache.put(key, block(10))
    assert held(cache, "pabcd") == "pcd"
    assert cache.nbytes == 30


def test_an_entry_larger_than_the_cache_is_kept_alone() -> None:
    cache = cache_of(30, *"abc")
    cache.put("big", block(100))
    assert (len(cache), "big" in cache, cache.nbytes) == (1, True, 100)
    cache.put("d", block(10))
    assert (len(cache), "d" in cache, cache.nbytes) == (1, True, 10)


def test_a_smaller_bound_holds_at_once() -> None:
    cache = cache_of(40, *"abcd")
    cache.resize(20)
    assert held(cache, "abcd") == "cd"
    assert (cache.nbytes, cache.capacity_bytes) == (20, 20)


def test_discarding_forgets_pinned_entries_too_and_unknown_keys_are_no_error() -> None:
    cache = cache_of(30, "a")
    cache.put("p", block(10), pinned=True)
    for key in ("a", "p", "never held"):
        cache.discard(key)
    assert (len(cache), cache.nbytes) == (0, 0)


class AgainstAList(RuleBasedStateMachine):
    """The cache does what a list in order of use, searched from its start, would do."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity_bytes = 50
        self.cache: ByteCache[int, np.ndarray] = ByteCache(self.capacity_bytes)
        self.in_order: list[tuple[int, int]] = []
        self.pinned: dict[int, int] = {}

    keys = st.integers(0, 8)

    @rule(key=keys, nbytes=st.integers(0, 70), pinned=st.booleans())
    def put(self, key: int, nbytes: int, pinned: bool) -> None:
        self.cache.put(key, block(nbytes), pinned=pinned)
        self._forget(key)
        if pinned:
            self.pinned[key] = nbytes
        else:
            self.in_order.append((key, nbytes))
        self._evict()

    @rule(key=keys)
    def get(self, key: int) -> None:
        sizes = dict(self.in_order)
        value = self.cache.get(key)
        if key in sizes:
            self.in_order.sort(key=lambda entry: entry[0] == key)
        assert (None if value is None else value.nbytes) == {**sizes, **self.pinned}.get(key)

    @rule(key=keys)
    def discard(self, key: int) -> None:
        self.cache.discard(key)
        self._forget(key)

    @rule(capacity_bytes=st.integers(0, 100))
    def resize(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.cache.resize(capacity_bytes)
        self._evict()

    @invariant()
    def holds_the_same(self) -> None:
        expected = {key for key, _ in self.in_order} | set(self.pinned)
        assert {key for key in range(9) if key in self.cache} == expected
        assert len(self.cache) == len(expected)
        assert self.cache.nbytes == self._nbytes()

    @invariant()
    def keeps_the_bound(self) -> None:
        newest = self.in_order[-1][1] if self.in_order else 0
        assert self.cache.nbytes <= max(self.capacity_bytes, newest + sum(self.pinned.values()))

    def _nbytes(self) -> int:
        return sum(nbytes for _, nbytes in self.in_order) + sum(self.pinned.values())

    def _forget(self, key: int) -> None:
        self.in_order = [entry for entry in self.in_order if entry[0] != key]
        self.pinned.pop(key, None)

    def _evict(self) -> None:
        while self._nbytes() > self.capacity_bytes and len(self.in_order) > 1:
            del self.in_order[0]


TestAgainstAList = AgainstAList.TestCase
