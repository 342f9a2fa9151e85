"""viewer.stream.residency: the grids and the slots always say the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.planes import FIRST_PLANE, Plane
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
    assert [grid.shape for grid in map(residency.grid, range(2), [FIRST_PLANE] * 2)] == [(3, 4), (2, 3)]
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


def test_planes_have_slots_of_their_own() -> None:
    residency = Residency(PYRAMID, 4)
    here, deeper = TileKey(0, 1, 2), TileKey(0, 1, 2, Plane(channel=1, z=4))
    residency.put(here, 0, now_s=0.0)
    assert residency.slot(deeper) == ABSENT
    residency.put(deeper, 1, now_s=0.0)
    assert (residency.slot(here), residency.slot(deeper)) == (0, 1)
    whole = PYRAMID.visible_tiles(0, PYRAMID.extent, deeper.plane)
    assert [residency.slots(tiles)[2, 1] for tiles in (whole, whole._replace(plane=FIRST_PLANE))] == [1, 0]
    residency.put(deeper._replace(plane=Plane(t=3)), 1, now_s=1.0)
    assert (residency.slot(here), residency.slot(deeper)) == (0, ABSENT)
