"""Patches like the examples come first, whatever the units of the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from viewer.relevance.analysis.similarity import likeness

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS: tuple[Literal["measurements", "embedding"], ...] = ("measurements", "embedding")


def three_kinds(rng: np.random.Generator) -> NDArray[np.float32]:
    """300 rows of 24 features, 100 of each kind in turn, about 10 as embeddings mostly are."""
    middles = rng.normal(size=(3, 24))
    return (10 + np.repeat(middles, 100, axis=0) + 0.8 * rng.normal(size=(300, 24))).astype(np.float32)


def auroc(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    difference = scores[positive][:, None] - scores[~positive][None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_kind_comes_first(kind: Literal["measurements", "embedding"]) -> None:
    scores = likeness(three_kinds(np.random.default_rng(1)), [3, 40, 77], kind=kind)
    assert scores.dtype == np.float32
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert auroc(scores, np.arange(300) < 100) > 0.93
    assert np.median(scores[100:]) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_one_example_is_wholly_like_itself(kind: Literal["measurements", "embedding"]) -> None:
    scores = likeness(three_kinds(np.random.default_rng(2)), [5], kind=kind)
    assert scores[5] == pytest.approx(1, abs=1e-5)
    assert scores.argmax() == 5


@pytest.mark.parametrize("kind", KINDS)
def test_positives_of_two_kinds_find_both_and_a_negative_takes_one_away(
    kind: Literal["measurements", "embedding"],
) -> None:
    features = three_kinds(np.random.default_rng(3))
    positives = [1, 11, 21, 101, 111, 121]
    before = likeness(features, positives, kind=kind)
    after = likeness(features, positives, [150, 160, 170], kind=kind)
    assert auroc(before, np.arange(300) < 200) > 0.95
    assert (after <= before + 1e-6).all()
    second = slice(100, 200)
    assert after[second].mean() < 0.7 * before[second].mean()
    assert after[:100].mean() > 0.9 * before[:100].mean()


def test_units_and_monotone_scales_of_measurements_do_not_matter() -> None:
    features = three_kinds(np.random.default_rng(4)).astype(np.float64)
    other = features.copy()
    other[:, 0] *= 1e6
    other[:, 1] = np.exp(other[:, 1])
    assert likeness(features, [7], kind="measurements") == pytest.approx(
        likeness(other, [7], kind="measurements"), abs=1e-6
    )


def test_a_patch_without_features_stays_not_analysed_and_is_no_example() -> None:
    features = three_kinds(np.random.default_rng(5))
    features[9, 2] = np.nan
    scores = likeness(features, [9, 10], kind="measurements")
    assert np.isnan(scores[9])
    assert np.isfinite(np.delete(scores, 9)).all()
    assert scores[10] == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="analysed yet"):
        likeness(features, [9], kind="measurements")


@pytest.mark.parametrize("rows", [[300], [-1]])
def test_an_example_elsewhere_is_refused(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="not among the 300"):
        likeness(three_kinds(np.random.default_rng(6)), rows, kind="embedding")


@pytest.mark.parametrize("kind", KINDS)
def test_equal_patches_do_not_divide_by_zero(kind: Literal["measurements", "embedding"]) -> None:
    scores = likeness(np.full((4, 3), 2.0), [0], [1], kind=kind)
    assert (scores == 0).all()
