"""Fields: what they refuse, and how they combine in scores and in what is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from viewer.relevance.patches.field import Provenance, RelevanceField, both, highest, near, weighted, without
from viewer.relevance.patches.grid import PatchGrid

GRID = PatchGrid(6, 5, 100.0, 100.0)
ALL = np.ones(GRID.shape, bool)
UNIT_SCORES = hnp.arrays(np.float32, GRID.shape, elements=st.floats(0, 1, width=32))
MASKS = hnp.arrays(bool, GRID.shape)


def provenance(query: str = "fat") -> Provenance:
    return Provenance("measured", query, "ranks", (0.5, 0.5), False, "2026-01-01T00:00:00Z", "foveola 0")


def field(
    scores: object, known: object = ALL, estimated: object = None, query: str = "fat"
) -> RelevanceField:
    full = np.broadcast_to(np.asarray(scores, np.float32), GRID.shape)
    return RelevanceField.of(GRID, full, np.asarray(known), provenance(query), estimated=estimated)  # type: ignore[arg-type]


def test_what_failed_is_unknown_and_never_low() -> None:
    scores = np.full(GRID.shape, 0.7)
    scores[1, 2] = np.nan
    made = field(scores)
    assert not made.known[1, 2]
    assert made.scores[1, 2] == 0
    assert made.known.sum() == GRID.patch_count - 1
    assert made.known_share == pytest.approx(29 / 30)


def test_scores_are_clipped_and_the_unknown_is_zero() -> None:
    known = ALL.copy()
    known[0] = False
    made = field(3.0, known)
    assert made.scores[1:].min() == 1
    assert made.scores[0].max() == 0


def test_an_analysed_patch_is_not_an_estimate() -> None:
    known = np.zeros(GRID.shape, bool)
    known[0, 0] = True
    made = field(0.5, known, ALL)
    assert not made.estimated[0, 0]
    assert made.estimated.sum() == GRID.patch_count - 1
    with pytest.raises(ValueError, match="not both"):
        RelevanceField(GRID, made.scores.copy(), ALL.copy(), ALL.copy(), provenance())


def test_fields_cannot_be_changed_or_made_of_the_wrong_shape() -> None:
    made = field(0.5)
    with pytest.raises(ValueError, match="read-only"):
        made.scores[0, 0] = 1
    with pytest.raises(ValueError, match="shape"):
        RelevanceField(GRID, np.zeros((2, 2), np.float32), ALL.copy(), ~ALL, provenance())
    with pytest.raises(ValueError, match="between 0 and 1"):
        RelevanceField(GRID, np.full(GRID.shape, 2, np.float32), ALL.copy(), ~ALL, provenance())


@given(UNIT_SCORES, UNIT_SCORES, MASKS, MASKS)
def test_combinations_stay_in_range_and_are_known_only_where_their_parts_are(
    a: np.ndarray, b: np.ndarray, known_a: np.ndarray, known_b: np.ndarray
) -> None:
    first, second = field(a, known_a), field(b, known_b)
    for made in (
        highest([first, second]),
        both([first, second]),
        weighted([first, second], [1, 3]),
        without(first, second),
    ):
        assert (made.known == (known_a & known_b)).all()
        assert made.scores.min() >= 0
        assert made.scores.max() <= 1
    made = near(first, second, (1.0, 1.0))
    assert (made.known <= known_a).all()
    assert made.scores.min() >= 0
    assert made.scores.max() <= 1


def test_the_words_mean_what_they_say() -> None:
    a, b = field(0.8), field(0.3, query="blood")
    assert highest([a, b]).scores[0, 0] == pytest.approx(0.8)
    assert both([a, b]).scores[0, 0] == pytest.approx(0.3)
    assert without(a, b).scores[0, 0] == pytest.approx(0.56)
    assert weighted([a, b], [1, 3]).scores[0, 0] == pytest.approx(0.425)
    assert "blood" in both([a, b]).provenance.query


def test_an_estimate_in_one_part_makes_an_estimate() -> None:
    known = ALL.copy()
    known[2] = False
    made = both([field(0.8), field(0.3, known, ALL)])
    assert made.estimated[2].all()
    assert made.known[1].all()
    assert not made.known[2].any()


def test_near_reaches_neighbours_and_no_further() -> None:
    other = np.zeros(GRID.shape)
    other[2, 1] = 1.0
    reached = near(field(1.0), field(other), (0.78, 0.78)).scores  # 100 µm in patches of 128
    expected = np.zeros(GRID.shape)
    expected[1:4, 0:3] = 1
    assert (reached == expected).all()
    wide = near(field(1.0), field(other), (2.0, 1.0)).scores
    assert wide[2, 4] == 1
    assert wide[2, 5] == 0
    assert wide[4, 1] == 1
    assert wide[4, 4] == 0


@pytest.mark.parametrize("reach", [(0.0001, 0.0001), (0.78, 0.78), (3, 3), (5.5, 2.2), (1, 9)])
def test_near_is_the_highest_score_of_all_patches_in_reach(reach: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    grid = PatchGrid(13, 11, 1.0, 1.0)
    scores = np.where(rng.random(grid.shape) < 0.1, rng.random(grid.shape), 0).astype(np.float32)
    everywhere = np.ones(grid.shape, bool)
    other = RelevanceField.of(grid, scores, everywhere, provenance())
    one = RelevanceField.of(grid, np.ones(grid.shape), everywhere, provenance())
    rows, cols = np.indices(grid.shape)
    expected = np.zeros(grid.shape, np.float32)
    for row, col in np.ndindex(grid.shape):
        gap_y = np.maximum(abs(rows - row) - 1, 0) / reach[1]
        gap_x = np.maximum(abs(cols - col) - 1, 0) / reach[0]
        expected[row, col] = scores[gap_x**2 + gap_y**2 <= 1].max()
    assert np.allclose(near(one, other, reach).scores, expected)


def test_near_what_was_not_analysed_is_not_analysed_and_never_low() -> None:
    known = ALL.copy()
    known[2, 4] = False
    one = np.ones(GRID.shape)
    one[2, 3] = 0
    found = near(field(one), field(0.0, known), (0.78, 0.78))
    expected = ALL.copy()
    expected[1:4, 3:6] = False
    expected[2, 3] = True  # nothing near by can raise it
    assert (found.known == expected).all()
    assert not found.estimated.any()
    found = near(field(one), field(0.5, known, ~known), (0.78, 0.78))
    assert (found.known == expected).all()
    assert (found.estimated == ~expected).all()
    assert found.scores[1, 4] == 0.5


def test_near_the_highest_score_there_is_nothing_unknown_matters() -> None:
    known = ALL.copy()
    known[2, 4] = False
    other = np.zeros(GRID.shape)
    other[2, 2] = 1
    assert near(field(0.7), field(other, known), (0.78, 0.78)).known[2, 3]


@given(UNIT_SCORES, UNIT_SCORES, MASKS, MASKS, MASKS, MASKS, st.sampled_from([(0.5, 0.5), (2.0, 1.2)]))
def test_near_is_known_only_where_no_unknown_score_could_change_it(
    a: np.ndarray,
    b: np.ndarray,
    known_a: np.ndarray,
    known_b: np.ndarray,
    estimated_a: np.ndarray,
    estimated_b: np.ndarray,
    reach: tuple[float, float],
) -> None:
    b = np.where(b > 0.8, 1, b)
    one, other = field(a, known_a, estimated_a), field(b, known_b, estimated_b)
    found = near(one, other, reach)
    rows, cols = np.indices(GRID.shape)
    for row, col in np.ndindex(GRID.shape):
        gap_y = np.maximum(abs(rows - row) - 1, 0) / reach[1]
        gap_x = np.maximum(abs(cols - col) - 1, 0) / reach[0]
        inside = gap_x**2 + gap_y**2 <= 1
        first = one.scores[row, col]

        def settled(counted: np.ndarray, inside: np.ndarray = inside, first: np.float32 = first) -> bool:
            full = bool((inside & counted & (other.scores == 1)).any())
            return bool(first == 0) or full or not (inside & ~counted).any()

        reached = other.known | other.estimated
        known = one.known[row, col] and settled(other.known)
        estimated = (one.known | one.estimated)[row, col] and settled(reached) and not known
        assert found.known[row, col] == known
        assert found.estimated[row, col] == estimated
        score = first * other.scores[inside & reached].max(initial=0) if known or estimated else 0
        assert found.scores[row, col] == pytest.approx(score)


def test_near_beyond_the_slide_is_the_whole_slide() -> None:
    other = np.zeros(GRID.shape)
    other[0, 0] = 0.5
    assert (near(field(1.0), field(other), (1e6, 1e6)).scores == 0.5).all()


def test_fields_of_different_grids_and_useless_weights_are_refused() -> None:
    small = PatchGrid(1, 1, 100.0, 100.0)
    one = np.ones((1, 1), bool)
    other = RelevanceField.of(small, np.ones((1, 1)), one, provenance())
    with pytest.raises(ValueError, match="one grid"):
        both([field(1.0), RelevanceField.of(PatchGrid(6, 5, 50, 50), np.ones(GRID.shape), ALL, provenance())])
    with pytest.raises(ValueError, match="weights"):
        weighted([other], [0])
    with pytest.raises(ValueError, match="weights"):
        weighted([other, other], [1, -1])


def test_provenance_is_facts() -> None:
    assert provenance().as_facts()["mpp_um"] == (0.5, 0.5)
