"""BudgetStage: how many tokens a patch is encoded with at first; after that all have the same number."""

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
    """The features of patches encoded by their budget, and the budget."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self._budget: NDArray[np.uint8] | None = None

    def spend(self, tokens: NDArray[np.uint16] | None) -> None:
        """Encode patches with as many tokens (rows, columns) from now on. None: uniformly at once."""
        self._budget = None if tokens is None else sides_for(tokens)

    def side_of(self, block: Block, requested: Mask, *, stored: Mask, in_detail: Mask) -> int:
        """The tokens along each patch of a block: the largest budget of those ``requested``. Uniform, where
        one of them was encoded before; at least uniform, where one is ``in_detail`` (rows, columns)."""
        if self._budget is None or not requested.any():
            return TOKENS_A_SIDE
        if (requested & (self.known | stored)[block.cells]).any():
            return TOKENS_A_SIDE
        side = int(self._budget[block.cells][requested].max())
        return max(side, TOKENS_A_SIDE) if (requested & in_detail[block.cells]).any() else side
