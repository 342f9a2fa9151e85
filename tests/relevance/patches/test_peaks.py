"""Hits: ranked places of a field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.relevance.fields import small_field
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.patches.peaks import MAX_WEAK, Places, find_hits, find_places
from viewer.slide.geometry import Rect


def a_field(scores: Any, known: Any = True) -> RelevanceField:
    """Patches of 100 × 50 px."""
    values = np.asarray(scores, np.float32)
    grid = PatchGrid(values.shape[1], values.shape[0], 100, 50)
    return RelevanceField.of(grid, values, np.broadcast_to(known, values.shape), small_field().provenance)


def test_a_place_is_a_peak_and_what_is_alike_around_it() -> None:
    scores = np.zeros((8, 8))
    scores[2, 2:5] = 0.7, 0.9, 0.8
    scores[3, 5] = 0.7  # touches by its corner
    scores[2, 6] = 0.6  # too much less than the peak
    (hit,) = find_hits(a_field(scores))
    assert hit.rect == Rect(200, 100, 600, 200)
    assert hit.peak == (350, 125)
    assert hit.score == pytest.approx(0.9)


def test_the_best_comes_first_and_equal_ones_in_the_order_of_reading() -> None:
    scores = np.zeros((6, 9))
    scores[4, 7], scores[1, 1], scores[1, 7] = 0.95, 0.8, 0.8
    hits = find_hits(a_field(scores))
    assert [hit.peak for hit in hits] == [(750, 225), (150, 75), (750, 75)]
    assert [hit.peak for hit in find_hits(a_field(scores), 2)] == [(750, 225), (150, 75)]


def test_only_what_was_analysed_is_a_place() -> None:
    scores = np.full((5, 5), 0.9)
    known = np.zeros((5, 5), bool)
    known[0, 0] = True
    (hit,) = find_hits(a_field(scores, known))
    assert hit.rect == Rect(0, 0, 100, 50)
    field = a_field(scores, known)
    assert find_hits(replace(field, estimated=~field.known)) == (hit,)


def test_nothing_stands_out_where_nothing_is_alike() -> None:
    assert find_hits(a_field(np.full((4, 4), 0.49))) == ()


def test_a_large_area_is_several_places_that_share_no_patch() -> None:
    hits = find_hits(a_field(np.full((40, 40), 0.8)))
    assert len(hits) > 3
    for number, hit in enumerate(hits):
        assert hit.rect.width <= 17 * 100
        assert not any(
            abs(hit.peak[0] - other.peak[0]) <= 100 and abs(hit.peak[1] - other.peak[1]) <= 50
            for other in hits[:number]
        )


def test_what_touches_a_better_place_is_no_peak_of_its_own() -> None:
    scores = np.zeros((7, 7))
    scores[3, 3], scores[3, 4] = 0.99, 0.6
    assert len(find_hits(a_field(scores))) == 1
    scores[3, 4], scores[3, 5] = 0, 0.6
    assert len(find_hits(a_field(scores))) == 2


@pytest.mark.parametrize("corner", [(0, 0), (0, 6), (4, 0), (4, 6)])
def test_places_at_the_edge_of_the_slide(corner: tuple[int, int]) -> None:
    scores = np.zeros((5, 7))
    scores[corner] = 1
    (hit,) = find_hits(a_field(scores))
    assert hit.peak == (corner[1] * 100 + 50, corner[0] * 50 + 25)


def test_patches_are_taken_once(rng: np.random.Generator) -> None:
    field = a_field(rng.random((60, 60)))
    hits = find_hits(field, 10_000)
    peaks = {hit.peak for hit in hits}
    assert len(peaks) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].score == field.scores.max()


def test_places_that_reach_a_threshold_or_the_most_alike_all_weak() -> None:
    scores = np.full((30, 30), 0.005)
    scores[::4, ::4] = 0.3
    scores[0, 0] = 0.55
    field = a_field(scores)

    (strong,) = find_places(field, 0.5).hits
    assert strong.score == pytest.approx(0.55)
    assert not find_places(field, 0.5).weak
    weak = find_places(field, 0.62)
    assert weak.weak
    assert weak.hits[0] == strong
    assert len(weak.hits) == MAX_WEAK
    assert len(find_places(field, 0.62, limit=3).hits) == 3
    assert find_places(field, None) == Places((strong,))
    assert find_places(a_field(np.full((4, 4), 0.005)), 0.62) == Places()
