"""What a trained tissue network's logits mean, measured on slides of cases that it was not trained on.

Ranking among regions alone hides false alarms, so tumour is also asked of *all* tissue of slides without
tumour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.training.report import auc, auc_interval, calibration_error
from viewer.relevance.training.tissue.calibration import of_tumour
from viewer.relevance.training.tissue.reliability import meanings, tumour_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.relevance.encoders.tissue.network import Calibration
    from viewer.relevance.training.tissue.patches import SlidePatches

Floats = NDArray[np.float64]
_RECALL = 0.8
_FEWEST_CASES = 3
"""With positives: of fewer, drawing cases anew says nothing of other cases."""
_STATED = 0.5
"""Probability of tumour."""


def probabilities_of(
    slides: Sequence[SlidePatches], logits: Mapping[str, Floats], calibration: Calibration
) -> dict[str, Floats]:
    """By slide, the probability of each class for each patch (patches, classes)."""
    return {
        one.slide.name: calibration.probabilities(torch.from_numpy(logits[one.slide.name])).numpy()
        for one in slides
    }


def tested(
    slides: Sequence[SlidePatches],
    logits: Mapping[str, Floats],
    calibration: Calibration,
    thresholds: Mapping[str, float],
    *,
    seed: int,
) -> dict[str, Any]:
    """Figures for JSON; {} without test slides. Intervals resample cases."""
    if not slides:
        return {}
    probabilities = probabilities_of(slides, logits, calibration)
    return {
        "classes": _of_classes(slides, probabilities, seed),
        "tumour": _of_tumour(slides, probabilities, seed),
        "meanings": meanings(slides, probabilities, thresholds),
    }


def _of_classes(
    slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats], seed: int
) -> dict[str, Any]:
    """Of patches in regions: how each class ranks among them within slides and over all, and how often the
    likeliest class is right."""
    scores = np.concatenate([probabilities[one.slide.name][one.labels >= 0] for one in slides])
    labels = np.concatenate([one.labels[one.labels >= 0] for one in slides])
    owners = [one.slide for one in slides for _ in range(int((one.labels >= 0).sum()))]
    cases, names = [one.case for one in owners], np.array([one.name for one in owners])
    found = {}
    for number, one in enumerate(tissue_classes()):
        of_class = labels == number
        if not of_class.any():
            continue
        own = scores[:, number]
        within = [auc(own[names == name], of_class[names == name]) for name in np.unique(names[of_class])]
        known = [area for area in within if area is not None]
        found[one.id] = {
            "patches": int(of_class.sum()),
            "slides": len(np.unique(names[of_class])),
            "auc": auc(own, of_class),
            "interval": _interval(own, of_class, cases, seed),
            "auc_within_slides": float(np.mean(known)) if known else None,
            "lowest_within_slides": min(known, default=None),
            "recall": float((scores[of_class].argmax(axis=1) == number).mean()),
        }
    return {
        "by_class": found,
        "balanced_accuracy": float(np.mean([one["recall"] for one in found.values()])),
        "calibration_error": calibration_error(scores, labels),
    }


def _of_tumour(
    slides: Sequence[SlidePatches], probabilities: Mapping[str, Floats], seed: int
) -> dict[str, Any]:
    """Regions of tumour against all tissue of tumour-free slides, for each slide with tumour and for all."""
    tumours = [number for number, known in enumerate(tissue_classes()) if known.tumour]
    tumour = {name: values[:, tumours].sum(axis=1) for name, values in probabilities.items()}
    free = [one for one in slides if one.slide.tumour_free]
    alarms = {one.slide.name: tumour[one.slide.name][one.of_tissue] for one in free}
    against = np.concatenate([*alarms.values(), np.empty(0)])
    found, positives, cases = {}, [], []
    for one in slides:
        own = tumour[one.slide.name][of_tumour(one)]
        if not len(own) or not len(against):
            continue
        positives.append(own)
        cases += [one.slide.case] * len(own)
        found[one.slide.name] = {"diagnosis": one.slide.diagnosis, **_against(own, against)}
    if not positives:
        return {}
    scores = np.concatenate([*positives, against])
    truth = np.arange(len(scores)) < len(cases)
    cases += [one.slide.case for one in free for _ in one.of_tissue]
    shares = {name: float((one >= _STATED).mean()) for name, one in alarms.items() if len(one)}
    return {
        **_against(scores[truth], against),
        "interval": _interval(scores, truth, cases, seed),
        "by_slide": found,
        "tumour_free_above_half": shares,
        "calibration_error": tumour_error(slides, tumour),
    }


def _interval(
    scores: Floats, positive: NDArray[np.bool_], cases: Sequence[str], seed: int
) -> tuple[float, float] | None:
    owners = {case for case, is_positive in zip(cases, positive.tolist(), strict=True) if is_positive}
    return auc_interval(scores, positive, cases, seed=seed) if len(owners) >= _FEWEST_CASES else None


def _against(positive: Floats, negative: Floats) -> dict[str, float | None]:
    truth = np.arange(len(positive) + len(negative)) < len(positive)
    threshold = np.quantile(positive, 1 - _RECALL)
    return {
        "auc": auc(np.concatenate([positive, negative]), truth),
        "false_alarms_at_80_recall": float((negative >= threshold).mean()),
        "above_threshold": float((positive >= _STATED).mean()),
    }
