"""The performance of a trained slide head on slides that it was not trained on: figures and a page.

Area under the ROC curve with an interval by resampling patients (slides of one patient are not independent,
which DeLong's interval takes them to be), and calibration: one temperature (Guo et al., ICML 2017) fitted on
validation to smoothed targets (Platt 1999), so that few slides without an error do not make it overconfident.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from viewer import RESEARCH_USE
from viewer.common.text import escape_control
from viewer.relevance.training import strings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

RESAMPLES = 2000
_BINS = 10
_SHARPEST, _FLATTEST = 0.05, 20.0
INTERVAL = strings.INTERVAL.format(resamples=RESAMPLES)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The output of a head for a slide that it was not trained on. ``logits`` before the temperature."""

    split: str
    slide: str
    patient: str
    label: int
    logits: tuple[float, ...]
    temperature: float


# Figures


def log_odds(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, classes) logits to the logarithm of each class's odds: ranks as its probability does, and goes on
    where that is 1 to all digits.
    """
    others = np.repeat(logits[:, None], logits.shape[1], axis=1)
    others[:, np.eye(logits.shape[1], dtype=bool)] = -np.inf
    return np.asarray(logits - np.logaddexp.reduce(others, axis=2))


def auc(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> float | None:
    """The area under the ROC curve: how often a positive scores above a negative, ties count half.

    ``weights`` (n,): how often each is counted. None where one of the two is missing.
    """
    counts = np.ones(len(scores)) if weights is None else weights
    _, level = np.unique(scores, return_inverse=True)
    pros = np.bincount(level, counts * positive)
    cons = np.bincount(level, counts * ~positive)
    pairs = pros.sum() * cons.sum()
    return float((pros * (np.cumsum(cons) - cons / 2)).sum() / pairs) if pairs else None


def auc_interval(
    scores: NDArray[np.float64],
    positive: NDArray[np.bool_],
    patients: Sequence[str],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[float, float] | None:
    """The middle 95 % of the areas when patients are drawn anew, with all their slides.

    Those with positives only, negatives only and both are drawn among themselves, so that no draw lacks
    either. None where the area itself is undefined.
    """
    if auc(scores, positive) is None:
        return None
    _, owner = np.unique(patients, return_inverse=True)
    people = int(owner.max()) + 1
    kind = np.zeros(people, int)
    np.bitwise_or.at(kind, owner, np.where(positive, 2, 1))
    strata = [np.flatnonzero(kind == one) for one in np.unique(kind)]
    rng = np.random.default_rng([seed, 0xA0C])
    areas = []
    for _ in range(resamples):
        drawn = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])
        area = auc(scores, positive, np.bincount(drawn, minlength=people)[owner].astype(np.float64))
        assert area is not None
        areas.append(area)
    low, high = np.percentile(areas, [2.5, 97.5])
    return float(low), float(high)


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """What logits (n, classes) are divided by so that their probabilities fit the labels best; 0.05 to 20.

    The likelihood has one peak in the temperature's inverse.
    """
    classes = logits.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sure = (counts + 1) / (counts + classes)
    targets = np.repeat(((1 - sure) / (classes - 1))[labels, None], classes, axis=1)
    targets[np.arange(len(labels)), labels] = sure[labels]

    def loss(inverse: float) -> float:
        return -float((targets * log_softmax(logits * inverse, axis=1)).sum(axis=1).mean())

    found = minimize_scalar(
        loss, bounds=(1 / _FLATTEST, 1 / _SHARPEST), method="bounded", options={"xatol": 1e-9}
    )
    return 1 / float(found.x)


def brier(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The mean squared distance from what was true, summed over the classes: 0 is best, 2 is worst."""
    truth = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """How far the likeliest class's probability is from how often it is right: the mean over ten bins of
    equal width, by how many fall into each (expected calibration error).
    """
    surest, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((surest * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, surest - right, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def figures(
    predictions: Sequence[Prediction], classes: Sequence[str], *, seed: int, patients_stated: bool = True
) -> dict[str, Any]:
    """All figures of the tests together, for JSON; no number of patients where they are not stated.

    Of two classes the area of the second is given; of more, of each against all others.
    """
    logits = np.array([one.logits for one in predictions], np.float64)
    labels = np.array([one.label for one in predictions], np.int64)
    patients = [one.patient for one in predictions]
    calibrated = _calibrated(predictions)
    before, after, scores = softmax(logits, axis=1), softmax(calibrated, axis=1), log_odds(calibrated)
    reported = range(len(classes)) if len(classes) > 2 else [1]
    areas = {}
    for label in reported:
        interval = auc_interval(scores[:, label], labels == label, patients, seed=seed)
        area = auc(scores[:, label], labels == label)
        areas[classes[label]] = {
            "auc": area,
            "low": interval and interval[0],
            "high": interval and interval[1],
        }
    right = after.argmax(axis=1) == labels
    recalls = [float(right[labels == label].mean()) for label in np.unique(labels)]
    return {
        "slides": len(predictions),
        "patients": len(set(patients)) if patients_stated else None,
        "slides_by_class": {name: int((labels == label).sum()) for label, name in enumerate(classes)},
        "auc": areas,
        "auc_interval": INTERVAL,
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "calibration": {
            when: {"ece": calibration_error(given, labels), "brier": brier(given, labels)}
            for when, given in (("before", before), ("after", after))
        },
        "splits": [_of_split(name, predictions, reported, classes) for name in _names(predictions)],
    }


def predictions_as_facts(predictions: Sequence[Prediction], classes: Sequence[str]) -> list[dict[str, Any]]:
    """The probabilities of each slide, for JSON; without the patients."""
    return [
        {
            "slide": one.slide,
            "split": one.split,
            "label": classes[one.label],
            "probabilities": dict(zip(classes, map(float, row), strict=True)),
        }
        for one, row in zip(predictions, softmax(_calibrated(predictions), axis=1), strict=True)
    ]


def _calibrated(predictions: Sequence[Prediction]) -> NDArray[np.float64]:
    """(n, classes) logits over their temperatures."""
    return np.array([np.array(one.logits) / one.temperature for one in predictions], np.float64)


def _names(predictions: Sequence[Prediction]) -> list[str]:
    return list(dict.fromkeys(one.split for one in predictions))


def _of_split(
    name: str, predictions: Sequence[Prediction], reported: Sequence[int], classes: Sequence[str]
) -> dict[str, Any]:
    own = [one for one in predictions if one.split == name]
    given = log_odds(_calibrated(own))
    labels = np.array([one.label for one in own])
    return {
        "split": name,
        "slides": len(own),
        "temperature": own[0].temperature,
        "auc": {classes[label]: auc(given[:, label], labels == label) for label in reported},
    }


# As text


def as_markdown(facts: Mapping[str, Any]) -> str:
    """The facts of a trained head (``training.train_head``) as a page to read."""
    tested, encoder = facts["report"], facts["encoder"]
    before, after = tested["calibration"]["before"], tested["calibration"]["after"]
    counts = ", ".join(
        f"{escape_control(name)} {count:,}" for name, count in tested["slides_by_class"].items()
    )
    folds = len(tested["splits"])
    lines = [
        f"# {escape_control(facts['name'])}",
        "",
        strings.HEAD.format(
            kind=facts["head"]["kind"],
            encoder=escape_control(encoder["id"]),
            version=escape_control(encoder["version"]),
            research_use=RESEARCH_USE,
        ),
        "",
        strings.TESTED.format(slides=slides_in_words(tested), counts=counts),
        "",
        strings.AUC_TABLE,
        *(_area_line(escape_control(name), area) for name, area in tested["auc"].items()),
        "",
        strings.ACCURACY.format(
            interval=tested["auc_interval"],
            accuracy=tested["accuracy"],
            balanced=tested["balanced_accuracy"],
        ),
        "",
        strings.CALIBRATION_TABLE,
        strings.ECE_ROW.format(before=before["ece"], after=after["ece"]),
        strings.BRIER_ROW.format(before=before["brier"], after=after["brier"]),
        "",
        strings.SPLIT_TABLE,
        *(
            strings.SPLIT_ROW.format_map({**one, "auc": ", ".join(map(_number, one["auc"].values()))})
            for one in tested["splits"]
        ),
        "",
    ]
    if folds > 1:
        lines += [strings.FOLDS.format(folds=folds), ""]
    if any(area["auc"] == 1 for area in tested["auc"].values()):
        lines += [strings.PERFECT_RANKING, ""]
    unproven = no_better_than_chance(tested)
    if unproven:
        lines += [unproven, ""]
    lines += [f"- {escape_control(note)}" for note in facts["notes"]]
    return "\n".join(lines).rstrip() + "\n"


def slides_in_words(tested: Mapping[str, Any]) -> str:
    """The numbers of slides and patients that ``figures`` are of."""
    template = strings.SLIDES_ONLY if tested["patients"] is None else strings.SLIDES_OF_PATIENTS
    return template.format_map(tested)


def no_better_than_chance(tested: Mapping[str, Any]) -> str:
    """A sentence where ``figures`` do not show that the head separates the classes; else ""."""
    names = [
        escape_control(name)
        for name, area in tested["auc"].items()
        if area["low"] is None or area["low"] <= 0.5
    ]
    return strings.NOT_BETTER_THAN_CHANCE.format(classes=", ".join(names)) if names else ""


def _area_line(name: str, area: Mapping[str, float | None]) -> str:
    figures_of = {key: _number(area[key]) for key in ("auc", "low", "high")}
    return strings.AUC_ROW.format(name=name.replace("|", "\\|"), **figures_of)


def _number(value: float | None) -> str:
    return strings.UNDEFINED if value is None else f"{value:.3f}"
