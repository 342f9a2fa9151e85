"""AttentionStage: where the encoder of an analysis looks, and which patches have all their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from viewer.common.errors import EncoderError
from viewer.relevance.attention.mil_attention import WholeAttention
from viewer.relevance.attention.region_attention import AttentionBuilder
from viewer.relevance.patches.progress import StageProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Attending, Encoder, SlideAttention
    from viewer.relevance.features.mixed_resolution import MixedFeatures
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.outcome import BlockResult

    Mask = NDArray[np.bool_]


class AttentionStage:
    """Writes to ``memory``. ``in_detail`` (rows, columns): patches that are wanted with all their tokens."""

    def __init__(
        self, encoder: Encoder, store: FeatureStore, mixed: MixedFeatures, tissue: Mask, memory: Attention
    ) -> None:
        """Raises EncoderError for an encoder that does not say where it looks."""
        self._builder: AttentionBuilder | WholeAttention
        match encoder.card.attends:
            case "tokens":
                self._builder = AttentionBuilder(cast("Attending", encoder), store, mixed, tissue, memory)
            case "slide":
                self._builder = WholeAttention(cast("SlideAttention", encoder), store, tissue, memory)
            case _:
                raise EncoderError(f"{encoder.card.title} does not say where it looks")
        self._store = store
        self._tissue = tissue
        self._torn: Mask = np.zeros(tissue.shape, bool)  # those that could not be read, or gave no tokens
        self.in_detail: Mask = np.zeros(tissue.shape, bool)

    @property
    def said(self) -> str:
        """A sentence for the reader on what was looked at last; "" for none."""
        return self._builder.note

    @property
    def levels(self) -> tuple[str, ...]:
        """Those of "region", "patch" and "token" that are told apart."""
        return self._builder.levels

    @property
    def regions(self) -> StageProgress:
        """How many regions have been looked at; the whole slide is one where there are no smaller ones."""
        return self._builder.progress

    @property
    def tokens_missing(self) -> Mask:
        """Known patches without their tokens, which may be read."""
        missing: Mask = self._builder.tokens_missing & self._store.known() & ~self._torn
        return missing

    def tokens(self, coming: Mask) -> tuple[StageProgress, bool]:
        """Of patches whose features are known, how many of those whose tokens are wanted or ``coming`` have
        these; and whether there are others that lack theirs."""
        known = self._store.known() & self._tissue
        wanted = known & (self.in_detail | coming)
        missing = self.tokens_missing & known
        torn = self._builder.tokens_missing & known & self._torn
        left = missing & wanted
        total = int((wanted | torn).sum())
        more = bool((missing & ~wanted).any())
        return StageProgress(total - int(left.sum()), total, int(torn.sum())), more

    def look(self, given_up: Mask, most: int, first: NDArray[np.float32]) -> bool:
        """Look at up to ``most`` regions that have become known, where ``first`` (rows, columns) is highest
        before others; whether there were any. Nobody waits for patches ``given_up``. Raises EncoderError."""
        return self._builder.update(given_up, most, first)

    def lose(self, cells: NDArray[np.int64]) -> None:
        """Patches (n, 2) could not be read."""
        self._torn[tuple(cells.T)] = True

    def take(self, outcome: BlockResult) -> NDArray[np.int64]:
        """Keep the tokens of a block; the patches (n, 2) whose tokens were kept."""
        if outcome.tokens is None:
            return outcome.cells[:0]
        kept = self._builder.take(outcome.cells, outcome.tokens, outcome.side)
        cells = tuple(outcome.cells.T)
        self._torn[cells] = self._builder.tokens_missing[cells]
        return kept
