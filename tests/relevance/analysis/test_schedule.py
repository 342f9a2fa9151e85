"""PatchSchedule: the whole slide coarsely, then what is asked for, what surprises, where the reader looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.relevance.fields import small_field
from viewer.relevance.analysis.schedule import COARSE_PATCHES, PatchSchedule, attention_at, blocks_of
from viewer.relevance.patches.blocks import Block
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.patches.novelty import surprise_of
from viewer.slide.geometry import Rect
from viewer.view.gaze import SlideGaze

Mask = NDArray[np.bool_]
NOTHING = np.empty((0, 2), np.int64), np.empty((0, 3), np.float32)


def a_grid(rows: int, columns: int) -> PatchGrid:
    return PatchGrid(columns, rows, 100.0, 100.0)


def a_field(grid: PatchGrid, scores: NDArray[Any]) -> RelevanceField:
    return RelevanceField.of(grid, scores, np.ones(grid.shape, bool), small_field().provenance)


def taken(order: PatchSchedule, pending: Mask, side: int = 4, limit: int = 1 << 20) -> list[Block]:
    """The blocks in their order, each done when it is given."""
    blocks: list[Block] = []
    while len(blocks) < limit and (block := order.next(pending, side)) is not None:
        blocks.append(block)
        pending[block.cells] = False
    return blocks


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (37, 41)])
@pytest.mark.parametrize("side", [1, 3, 4])
def test_every_pending_patch_comes_once(shape: tuple[int, int], side: int, rng: np.random.Generator) -> None:
    pending = rng.random(shape) < 0.6
    order, left = PatchSchedule(a_grid(*shape), pending.copy()), pending.copy()
    while (block := order.next(left, side)) is not None:
        assert block.rows <= side
        assert block.cols <= side
        assert left[block.cells].any()
        left[block.cells] = False
    assert not left.any()
    by_rows = np.zeros(shape, int)
    for block in blocks_of(pending, side):
        by_rows[block.cells] += pending[block.cells]
    assert np.array_equal(by_rows, pending)


def test_the_whole_slide_comes_first_however_large_it_is() -> None:
    tissue = np.zeros((200, 200), bool)
    tissue[20:180, 30:190] = True
    tissue[5, 5] = True  # an island of one patch
    order, pending = PatchSchedule(a_grid(200, 200), tissue), tissue.copy()
    first: list[Block] = []
    while order.coarse_left(pending):
        first += taken(order, pending, limit=1)
    assert all((block.rows, block.cols) == (1, 1) for block in first)
    assert 60 < len(first) <= COARSE_PATCHES
    assert Block(5, 5, 1, 1) in first
    rows, cols = np.array([block[:2] for block in first]).T
    every = np.argwhere(tissue)
    nearest = np.maximum(abs(every[:, :1] - rows), abs(every[:, 1:] - cols)).min(1)
    assert nearest.max() <= 16


def test_what_an_earlier_analysis_encoded_is_not_encoded_again() -> None:
    tissue = np.ones((40, 40), bool)
    order, pending = PatchSchedule(a_grid(40, 40), tissue), tissue.copy()
    pending[:, :20] = False
    first = taken(order, pending, limit=1)[0]
    assert first.col >= 20
    pending[:] = False
    assert order.next(pending, 4) is None
    assert not order.coarse_left(pending)


def test_what_is_in_view_comes_before_the_rest() -> None:
    grid = a_grid(64, 64)
    order = PatchSchedule(grid, np.ones(grid.shape, bool))
    order.set_viewport(Rect(4000, 4000, 5000, 5000), None)
    pending = np.ones(grid.shape, bool)
    coarse = taken(order, pending, limit=4)
    assert all(38 <= block.row <= 51 and 38 <= block.col <= 51 for block in coarse)
    while order.coarse_left(pending):
        taken(order, pending, limit=1)
    assert all(39 <= block.row <= 50 and 39 <= block.col <= 50 for block in taken(order, pending, limit=4))


def test_what_is_asked_for_comes_before_the_rest() -> None:
    grid = a_grid(32, 32)
    order, pending = PatchSchedule(grid, np.ones(grid.shape, bool)), np.ones(grid.shape, bool)
    while order.coarse_left(pending):
        taken(order, pending, limit=1)
    scores = np.zeros(grid.shape)
    scores[8:12, 20:24] = 0.9
    order.update(scores, *NOTHING)
    block = taken(order, pending, limit=1)[0]
    assert 8 <= block.row < 12
    assert 20 <= block.col < 24
    order.update(None, *NOTHING)
    assert order.next(pending, 4) is not None


def test_what_surprises_comes_before_what_is_ordinary(rng: np.random.Generator) -> None:
    grid = a_grid(32, 32)
    tissue = np.ones(grid.shape, bool)
    order, pending = PatchSchedule(grid, tissue), tissue.copy()
    while order.coarse_left(pending):
        taken(order, pending, limit=1)
    cells = np.argwhere(~pending)
    features = rng.normal(size=(len(cells), 3)).astype(np.float32)
    odd = (abs(cells - (16, 8)) <= 4).all(1)
    features[odd] += 50
    order.update(None, cells, features)
    assert (
        order.surprise[cells[odd, 0], cells[odd, 1]].min()
        > order.surprise[cells[~odd, 0], cells[~odd, 1]].max()
    )
    block = taken(order, pending, limit=1)[0]
    assert 12 <= block.row <= 20
    assert 4 <= block.col <= 12


def test_examples_come_before_everything() -> None:
    grid = a_grid(32, 32)
    order, pending = PatchSchedule(grid, np.ones(grid.shape, bool)), np.ones(grid.shape, bool)
    pending[3, 3] = False
    order.put_first([(9, 30), (3, 3), (99, 0), (31, 1)])
    assert taken(order, pending, limit=2) == [Block(9, 30, 1, 1), Block(31, 1, 1, 1)]


def test_where_the_field_of_view_cannot_wait_nothing_goes_before_it(rng: np.random.Generator) -> None:
    tissue = np.ones((60, 60), bool)
    order = PatchSchedule(a_grid(60, 60), tissue, coarse_first=False)
    order.set_viewport(Rect(4000, 4000, 4300, 4300), None)
    cells = np.argwhere(tissue)[::7]
    spread = np.where(cells[:, :1] < 20, 9.0, 0.1)
    order.update(None, cells, (rng.normal(size=(len(cells), 3)) * spread).astype(np.float32))
    assert np.nanmax(order.surprise[:20]) > 0.99, "far off there is much to be surprised at"
    assert not order.coarse_left(tissue)
    assert set(taken(order, tissue.copy(), side=1, limit=9)) == {
        Block(row, col, 1, 1) for row in (40, 41, 42) for col in (40, 41, 42)
    }


def test_a_slide_that_is_all_in_view_is_encoded_from_its_middle() -> None:
    grid = a_grid(32, 48)
    order = PatchSchedule(grid, np.ones(grid.shape, bool), coarse_first=False)
    pending = np.ones(grid.shape, bool)
    for _ in range(2):
        blocks = taken(order, pending, limit=4)
        assert all(8 <= block.row < 24 and 16 <= block.col < 32 for block in blocks)
        order.set_viewport(Rect(-100, -100, 4900, 3300), None)


def test_attention_falls_off_from_the_gaze_and_from_the_field() -> None:
    grid = a_grid(10, 100)
    seen = attention_at(grid, Rect(0, 0, 1000, 1000), None)
    assert (seen[:, :10] > 0.95).all()
    assert (np.diff(seen[5, 5:23]) < 0).all()
    assert (np.diff(seen[:5, 5]) > 0).all()
    assert seen.min() == np.float32(0.1)
    # A pixel of 0.05° and an eye that may be 5° off: 100 px around the gaze are seen as well.
    gazed = attention_at(grid, Rect(0, 0, 1000, 1000), SlideGaze(150, 550, np.tan(np.radians(0.05)), 5.0))
    assert gazed[5, 1] == gazed[5, 0] == gazed[5, 2] == 1
    acuity = (1 / 48) / (1 / 48 + 0.022 * (np.degrees(np.arctan(800 * np.tan(np.radians(0.05)))) - 5))
    assert gazed[5, 9] == pytest.approx((1 + 3 * acuity) / 4, rel=1e-4)


def test_the_farthest_fifth_surprises_and_what_was_not_measured_does_not_count(
    rng: np.random.Generator,
) -> None:
    features = rng.normal(size=(50, 4)).astype(np.float32)
    features[7, :2] = 9
    features[3, 1] = np.nan
    features[:, 3] = np.nan
    surprise = surprise_of(features)
    assert surprise.argmax() == 7
    assert (surprise > 0).sum() == 10
    assert surprise.max() == pytest.approx(1)
    assert surprise_of(features[:1]).tolist() == [0]
