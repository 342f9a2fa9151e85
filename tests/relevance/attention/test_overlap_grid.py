"""Patches half-way between others: which are looked at, and where what they say goes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from viewer.relevance.attention.overlap_grid import merged, overlapping_patches
from viewer.relevance.patches.attention_codes import log_codes, relative_of_codes

SHAPE = (4, 5)


def _values() -> np.ndarray:
    return np.arange(20, dtype=np.float32).reshape(SHAPE)


def test_a_patch_within_the_grid_is_covered_by_eight_others() -> None:
    values = np.zeros(SHAPE, np.float32)
    values[1, 2] = 5
    corners = overlapping_patches(values, np.ones(SHAPE, bool), 0.01)
    expected = [(row, col) for row in (1, 2, 3) for col in (3, 4, 5) if (row, col) != (2, 4)]
    assert corners.tolist() == [list(corner) for corner in expected]


def test_none_reaches_beyond_the_grid() -> None:
    corners = overlapping_patches(_values(), np.ones(SHAPE, bool), 0.05)  # that in the last row and column
    assert corners.tolist() == [[5, 7], [5, 8], [6, 7]]
    assert not len(overlapping_patches(np.ones((1, 1)), np.ones((1, 1), bool), 1))


@pytest.mark.parametrize("share", [0.04, 0.1, 0.5, 1.0])
def test_they_are_those_over_the_highest_share_of_what_is_known(share: float) -> None:
    known = np.ones(SHAPE, bool)
    known[3, 3:] = known[0] = False
    corners = {tuple(corner) for corner in overlapping_patches(_values(), known, share).tolist()}
    order = sorted(((value, cell) for cell, value in np.ndenumerate(_values()) if known[cell]), reverse=True)
    highest = [cell for _, cell in order[: int(np.ceil(share * known.sum()))]]
    expected = {
        (row, col)
        for row, col in product(range(7), range(9))
        if (row % 2 or col % 2)
        and any(abs(row - 2 * high[0]) < 2 and abs(col - 2 * high[1]) < 2 for high in highest)
    }
    assert corners == expected


def test_of_equal_ones_the_first_counts_and_where_all_are_equal_none_stands_out() -> None:
    values = np.zeros(SHAPE, np.float32)
    values[1, 1] = values[2, 3] = 1
    corners = overlapping_patches(values, np.ones(SHAPE, bool), 0.05)
    assert (np.abs(corners - [2, 2]) < 2).all()
    assert overlapping_patches(np.ones(SHAPE), np.ones(SHAPE, bool)).shape == (0, 2)
    assert overlapping_patches(_values(), np.zeros(SHAPE, bool)).shape == (0, 2)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        overlapping_patches(_values(), np.ones(SHAPE, bool), share)


@pytest.mark.parametrize("merge", ["mean", "max"])
def test_tokens_are_merged_where_they_lie(merge: str) -> None:
    """Against one token after another."""
    rng = np.random.default_rng(8)
    tokens = rng.integers(40, 220, (3, *SHAPE, 256), np.uint8)
    tokens[:, 2, 2, :20] = 0
    known = rng.random(SHAPE) < 0.8
    corners = np.array([(0, 1), (1, 2), (3, 3), (3, 4), (4, 3), (5, 7), (6, 7)])
    looks = rng.integers(40, 220, (3, len(corners), 256), np.uint8)
    cells, codes = merged(tokens, known, corners, looks, merge)
    touched = set()
    seen: dict[tuple[int, int, int], list[int]] = {}
    for number, (top, left) in enumerate(corners.tolist()):
        for y, x in product(range(16), range(16)):
            row, col = 8 * top + y, 8 * left + x
            if known[row // 16, col // 16]:
                touched.add((row // 16, col // 16))
                for head in range(3):
                    seen.setdefault((head, row, col), []).append(looks[head, number, 16 * y + x])
    assert [tuple(cell) for cell in cells.tolist()] == sorted(touched)
    for head, (index, (row, col)), (y, x) in product(
        range(3), enumerate(cells.tolist()), product(range(16), range(16))
    ):
        own = tokens[head, row, col, 16 * y + x]
        all_codes = np.array([own, *seen.get((head, 16 * row + y, 16 * col + x), [])], np.uint8)
        if merge == "max":
            expected = all_codes.max()
        else:
            expected = log_codes(relative_of_codes()[all_codes].mean(keepdims=True))[0]
        assert codes[head, index, 16 * y + x] == expected


def test_where_nothing_is_known_or_encoded_nothing_is_merged() -> None:
    tokens, looks = np.zeros((2, *SHAPE, 256), np.uint8), np.zeros((2, 1, 256), np.uint8)
    for known, corners in ((False, [(1, 1)]), (True, [])):
        at = np.array(corners, np.int64).reshape(-1, 2)
        cells, codes = merged(tokens, np.full(SHAPE, known), at, looks[:, : len(at)], "mean")
        assert (cells.shape, codes.shape) == ((0, 2), (2, 0, 256))


def test_another_way_to_merge_is_refused() -> None:
    with pytest.raises(ValueError, match="no 'min' of overlapping patches; there are mean and max"):
        merged(
            np.zeros((1, *SHAPE, 256), np.uint8),
            np.ones(SHAPE, bool),
            np.zeros((0, 2), np.int64),
            np.zeros((1, 0, 256), np.uint8),
            "min",
        )
