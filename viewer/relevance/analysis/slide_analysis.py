"""Analysis: one slide looked at by one encoder, in stages: features, attention, overlaps, a budget of tokens.

The worker process and the commands drive it alike. Which stages there are is said by the encoder's card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
from viewer.relevance.analysis.attention_stage import AttentionStage
from viewer.relevance.analysis.budget_stage import BudgetStage
from viewer.relevance.analysis.feature_analysis import FeatureAnalysis
from viewer.relevance.analysis.overlap_stage import OverlapStage
from viewer.relevance.attention.overlap_merge import is_between
from viewer.relevance.features.mixed_resolution import MixedFeatures
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.blocks import Block
    from viewer.relevance.patches.outcome import BlockResult
    from viewer.relevance.patches.progress import StageProgress
    from viewer.slide.source import Source

    Mask = NDArray[np.bool_]


class Analysis(FeatureAnalysis):
    """``attend`` makes ``attention``, and ``overlaps`` of encoders that look at parts of a patch; those that
    magnify have a ``budget``."""

    def __init__(
        self, source: Source, encoder: Encoder, store: FeatureStore, *, notes: Sequence[str] = ()
    ) -> None:
        """See ``FeatureAnalysis``."""
        super().__init__(source, encoder, store, notes=notes)
        self.attention: AttentionStage | None = None
        self.overlaps: OverlapStage | None = None
        self.budget = BudgetStage(self.grid.shape) if encoder.card.magnifies else None

    @property
    def notes(self) -> tuple[str, ...]:
        said = [] if self.budget is None else list(self.budget.notes())
        said += [stage.said for stage in (self.attention, self.overlaps) if stage is not None and stage.said]
        return (*super().notes, *said)

    @property
    def done(self) -> int:
        """How many patches are known or failed; those encoded by their budget count by their tokens, as half
        at most: they are to be encoded uniformly."""
        return super().done + (0 if self.budget is None else int(self.budget.done))

    def attend(self, memory: Attention) -> None:
        """Write to ``memory`` where the encoder looks, from now on. Raises EncoderError for one that does not
        say."""
        mixed = self.budget or MixedFeatures(self.grid.shape)
        self.attention = AttentionStage(self.encoder, self.store, mixed, self.tissue, memory)
        self.overlaps = OverlapStage(memory) if self.encoder.card.attends == "tokens" else None

    def look_at_regions(self, most: int, first: NDArray[np.float32] | None = None) -> bool:
        """Look at up to ``most`` regions that have become known, where ``first`` (rows, columns) is highest
        before others; whether there were any. Raises EncoderError."""
        if self.attention is None:
            return False
        given_up = self.failed | (self.tissue & ~self.store.known()) if self.store.complete else self.failed
        if first is None:
            first = np.zeros(self.grid.shape, np.float32)
        try:
            return self.attention.look(given_up, most, first)
        except (EncoderMemoryError, EncoderDeviceError) as error:
            self._fall_back(error)
            return True

    def want_tokens(self, area: Mask) -> None:
        """Look at patches (rows, columns) with all their tokens, whatever their budget: again where features
        came from the store, or from fewer tokens."""
        if self.attention is not None:
            self.attention.in_detail = area
            wanted = self.attention.tokens_missing
            if self.budget is not None:
                wanted = wanted | self.budget.known
            self.pending |= area & wanted & ~self.begun

    def overlap(self, merge: str | None) -> None:
        """Look at patches half-way between others where attention is high, once all else is known, and merge
        what they say ("mean" or "max"); None: only what the patches of the grid say."""
        if self.overlaps is not None:
            self.overlaps.set_merge(merge)
        elif merge is not None:
            title = self.encoder.card.title
            self._notes[f"{title} does not look at parts of a patch: there is nowhere to look again."] = None

    @property
    def regions(self) -> StageProgress | None:
        """How many regions have been looked at; the whole slide is one where there are no smaller ones."""
        return None if self.attention is None else self.attention.regions

    @property
    def tokens(self) -> tuple[StageProgress | None, bool]:
        """See ``AttentionStage.tokens``."""
        return (None, False) if self.attention is None else self.attention.tokens(self.pending | self.begun)

    def spend(self, tokens: NDArray[np.uint16] | None) -> None:
        """Encode patches with as many tokens (rows, columns) as their budget has, where the encoder can, and
        uniformly after that (``refine``). None: uniformly at once."""
        if self.budget is not None:
            self.budget.spend(tokens)

    def refine(self) -> bool:
        """Have what was encoded by its budget encoded uniformly as well; whether there is anything."""
        if self.budget is None:
            return False
        left = self.budget.known & ~self.begun
        self.pending |= left
        return bool(left.any())

    def take(self, outcome: BlockResult) -> None:
        """See ``FeatureAnalysis.take``; of patches half-way between others too."""
        if self.overlaps is None or not is_between(outcome):
            super().take(outcome)
        elif outcome.device_error is None:
            self.overlaps.take(outcome)
        else:
            self.overlaps.again(outcome)
            self._shrink_or_fall_back(outcome)

    def _side_of(self, block: Block, wanted: Mask) -> int:
        if self.budget is None:
            return TOKENS_A_SIDE
        in_detail = np.zeros(self.grid.shape, bool) if self.attention is None else self.attention.in_detail
        return self.budget.side_of(block, wanted, stored=self.store.known(), in_detail=in_detail)

    def _lose(self, cells: NDArray[np.int64]) -> None:
        super()._lose(cells)
        if self.attention is not None:
            self.attention.lose(cells)
        if self.budget is not None:
            self.budget.drop(cells)

    def _gain(self, outcome: BlockResult) -> None:
        if self.attention is not None:
            kept = self.attention.take(outcome)
            if self.overlaps is not None:
                self.overlaps.renew(kept)
        if outcome.side == TOKENS_A_SIDE:
            super()._gain(outcome)
            if self.budget is not None:
                self.budget.replace(outcome.cells, outcome.features, self.store.load()[1])
        elif self.budget is not None:
            checked = self.budget.take(outcome.cells, outcome.features, outcome.side)
            self.pending[tuple(checked.T)] = True
