"""Imported scores on the shared grid: by area or by centres, unknown where nothing is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.messages import pattern
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.scores import (
    ImportedScores,
    as_float64,
    check_places,
    chosen_column,
    on_grid,
    scaled,
)
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PatchGrid

FILE = Path("a map")
EXTENT_PX = (1000, 700)
GRID = PatchGrid.over(*EXTENT_PX, (0.5, 0.5))  # 4 × 3 patches of 256 px; the last ones are cut


def imported(rects: list[list[float]], scores: list[float], **changes: object) -> ImportedScores:
    made = ImportedScores("x", "s", np.array(rects, float).reshape(-1, 4), np.array(scores, float))
    return replace(made, **changes)  # type: ignore[arg-type]


def laid(made: ImportedScores) -> tuple[np.ndarray, np.ndarray]:
    return on_grid(made, made.scores, GRID, EXTENT_PX)


def test_tiles_weigh_as_their_area_and_what_is_not_covered_is_unknown() -> None:
    scores, known = laid(imported([[0, 0, 192, 256], [192, 0, 320, 256], [512, 0, 600, 256]], [1, 0.2, 1]))
    assert scores[0, 0] == pytest.approx(0.75 + 0.05)
    assert known.sum() == 1
    assert known[0, 0]  # a quarter and a third of a patch are not enough


def test_a_patch_at_the_edge_counts_what_the_slide_has_of_it() -> None:
    _, known = laid(imported([[900, 512, 1000, 700]], [1]))
    assert not known.any()
    _, known = laid(imported([[768, 512, 1000, 700]], [1]))
    assert known[2, 3]
    assert known.sum() == 1


@pytest.mark.parametrize("far", [1e25, 1e308])
def test_a_place_beyond_all_whole_numbers_ends_with_the_slide(far: float) -> None:
    made = imported([[256, 0, far, far]], [0.8])
    check_places(FILE, made, EXTENT_PX)
    scores, known = laid(made)
    assert known.tolist() == [[False, True, True, True]] * 3
    assert scores[known] == pytest.approx(0.8)
    _, known = laid(replace(made, objects=True))
    assert known.sum() == 1


def test_rounded_corners_do_not_bleed_into_neighbours() -> None:
    scores, _ = laid(imported([[0, 0, 257, 256], [257, 0, 513, 256]], [1, 0]))
    assert scores[0].tolist() == [1, 0, 0, 0]


def test_unknown_scores_cover_nothing() -> None:
    _, known = laid(imported([[0, 0, 256, 256], [256, 0, 512, 256]], [np.nan, 0]))
    assert known.tolist()[0] == [False, True, False, False]


def test_objects_count_by_their_centres() -> None:
    made = imported([[0, 0, 10, 10], [20, 20, 30, 30], [990, 690, 1000, 700]], [0, 1, 0.3], objects=True)
    scores, known = laid(made)
    assert scores[0, 0] == 0.5
    assert scores[2, 3] == pytest.approx(0.3)
    assert known.sum() == 2


def test_too_many_large_places_are_refused_before_they_are_laid() -> None:
    huge = PatchGrid.over(100_000, 100_000, (1.0, 1.0))
    wide = ImportedScores("x", "s", np.tile([0.0, 0.0, 1e5, 1e5], (700, 1)), np.zeros(700))
    with pytest.raises(ValueError, match="too many"):
        on_grid(wide, wide.scores, huge, (100_000, 100_000))


def refused(made: ImportedScores) -> str:
    def judged() -> None:
        check_places(FILE, made, EXTENT_PX)
        scaled(FILE, made)

    with pytest.raises(FeatureFileError) as raised:
        judged()
    assert "a map: " in str(raised.value)
    return raised.value.reason


def test_places_off_the_slide_are_refused() -> None:
    assert re.search(pattern(strings.NO_PLACES), refused(imported([], [])))
    assert re.search(
        pattern(strings.SCORES_PER_PLACE, scores=2, places=1), refused(imported([[0, 0, 1, 1]], [1, 1]))
    )
    assert re.search(pattern(strings.COORDINATES_NOT_FINITE), refused(imported([[0, np.nan, 1, 1]], [1])))
    assert re.search(pattern(strings.NEGATIVE_SIZE), refused(imported([[5, 0, 1, 1]], [1])))
    assert re.search(pattern(strings.NEGATIVE_COORDINATES), refused(imported([[-50, 0, 1, 1]], [1])))
    assert "reaches to 1,500, 100 px, beyond the 1,000" in refused(imported([[1200, 0, 1500, 100]], [1]))
    check_places(FILE, imported([[900, 600, 1090, 790]], [1]), EXTENT_PX)  # the last patch may hang over


def test_scores_beyond_0_to_1_are_stretched_and_that_is_said() -> None:
    rects = [[0.0, 0, 1, 1]] * 3
    values, words, own = scaled(FILE, imported(rects, [0, 0.25, 1]))
    assert values.tolist() == [0, 0.25, 1]
    assert words == strings.AS_IN_FILE
    assert own == (0, 1)
    values, words, own = scaled(FILE, imported(rects, [-2, 0, 2]))
    assert values.tolist() == [0, 0.5, 1]
    assert words == strings.RESCALED.format(low=-2, high=2)
    assert own == (-2, 2)
    values, words, own = scaled(FILE, imported(rects, [-1.5e308, np.inf, 1.5e308]))
    assert values[[0, 2]].tolist() == [0, 1]
    assert np.isnan(values[1])
    assert own == (-1.5e308, 1.5e308)


def test_ranks_share_a_place_where_scores_are_equal() -> None:
    values, words, own = scaled(FILE, imported([[0.0, 0, 1, 1]] * 5, [7, 3, 7, -9, np.nan], scale="rank"))
    np.testing.assert_allclose(values, [2.5 / 3, 1 / 3, 2.5 / 3, 0, np.nan])
    assert words.startswith(strings.RANKS.format(low=-9, high=7))
    assert (own[0], own[50], own[-1]) == (-9, 3, 7)


def test_scores_that_say_nothing_are_refused() -> None:
    one = [[0.0, 0, 1, 1]] * 2
    assert re.search(pattern(strings.NONE_IS_A_NUMBER), refused(imported(one, [np.nan, np.inf])))
    assert re.search(pattern(strings.ALL_ONE_VALUE, value=5), refused(imported(one, [5, 5])))
    assert re.search(pattern(strings.ALL_ONE_RANK, value=0), refused(imported(one, [0, 0], scale="rank")))


def test_numbers_that_numpy_warns_of_are_read() -> None:
    signalling = np.array([0x7FA00000], np.uint32).view(np.float32)
    assert np.isnan(as_float64(signalling)[0])


def test_a_column_is_chosen_or_named() -> None:
    assert chosen_column(FILE, ["a"], None) == "a"
    assert chosen_column(FILE, ["a", "b"], "b") == "b"
    for names, wanted, words in (
        (["a", "b"], None, "several columns of scores: 'a', 'b'; choose one"),
        (["a", "b"], "c", "no scores named 'c'; it has 'a', 'b'"),
        ([], None, "holds no scores"),
    ):
        with pytest.raises(FeatureFileError, match=words):
            chosen_column(FILE, names, wanted)
