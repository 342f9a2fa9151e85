"""Features of other magnifications: kept until the uniform ones are there, trusted after a check."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.relevance.mixed_features import CHECKED_PATCHES, MixedFeatures

CELLS = np.stack([np.zeros(40, np.int64), np.arange(40)], axis=1)


def features(noise: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Uniform ones (40, 64), which have much in common, and others that differ by so much noise."""
    rng = np.random.default_rng(seed)
    uniform = 50 + rng.normal(size=(40, 64))
    return uniform.astype(np.float32), (uniform + noise * rng.normal(size=(40, 64))).astype(np.float32)


def checked(noise: float) -> MixedFeatures:
    mixed = MixedFeatures((2, 40))
    uniform, other = features(noise)
    to_check = mixed.take(CELLS, other, 8)
    assert to_check.tolist() == CELLS[:CHECKED_PATCHES].tolist()
    assert not mixed.usable().any(), "nothing is trusted unchecked"
    mixed.replace(to_check, uniform[:CHECKED_PATCHES])
    return mixed


def test_features_that_agree_stand_for_uniform_ones_and_that_is_said() -> None:
    mixed = checked(0.1)
    assert mixed.usable()[0].tolist() == [False] * CHECKED_PATCHES + [True] * (40 - CHECKED_PATCHES)
    assert (mixed.of(CELLS[20:22]) == features(0.1)[1][20:22]).all()
    (said,) = mixed.said()
    assert said.startswith("Features of 64 tokens a patch stand for those of 256")
    assert "cosine 0.99" in said


def test_what_all_patches_have_in_common_is_no_agreement() -> None:
    mixed = checked(3.0)
    uniform, other = features(3.0)
    plain = (uniform * other).sum(1) / np.linalg.norm(uniform, axis=1) / np.linalg.norm(other, axis=1)
    assert plain.min() > 0.99, "by plain cosines they agree"
    assert not mixed.usable().any()
    (said,) = mixed.said()
    assert "do not agree" in said
    assert "regions wait for 256" in said


def test_one_patch_in_ten_may_differ_and_not_two() -> None:
    for astray, trusted in ((1, True), (2, False)):
        mixed = MixedFeatures((2, 40))
        uniform, other = features(0.1)
        other[:astray] = -other[:astray]
        mixed.replace(mixed.take(CELLS, other, 10), uniform[:CHECKED_PATCHES])
        assert mixed.usable().any() == trusted


def test_each_magnification_is_checked_for_itself() -> None:
    mixed = checked(0.1)
    uniform, other = features(0.1, seed=2)
    below = CELLS + np.array([1, 0])
    first = mixed.take(below[:5], other[:5], 12)
    assert len(first) == 5
    rest = mixed.take(below[5:], other[5:], 12)
    assert len(rest) == CHECKED_PATCHES - 5
    assert not mixed.usable()[1].any()
    assert len(mixed.said()) == 1
    mixed.replace(below[:CHECKED_PATCHES], uniform[:CHECKED_PATCHES])
    assert mixed.usable()[1].sum() == 40 - CHECKED_PATCHES
    assert len(mixed.said()) == 2
    assert not len(mixed.take(below[:3], other[:3], 8)), "eight tokens a side are checked"


def test_numbers_that_are_none_check_nothing() -> None:
    mixed = MixedFeatures((2, 40))
    uniform, other = features(0.1)
    other[0] = np.nan
    mixed.replace(mixed.take(CELLS, other, 8), uniform[:CHECKED_PATCHES])
    assert not mixed.usable().any()
    assert mixed.said() == []


def test_what_is_known_counts_by_its_tokens_until_uniform_features_are_there() -> None:
    mixed = checked(0.1)
    left = 40 - CHECKED_PATCHES
    assert mixed.done == pytest.approx(0.25 * left)
    mixed.replace(CELLS, features(0.1)[0])
    assert mixed.done == 0
    assert not mixed.known.any()
