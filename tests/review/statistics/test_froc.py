"""FROC against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.review.calibration import SlideScores
from viewer.review.statistics.froc import FALSE_A_SLIDE, froc


def slide(lesions: list[float], false: list[float]) -> SlideScores:
    return SlideScores(np.asarray(lesions, np.float64), np.asarray(false, np.float64))


def test_sensitivities_are_those_counted_by_hand() -> None:
    slides = [
        slide([0.9, 0.3], [0.8, 0.2]),
        slide([0.7, -np.inf], [0.6, 0.5]),
        slide([], [0.4]),
        slide([0.55], []),
    ]
    found = froc(slides)
    assert found is not None
    # Four slides: at most 1, 2, 4, 8, 16 and 32 false places. Sorted: 0.8 0.6 0.5 0.4 0.2.
    by_hand = [2 / 5, 3 / 5, 4 / 5, 4 / 5, 4 / 5, 4 / 5]  # of 0.9 0.7 0.55 0.3 and one never hit
    assert found.sensitivities == pytest.approx(by_hand)
    assert found.mean == pytest.approx(np.mean(by_hand))
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert froc(slides) == found
    assert len(found.sensitivities) == len(FALSE_A_SLIDE)


def test_a_lesion_does_not_count_beside_a_false_place_of_the_same_score() -> None:
    found = froc([slide([0.5], [0.5])])
    assert found is not None
    assert found.sensitivities == (0.0, 0.0, 1.0, 1.0, 1.0, 1.0)
    assert found.low is None  # one slide has no interval


def test_perfect_and_useless_finders() -> None:
    perfect = froc([slide([0.9], [0.1]) for _ in range(5)])
    assert perfect is not None
    assert (perfect.mean, perfect.low, perfect.high) == (1.0, 1.0, 1.0)
    useless = froc([slide([-np.inf], [0.9] * 10) for _ in range(5)])
    assert useless is not None
    assert useless.mean == 0.0
    assert froc([slide([], [0.5])]) is None
