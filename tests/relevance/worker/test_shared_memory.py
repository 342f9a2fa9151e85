"""What is read is what was published last, whole, whatever the writer does meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

from tests.relevance.fields import small_field
from viewer.relevance.attention import shared_memory as shared_attention
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.loads import Loads
from viewer.relevance.worker import shared_memory
from viewer.relevance.worker.shared_memory import ESTIMATED, GLASS, KNOWN, UNKNOWN, SharedGrid

if TYPE_CHECKING:
    from multiprocessing.synchronize import Lock


def filled(shape: tuple[int, int], value: int) -> Loads:
    return Loads(np.full(shape, value, np.float32), np.full(shape, value, np.uint8))


def test_nothing_before_the_first() -> None:
    memory = SharedGrid((3, 4))
    assert memory.read_scores() is None
    assert memory.read_loads() is None


def test_a_field_comes_back() -> None:
    field = small_field()
    memory = SharedGrid(field.grid.shape)
    memory.write_scores(7, field)
    found = memory.read_scores()
    assert found is not None
    assert found.number == 7
    np.testing.assert_array_equal(found.scores, field.scores)
    np.testing.assert_array_equal(found.states == KNOWN, field.known)
    np.testing.assert_array_equal(found.states == ESTIMATED, field.estimated)
    np.testing.assert_array_equal(found.states == UNKNOWN, ~field.known & ~field.estimated)
    RelevanceField(
        field.grid, found.scores, found.states == KNOWN, found.states == ESTIMATED, field.provenance
    )


def test_glass_comes_back_as_far_as_it_is_known() -> None:
    field = small_field()
    glass = np.zeros(field.grid.shape, bool)
    glass[:2] = True  # of which row 1 is not known
    memory = SharedGrid(field.grid.shape)
    memory.write_scores(7, replace(field, glass=glass))
    found = memory.read_scores()
    assert found is not None
    np.testing.assert_array_equal(found.states == GLASS, field.known & glass)
    np.testing.assert_array_equal(found.states == KNOWN, field.known & ~glass)


def test_the_last_of_several_counts() -> None:
    memory = SharedGrid((3, 5))
    for value in range(1, 6):
        memory.write_loads(filled((3, 5), value))
        found = memory.read_loads()
        assert found is not None
        assert found.weights.shape == (3, 5)
        assert {int(found.weights.max()), int(found.levels.max())} == {value}


def test_what_was_read_is_a_copy() -> None:
    memory = SharedGrid((2, 2))
    memory.write_loads(filled((2, 2), 1))
    found = memory.read_loads()
    memory.write_loads(filled((2, 2), 2))
    memory.write_loads(filled((2, 2), 3))
    assert found is not None
    assert (found.weights == 1).all()


def test_a_reader_never_sees_half_of_one_and_half_of_another() -> None:
    shape = (300, 300)
    memory = SharedGrid(shape)
    allocations = [filled(shape, value) for value in range(1, 9)]
    done = threading.Event()

    def write() -> None:
        for number in range(400):
            memory.write_loads(allocations[number % 8])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set() or not seen:
        found = memory.read_loads()
        if found is not None:
            values = {int(array[at]) for array in (found.weights, found.levels) for at in ((0, 0), (-1, -1))}
            assert len(values) == 1
            seen += 1
    writer.join()


def test_arrays_of_another_grid_are_refused() -> None:
    memory = SharedGrid((3, 4))
    with pytest.raises(ValueError, match=r"weights of shape \(4, 3\)"):
        memory.write_loads(filled((4, 3), 1))
    assert memory.read_loads() is None


def lock_of_the_dead(memory: SharedGrid) -> None:
    """A writer that was killed while it held every lock of the memory."""

    def killed_while_held(lock: Lock) -> None:
        lock.acquire()
        raise SystemExit

    assert memory.attention is not None
    with (
        mock.patch.object(shared_memory, "held", killed_while_held),
        mock.patch.object(shared_attention, "held", killed_while_held),
    ):
        for write in (
            lambda: memory.write_scores(1, small_field()),
            lambda: memory.write_loads(filled(memory.shape, 9)),
            lambda: memory.write_relevance(small_field().scores),
            memory.attention.publish,
        ):
            with pytest.raises(SystemExit):
                write()


def test_a_writer_that_is_killed_with_the_lock_leaves_what_was_published() -> None:
    memory = SharedGrid(small_field().grid.shape, (1, 1))
    memory.write_loads(filled(memory.shape, 1))
    attention = memory.attention
    assert attention is not None
    attention.arrays().patches_known[0] = True
    attention.publish()
    lost = get_context("spawn").Process(target=lock_of_the_dead, args=(memory,))
    lost.start()
    lost.join(60)
    assert lost.exitcode == 0
    found = memory.read_loads()
    assert found is not None
    assert (found.weights == 1).all()
    assert attention.read().patches_known[0].all()
    assert not attention.read().patches_known[1:].any()
    memory.write_loads(filled(memory.shape, 2))  # and a reader that was killed stops no writer
    again = memory.read_loads()
    assert again is not None
    assert (again.levels == 2).all()


def test_attention_is_known_to_readers_once_it_is_published() -> None:
    memory = SharedGrid((3, 4), (1, 1)).attention
    assert memory is not None
    written = memory.arrays()
    written.patches[0, 1, 1] = 77
    written.patches_known[1, 1] = True
    assert not memory.read().patches_known.any()
    memory.publish()
    now = memory.read()
    assert now.patches_known.sum() == 1
    assert now.patches[0][now.patches_known] == [77]
