"""The slot table: what it holds, and in which order it lets go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu.gl.slot_table import SlotTable


def filled(capacity, *, frame=0):
    """Keys and slots 0, 1, 2 …"""
    table = SlotTable(capacity)
    assert [table.allocate(key, depth=0, pinned=False, frame=frame) for key in range(capacity)] == list(
        range(capacity)
    )
    return table


def touch(table, slots, frame):
    table.touch(np.array(slots, np.int32), frame)


def test_a_table_needs_a_slot():
    with pytest.raises(ValueError, match="at least 1"):
        SlotTable(0)


def test_free_slots_are_given_before_anything_is_evicted():
    table = SlotTable(3)
    slots = {table.allocate(key, depth=0, pinned=False, frame=frame) for frame, key in enumerate("abc")}
    assert slots == {0, 1, 2}
    assert list(table) == ["a", "b", "c"]
    assert len(table) == 3


def test_allocating_a_resident_key_keeps_its_slot_and_updates_it():
    table = SlotTable(2)
    slot = table.allocate("a", depth=1, pinned=True, frame=0)
    assert table.allocate("a", depth=1, pinned=False, frame=1) == slot
    table.allocate("b", depth=0, pinned=False, frame=2)
    assert table.allocate("c", depth=0, pinned=False, frame=3) == slot, "no longer pinned, older than b"


def test_oldest_use_goes_first():
    table = filled(3)
    touch(table, [0, 2], frame=1)
    touch(table, [0], frame=2)
    assert table.allocate("x", depth=0, pinned=False, frame=3) == 1
    assert table.allocate("y", depth=0, pinned=False, frame=3) == 2
    assert set(table) == {0, "x", "y"}


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
    touch(table, [0, 1], frame=7)
    assert table.allocate("x", depth=0, pinned=False, frame=7) is None
    assert set(table) == {0, 1}
    assert table.allocate("x", depth=0, pinned=False, frame=8) is not None


def test_pinned_tiles_are_never_evicted():
    table = SlotTable(1)
    table.allocate("pinned", depth=9, pinned=True, frame=0)
    assert table.allocate("x", depth=0, pinned=False, frame=5) is None
    assert set(table) == {"pinned"}


def test_what_is_touched_after_the_order_was_made_is_passed_over():
    """The order is made once a frame, at its first eviction."""
    table = filled(4)
    assert table.allocate("first", depth=0, pinned=False, frame=1) is not None
    left = [key for key in range(4) if key in table]
    touch(table, left[:1], frame=1)
    table.allocate(left[1], depth=0, pinned=True, frame=1)
    assert table.allocate("second", depth=0, pinned=False, frame=1) == left[2]
    assert table.allocate("third", depth=0, pinned=False, frame=1) is None
    assert set(table) == {left[0], left[1], "first", "second"}


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["allocate", "pin", "touch", "next frame"]), st.integers(0, 11)), max_size=120
)


@given(OPERATIONS)
def test_agrees_with_a_plain_model(operations):
    """A dictionary and a sort per eviction, with nothing clever, must evict the same class of tile."""
    capacity, frame = 4, 0
    table = SlotTable(capacity)
    model: dict[int, tuple[int, int, bool]] = {}  # key: last use, depth, pinned
    slot_of: dict[int, int] = {}
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
                assert slot == slot_of.pop(gone)
            assert slot == slot_of.setdefault(key, slot)
            model[key] = (frame, key % 3, pinned)
        elif operation == "touch":
            if key in model:
                touch(table, [slot_of[key]], frame)
                model[key] = (frame, *model[key][1:])
        else:
            frame += 1
        assert set(table) == set(model)
        assert len(set(slot_of.values())) == len(model)


def test_pins_are_set_anew_and_hold_at_once():
    slots = SlotTable(3)
    for key in "abc":
        slots.allocate(key, depth=int(key == "b"), pinned=key == "a", frame=0)
    slots.allocate("d", depth=0, pinned=False, frame=1)  # the order of eviction of this frame is made
    assert "b" not in slots
    slots.pin(np.array([2]))
    slots.allocate("e", depth=0, pinned=False, frame=1)
    assert set(slots) == {"c", "d", "e"}, "a is pinned no longer, c is from now on"
