"""The attention of a whole slide at once, without a window: for commands and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import EncoderError
from viewer.overlay.attention_look import HierarchyLook, composed
from viewer.relevance.attention.shared_memory import SharedAttention
from viewer.relevance.attention.slide_attention import (
    MEAN,
    check_head,
    patch_codes,
    per_patch,
    per_token,
    token_codes,
)
from viewer.relevance.heatmap import strings
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.attention.slide_attention import Attention, Head

_WINDOWS_AT_ONCE = 16
_ROWS_AT_ONCE = 4
"""Of patches, as composing their tokens takes 35 bytes each for a while."""
_LARGE_PX = 1e6
"""A patch of this size shows all its levels."""


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """Attention over tokens: ``scores`` float32 (rows · 16, columns · 16) from 0 to 1, ``known`` where it was
    analysed, glass included."""

    scores: NDArray[np.float32]
    known: NDArray[np.bool_]

    def check_known(self, tissue: NDArray[np.bool_]) -> None:
        """Raises EncoderError where there is tissue (rows, columns), and nothing of it was analysed."""
        if tissue.any() and not (self.known & per_token(tissue)).any():
            raise EncoderError(strings.NOTHING_ANALYSED.format(patches=tissue.sum()))


def attention_of(
    analysis: Analysis, progress: Callable[[float, float], None] | None = None, *, tokens: bool = True
) -> Attention:
    """The attention of a whole slide. Patches with stored features are encoded again only for ``tokens``.
    Raises EncoderError for an encoder without attention, SlideError, ValueError for
    a slide of too many patches.
    """
    heads = analysis.encoder.card.attention_heads or (1, 1)  # which is refused
    memory = SharedAttention(analysis.grid.shape, heads)
    analysis.attend(memory.arrays())
    if tokens:
        analysis.request_tokens(np.ones(analysis.grid.shape, bool))
    analysis.use_fastest()
    analysis.run_to_end(progress)
    while analysis.attend_regions(_WINDOWS_AT_ONCE):
        pass
    return memory.arrays()


def attention_map(
    attention: Attention, look: HierarchyLook, *, token_head: Head = MEAN, patch_head: Head = MEAN
) -> AttentionMap:
    """Attention as the window draws it, one value per token. Raises ValueError for a head that is not
    there."""
    check_head(token_head, len(attention.tokens))
    check_head(patch_head, len(attention.patches))
    percentiles = look.mode == "blend"
    patches = patch_codes(attention, patch_head, percentiles=percentiles)
    regions = per_patch(attention.regions, patches.shape)
    tokens = token_codes(attention, token_head, percentiles=percentiles)
    weights = look.weights(_LARGE_PX)
    shown = attention.patches_known.copy()
    if weights.token:
        shown &= attention.tokens_known
    glass = ~attention.tissue
    scores = np.empty(tokens.shape, np.float32)
    for row in range(0, len(patches), _ROWS_AT_ONCE):
        some = slice(row, row + _ROWS_AT_ONCE)
        band = slice(row * TOKENS_A_SIDE, (row + _ROWS_AT_ONCE) * TOKENS_A_SIDE)
        scores[band] = composed(
            per_token(regions[some]), per_token(patches[some]), tokens[band], weights
        ) * per_token(attention.tissue[some])
    return AttentionMap(scores, per_token(shown | glass))
