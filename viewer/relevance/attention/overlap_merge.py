"""OverlapBuilder: patches half-way between others, encoded in the background, and merged.

The codes of the patches of the grid and of the shifted ones are kept: another way of merging, or none, needs
no encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.attention.overlap_grid import merged, overlapping_patches
from viewer.relevance.attention.slide_attention import MEAN, patch_attention
from viewer.relevance.patches.attention_codes import log_codes
from viewer.relevance.patches.blocks import Block
from viewer.relevance.patches.progress import StageProgress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.patches.blocks import BlockResult, Half

    Cells = NDArray[np.int64]
    Mask = NDArray[np.bool_]
    Place = tuple[int, int]

_AREA = 8
"""Patches along a side that are merged at once: few enough not to delay other work."""


class OverlapBuilder:
    """Merges into the tokens of ``memory``. Used by one thread, which alone writes there.

    Corners are counted in half patches, see ``overlap_grid``.
    """

    def __init__(self, memory: Attention) -> None:
        self._memory = memory
        self._merge: str | None = None
        self._own: dict[Place, NDArray[np.uint8]] = {}  # codes (heads, 256) before anything was merged
        self._shifted: dict[Place, NDArray[np.uint8] | None] = {}  # by their corners; None: could not be read
        self._chosen: set[Place] = set()
        self._pending: Cells = _corners(())
        self._begun: set[Place] = set()
        self._stale: set[Place] = set()  # areas that are to be merged, by their first patch over their side
        self._chosen_of = (-1, -1)
        self.even = False
        """Whether attention is uniform over the known patches, so that no overlap pass is run."""

    @property
    def progress(self) -> StageProgress | None:
        """Of the chosen shifted patches; None without any. The last counts as done when all are merged."""
        if self._merge is None or not self._chosen:
            return None
        done = [self._shifted[corner] for corner in self._chosen if corner in self._shifted]
        merged_count = min(len(done), len(self._chosen) - bool(self._stale))
        return StageProgress(merged_count, len(self._chosen), sum(codes is None for codes in done))

    @property
    def pending(self) -> bool:
        """Whether shifted patches are waiting to be encoded."""
        return self._merge is not None and len(self._pending) > 0

    def set_merge(self, merge: str | None) -> None:
        """Merge like this from now on (one of ``overlap_grid.MERGES``), or not at all: ``settle`` does it."""
        if merge != self._merge:
            self._merge = merge
            self._mark(_covered(_corners(self._shifted)))

    def choose(self) -> None:
        """Choose the shifted patches over the known patches with most attention, where their tokens are
        known. Does nothing while no more patches are known."""
        memory = self._memory
        known = int(memory.tokens_known.sum()), int(memory.patches_known.sum())
        if self._merge is None or known == self._chosen_of:
            return
        self._chosen_of = known
        patches = memory.tissue & memory.patches_known
        corners = overlapping_patches(patch_attention(memory, MEAN), patches)
        self.even = bool(patches.any()) and not len(corners)
        seen = np.pad(memory.tokens_known & patches, ((0, 1), (0, 1)))
        rows, cols = corners.T // 2
        down, right = corners.T % 2
        beside = seen[rows, cols] | seen[rows + down, cols] | seen[rows, cols + right]
        corners = corners[beside | seen[rows + down, cols + right]]
        self._chosen = set(_places(corners))
        self._pending = _corners(self._chosen - self._shifted.keys() - self._begun)

    def next(self, first: NDArray[np.float32], side: int) -> tuple[Block, Mask, Half]:
        """The next patches to encode, highest in ``first`` (rows, columns) first: a block of at most ``side``
        × ``side`` patches, which of them, and their shift. Only while ``pending``."""
        corners = self._pending
        cells, halves = corners // 2, corners % 2
        best = int(first[tuple(cells.T)].argmax())
        row, col = (cells[best] // side * side).tolist()
        here = (cells // side == cells[best] // side).all(axis=1) & (halves == halves[best]).all(axis=1)
        self._pending = corners[~here]
        self._begun.update(_places(corners[here]))
        chosen = np.zeros(self._memory.tissue.shape, bool)
        chosen[tuple(cells[here].T)] = True
        rows, cols = self._memory.tissue.shape
        block = Block(row, col, min(side, rows - row), min(side, cols - col)).around(chosen)
        down, right = halves[best].tolist()
        return block, chosen[block.cells], (down, right)

    def retry(self, outcome: BlockResult) -> None:
        """Encode these once more, after a device error."""
        corners = 2 * outcome.cells + outcome.half
        self._begun.difference_update(_places(corners))
        self._pending = np.concatenate([self._pending, corners])

    def take(self, outcome: BlockResult) -> None:
        """Keep the tokens of a block of shifted patches, and mark them for merging."""
        failed, tokens = outcome.failed, outcome.tokens
        if tokens is not None:
            finite = np.isfinite(tokens).all(axis=(1, 2))
            failed = np.concatenate([failed, outcome.cells[~finite]])
            corners = 2 * outcome.cells[finite] + outcome.half
            self._shifted.update(zip(_places(corners), log_codes(tokens[finite]), strict=True))
            self._mark(_covered(corners))
        self._shifted.update(dict.fromkeys(_places(2 * failed + outcome.half)))
        self._begun -= self._shifted.keys()

    def renew(self, cells: Cells) -> None:
        """Patches (n, 2) of the grid were encoded again: the memory holds their own tokens."""
        for place in _places(cells):
            self._own.pop(place, None)
        if self._shifted:
            self._mark(_places(cells))

    def settle(self) -> bool:
        """Merge one changed area; whether there was any."""
        if not self._stale:
            return False
        row, col = self._stale.pop()
        inner = [(row * _AREA + down, col * _AREA + right) for down in range(_AREA) for right in range(_AREA)]
        if self._merge is None:
            for place in inner:
                self._restore(place)
            return True
        # One more patch on each side: shifted ones that cover a part of the area cover a part of these.
        top, left = max(0, row * _AREA - 1), max(0, col * _AREA - 1)
        area = slice(top, (row + 1) * _AREA + 1), slice(left, (col + 1) * _AREA + 1)
        known = (self._memory.tissue & self._memory.tokens_known)[area]
        height, width = known.shape
        tokens = self._memory.tokens[:, *area].copy()
        for down, right in np.argwhere(known).tolist():
            own = self._own.get((top + down, left + right))
            if own is not None:
                tokens[:, down, right] = own
        found = [
            ((down, right), codes)
            for down in range(2 * height - 1)
            for right in range(2 * width - 1)
            if (codes := self._shifted.get((2 * top + down, 2 * left + right))) is not None
        ]
        if not found:
            return True
        corners = np.array([corner for corner, _ in found])
        shifted = np.stack([codes for _, codes in found], axis=1)
        cells, joined = merged(tokens, known, corners, shifted, self._merge)
        within = set(inner)
        for index, (down, right) in enumerate(cells.tolist()):
            place = top + down, left + right
            if place in within:
                self._own.setdefault(place, tokens[:, down, right].copy())
                self._memory.tokens[:, *place] = joined[:, index]
        return True

    def _restore(self, place: Place) -> None:
        own = self._own.get(place)
        if own is not None:
            self._memory.tokens[:, *place] = own

    def _mark(self, cells: Iterable[Place]) -> None:
        self._stale.update((row // _AREA, col // _AREA) for row, col in cells)


def _covered(corners: Cells) -> list[Place]:
    """The patches that shifted ones cover a part of."""
    low, high = corners // 2, (corners + 1) // 2
    return [
        place
        for rows in (low, high)
        for cols in (low, high)
        for place in zip(rows[:, 0].tolist(), cols[:, 1].tolist(), strict=True)
    ]


def _corners(places: Iterable[Place]) -> Cells:
    return np.array(list(places), np.int64).reshape(-1, 2)


def _places(cells: Cells) -> list[Place]:
    return [(row, col) for row, col in cells.tolist()]
