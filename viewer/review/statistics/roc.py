"""How well ratings and answers part diseased cases from others: areas under the curve, rates, ratios.

Pure. Intervals are of 95 %: Wilson's of rates, Simel's of likelihood ratios (J Clin Epidemiol 1991).
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ratings = NDArray[np.float64]
    Truth = NDArray[np.bool_]

_Z = 1.959963984540054


class Figure(NamedTuple):
    """A value with the ends of its interval; None where they cannot be given."""

    value: float
    low: float | None
    high: float | None


class Rates(NamedTuple):
    """``positive_ratio`` and ``negative_ratio``: likelihood ratios, None where a rate of 0 leaves none."""

    sensitivity: Figure | None
    specificity: Figure | None
    positive_ratio: Figure | None
    negative_ratio: Figure | None


def auc(ratings: Ratings, truth: Truth) -> float | None:
    """The empirical area under the ROC curve, ties counting one half; None without both kinds of cases."""
    diseased, other = ratings[truth], ratings[~truth]
    if not diseased.size or not other.size:
        return None
    return float(kernel(diseased, other).mean())


def kernel(diseased: Ratings, other: Ratings) -> Ratings:
    """(diseased, other): 1 where the diseased case is rated higher, one half where both are alike."""
    won: Ratings = (diseased[:, None] > other) + 0.5 * (diseased[:, None] == other)
    return won


def curve(ratings: Ratings, truth: Truth) -> list[tuple[float, float]]:
    """The points (1 − specificity, sensitivity) of the ROC curve, from (0, 0) to (1, 1)."""
    points = [(0.0, 0.0)]
    for threshold in np.unique(ratings)[::-1]:
        called = ratings >= threshold
        points.append((float(called[~truth].mean()), float(called[truth].mean())))
    return points


def rates(called: Truth, truth: Truth) -> Rates:
    """Of answers, True where a case was called diseased."""
    hits, diseased = int((called & truth).sum()), int(truth.sum())
    false, other = int((called & ~truth).sum()), int((~truth).sum())
    return Rates(
        proportion(hits, diseased),
        proportion(other - false, other),
        _ratio(hits, diseased, false, other),
        _ratio(diseased - hits, diseased, other - false, other),
    )


def proportion(count: int, total: int) -> Figure | None:
    """With Wilson's interval; None of nothing."""
    if not total:
        return None
    share = count / total
    middle = (share + _Z**2 / (2 * total)) / (1 + _Z**2 / total)
    half = _Z / (1 + _Z**2 / total) * sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    return Figure(share, max(0.0, middle - half), min(1.0, middle + half))


def _ratio(among: int, diseased: int, beside: int, other: int) -> Figure | None:
    """The share among the diseased over that beside them."""
    if not diseased or not other or not beside:
        return None
    value = (among / diseased) / (beside / other)
    if not among:
        return Figure(value, None, None)
    spread = _Z * sqrt(1 / among - 1 / diseased + 1 / beside - 1 / other)
    return Figure(value, exp(log(value) - spread), exp(log(value) + spread))
