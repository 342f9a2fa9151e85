"""Features of other magnifications: kept until the uniform ones are there, trusted after a check."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.messages import pattern
from viewer.relevance.features import strings
from viewer.relevance.features.mixed_resolution import CHECKED_EVERY, CHECKED_PATCHES, MixedFeatures

COUNT = CHECKED_EVERY * CHECKED_PATCHES
CELLS = np.stack([np.zeros(COUNT, np.int64), np.arange(COUNT)], axis=1)
BELOW = CELLS + np.array([1, 0])
CHECKED = slice(0, COUNT, CHECKED_EVERY)


def features(noise: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Uniform ones, which have much in common, and others that differ by so much noise."""
    rng = np.random.default_rng(seed)
    uniform = 50 + rng.normal(size=(COUNT, 64))
    return uniform.astype(np.float32), (uniform + noise * rng.normal(size=(COUNT, 64))).astype(np.float32)


def checked(noise: float) -> MixedFeatures:
    mixed = MixedFeatures((2, COUNT))
    uniform, other = features(noise)
    to_check = mixed.take(CELLS, other, 8)
    assert to_check.tolist() == CELLS[CHECKED].tolist()
    assert not mixed.usable().any(), "nothing is trusted unchecked"
    mixed.replace(to_check, uniform[CHECKED], uniform)
    return mixed


def test_features_that_agree_stand_for_uniform_ones_and_that_is_said() -> None:
    mixed = checked(0.1)
    expected = np.ones(COUNT, bool)
    expected[CHECKED] = False
    assert (mixed.usable()[0] == expected).all()
    assert not mixed.usable()[1].any()
    assert (mixed.of(CELLS[20:22]) == features(0.1)[1][20:22]).all()
    (note,) = mixed.notes()
    assert re.fullmatch(pattern(strings.AGREES, tokens=64), note)
    assert "0.99" in note


def test_what_all_patches_have_in_common_is_no_agreement() -> None:
    mixed = checked(3.0)
    uniform, other = features(3.0)
    plain = (uniform * other).sum(1) / np.linalg.norm(uniform, axis=1) / np.linalg.norm(other, axis=1)
    assert plain.min() > 0.99, "by plain cosines they agree"
    assert not mixed.usable().any()
    (note,) = mixed.notes()
    assert re.fullmatch(pattern(strings.DISAGREES, tokens=64), note)


def test_one_patch_in_ten_may_differ_and_not_two() -> None:
    for astray, trusted in ((1, True), (2, False)):
        mixed = MixedFeatures((2, COUNT))
        uniform, other = features(0.1)
        other[: astray * CHECKED_EVERY] = -other[: astray * CHECKED_EVERY]
        mixed.replace(mixed.take(CELLS, other, 10), uniform[CHECKED], uniform)
        assert mixed.usable().any() == trusted


def test_each_magnification_is_checked_for_itself_and_once() -> None:
    mixed = checked(0.1)
    uniform, other = features(0.1, seed=2)
    first = mixed.take(BELOW[:9], other[:9], 12)
    assert first.tolist() == BELOW[[0, 8]].tolist()
    rest = mixed.take(BELOW[9:], other[9:], 12)
    assert len(first) + len(rest) == CHECKED_PATCHES
    mixed.replace(first, uniform[:9:8], uniform)
    assert not mixed.usable()[1].any()
    assert len(mixed.notes()) == 1
    mixed.replace(rest, uniform[16::8], uniform)
    assert mixed.usable()[1].sum() == COUNT - CHECKED_PATCHES
    assert len(mixed.notes()) == 2
    asked = len(mixed.take(BELOW, other, 8))
    assert asked < CHECKED_PATCHES / 2, "a few to spare"
    mixed.replace(BELOW, uniform, uniform)
    assert len(mixed.notes()) == 2


def test_numbers_that_are_none_check_nothing() -> None:
    mixed = MixedFeatures((2, COUNT))
    uniform, other = features(0.1)
    other[0] = np.nan
    mixed.replace(mixed.take(CELLS, other, 8), uniform[CHECKED], uniform)
    assert not mixed.usable().any()
    assert mixed.notes() == []
    uniform[50] = np.nan
    mixed.replace(CELLS[1:2], uniform[1:2], uniform)
    assert mixed.usable().any(), "a patch without features says nothing of the others"


def test_what_is_known_counts_by_its_tokens_until_uniform_features_are_there() -> None:
    mixed = checked(0.1)
    uniform, _ = features(0.1)
    assert mixed.done == pytest.approx(0.25 * (COUNT - CHECKED_PATCHES))
    mixed.replace(CELLS, uniform, uniform)
    assert mixed.done == 0
    assert not mixed.known.any()


def test_what_cannot_be_read_uniformly_is_forgotten() -> None:
    mixed = checked(0.1)
    before = mixed.done
    mixed.drop(np.array([[0, 1], [1, 1]]))
    assert mixed.done == before - 0.25
    assert not mixed.usable()[0, 1]
