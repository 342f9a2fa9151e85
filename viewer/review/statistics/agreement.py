"""How well readers agree beyond chance: Cohen's kappa, plain and weighted, and Fleiss' kappa. Pure.

Cohen, Educ Psychol Meas 1960; weighted: Psychol Bull 1968, quadratic weights; Fleiss, Psychol Bull 1971.
Intervals of 95 % are from draws of cases with replacement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.review.statistics.roc import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Codes = NDArray[np.intp]

_DRAWS = 1000
_INTERVAL = 2.5, 97.5


def cohen(one: Codes, other: Codes, options: int, *, weighted: bool = False) -> float | None:
    """Of two readers' answers to the same cases, as numbers of options; None where chance alone agrees
    wholly. ``weighted``: of grades, by the square of their distance."""
    if not one.size:
        return None
    table = np.zeros((options, options))
    np.add.at(table, (one, other), 1)
    table /= one.size
    steps = np.arange(options)
    far = (steps[:, None] - steps) ** 2.0 if weighted else (steps[:, None] != steps).astype(float)
    by_chance = float((far * np.outer(table.sum(axis=1), table.sum(axis=0))).sum())
    return None if by_chance == 0 else 1 - float((far * table).sum()) / by_chance


def fleiss(answers: Codes, options: int) -> float | None:
    """Of (readers, cases) answers; None where chance alone agrees wholly, or of one reader."""
    readers, cases = answers.shape
    if readers < 2 or not cases:
        return None
    counts = np.stack([(answers == option).sum(axis=0) for option in range(options)], axis=1)
    agreed = float(((counts * (counts - 1)).sum(axis=1) / (readers * (readers - 1))).mean())
    shares = counts.sum(axis=0) / counts.sum()
    by_chance = float((shares**2).sum())
    return None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def with_interval(of: Callable[[Codes], float | None], answers: Codes, seed: int = 0) -> Figure | None:
    """A figure of (readers, cases) answers with its interval. ``seed``: of the draws."""
    value = of(answers)
    if value is None:
        return None
    random, cases = np.random.default_rng(seed), answers.shape[1]
    drawn = (of(answers[:, random.integers(cases, size=cases)]) for _ in range(_DRAWS))
    known = [one for one in drawn if one is not None]
    if len(known) < _DRAWS / 2:
        return Figure(value, None, None)
    low, high = np.percentile(known, _INTERVAL)
    return Figure(value, float(low), float(high))
