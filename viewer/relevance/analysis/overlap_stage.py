"""OverlapStage: patches half-way between others where attention is high, read once all others are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.analysis import strings
from viewer.relevance.attention.overlap_merge import OverlapBuilder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.analysis.block_reader import BlockReader


class OverlapStage(OverlapBuilder):
    """What the builder chooses, read by the threads of an analysis."""

    @property
    def note(self) -> str:
        """A sentence for the reader where no patch was chosen; else ""."""
        return strings.EVEN_ATTENTION if self.even else ""

    def begin(self, reader: BlockReader, priority: NDArray[np.float32], side: int) -> bool:
        """Read a block of such patches, of at most ``side`` in a row, where ``priority`` (rows, columns) is
        highest; whether there was one."""
        if not self.pending:
            return False
        block, requested, half = self.next(priority, side)
        reader.submit(block, requested, half=half)
        return True
