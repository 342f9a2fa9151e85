"""Ranked places of a field to jump to: its peaks, each with the similar patches around it. Pure.

Only patches that were analysed themselves count. Equal fields give equal hits in equal order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches.blocks import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.patches.field import RelevanceField
    from viewer.slide.geometry import Rect

    Mask = NDArray[np.bool_]

MAX_HITS = 200
LEAST_SCORE = 0.5
"""A lower peak is merely the best of a slide without a match."""
MAX_WEAK = 10
_LEAST_WEAK = 0.01
"""To be like what is asked for at all."""
_SHARE_OF_PEAK = 0.75
_REACH = 8
"""Patches from a peak to the edge of its place: a millimetre. A larger area is several places."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place: ``rect`` around it, and its ``peak`` (x, y), the middle of its best patch, both in level-0 px;
    ``score`` is that of the best patch.
    """

    rect: Rect
    score: float
    peak: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Places:
    """Places, best first. ``weak``: none reaches its threshold; these are only the most alike."""

    hits: tuple[Hit, ...] = ()
    weak: bool = False


def find_places(field: RelevanceField, threshold: float | None, limit: int = MAX_HITS) -> Places:
    """The places that reach the threshold; where none does a few of the most alike. Without a threshold
    those that stand out."""
    if threshold is None:
        return Places(find_hits(field, limit))
    if hits := find_hits(field, limit, least=threshold):
        return Places(hits)
    hits = find_hits(field, min(limit, MAX_WEAK), least=_LEAST_WEAK)
    return Places(hits, weak=bool(hits))


def find_hits(field: RelevanceField, limit: int = MAX_HITS, *, least: float = LEAST_SCORE) -> tuple[Hit, ...]:
    """At most ``limit`` places that score ``least``, best first: each the best patch that no better place
    holds or touches, with the patches joined to it that score at least three quarters as much.
    """
    scores = np.where(field.known, field.scores, np.float32(0))
    free: Mask = scores >= least
    cells = np.argwhere(free)
    cells = cells[np.argsort(-scores[free], kind="stable")]
    hits: list[Hit] = []
    for row, col in cells.tolist():
        if len(hits) == limit:
            break
        if not free[row, col]:
            continue
        place, members = _grown(scores, free, row, col)
        rect = field.grid.rect(*place)
        hits.append(Hit(rect, float(scores[row, col]), field.grid.rect(row, col).centre))
        _take(free, place, members)
    return tuple(hits)


def _grown(scores: NDArray[np.float32], free: Mask, row: int, col: int) -> tuple[Block, Mask]:
    """The free patches of a peak's place: the block around them, and which of it they are."""
    top, left = max(0, row - _REACH), max(0, col - _REACH)
    window = slice(top, row + _REACH + 1), slice(left, col + _REACH + 1)
    alike = free[window] & (scores[window] >= _SHARE_OF_PEAK * scores[row, col])
    members = np.zeros(alike.shape, bool)
    members[row - top, col - left] = True
    while not np.array_equal(members, more := _with_neighbours(members) & alike):
        members = more
    inner = Block(0, 0, *members.shape).around(members)
    return Block(top + inner.row, left + inner.col, inner.rows, inner.cols), members[inner.cells]


def _take(free: Mask, place: Block, members: Mask) -> None:
    """A place's patches and those that touch them are no peaks of their own."""
    around = _with_neighbours(np.pad(members, 1))
    top, left = max(0, 1 - place.row), max(0, 1 - place.col)
    target = free[max(0, place.row - 1) : place.row + place.rows + 1, max(0, place.col - 1) :]
    target = target[:, : place.cols + 2 - left]
    target &= ~around[top : top + target.shape[0], left : left + target.shape[1]]


def _with_neighbours(mask: Mask) -> Mask:
    """With the eight neighbours of each patch."""
    rows, cols = mask.shape
    padded = np.pad(mask, 1)
    across = padded[:, :cols] | padded[:, 1 : cols + 1] | padded[:, 2:]
    result: Mask = across[:rows] | across[1 : rows + 1] | across[2:]
    return result
