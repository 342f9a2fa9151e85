"""Obuchowski and Rockette's analysis: published components, by hand, simulated without a difference."""

from __future__ import annotations

import numpy as np
import pytest

from tests.review.statistics.roe_metz import simulated
from viewer.review.statistics.multi_reader import Components, compare, compared, components_of


def test_published_components_give_the_published_figures() -> None:
    """Those of the VanDyke data (2 ways, 5 readers, 114 cases). They are printed with four digits, and so
    are good for three."""
    areas = np.stack([np.full(5, 0.897037), np.full(5, 0.940836)])
    found = compared(Components(areas, 0.0008023, 0.0003466, 0.0003441, 0.0002390, 0.004796, 0.000551))
    both = found.readers_and_cases
    assert both.statistic == pytest.approx(4.456, abs=0.005)
    assert both.error_df == pytest.approx(15.26, abs=0.05)
    assert both.p == pytest.approx(0.05167, abs=0.0005)
    assert both.low == pytest.approx(-0.0880, abs=0.0005)
    assert both.high == pytest.approx(0.0004, abs=0.0005)
    assert found.readers.error_df == 4
    assert found.readers.statistic == pytest.approx(0.004796 / 0.000551)
    assert found.cases.error_df is None
    # Var − Cov1 + (J − 1) · (Cov2 − Cov3)
    by_hand = 0.004796 / (0.0008023 - 0.0003466 + 4 * 0.0001051)
    assert found.cases.statistic == pytest.approx(by_hand)


def test_components_are_those_of_a_jackknife_by_hand() -> None:
    random = np.random.default_rng(3)
    ratings = random.integers(0, 5, (2, 2, 7)).astype(float)
    truth = np.array([True, True, True, False, False, False, False])
    found = components_of(ratings, truth)

    def area(one: np.ndarray, kept: np.ndarray) -> float:
        pairs = [(a > b) + 0.5 * (a == b) for a in one[truth & kept] for b in one[~truth & kept]]
        return float(np.mean(pairs))

    everything = np.ones(7, bool)
    by_hand = np.array([[area(one, everything) for one in way] for way in ratings])
    assert found.areas == pytest.approx(by_hand)
    left_out = [[area(one, np.arange(7) != case) for case in range(7)] for way in ratings for one in way]
    covariance = np.cov(left_out) * 36 / 7
    assert found.variance == pytest.approx(np.diag(covariance).mean())
    assert found.same_reader == pytest.approx((covariance[0, 2] + covariance[1, 3]) / 2)
    assert found.same_way == pytest.approx((covariance[0, 1] + covariance[2, 3]) / 2)
    assert found.neither == pytest.approx((covariance[0, 3] + covariance[1, 2]) / 2)
    difference = by_hand[0] - by_hand[1]
    assert found.of_ways == pytest.approx(difference.mean() ** 2)
    assert found.of_ways_by_readers == pytest.approx(difference.var(ddof=1) / 2)


def test_readers_who_never_differ_leave_no_error() -> None:
    ratings = np.tile(np.array([3.0, 2.0, 1.0, 0.0]), (2, 2, 1))
    found = compare(ratings, np.array([True, True, False, False]))
    for one in (found.readers_and_cases, found.cases, found.readers):
        assert (one.difference, one.p) == (0.0, 1.0)
    ratings[1] = ratings[1, :, ::-1]
    worse = compare(ratings, np.array([True, True, False, False]))
    assert (worse.readers.difference, worse.readers.p) == (1.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 2, 4), (2, 1, 4)])
def test_too_few_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="least"):
        compare(np.zeros(shape), np.array([True, True, False, False]))
    with pytest.raises(ValueError, match="least"):
        compare(np.zeros((2, 2, 3)), np.array([True, True, False]))


def test_without_a_difference_one_in_twenty_is_found() -> None:
    random = np.random.default_rng(7)
    rejected = [compare(*simulated(random)).readers_and_cases.p < 0.05 for _ in range(400)]
    assert 0.02 <= np.mean(rejected) <= 0.085  # 5 % ± 3 standard errors
