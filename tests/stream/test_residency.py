"""viewer.stream.residency: the grids and the slots always say the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from viewer.slide.geometry import Pyramid, TileKey
from viewer.stream.residency import ABSENT, Residency

PYRAMID = Pyramid.from_sizes([(1000, 600), (250, 150)], [(256, 256), (100, 100)])
ALL_KEYS = [
    TileKey(index, col, row)
    for index, level in enumerate(PYRAMID.levels)
    for row in range(level.rows)
    for col in range(level.columns)
]


def test_nothing_is_resident_at_first() -> None:
    residency = Residency(PYRAMID, 4)
    assert [grid.shape for grid in residency.slot_grids] == [(3, 4), (2, 3)]
    assert all(residency.slot(key) == ABSENT for key in ALL_KEYS)


def test_a_tile_has_its_slot_and_the_time_it_came() -> None:
    residency = Residency(PYRAMID, 4)
    residency.put(TileKey(1, 2, 0), 3, now_s=7.5)
    assert residency.slot(TileKey(1, 2, 0)) == 3
    assert residency.arrival_s.tolist() == [0, 0, 0, 7.5]


def test_a_slot_that_is_filled_again_forgets_its_tile() -> None:
    residency = Residency(PYRAMID, 4)
    residency.put(TileKey(0, 0, 0), 1, now_s=1.0)
    residency.put(TileKey(1, 1, 1), 1, now_s=2.0)
    assert residency.slot(TileKey(0, 0, 0)) == ABSENT
    assert residency.slot(TileKey(1, 1, 1)) == 1
    assert residency.arrival_s[1] == 2.0


@given(st.lists(st.tuples(st.sampled_from(ALL_KEYS), st.integers(0, 5)), max_size=40))
def test_it_says_what_was_put_last_into_each_slot(puts: list[tuple[TileKey, int]]) -> None:
    """A tile may come back into another slot, as after its eviction, or into the slot that it is in."""
    residency = Residency(PYRAMID, 6)
    in_slot: dict[int, TileKey] = {}
    for time_s, (key, slot) in enumerate(puts):
        residency.put(key, slot, now_s=float(time_s))
        in_slot = {other: held for other, held in in_slot.items() if held != key}
        in_slot[slot] = key
        slots = {key: slot for slot, key in in_slot.items()}
        assert [residency.slot(each) for each in ALL_KEYS] == [slots.get(each, ABSENT) for each in ALL_KEYS]
        assert residency.arrival_s[slot] == time_s
