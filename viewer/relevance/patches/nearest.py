"""The nearest known patch of each patch that is not analysed yet. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

REACH_PATCHES = 8
"""Maximum distance for estimates: a millimetre."""


def nearest_known(
    shape: tuple[int, int],
    cells: NDArray[np.integer[Any]],
    unknown: Mask,
    reach: int = REACH_PATCHES,
) -> NDArray[np.int32]:
    """For every ``unknown`` patch (rows, columns) the index of the nearest of ``cells`` (n, 2), at most
    ``reach`` rows and columns away; -1 where there is none, and for all other patches.
    """
    rows, cols = shape
    nearest = np.full((rows + 2, cols + 2), -1, np.int32)
    inner = nearest[1:-1, 1:-1]
    inner[cells[:, 0], cells[:, 1]] = np.arange(len(cells), dtype=np.int32)
    for _ in range(reach if len(cells) else 0):
        if not (unknown & (inner < 0)).any():
            break
        before = nearest.copy()
        # The sides before the corners: they are nearer.
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            neighbour = before[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + cols]
            np.copyto(inner, neighbour, where=(inner < 0) & (neighbour >= 0))
    return np.where(unknown, inner, -1)
