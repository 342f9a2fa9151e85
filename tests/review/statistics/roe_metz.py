"""Ratings of readers as Roe and Metz model them (Acad Radiol 1997): each effect is normal and independent."""

from __future__ import annotations

import numpy as np

SEPARATION = 1.5
READER = READER_BY_WAY = 0.03
CASE = CASE_BY_WAY = 0.3
CASE_BY_READER = REST = 0.2


def simulated(
    random: np.random.Generator, readers: int = 5, diseased: int = 50, other: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Ratings (2, readers, cases) of two ways between which there is no difference, and the truth."""
    cases = diseased + other
    truth = np.arange(cases) < diseased

    def effect(variance: float, *shape: int) -> np.ndarray:
        return random.normal(0.0, variance**0.5, shape)

    ratings = SEPARATION * truth + effect(CASE, 1, 1, cases) + effect(CASE_BY_WAY, 2, 1, cases)
    ratings = ratings + effect(CASE_BY_READER, 1, readers, cases) + effect(REST, 2, readers, cases)
    for kind in (truth, ~truth):  # readers differ in where they put either kind
        shift = effect(READER, 1, readers, 1) + effect(READER_BY_WAY, 2, readers, 1)
        ratings = ratings + shift * kind
    return ratings, truth
