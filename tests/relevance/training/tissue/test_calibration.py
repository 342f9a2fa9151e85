"""Calibration: probabilities that hold, from few cases, each counting the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.relevance.training.tissue.made_logits import made_logits, made_slide
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.encoders.tissue.network import Calibration
from viewer.relevance.training.tissue.calibration import by_case, calibrated
from viewer.relevance.training.tissue.reliability import tumour_error

SLIDES = [
    *(made_slide(f"tumour {number}", "carcinoma", "fibrous_stroma") for number in range(3)),
    *(made_slide(f"free {number}", "fibrous_stroma", "lymphoid", tumour_free=True) for number in range(3)),
]


def tumour_of(calibration: Calibration, logits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tumours = [number for number, one in enumerate(tissue_classes()) if one.tumour]
    return {
        name: calibration.probabilities(torch.from_numpy(one)).numpy()[:, tumours].sum(axis=1)
        for name, one in logits.items()
    }


def test_a_shifted_overconfident_tumour_output_is_put_right() -> None:
    logits = made_logits(SLIDES, sure=3.0, noise=1.5, tumour_shift=5.0)

    before = tumour_error(SLIDES, tumour_of(Calibration(), logits))
    after = tumour_error(SLIDES, tumour_of(calibrated(SLIDES, logits), logits))

    assert before is not None
    assert after is not None
    assert before > 0.3
    assert after < before / 5


def test_probabilities_add_up_to_one() -> None:
    logits = made_logits(SLIDES)
    found = calibrated(SLIDES, logits).probabilities(torch.from_numpy(logits["free 0"]))

    assert torch.allclose(found.sum(dim=1), torch.ones(len(found), dtype=found.dtype))


def test_a_class_that_is_preferred_wrongly_is_held_back() -> None:
    logits = made_logits(SLIDES, sure=3.0)
    for one in logits.values():
        one[:, class_indices()["lymphoid"]] += 3.0

    bias = np.array(calibrated(SLIDES, logits).bias)

    assert bias[class_indices()["lymphoid"]] < -0.15
    assert bias[class_indices()["lymphoid"]] == bias.min()
    others = [class_indices()[name] for name in ("neuroendocrine_tumour", "other_tumour")]
    assert np.abs(bias[others]).max() < 0.5


def test_one_slide_moves_little() -> None:
    """What is fitted is drawn towards changing nothing."""
    slides = [SLIDES[0]]
    found = calibrated(slides, made_logits(slides, sure=30.0))

    assert 0.3 < found.tumour_slope < 3
    assert abs(found.tumour_shift) < 2
    assert 0.3 < found.temperature < 3


def test_every_case_counts_the_same() -> None:
    slides = [
        made_slide("one", "carcinoma"),
        made_slide("two", "carcinoma", "blood", case="shared"),
        made_slide("three", "carcinoma", case="shared"),
    ]
    weights = by_case(slides, [one.labels >= 0 for one in slides])

    assert weights[:40].sum() == pytest.approx(1)
    assert weights[40:120].sum() == pytest.approx(0.5)
    assert weights[120:].sum() == pytest.approx(0.5)


def test_without_tumour_or_without_slides_nothing_is_changed() -> None:
    free = SLIDES[-1:]

    assert calibrated(free, made_logits(free)) == Calibration()
    assert calibrated([], {}) == Calibration()
