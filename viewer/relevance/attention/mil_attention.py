"""WholeAttention: the attention of an encoder that reads all patches of a slide together."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches.attention_codes import MIDDLE
from viewer.relevance.patches.progress import StageProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import SlideAttention
    from viewer.relevance.features.store import FeatureStore

    Mask = NDArray[np.bool_]

_EVERY_S, _SHARE = 3.0, 0.1
"""While features still arrive, the slide is read again at this interval at least, and for at most this share
of the time, because it blocks the worker.
"""


class WholeAttention:
    """See ``AttentionBuilder``: writes to ``memory``, used by one thread, which alone writes there."""

    def __init__(self, encoder: SlideAttention, store: FeatureStore, tissue: Mask, memory: Attention) -> None:
        self._encoder = encoder
        self._store = store
        self._tissue = tissue
        self._memory = memory
        self._seen = 0
        self._complete = False
        self._due_s = 0.0
        self.note = ""
        memory.tissue[...] = tissue
        memory.regions[...] = memory.tokens[...] = round(MIDDLE)

    @property
    def levels(self) -> tuple[str, ...]:
        """Patches only, each relative to all of the slide."""
        return ("patch",)

    @property
    def progress(self) -> StageProgress:
        """Of one, the slide: done when all features that will become known have been read."""
        return StageProgress(int(self._complete or not self._tissue.any()), 1)

    @property
    def tokens_missing(self) -> Mask:
        """None: such an encoder has no tokens."""
        return np.zeros(self._tissue.shape, bool)

    def take(self, cells: NDArray[np.int64], tokens: NDArray[np.float32], side: int) -> NDArray[np.int64]:
        """Keeps none: tokens of the patch encoder are not the head's."""
        return cells[:0]

    def update(self, failed: Mask, most: int, first: NDArray[np.float32]) -> bool:
        """Read all known features where there are new ones and the interval has passed, or at once for the
        last; whether they were read. ``most`` and ``first`` are for encoders that read regions.
        """
        count = self._store.count
        complete = count + int(failed.sum()) >= int(self._tissue.sum())
        changed = count != self._seen or (complete and not self._complete)
        if not count:
            self._complete = complete  # no patch could be read
        if not count or not changed or (monotonic() < self._due_s and not complete):
            return False
        self._seen, self._complete = count, complete
        begun_s = monotonic()
        cells, features = self._store.load()
        codes, usable = self._encoder.attend_whole(features, cells)
        rows, cols = cells.T
        self._memory.patches[:, rows, cols] = codes
        self._memory.tokens_known[rows, cols] = usable
        self._memory.patches_known[rows, cols] = usable
        if complete:
            self.note = self._encoder.summary()
        ended_s = monotonic()
        self._due_s = ended_s + max(_EVERY_S, (ended_s - begun_s) / _SHARE)
        return True
