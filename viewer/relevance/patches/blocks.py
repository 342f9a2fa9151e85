"""Rectangles of patches that are read and encoded together, and the result of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.common.errors import EncoderDeviceError, EncoderMemoryError

    Mask = NDArray[np.bool_]


class Block(NamedTuple):
    """A rectangle of patches: its first row and column, and how many of each."""

    row: int
    col: int
    rows: int
    cols: int

    @property
    def cells(self) -> tuple[slice, slice]:
        """To index an array over the grid."""
        return slice(self.row, self.row + self.rows), slice(self.col, self.col + self.cols)

    def around(self, mask: Mask) -> Block:
        """The smallest block that holds all patches of this one that are in the mask; at least one is."""
        rows, cols = np.nonzero(mask[self.cells])
        top, left = int(rows.min()), int(cols.min())
        return Block(self.row + top, self.col + left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


Half = tuple[int, int]
ON_GRID = 0, 0
"""No shift."""


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The result for the requested patches of a block.

    ``cells`` (n, 2) as row, column with ``features`` (n, D), and of an encoder with attention ``tokens`` (n,
    heads, 256); ``failed`` (m, 2) could not be read. ``side``: tokens along a patch; ``half``: their shift
    from their cells, in half patches down and to the right; ``parts``: the features of a patch are those of
    its parts, (n, PARTS · D). ``device_error``: the ``device`` lacks memory for
    a block of this size, or is lost; its cells have no features and must be read again. ``seconds``: CPU time
    of the thread.
    """

    block: Block
    cells: NDArray[np.int64]
    features: NDArray[np.float32]
    failed: NDArray[np.int64]
    seconds: float
    device: str
    device_error: EncoderMemoryError | EncoderDeviceError | None = None
    tokens: NDArray[np.float32] | None = None
    side: int = TOKENS_A_SIDE
    half: Half = ON_GRID
    parts: bool = False
