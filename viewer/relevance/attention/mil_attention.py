"""WholeAttention: the attention of an encoder that looks at all patches of a slide together."""

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
"""While more becomes known a look, which takes in all of it, is due so long after the last one, and takes no
more than this part of the time: the worker does nothing else meanwhile.
"""


class WholeAttention:
    """See ``AttentionBuilder``: writes to ``memory``, used by one thread, which alone writes there."""

    def __init__(self, encoder: SlideAttention, store: FeatureStore, tissue: Mask, memory: Attention) -> None:
        self._encoder = encoder
        self._store = store
        self._tissue = tissue
        self._memory = memory
        self._seen = 0
        self._ended = False
        self._due_s = 0.0
        self.said = ""
        memory.tissue[...] = tissue
        memory.regions[...] = memory.tokens[...] = round(MIDDLE)

    @property
    def levels(self) -> tuple[str, ...]:
        """Patches are told apart, all of the slide's from each other."""
        return ("patch",)

    @property
    def progress(self) -> StageProgress:
        """Of one, the slide: done when all that will become known of it has been looked at."""
        return StageProgress(int(self._ended or not self._tissue.any()), 1)

    @property
    def tokens_missing(self) -> Mask:
        """Nothing: such an encoder has no tokens."""
        return np.zeros(self._tissue.shape, bool)

    def take(self, cells: NDArray[np.int64], tokens: NDArray[np.float32], side: int) -> NDArray[np.int64]:
        """None are kept: tokens of the features' own encoder are not the head's."""
        return cells[:0]

    def update(self, failed: Mask, most: int, first: NDArray[np.float32]) -> bool:
        """Look at all that is known, where that is more than before and a look is due, at once where it is
        the last; whether it was. ``most`` and ``first`` are for encoders that look at parts.
        """
        count = self._store.count
        ended = count + int(failed.sum()) >= int(self._tissue.sum())
        news = count != self._seen or (ended and not self._ended)
        if not count:
            self._ended = ended  # nothing could be read: nothing is left to look at
        if not count or not news or (monotonic() < self._due_s and not ended):
            return False
        self._seen, self._ended = count, ended
        begun_s = monotonic()
        cells, features = self._store.load()
        codes, usable = self._encoder.attend_whole(features, cells)
        rows, cols = cells.T
        self._memory.patches[:, rows, cols] = codes
        self._memory.tokens_known[rows, cols] = usable
        self._memory.patches_known[rows, cols] = usable
        if ended:
            self.said = self._encoder.summary()
        ended_s = monotonic()
        self._due_s = ended_s + max(_EVERY_S, (ended_s - begun_s) / _SHARE)
        return True
