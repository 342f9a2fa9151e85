"""How much a patch differs from the others of its slide, by its features. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORDINARY_SHARE = 0.8
_MEDIAN_OF = 1024
"""Patches that the medians are taken from."""


def outlier_distance(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean squared distance (n,) of features (n, D) from their medians, each in units of its median
    absolute deviation and no farther than 10. NaN features are ignored.
    """
    z = _deviations(features)
    finite = np.isfinite(z)
    distance = (np.where(finite, z, 0) ** 2).sum(1) / np.maximum(finite.sum(1), 1)
    return distance.astype(np.float32)


def unlike_neighbours(
    cells: NDArray[np.int32], features: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """How far the features (n, D) of patches (n, 2) on a grid of ``shape`` are from those of the eight
    around them, on average, in the units of ``outlier_distance``; 0 for a patch without neighbours.
    """
    z = np.nan_to_num(_deviations(features))
    rows, cols = shape
    index = np.full((rows + 2, cols + 2), -1, np.int32)
    row, col = cells.T + 1
    index[row, col] = np.arange(len(cells))
    total, count = np.zeros(len(cells), np.float32), np.zeros(len(cells), np.int32)
    for dy, dx in ((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx):
        beside = index[row + dy, col + dx]
        there = beside >= 0
        total[there] += ((z[there] - z[beside[there]]) ** 2).mean(1)
        count += there
    return np.asarray(total / np.maximum(count, 1), np.float32)


def _deviations(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the medians, in median absolute deviations, of the features that were measured."""
    sample = features[:: max(1, len(features) // _MEDIAN_OF)]
    sample = np.where(np.isfinite(sample), sample, np.nan)
    measured = np.isfinite(sample).any(0)
    sample = sample[:, measured]
    middle = np.nanmedian(sample, 0)
    spread = np.maximum(1.4826 * np.nanmedian(np.abs(sample - middle), 0), 1e-6)
    return np.clip((features[:, measured] - middle) / spread, -10, 10)


def surprise_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each patch differs from the others: (n,) in [0, 1] for features (n, D).

    The rank of its ``outlier_distance`` among the farthest fifth; 0 for the others, the ordinary tissue of
    the slide, which would otherwise use up the budget of the query.
    """
    ranks = np.empty(len(features), np.float32)
    ranks[np.argsort(outlier_distance(features), kind="stable")] = np.arange(len(features))
    ranks /= max(len(features) - 1, 1)
    return np.clip((ranks - _ORDINARY_SHARE) / (1 - _ORDINARY_SHARE), 0, 1)
