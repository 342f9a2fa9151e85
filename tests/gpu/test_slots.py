"""The slot table: what it holds, and in which order it lets go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu.slots import SlotTable


def filled(capacity, *, frame=0):
    table = SlotTable(capacity)
    for key in range(capacity):
        assert table.allocate(key, depth=0, pinned=False, frame=frame) is not None
    return table


def test_a_table_needs_a_slot():
    with pytest.raises(ValueError, match="at least 1"):
        SlotTable(0)


def test_free_slots_are_given_before_anything_is_evicted():
    table = SlotTable(3)
    slots = {table.allocate(key, depth=0, pinned=False, frame=frame) for frame, key in enumerate("abc")}
    assert slots == {0, 1, 2}
    assert list(table) == ["a", "b", "c"]
    assert len(table) == 3
    assert table.get("a") in slots
    assert table.get("x") is None


def test_allocating_a_resident_key_keeps_its_slot_and_updates_it():
    table = SlotTable(2)
    slot = table.allocate("a", depth=1, pinned=True, frame=0)
    assert table.allocate("a", depth=1, pinned=False, frame=1) == slot
    table.allocate("b", depth=0, pinned=False, frame=2)
    assert table.allocate("c", depth=0, pinned=False, frame=3) == slot, "no longer pinned, older than b"


def test_oldest_use_goes_first():
    table = filled(3)
    table.touch([0, 2], frame=1)
    table.touch([0], frame=2)
    table.allocate("x", depth=0, pinned=False, frame=3)
    assert 1 not in table
    table.allocate("y", depth=0, pinned=False, frame=3)
    assert 2 not in table
    assert 0 in table


def test_deepest_goes_first_among_equally_old():
    table = SlotTable(3)
    for key, depth in (("root", 0), ("leaf", 5), ("branch", 2)):
        table.allocate(key, depth=depth, pinned=False, frame=0)
    for number, gone in enumerate(("leaf", "branch", "root")):
        table.allocate(number, depth=9, pinned=False, frame=1)
        assert gone not in table


def test_use_counts_more_than_depth():
    table = SlotTable(2)
    table.allocate("leaf", depth=9, pinned=False, frame=5)
    table.allocate("root", depth=0, pinned=False, frame=4)
    table.allocate("x", depth=0, pinned=False, frame=6)
    assert "root" not in table


def test_tiles_of_this_frame_are_never_evicted():
    table = filled(2)
    table.touch([0, 1, "unknown"], frame=7)
    assert table.allocate("x", depth=0, pinned=False, frame=7) is None
    assert table.allocate("x", depth=0, pinned=False, frame=8) is not None


def test_slots_are_touched_as_keys_are():
    table = filled(3)
    table.touch_slots(np.array([table.get(0), table.get(2)], np.int32), frame=4)
    assert table.allocate("x", depth=0, pinned=False, frame=4) is not None
    assert set(table) == {0, 2, "x"}


def test_touching_nothing_known_changes_nothing():
    table = filled(1)
    table.touch(["unknown"], frame=1)
    assert table.allocate("x", depth=0, pinned=False, frame=1) == 0


def test_pinned_tiles_are_never_evicted_until_unpinned():
    table = SlotTable(1)
    table.allocate("pinned", depth=0, pinned=True, frame=0)
    assert table.allocate("x", depth=0, pinned=False, frame=5) is None
    table.unpin("pinned")
    table.unpin("unknown")
    assert table.allocate("x", depth=0, pinned=False, frame=5) == 0, "in the same frame"


def test_what_changes_after_the_order_was_made_is_respected():
    """The order is made once a frame; victims touched, pinned or discarded since are passed over."""
    table = filled(5)
    table.allocate("first", depth=0, pinned=False, frame=1)
    left = [key for key in range(5) if key in table]
    table.touch([left[0]], frame=1)
    table.allocate(left[1], depth=0, pinned=True, frame=1)
    table.discard(left[2])
    assert table.allocate("second", depth=0, pinned=False, frame=1) is not None, "the discarded slot"
    assert table.allocate("third", depth=0, pinned=False, frame=1) is not None
    assert left[3] not in table
    assert {left[0], left[1], "first", "second", "third"} == set(table)
    assert table.allocate("fourth", depth=0, pinned=False, frame=1) is None


def test_discard_frees_even_pinned_tiles_and_forgets_sizes():
    table = SlotTable(1)
    slot = table.allocate("a", depth=0, pinned=True, frame=0)
    table.width_px[slot] = table.height_px[slot] = 7
    table.discard("a")
    table.discard("a")
    assert "a" not in table
    assert (table.width_px[slot], table.height_px[slot]) == (0, 0)
    assert table.allocate("b", depth=0, pinned=False, frame=0) == slot


def test_clear_frees_everything():
    table = filled(3)
    table.clear()
    assert len(table) == 0
    assert {table.allocate(key, depth=0, pinned=False, frame=0) for key in "abc"} == {0, 1, 2}


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["allocate", "pin", "touch", "discard", "unpin", "next frame"]), st.integers(0, 11)
    ),
    max_size=120,
)


@given(OPERATIONS)
def test_agrees_with_a_plain_model(operations):
    """A dictionary and a sort per eviction, with nothing clever, must evict the same class of tile."""
    capacity, frame = 4, 0
    table = SlotTable(capacity)
    model: dict[int, tuple[int, int, bool]] = {}  # key: last use, depth, pinned
    for operation, key in operations:
        if operation in ("allocate", "pin"):
            pinned = operation == "pin"
            before = set(table)
            slot = table.allocate(key, depth=key % 3, pinned=pinned, frame=frame)
            if key not in model and len(model) == capacity:
                order = {
                    k: (used, -depth) for k, (used, depth, held) in model.items() if used < frame and not held
                }
                if not order:
                    assert slot is None
                    assert set(table) == before
                    continue
                (gone,) = before - set(table)
                assert order[gone] == min(order.values())
                del model[gone]
            assert slot is not None
            model[key] = (frame, key % 3, pinned)
        elif operation == "touch":
            table.touch([key], frame)
            if key in model:
                model[key] = (frame, *model[key][1:])
        elif operation == "discard":
            table.discard(key)
            model.pop(key, None)
        elif operation == "unpin":
            table.unpin(key)
            if key in model:
                model[key] = (*model[key][:2], False)
        else:
            frame += 1
        assert set(table) == set(model)
        assert len({table.get(k) for k in table}) == len(model)
