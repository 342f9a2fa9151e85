"""Two ways of reading compared over several readers and cases: Obuchowski and Rockette's analysis. Pure.

Obuchowski and Rockette, Commun Stat Simul 1995; degrees of freedom: Hillis, Stat Med 2007; covariances by the
jackknife over cases. The figure of merit is the empirical area under the ROC curve.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from viewer.review.statistics.roc import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Components(NamedTuple):
    """``areas`` (ways, readers). ``variance`` of one area, and covariances: ``same_reader`` of two ways by
    one reader, ``same_way`` of two readers, ``neither``. Mean squares of ways and of ways by readers."""

    areas: NDArray[np.float64]
    variance: float
    same_reader: float
    same_way: float
    neither: float
    of_ways: float
    of_ways_by_readers: float

    @property
    def case_part(self) -> float:
        """What cases that readers share add to the error."""
        return int(self.areas.shape[1]) * max(self.same_way - self.neither, 0.0)


class Comparison(NamedTuple):
    """The difference of the first way from the second, with its 95 % interval. ``statistic``: F, or
    chi-square where ``error_df`` is None."""

    difference: float
    low: float
    high: float
    statistic: float
    error_df: float | None
    p: float


class MultiReader(NamedTuple):
    """By what is taken as a sample of more: readers and cases, cases alone, readers alone."""

    components: Components
    readers_and_cases: Comparison
    cases: Comparison
    readers: Comparison


def compare(ratings: NDArray[np.float64], truth: NDArray[np.bool_]) -> MultiReader:
    """Ratings (2, readers, cases), all of them given, of cases of which some are diseased (``truth``).

    Raises ValueError for less than two readers, or two cases of either kind.
    """
    ways, readers, _cases = ratings.shape
    if ways != 2 or readers < 2 or min(truth.sum(), (~truth).sum()) < 2:
        raise ValueError("two ways, two readers, and two cases of either kind are the least")
    return compared(components_of(ratings, truth))


def components_of(ratings: NDArray[np.float64], truth: NDArray[np.bool_]) -> Components:
    """Of ratings (ways, readers, cases)."""
    ways, readers, cases = ratings.shape
    areas, left_out = zip(*(_jackknifed(one, truth) for one in ratings.reshape(-1, cases)), strict=True)
    found = np.asarray(areas).reshape(ways, readers)
    covariance = np.cov(np.stack(left_out)) * (cases - 1) ** 2 / cases
    way, reader = np.divmod(np.arange(ways * readers), readers)
    is_way, is_reader = way[:, None] == way, reader[:, None] == reader
    of_way, of_reader = found.mean(axis=1, keepdims=True), found.mean(axis=0, keepdims=True)
    interaction = found - of_way - of_reader + found.mean()
    return Components(
        found,
        float(covariance[is_way & is_reader].mean()),
        float(covariance[~is_way & is_reader].mean()),
        float(covariance[is_way & ~is_reader].mean()),
        float(covariance[~is_way & ~is_reader].mean()),
        float(readers * ((of_way - found.mean()) ** 2).sum() / (ways - 1)),
        float((interaction**2).sum() / ((ways - 1) * (readers - 1))),
    )


def compared(found: Components) -> MultiReader:
    """The three comparisons of two ways, from their components."""
    readers = found.areas.shape[1]
    df = readers - 1
    difference = float(found.areas[0].mean() - found.areas[1].mean())
    error = found.of_ways_by_readers + found.case_part
    error_df = error**2 * df / max(found.of_ways_by_readers**2, np.finfo(float).tiny)
    of_cases = max(found.variance - found.same_reader + (readers - 1) / readers * found.case_part, 0.0)
    return MultiReader(
        found,
        _by_f(difference, found.of_ways, error, error_df, readers),
        _by_chi_square(difference, found.of_ways, of_cases, readers),
        _by_f(difference, found.of_ways, found.of_ways_by_readers, df, readers),
    )


def _by_f(difference: float, of_ways: float, error: float, error_df: float, readers: int) -> Comparison:
    if error <= 0:
        return _without_error(difference, error_df)
    statistic = of_ways / error
    half = float(stats.t.ppf(0.975, error_df)) * sqrt(2 * error / readers)
    p = float(stats.f.sf(statistic, 1, error_df))
    return Comparison(difference, difference - half, difference + half, statistic, error_df, p)


def _by_chi_square(difference: float, of_ways: float, error: float, readers: int) -> Comparison:
    if error <= 0:
        return _without_error(difference, None)
    statistic = of_ways / error
    half = float(stats.norm.ppf(0.975)) * sqrt(2 * error / readers)
    p = float(stats.chi2.sf(statistic, 1))
    return Comparison(difference, difference - half, difference + half, statistic, None, p)


def _without_error(difference: float, error_df: float | None) -> Comparison:
    """Readers who never differ: a difference is certain, and none is no difference."""
    is_none = difference == 0
    statistic = 0.0 if is_none else float("inf")
    return Comparison(difference, difference, difference, statistic, error_df, 1.0 if is_none else 0.0)


def _jackknifed(ratings: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """The area, and the areas without each of the cases."""
    won = kernel(ratings[truth], ratings[~truth])
    total, (diseased, other) = won.sum(), won.shape
    left_out = np.empty(len(truth))
    left_out[truth] = (total - won.sum(axis=1)) / ((diseased - 1) * other)
    left_out[~truth] = (total - won.sum(axis=0)) / (diseased * (other - 1))
    return float(won.mean()), left_out
