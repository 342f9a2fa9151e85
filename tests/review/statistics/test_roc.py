"""Areas, rates and kappas against counts by hand and published examples."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.review.statistics.agreement import cohen, fleiss, with_interval
from viewer.review.statistics.roc import auc, curve, proportion, rates


def test_an_area_counts_ties_one_half() -> None:
    ratings, truth = np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False])
    assert auc(ratings, truth) == pytest.approx(3.5 / 4)
    assert auc(ratings, np.ones(4, bool)) is None
    assert curve(ratings, truth) == [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]


def test_rates_have_wilsons_interval() -> None:
    found = proportion(9, 10)
    assert found is not None
    assert (found.value, found.low, found.high) == (
        0.9,
        pytest.approx(0.5958, abs=1e-4),
        pytest.approx(0.9821, abs=1e-4),
    )
    assert proportion(0, 0) is None


def test_likelihood_ratios_are_those_counted_by_hand() -> None:
    truth = np.array([True] * 10 + [False] * 20)
    called = np.array([True] * 8 + [False] * 2 + [True] * 4 + [False] * 16)
    found = rates(called, truth)
    assert found.positive_ratio is not None
    assert found.negative_ratio is not None
    assert found.positive_ratio.value == pytest.approx(4.0)
    assert found.negative_ratio.value == pytest.approx(0.25)
    assert found.positive_ratio.low is not None
    assert found.positive_ratio.low < 4.0
    assert rates(truth, truth).positive_ratio is None  # no false answer
    never = rates(~truth, truth).positive_ratio
    assert never is not None
    assert (never.value, never.low) == (0.0, None)
    assert rates(called[:10], truth[:10]).specificity is None


def test_cohens_kappa_of_a_table() -> None:
    # Both yes 20, yes/no 5, no/yes 10, both no 15: observed 0.7, by chance 0.5.
    one = np.array([1] * 25 + [0] * 25)
    other = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)
    assert cohen(one, other, 2) == pytest.approx(0.4)
    assert cohen(one, one, 2) == 1.0
    assert cohen(np.zeros(5, int), np.zeros(5, int), 2) is None
    assert cohen(np.zeros(0, int), np.zeros(0, int), 2) is None


def test_weighted_kappa_forgives_a_near_miss() -> None:
    one, near, far = (np.array([0, 1, miss, 0, 1, 2]) for miss in (2, 1, 0))
    # One step off in six; by chance (1/3, 1/3, 1/3) against (2/6, 3/6, 1/6): 7/6.
    assert cohen(one, near, 3, weighted=True) == pytest.approx(1 - (1 / 6) / (7 / 6))
    weighted_near, weighted_far = (cohen(one, b, 3, weighted=True) for b in (near, far))
    assert weighted_near is not None
    assert weighted_far is not None
    assert weighted_near > weighted_far


def test_fleiss_kappa_of_a_published_table() -> None:
    # Fleiss 1971, as worked through in textbooks: 10 cases, 14 readers, 5 categories, kappa 0.210.
    counts = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    answers = np.array([np.repeat(np.arange(5), row) for row in counts]).T
    assert fleiss(answers, 5) == pytest.approx(0.210, abs=5e-4)
    assert fleiss(answers[:1], 5) is None
    assert fleiss(np.zeros((3, 4), int), 2) is None


def test_intervals_hold_the_value_and_repeat() -> None:
    random = np.random.default_rng(1)
    answers = random.integers(0, 2, (2, 60))
    answers[1, :45] = answers[0, :45]
    found = with_interval(lambda both: cohen(both[0], both[1], 2), answers)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found == with_interval(lambda both: cohen(both[0], both[1], 2), answers)
    assert with_interval(lambda _both: None, answers) is None
    ones = np.tile([1, 1, 1] + [0] * 37, (2, 1))
    scarce = with_interval(lambda both: 0.5 if both[0].sum() == 3 else None, ones)
    assert scarce is not None
    assert scarce.low is None  # too few draws have a figure
