"""From which value on a class is said to be there, and what values meant on test slides.

Thresholds are chosen on the calibration slides, by false alarms in what a reader would see: all tissue of
tumour-free slides for tumours, the regions of other classes for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.encoders.tissue.meaning import (
    NO_THRESHOLD,
    class_weights,
    key_of_classes,
    title_of_classes,
)
from viewer.relevance.query.lexicon import class_terms
from viewer.relevance.training.report import auc
from viewer.relevance.training.tissue.calibration import by_case, gathered, is_known, of_tumour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.relevance.training.tissue.patches import SlidePatches

Floats = NDArray[np.float64]
LEVELS = 0.5, 0.7, 0.9
_MOST_ALARMS, _MOST_ON_A_SLIDE = 0.01, 0.03
"""On average, and of tumour on the worst slide."""
_THRESHOLDS = np.round(np.arange(0.5, 0.995, 0.01), 2)
"""Not below 0.5: another class may be likelier there."""
_FEWEST = 100
"""Patches without a class, for a threshold to be chosen by them."""
_BINS = 10


@dataclass(frozen=True, slots=True)
class _Choice:
    """Classes that a word stands for, with their weights against the heaviest's."""

    classes: dict[str, float]

    @property
    def numbers(self) -> list[int]:
        return [class_indices()[name] for name in self.classes]

    @property
    def of_tumours(self) -> bool:
        return all(tissue_classes()[number].tumour for number in self.numbers)

    def values(self, probabilities: Floats) -> Floats:
        """As ``TissueEncoder.score`` has them."""
        found: Floats = probabilities[:, self.numbers] @ np.array(list(self.classes.values()))
        return found

    def is_there(self, one: SlidePatches) -> NDArray[np.bool_]:
        return np.isin(one.labels, self.numbers)

    def counts(self, one: SlidePatches) -> NDArray[np.bool_]:
        """Which patches of a slide are known to show the classes, or not to."""
        return (one.labels >= 0) | (self.of_tumours and one.slide.tumour_free)

    def absent(self, one: SlidePatches) -> NDArray[np.bool_]:
        """Which patches are looked at for false alarms."""
        if self.of_tumours:
            return np.full(len(one.labels), one.slide.tumour_free) & ~of_tumour(one)
        return (one.labels >= 0) & ~self.is_there(one)


def thresholds(slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats]) -> dict[str, float]:
    """By key of a choice of classes: the lowest threshold with few enough false alarms on these slides,
    ``NO_THRESHOLD`` where none has. Choices with too little to choose by are left out."""
    found = {}
    for choice in _choices():
        alarms = _alarms(choice, slides, probabilities)
        if sum(map(len, alarms.values())) < _FEWEST:
            continue
        shares = np.array([[(values >= at).mean() for values in alarms.values()] for at in _THRESHOLDS])
        rare = shares.mean(axis=1) <= _MOST_ALARMS
        if choice.of_tumours:
            rare &= shares.max(axis=1) <= _MOST_ON_A_SLIDE
        key = key_of_classes(choice.classes)
        found[key] = float(_THRESHOLDS[rare.argmax()]) if rare.any() else NO_THRESHOLD
    return found


def meanings(
    slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats], chosen: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """By key: ``Meaning``'s figures for JSON, on test slides; of choices that have a threshold, and patches
    here."""
    found = {}
    for choice in _choices():
        key = key_of_classes(choice.classes)
        recalls = [
            float((choice.values(probabilities[one.slide.name][there]) >= chosen[key]).mean())
            for one in slides
            if key in chosen and (there := choice.is_there(one)).any()
        ]
        if not recalls:
            continue
        alarms = {
            name: float((values >= chosen[key]).mean())
            for name, values in _alarms(choice, slides, probabilities).items()
        }
        found[key] = {
            "title": title_of_classes(choice.classes),
            "threshold": chosen[key],
            "recall": float(np.mean(recalls)),
            "slides": len(recalls),
            **_ranking(choice, slides, probabilities),
            "false_alarms": float(np.mean(list(alarms.values()))) if alarms else 0.0,
            "worst": max(alarms.values(), default=0.0),
            "worst_slide": max(alarms, key=lambda name: alarms[name]) if alarms else "",
            "levels": [_level(choice, slides, probabilities, at) for at in LEVELS],
        }
    return found


def _ranking(
    choice: _Choice, slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats]
) -> dict[str, float | int | None]:
    """AUROC of the patches that show the classes, and how many they are, against those without."""
    own = gathered(
        [choice.values(probabilities[one.slide.name]) for one in slides],
        [choice.is_there(one) for one in slides],
    )
    absent = [np.empty(0), *_alarms(choice, slides, probabilities).values()]
    values = np.concatenate([own, *absent])
    return {"auc": auc(values, np.arange(len(values)) < len(own)), "patches": len(own)}


def tumour_error(slides: Sequence[SlidePatches], tumour: Mapping[str, Floats]) -> float | None:
    """How far the probability of tumour is from how often it is tumour, in ten bins of equal width: all
    patches of which that is known, every case counting the same. None where they are all of one kind."""
    used = [is_known(one) for one in slides]
    values = gathered([tumour[one.slide.name] for one in slides], used)
    truth = gathered([of_tumour(one) for one in slides], used)
    if not truth.any() or truth.all():
        return None
    weights = by_case(slides, used)
    bins = np.minimum((values * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights * (values - truth), minlength=_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def _choices() -> list[_Choice]:
    """Every class, all tumours, and what words stand for; each once."""
    tumours = {one.id: 1.0 for one in tissue_classes() if one.tumour}
    wanted = [*({one.id: 1.0} for one in tissue_classes()), tumours, *map(class_weights, class_terms())]
    return [_Choice(classes) for classes in {key_of_classes(one): one for one in wanted}.values()]


def _alarms(
    choice: _Choice, slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats]
) -> dict[str, Floats]:
    """By slide, the values of patches without the classes."""
    return {
        one.slide.name: choice.values(probabilities[one.slide.name][absent])
        for one in slides
        if (absent := choice.absent(one)).any()
    }


def _level(
    choice: _Choice, slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats], at: float
) -> dict[str, Any]:
    """``Level``'s figures for JSON."""
    patches, right, cases, having = 0, 0, set(), 0
    for one in slides:
        reached = choice.counts(one) & (choice.values(probabilities[one.slide.name]) >= at)
        if reached.any():
            patches += int(reached.sum())
            right += int(choice.is_there(one)[reached].sum())
            cases.add(one.slide.case)
            having += 1
    share = right / patches if patches else 0.0
    return {"at": at, "patches": patches, "right": share, "slides": having, "cases": len(cases)}
