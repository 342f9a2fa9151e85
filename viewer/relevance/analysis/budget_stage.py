"""BudgetStage: patches encoded at first with as many tokens as their budget has, and uniformly after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.encoders.token_budget import sides_for
from viewer.relevance.features.mixed_resolution import MixedFeatures
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.patches.blocks import Block

    Mask = NDArray[np.bool_]


class BudgetStage(MixedFeatures):
    """The features of such patches, and the tokens that are to be spent."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self._budget: NDArray[np.uint8] | None = None

    def spend(self, tokens: NDArray[np.uint16] | None) -> None:
        """Encode patches with as many tokens (rows, columns) from now on. None: uniformly at once."""
        self._budget = None if tokens is None else sides_for(tokens)

    def side_of(self, block: Block, wanted: Mask, *, stored: Mask, in_detail: Mask) -> int:
        """With how many tokens along each patch a block is encoded: the most that one of those ``wanted`` is
        worth. Uniformly, where one of them is seen ``in_detail``, or was encoded before (rows, columns)."""
        if self._budget is None or not wanted.any():
            return TOKENS_A_SIDE
        if (wanted & (self.known | stored)[block.cells]).any():
            return TOKENS_A_SIDE
        paid = int(self._budget[block.cells][wanted].max())
        return max(paid, TOKENS_A_SIDE) if (wanted & in_detail[block.cells]).any() else paid
