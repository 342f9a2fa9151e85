"""AttentionStage: computes an encoder's attention, and knows which patches have all their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from viewer.common.errors import EncoderError
from viewer.relevance.analysis import strings
from viewer.relevance.attention.mil_attention import WholeAttention
from viewer.relevance.attention.region_attention import AttentionBuilder
from viewer.relevance.patches.progress import StageProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Attending, Encoder, SlideAttention
    from viewer.relevance.features.mixed_resolution import MixedFeatures
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.blocks import BlockResult

    Mask = NDArray[np.bool_]


class AttentionStage:
    """Its ``builder`` writes to ``memory``. ``in_detail`` (rows, columns): patches requested with all their
    tokens."""

    def __init__(
        self, encoder: Encoder, store: FeatureStore, mixed: MixedFeatures, tissue: Mask, memory: Attention
    ) -> None:
        """Raises EncoderError for an encoder without attention."""
        self.builder: AttentionBuilder | WholeAttention
        match encoder.card.attends:
            case "tokens":
                self.builder = AttentionBuilder(cast("Attending", encoder), store, mixed, tissue, memory)
            case "slide":
                self.builder = WholeAttention(cast("SlideAttention", encoder), store, tissue, memory)
            case _:
                raise EncoderError(strings.NO_ATTENTION.format(title=encoder.card.title))
        self._store = store
        self._tissue = tissue
        self._unreadable: Mask = np.zeros(tissue.shape, bool)  # or without tokens
        self.in_detail: Mask = np.zeros(tissue.shape, bool)

    @property
    def tokens_missing(self) -> Mask:
        """Known patches whose tokens can still be read."""
        missing: Mask = self.builder.tokens_missing & self._store.known() & ~self._unreadable
        return missing

    def tokens(self, under_way: Mask) -> tuple[StageProgress, bool]:
        """How many known patches have tokens, of those in detail or ``under_way``; and whether others lack
        them."""
        known = self._store.known() & self._tissue
        requested = known & (self.in_detail | under_way)
        missing = self.tokens_missing & known
        failed = self.builder.tokens_missing & known & self._unreadable
        left = missing & requested
        total = int((requested | failed).sum())
        more = bool((missing & ~requested).any())
        return StageProgress(total - int(left.sum()), total, int(failed.sum())), more

    def mark_unreadable(self, cells: NDArray[np.int64]) -> None:
        """Patches (n, 2) could not be read."""
        self._unreadable[tuple(cells.T)] = True

    def take(self, outcome: BlockResult) -> NDArray[np.int64]:
        """Keep the tokens of a block; the patches (n, 2) whose tokens were kept."""
        if outcome.tokens is None:
            return outcome.cells[:0]
        kept = self.builder.take(outcome.cells, outcome.tokens, outcome.side)
        cells = tuple(outcome.cells.T)
        self._unreadable[cells] = self.builder.tokens_missing[cells]
        return kept
