"""What patches are worth: the screen is sharp, what is asked for comes first, glass gets no tokens."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from viewer.relevance.analysis import allocation
from viewer.relevance.analysis.allocation import TOKEN_SHARE, UNIFORM_TOKENS, Allocator, bytes_per_level
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.geometry import Pyramid, Rect
from viewer.view.viewport import Viewport

MPP_UM = (0.5, 0.5)
PYRAMID = Pyramid.from_sizes([(10240, 7680), (2560, 1920), (640, 480)], [(256, 256)] * 3)
GRID = PatchGrid.over(10240, 7680, MPP_UM)
LOOK = Viewport(Rect(0, 0, 2560, 2560), None, 4.0, moving=False)


def allocator(tissue: np.ndarray | None = None) -> Allocator:
    tissue = np.ones(GRID.shape, bool) if tissue is None else tissue
    return Allocator(GRID, PYRAMID, tissue, MPP_UM)


def scores() -> np.ndarray:
    """The right half is what was asked for."""
    made = np.zeros(GRID.shape, np.float32)
    made[:, GRID.columns // 2 :] = 0.9
    return made


UNKNOWN = np.full(GRID.shape, np.nan, np.float32)
EVERYWHERE = np.ones(GRID.shape, np.float32)


def test_a_patch_takes_less_at_a_coarser_level() -> None:
    assert bytes_per_level(GRID, PYRAMID) == (256 * 256 * 4, 64 * 64 * 4, 16 * 16 * 4)


def test_levels_that_save_nothing_are_not_counted() -> None:
    pyramid = Pyramid.from_sizes([(400, 300), (400, 300), (40, 30)], [(256, 256)] * 3)
    assert len(bytes_per_level(PatchGrid.over(400, 300, (1.0, 1.0)), pyramid)) == 1


def test_what_the_screen_shows_gets_the_level_of_the_screen() -> None:
    loads = allocator().allocate(scores(), UNKNOWN, EVERYWHERE, LOOK)
    assert (loads.levels[:10, :10] == 1).all()
    assert loads.levels.max() <= 2
    assert loads.levels.min() == 1


def test_what_is_asked_for_is_fetched_in_full_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "LOAD_BYTES", 0)
    loads = allocator().allocate(scores(), UNKNOWN, np.full(GRID.shape, 0.1, np.float32), LOOK)
    half = GRID.columns // 2
    assert (loads.levels[:, half:] == 1).all()
    assert (loads.levels[11:, :half] == 2).all(), "nothing is left for what is neither seen nor asked for"


def test_what_is_asked_for_weighs_more() -> None:
    loads = allocator().allocate(scores(), UNKNOWN, EVERYWHERE, LOOK)
    half = GRID.columns // 2
    assert loads.weights[:, half:].min() > loads.weights[:, :half].max() >= 1
    assert loads.weights.max() <= 4


def test_tokens_go_to_what_is_asked_for_and_stay_within_the_budget() -> None:
    loads = allocator().allocate(scores(), UNKNOWN, EVERYWHERE, LOOK)
    half = GRID.columns // 2
    assert loads.tokens[:, half:].mean() > 2 * loads.tokens[:, :half].mean()
    assert loads.tokens.sum() <= TOKEN_SHARE * UNIFORM_TOKENS * GRID.patch_count
    assert loads.tokens.max() <= UNIFORM_TOKENS


def test_glass_gets_no_tokens() -> None:
    tissue = np.ones(GRID.shape, bool)
    tissue[:5] = False
    loads = allocator(tissue).allocate(scores(), UNKNOWN, EVERYWHERE, LOOK)
    assert not loads.tokens[:5].any()
    assert loads.tokens[5:].any()


def test_what_surprises_counts_where_nothing_is_asked() -> None:
    surprise = np.zeros(GRID.shape, np.float32)
    surprise[10:] = 1.0
    loads = allocator().allocate(np.zeros(GRID.shape, np.float32), surprise, EVERYWHERE, LOOK)
    assert loads.weights[10:].min() > loads.weights[:10].max()


def test_a_slight_change_moves_nothing() -> None:
    again = allocator()
    before = again.allocate(scores(), UNKNOWN, EVERYWHERE, LOOK)
    after = again.allocate(scores() * np.float32(1.02), UNKNOWN, EVERYWHERE, LOOK)
    np.testing.assert_array_equal(before.tokens, after.tokens)
    np.testing.assert_array_equal(before.levels, after.levels)


def test_a_slide_without_tissue() -> None:
    loads = allocator(np.zeros(GRID.shape, bool)).allocate(scores() * 0, UNKNOWN, EVERYWHERE, LOOK)
    assert not loads.tokens.any()
