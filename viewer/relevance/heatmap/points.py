"""Point findings: the highest tokens of a slide, none near a higher one (non-maximum suppression). Pure.

Equal values give equal points in equal order.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.relevance.patches.grid import PATCH_UM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid

MOST_POINTS = 100
RADIUS_UM = 64.0
MAX_RADIUS_UM = 10_000.0
"""A centimetre."""
EVEN = 1.0
"""Uniform attention: a finding must get more."""
_TOKEN_UM = PATCH_UM / TOKENS_A_SIDE


class PointFinding(NamedTuple):
    """``x``, ``y``: the middle of a token in level-0 px; ``value``: its attention over uniform attention;
    ``rank`` from 1.
    """

    x: float
    y: float
    value: float
    rank: int


def find_points(
    values: NDArray[np.floating],
    grid: PatchGrid,
    limit: int = MOST_POINTS,
    *,
    radius_um: float = RADIUS_UM,
    above: float = EVEN,
) -> tuple[PointFinding, ...]:
    """At most ``limit`` tokens of ``values`` (rows · 16, columns · 16), highest first, row by row where they
    are equal: each the highest ``above`` that is no nearer than ``radius_um`` to the ones before it.

    NaN, not analysed, is never a finding. Raises ValueError for a limit below 1, for a radius
    that is not above 0 and at most a centimetre, and where the values are not those of the grid.
    """
    if limit < 1:
        raise ValueError(f"the number of points must be at least 1, not {limit}")
    if not 0 < radius_um <= MAX_RADIUS_UM:
        raise ValueError(f"the radius must be above 0 and at most {MAX_RADIUS_UM:g} µm, not {radius_um:g}")
    rows, cols = values.shape
    if (rows, cols) != (grid.rows * TOKENS_A_SIDE, grid.columns * TOKENS_A_SIDE):
        raise ValueError(f"{rows} × {cols} tokens are not those of {grid.rows} × {grid.columns} patches")
    radius = radius_um / _TOKEN_UM
    reach = ceil(radius) - 1  # the furthest that is nearer than the radius
    free = np.pad(values > above, reach)
    near = np.add.outer(*2 * (np.arange(-reach, reach + 1) ** 2,)) < radius**2
    found: list[PointFinding] = []
    # Each point excludes its surroundings, which bounds the number of candidates.
    for at in _highest(values.ravel(), above, limit * int(near.sum())).tolist():
        row, col = divmod(at, cols)
        around = free[row : row + 2 * reach + 1, col : col + 2 * reach + 1]
        if not around[reach, reach]:
            continue
        around[near] = False
        x, y = (col + 0.5) * grid.patch_width_px, (row + 0.5) * grid.patch_height_px
        place = x / TOKENS_A_SIDE, y / TOKENS_A_SIDE
        found.append(PointFinding(*place, float(values[row, col]), len(found) + 1))
        if len(found) == limit:
            break
    return tuple(found)


def _highest(values: NDArray[np.floating], above: float, most: int) -> NDArray[np.int64]:
    """Where the ``most`` highest of (n,) values above something lie, highest first, then by their place."""
    places = np.flatnonzero(values > above)
    if len(places) > most:
        given = values[places]
        least = np.partition(given, -most)[-most]
        higher = given > least
        higher[np.flatnonzero(given == least)[: most - int(higher.sum())]] = True
        places = places[higher]
    ordered: NDArray[np.int64] = places[np.argsort(-values[places], kind="stable")]
    return ordered
