"""Features of patches encoded with more or fewer tokens than 256, and whether they may replace those of 256.

The features of a patch depend on its number of tokens, by how much depends on the network: each number is
checked on patches that were encoded both ways before regions are computed from a mixture. What all patches of
a slide have in common is no agreement, so cosines are between deviations from their mean.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.encoders.token_budget import share_of_uniform
from viewer.relevance.features import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

CHECKED_PATCHES = 12
"""Of each number of tokens, before its features are used in place of uniform ones."""
CHECKED_EVERY = 8
"""Every such patch: the first ones are neighbours and much alike."""
LEAST_COSINE = 0.9
"""That nine in ten of them must reach."""
_TENTH = 10
_SPARE_CHECKS = 4
"""For patches that cannot be read again, or have no features."""


class MixedFeatures:
    """Of a grid of ``shape`` (rows, columns), beside the store, which has the uniform ones. Used by one
    thread."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._features: dict[tuple[int, int], tuple[int, NDArray[np.float32]]] = {}
        self._pairs: dict[int, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = {}
        self._cosines: dict[int, float] = {}
        self._requested: Counter[int] = Counter()
        self.known: Mask = np.zeros(shape, bool)
        """Patches that were encoded so, and not yet uniformly."""
        self.sides: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        """Tokens along each patch that was encoded so, 0 for the others."""

    @property
    def done(self) -> float:
        """The work done, as a number of uniform patches: by tokens, each patch at most a half."""
        return sum(min(0.5, share_of_uniform(side)) for side, _ in self._features.values())

    def take(self, cells: NDArray[np.int64], features: NDArray[np.float32], side: int) -> NDArray[np.int64]:
        """Keep features (n, width) of patches (n, 2). Returns those to encode uniformly now, to check this
        number of tokens."""
        for (row, col), found in zip(cells.tolist(), features, strict=True):
            self._features[row, col] = side, found
        before = int((self.sides == side).sum())
        rows, cols = cells.T
        self.known[rows, cols] = True
        self.sides[rows, cols] = side
        every = np.arange(before, before + len(cells)) % CHECKED_EVERY == 0
        to_check = cells[every][: CHECKED_PATCHES + _SPARE_CHECKS - self._requested[side]]
        self._requested[side] += len(to_check)
        return to_check

    def replace(
        self, cells: NDArray[np.int64], features: NDArray[np.float32], uniform: NDArray[np.float32]
    ) -> None:
        """Compare new uniform features (n, width) of patches (n, 2) with those kept here, and drop the
        latter. ``uniform`` (m, width): all uniform features so far."""
        for (row, col), found in zip(cells.tolist(), features, strict=True):
            side, mixed = self._features.pop((row, col), (0, found))
            if side and side not in self._cosines and np.isfinite(found).all() and np.isfinite(mixed).all():
                pairs = self._pairs.setdefault(side, [])
                pairs.append((mixed, found))
                if len(pairs) == CHECKED_PATCHES:
                    self._cosines[side] = _cosine(self._pairs.pop(side), uniform)
        self.known[tuple(cells.T)] = False

    def drop(self, cells: NDArray[np.int64]) -> None:
        """Drop patches (n, 2) that could not be read uniformly: they are not analysed."""
        for row, col in cells.tolist():
            self._features.pop((row, col), None)
        self.known[tuple(cells.T)] = False

    def usable(self) -> Mask:
        """Patches (rows, columns) with features that may be used in place of uniform ones."""
        usable: Mask = np.zeros(self.known.shape, bool)
        for side, cosine in self._cosines.items():
            if cosine >= LEAST_COSINE:
                usable |= self.known & (self.sides == side)
        return usable

    def of(self, cells: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features (n, width) of patches (n, 2) that are known here."""
        return np.stack([self._features[row, col][1] for row, col in cells.tolist()])

    def notes(self) -> Sequence[str]:
        """A sentence for each number of tokens that was checked: whether its features are used."""
        notes = []
        for side, cosine in sorted(self._cosines.items()):
            template = strings.AGREES if cosine >= LEAST_COSINE else strings.DISAGREES
            reached = strings.COSINE.format(cosine=cosine, patches=CHECKED_PATCHES)
            notes.append(template.format(tokens=side * side, cosine=reached, least=LEAST_COSINE))
        return notes


def _cosine(
    pairs: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], uniform: NDArray[np.float32]
) -> float:
    """The cosine that nine in ten of the pairs reach."""
    mean = uniform[np.isfinite(uniform).all(1)].mean(0, dtype=np.float64)
    mixed, others = np.stack(pairs, axis=1) - mean
    lengths = np.linalg.norm(mixed, axis=1) * np.linalg.norm(others, axis=1)
    cosines = (mixed * others).sum(1) / np.maximum(lengths, 1e-12)
    return float(np.sort(cosines)[len(cosines) // _TENTH])
