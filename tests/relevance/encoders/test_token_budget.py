"""Tokens to magnification, and attention of other magnifications as that of 16 × 16 tokens."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.relevance.encoders.token_budget import SIDES, resampled, share_of_uniform, sides_for


def test_a_budget_pays_for_the_largest_square_that_it_covers() -> None:
    tokens = np.array([[0, 64, 80, 100, 143], [144, 196, 256, 384, 400]], np.uint16)
    assert sides_for(tokens).tolist() == [[8, 8, 8, 10, 10], [12, 14, 16, 18, 20]]


def test_a_patch_is_worth_its_tokens_and_no_more_than_a_uniform_one() -> None:
    assert [share_of_uniform(side) for side in (8, 16, 20)] == [0.25, 1.0, 1.0]


@pytest.mark.parametrize("side", SIDES)
def test_each_token_gets_the_mean_over_its_area(side: int) -> None:
    attention = np.random.default_rng(side).uniform(0, 4, (3, 2, side * side)).astype(np.float32)
    # Brute force: points that all of the sides divide evenly.
    points = 16 * 9 * 5 * 7
    each = attention.reshape(3, 2, side, side)[..., 0]
    expected = np.repeat(each, points // side, axis=-1).reshape(3, 2, 16, -1).mean(-1)
    column = np.broadcast_to(each[..., None], (*each.shape, side)).reshape(3, 2, -1)
    found = resampled(np.ascontiguousarray(column, np.float32), side).reshape(3, 2, 16, 16)
    assert found[..., 0] == pytest.approx(expected, rel=1e-5)
    assert resampled(attention, side).mean(-1) == pytest.approx(attention.mean(-1), rel=1e-5)


def test_uniform_attention_stays_as_it_is() -> None:
    attention = np.random.default_rng(0).uniform(0, 4, (2, 256)).astype(np.float32)
    assert resampled(attention, 16) is attention
