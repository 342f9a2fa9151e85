"""PartsStage: analyses some patches in parts, too, those that may hold a focus smaller than a patch.

Chosen are the patches that score highest, those that are most uncertain (uncertainty sampling: Lewis and
Gale, SIGIR 1994), and those that differ most from their neighbours. All by the features of whole patches: the
same query on the same slide chooses the same patches again, and finds them in the store.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.patches.novelty import unlike_neighbours
from viewer.relevance.patches.progress import StageProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.analysis.block_reader import BlockReader
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.blocks import BlockResult

    Mask = NDArray[np.bool_]

UNLIKE_SHARE, HIGHEST_SHARE, UNCERTAIN_SHARE = 0.01, 0.02, 0.04
"""Of the known patches, the latter two for each query. The parts of one cost up to three patches."""
CERTAIN_BELOW = 0.01
"""A lower score is a certain no: the patch is neither of the highest nor of the uncertain ones."""
_BLOCK_SIDE = 3
"""The fastest: of 1 to 4 the overlap of few large blocks, or of many small ones, costs more."""


class PartsStage:
    """For an encoder that is ``Dividing``. ``pending`` (rows, columns) is to be analysed in parts."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self.pending: Mask = np.zeros(store.grid.shape, bool)
        self._begun = self.pending.copy()
        self._failed = self.pending.copy()
        self._unlike: tuple[int, NDArray[np.float32]] | None = None

    @property
    def progress(self) -> StageProgress | None:
        """Of the patches that were chosen, and of those that the store had; None without any."""
        failed = int(self._failed.sum())
        done = self._store.parts.count + failed
        total = done + int((self.pending | self._begun).sum())
        return StageProgress(done, total, failed) if total else None

    def choose(self, scores: NDArray[np.float32] | None) -> None:
        """Analyse patches in parts, all others being known. ``scores`` (rows, columns) of a query, from the
        features of patches."""
        cells, features = self._store.load()
        chosen = self.pending
        chosen[:] = False
        if self._unlike is None or self._unlike[0] != len(cells):
            self._unlike = len(cells), unlike_neighbours(cells, features, chosen.shape)
        chosen[_highest(cells, self._unlike[1], UNLIKE_SHARE)] = True
        if scores is not None:
            own = scores[tuple(cells.T)]
            likely = np.where(own >= CERTAIN_BELOW, own, 0)
            chosen[_highest(cells, likely, HIGHEST_SHARE)] = True
            chosen[_highest(cells, likely * (1 - own), UNCERTAIN_SHARE)] = True
        chosen &= ~(self._store.parts.known() | self._begun | self._failed)

    def begin(self, reader: BlockReader, side: int) -> None:
        """Read and encode some pending patches, of a block of at most ``side`` × ``side``."""
        block = blocks_of(self.pending, min(side, _BLOCK_SIDE))[0]
        requested = self.pending[block.cells].copy()
        self.pending[block.cells] = False
        self._begun[block.cells] |= requested
        reader.submit(block, requested, parts=True)

    def take(self, outcome: BlockResult) -> bool:
        """Mark the patches of a reader's result as done; whether they are to be kept."""
        cells, failed = tuple(outcome.cells.T), tuple(outcome.failed.T)
        self._begun[cells] = self._begun[failed] = False
        self._failed[failed] = True
        if outcome.device_error is not None:
            self.pending[cells] = True
        return outcome.device_error is None and len(outcome.cells) > 0


def _highest(
    cells: NDArray[np.int32], values: NDArray[np.float32], share: float
) -> tuple[NDArray[np.int32], ...]:
    """The cells of the highest ``share`` of the values, as far as those are above 0, to index an array over
    the grid."""
    order = np.argsort(-values, kind="stable")[: ceil(share * len(values))]
    rows, cols = cells[order[values[order] > 0]].T
    return rows, cols
