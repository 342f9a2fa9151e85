"""OverlapStage: patches half-way between others, read once all else is known, where attention is high."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.attention.overlap_merge import OverlapBuilder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.analysis.block_reader import BlockReader

_EVEN = "No part of the slide gets more attention than others: there is nowhere to look again."


class OverlapStage(OverlapBuilder):
    """What the builder chooses, read by the threads of an analysis."""

    @property
    def said(self) -> str:
        """A sentence for the reader where there is nowhere to look; else ""."""
        return _EVEN if self.even else ""

    def begin(self, reader: BlockReader, first: NDArray[np.float32], side: int) -> bool:
        """Have a block of such patches read, of at most ``side`` in a row, where ``first`` (rows, columns) is
        highest; whether there was one."""
        if not self.pending:
            return False
        block, wanted, half = self.next(first, side)
        reader.submit(block, wanted, half=half)
        return True
