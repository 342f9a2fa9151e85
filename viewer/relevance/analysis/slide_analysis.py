"""Analysis: one slide by one encoder, in stages: features, attention, overlaps, a budget of tokens.

The worker process and the commands use it alike. The encoder's card determines the stages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.attention_stage import AttentionStage
from viewer.relevance.analysis.feature_analysis import FeatureAnalysis
from viewer.relevance.attention.overlap_merge import OverlapBuilder
from viewer.relevance.encoders.token_budget import sides_for
from viewer.relevance.features.mixed_resolution import MixedFeatures
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.relevance.patches.blocks import ON_GRID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.blocks import Block, BlockResult
    from viewer.relevance.patches.progress import StageProgress
    from viewer.slide.source import Source

    Mask = NDArray[np.bool_]


class Analysis(FeatureAnalysis):
    """``attend`` makes ``attention``, and ``overlaps`` for encoders that compare tokens. Those that magnify
    ``spend`` a budget at first; after that all patches have the same number of tokens."""

    def __init__(
        self, source: Source, encoder: Encoder, store: FeatureStore, *, notes: Sequence[str] = ()
    ) -> None:
        """See ``FeatureAnalysis``."""
        super().__init__(source, encoder, store, notes=notes)
        self.attention: AttentionStage | None = None
        self.overlaps: OverlapBuilder | None = None
        self._mixed = MixedFeatures(self.grid.shape)
        self._sides: NDArray[np.uint8] | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        notes = [*super().notes, *self._mixed.notes()]
        if self.attention is not None and self.attention.builder.note:
            notes.append(self.attention.builder.note)
        if self.overlaps is not None and self.overlaps.even:
            notes.append(strings.EVEN_ATTENTION)
        return tuple(notes)

    @property
    def done(self) -> int:
        """How many patches are known or failed; those encoded by their budget count by their tokens, as half
        at most: they are to be encoded uniformly."""
        return super().done + int(self._mixed.done)

    def attend(self, memory: Attention) -> None:
        """Write the encoder's attention to ``memory`` from now on. Raises EncoderError for one without."""
        self.attention = AttentionStage(self.encoder, self.store, self._mixed, self.tissue, memory)
        self.overlaps = OverlapBuilder(memory) if self.encoder.card.attends == "tokens" else None

    def attend_regions(self, most: int, priority: NDArray[np.float32] | None = None) -> bool:
        """Compute the attention of up to ``most`` regions whose patches are known, those of the highest
        ``priority`` (rows, columns) first; whether there were any. Raises EncoderError."""
        if self.attention is None:
            return False
        failed = self.failed | (self.tissue & ~self.store.known()) if self.store.complete else self.failed
        if priority is None:
            priority = np.zeros(self.grid.shape, np.float32)
        try:
            return self.attention.builder.update(failed, most, priority)
        except (EncoderMemoryError, EncoderDeviceError) as error:
            self._fall_back(error)
            return True

    def request_tokens(self, area: Mask) -> None:
        """Encode patches (rows, columns) with all their tokens, whatever their budget: once more where their
        features came from the store, or from fewer tokens."""
        if self.attention is not None:
            self.attention.in_detail = area
            self.pending |= area & (self.attention.tokens_missing | self._mixed.known) & ~self.begun

    def overlap(self, merge: str | None) -> None:
        """Analyse patches half-way between others where attention is high, once all others are known, and
        merge their attention ("mean" or "max"); None: only that of the patches of the grid."""
        if self.overlaps is not None:
            self.overlaps.set_merge(merge)
        elif merge is not None:
            self._notes[strings.NO_OVERLAPS.format(title=self.encoder.card.title)] = None

    @property
    def regions(self) -> StageProgress | None:
        """How many regions are done; the whole slide is one where there are no smaller ones."""
        return None if self.attention is None else self.attention.builder.progress

    @property
    def tokens(self) -> tuple[StageProgress | None, bool]:
        """See ``AttentionStage.tokens``."""
        return (None, False) if self.attention is None else self.attention.tokens(self.pending | self.begun)

    def spend(self, tokens: NDArray[np.uint16] | None) -> None:
        """Encode patches with these many tokens (rows, columns), where the encoder can, and uniformly after
        that (``refine``). None: uniformly at once."""
        if self.encoder.card.magnifies:
            self._sides = None if tokens is None else sides_for(tokens)

    def refine(self) -> bool:
        """Encode patches uniformly that were encoded by their budget; whether there are any."""
        left = self._mixed.known & ~self.begun
        self.pending |= left
        return bool(left.any())

    def take(self, outcome: BlockResult) -> None:
        """See ``FeatureAnalysis.take``; of patches half-way between others too."""
        if self.overlaps is None or outcome.half == ON_GRID:
            super().take(outcome)
        elif outcome.device_error is None:
            self.overlaps.take(outcome)
        else:
            self.overlaps.retry(outcome)
            self._shrink_or_fall_back(outcome)

    def _side_of(self, block: Block, requested: Mask) -> int:
        """The largest budget of the patches ``requested``. Uniform, where one of them was encoded before; at
        least uniform, where one is to be in detail."""
        if self._sides is None or not requested.any():
            return TOKENS_A_SIDE
        if (requested & (self._mixed.known | self.store.known())[block.cells]).any():
            return TOKENS_A_SIDE
        side = int(self._sides[block.cells][requested].max())
        if self.attention is not None and (requested & self.attention.in_detail[block.cells]).any():
            return max(side, TOKENS_A_SIDE)
        return side

    def _mark_failed(self, cells: NDArray[np.int64]) -> None:
        super()._mark_failed(cells)
        if self.attention is not None:
            self.attention.mark_unreadable(cells)
        self._mixed.drop(cells)

    def _keep(self, outcome: BlockResult) -> None:
        if self.attention is not None:
            kept = self.attention.take(outcome)
            if self.overlaps is not None:
                self.overlaps.renew(kept)
        if outcome.side == TOKENS_A_SIDE:
            super()._keep(outcome)
            self._mixed.replace(outcome.cells, outcome.features, self.store.load()[1])
        else:
            checked = self._mixed.take(outcome.cells, outcome.features, outcome.side)
            self.pending[tuple(checked.T)] = True
