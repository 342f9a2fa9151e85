"""Patches half-way between the patches of the grid, encoded too where attention is high. Pure.

The patch of a token at its edge contains only half of the token's surroundings. Patches shifted by 64 µm,
half a patch, to the right, down or both, contain more of them, as in the published HIPT heatmap with its
shifts of 128 px. A corner is counted in half patches from the grid's: (2 · row, 2 · column) would be a patch
of the grid itself, and a shifted one has an odd number. Half a patch is 8 tokens: tokens lie exactly on
tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE, log_codes, relative_of_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cells = NDArray[np.int64]
    Codes = NDArray[np.uint8]
    Mask = NDArray[np.bool_]

SHARE = 0.1
"""Default share of the known tissue for the overlap pass."""
MERGES = "mean", "max"
HALF = TOKENS_A_SIDE // 2
_AROUND = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right])
_QUARTERS = (0, 0), (0, 1), (1, 0), (1, 1)
_HALVES = 2, HALF, 2, HALF


def overlapping_patches(values: NDArray[np.floating], known: Mask, share: float = SHARE) -> Cells:
    """The corners (n, 2), as row and column in half patches and in this order, of all shifted patches that
    cover a part of a patch of the highest ``share`` of those ``known``, and lie on the grid.

    ``values`` (rows, columns). At least one patch is of the highest; of equal ones the first. None where all
    values are equal. Raises ValueError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share:g} is not above 0 and at most 1")
    cells = np.argwhere(known)
    given = values[known]
    if not len(given) or given.min() == given.max():
        return np.empty((0, 2), np.int64)
    highest = cells[np.argsort(-given, kind="stable")[: int(np.ceil(share * len(given)))]]
    corners = (2 * highest[:, None] + _AROUND).reshape(-1, 2)
    last = 2 * (np.array(known.shape) - 1)
    inside = ((corners >= 0) & (corners <= last)).all(axis=1)
    shifted = (corners % 2).any(axis=1)  # neighbours on the grid are known
    found: Cells = np.unique(corners[inside & shifted], axis=0)
    return found


def merged(tokens: Codes, known: Mask, corners: Cells, shifted: Codes, merge: str) -> tuple[Cells, Codes]:
    """The patches (m, 2), as row and column, that shifted ones cover a part of, with their tokens (heads, m,
    256): merged from ``tokens`` (heads, rows, columns, 256) of the grid and ``shifted`` (heads, n, 256) of
    the patches at ``corners`` (n, 2), no two the same; only of those ``known``.

    All are codes of attention relative to uniform in their patch. "mean": the mean over all patches that
    contain the token; "max": the highest of them, which favours tokens in many patches. Neither averages to
    uniform over a patch any more.
    Raises ValueError for another ``merge``.
    """
    if merge not in MERGES:
        raise ValueError(f"there is no {merge!r} of overlapping patches; there are {' and '.join(MERGES)}")
    covered = corners[:, None] + np.array(_QUARTERS)  # half patches (n, 4, 2)
    rows, cols = covered.transpose(2, 0, 1) // 2
    touched = np.zeros(known.shape, bool)
    touched[rows, cols] = True
    touched &= known
    cells = np.argwhere(touched)
    place = np.full(known.shape, -1, np.int32)
    place[touched] = np.arange(len(cells))
    joined = np.empty((len(tokens), len(cells), TOKENS_A_SIDE**2), np.uint8)
    for head in range(len(tokens)):  # one by one, for the memory
        total = tokens[head][touched].reshape(-1, *_HALVES)
        moved = shifted[head].reshape(-1, *_HALVES)
        if merge == "mean":
            total, moved = relative_of_codes()[total], relative_of_codes()[moved]
        votes = np.ones((len(cells), 2, 1, 2, 1), np.float32)
        for quarter, (lower, right) in enumerate(_QUARTERS):
            at = place[rows[:, quarter], cols[:, quarter]]
            seen = moved[at >= 0, lower, :, right]
            down, across = covered[at >= 0, quarter].T % 2
            target = at[at >= 0], down, slice(None), across  # each but once, as no two corners are the same
            if merge == "mean":
                total[target] += seen
                votes[target] += 1
            else:
                total[target] = np.maximum(total[target], seen)
        codes = log_codes(total / votes) if merge == "mean" else total
        joined[head] = codes.reshape(joined.shape[1:])
    return cells, joined
