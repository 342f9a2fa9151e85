"""What turns a trained network's logits into probabilities, fitted on slides of cases kept out of training.

Few cases are at hand, so every case counts the same, within it every slide, and within that every patch; and
what is fitted is drawn towards changing nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax

from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.encoders.tissue.network import Calibration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.relevance.training.tissue.patches import SlidePatches

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_LOG_SLOPE_SD, _SHIFT_SD, _BIAS_SD = 0.7, 3.0, 0.5
_OF_A_CASE = 10.0
"""Patches that are not like one another, for tumour. Classes that no case here has would lose to those that
one has: of them each case counts for one."""
"""How far what is fitted lies from 1, 0 and 0 before anything is seen."""
_MOST_LOG_SLOPE, _MOST_SHIFT = 3.0, 20.0


def calibrated(slides: Sequence[SlidePatches], logits: Mapping[str, Floats]) -> Calibration:
    """Fitted to the regions, and tumour also to all tissue of tumour-free slides; what changes nothing where
    there is not both tumour and other tissue."""
    asked = [is_known(one) for one in slides]
    truth = gathered([of_tumour(one) for one in slides], asked)
    if not truth.any() or truth.all():
        return Calibration()
    own = [logits[one.slide.name] for one in slides]
    tumour = gathered([one[:, -1] for one in own], asked)
    slope, shift = _tumour_line(tumour, truth, _OF_A_CASE * by_case(slides, asked))
    named = [one.labels >= 0 for one in slides]
    classes = gathered([one[:, :-1] for one in own], named)
    labels = gathered([one.labels for one in slides], named)
    temperature, bias = _classes(classes, labels, by_case(slides, named))
    return Calibration(temperature, slope, shift, bias)


def gathered(values: Sequence[NDArray[Any]], used: Sequence[Bools]) -> NDArray[Any]:
    """Those used of each slide's values, slide after slide; an empty array without slides."""
    return np.concatenate([one[chosen] for one, chosen in zip(values, used, strict=True)] or [np.empty(0)])


def by_case(slides: Sequence[SlidePatches], used: Sequence[Bools]) -> Floats:
    """The weight of each used patch, slide after slide: every case that has any adds up to 1, and every slide
    of a case to the same."""
    counts = [int(chosen.sum()) for chosen in used]
    having = Counter(one.slide.case for one, count in zip(slides, counts, strict=True) if count)
    shares = [1 / (having[one.slide.case] * max(count, 1)) for one, count in zip(slides, counts, strict=True)]
    return np.repeat(shares, counts)


def is_known(one: SlidePatches) -> Bools:
    """Of which patches of a slide it is known whether they show tumour: those of regions, and all tissue of
    tumour-free slides."""
    known: Bools = (one.labels >= 0) | one.slide.tumour_free
    return known


def of_tumour(one: SlidePatches) -> Bools:
    """Which patches of a slide lie in regions of a tumour."""
    tumours = [number for number, known in enumerate(tissue_classes()) if known.tumour]
    return np.isin(one.labels, tumours)


def _tumour_line(logits: Floats, truth: Bools, weights: Floats) -> tuple[float, float]:
    """Slope and shift of the tumour logit (Platt scaling)."""
    sign = np.where(truth, 1.0, -1.0)

    def loss(line: Floats) -> tuple[float, Floats]:
        slope = np.exp(line[0])
        margin = sign * (slope * logits + line[1])
        pull = weights * sign * expit(-margin)
        value = -(weights * log_expit(margin)).sum() + (line[0] / _LOG_SLOPE_SD) ** 2 / 2
        value += (line[1] / _SHIFT_SD) ** 2 / 2
        gradient = np.array([-(pull * slope * logits).sum(), -pull.sum()])
        return float(value), gradient + line / np.array([_LOG_SLOPE_SD, _SHIFT_SD]) ** 2

    bounds = [(-_MOST_LOG_SLOPE, _MOST_LOG_SLOPE), (-_MOST_SHIFT, _MOST_SHIFT)]
    found = minimize(loss, np.zeros(2), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(np.exp(found[0])), float(found[1])


def _classes(logits: Floats, labels: NDArray[np.int64], weights: Floats) -> tuple[float, tuple[float, ...]]:
    """Temperature, and what is added to each class, among tumours and among the rest (vector scaling). A
    class without a region keeps what it has."""
    tumour = np.array([one.tumour for one in tissue_classes()])
    other_kind = tumour[labels][:, None] != tumour
    rows = np.arange(len(labels))
    truth = np.zeros_like(logits)
    truth[rows, labels] = 1.0
    spread = np.array([_LOG_SLOPE_SD, *([_BIAS_SD] * logits.shape[1])])

    def loss(point: Floats) -> tuple[float, Floats]:
        inverse = np.exp(point[0])
        scaled = np.where(other_kind, -np.inf, logits * inverse + point[1:])
        logs = log_softmax(scaled, axis=1)
        wrong = weights[:, None] * (np.exp(logs) - truth)
        value = -(weights * logs[rows, labels]).sum() + ((point / spread) ** 2).sum() / 2
        gradient = np.concatenate([[(wrong * logits).sum() * inverse], wrong.sum(axis=0)])
        return float(value), gradient + point / spread**2

    bounds = [(-_MOST_LOG_SLOPE, _MOST_LOG_SLOPE), *([(-_MOST_SHIFT, _MOST_SHIFT)] * logits.shape[1])]
    found = minimize(loss, np.zeros(len(spread)), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(np.exp(-found[0])), tuple(float(one) for one in found[1:])
