"""The result of reading and encoding a block of patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
    from viewer.relevance.patches.blocks import Block

Half = tuple[int, int]
ON_GRID = 0, 0
"""No shift."""


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The result for the requested patches of a block.

    ``cells`` (n, 2) as row, column with ``features`` (n, D), and of an encoder with attention ``tokens`` (n,
    heads, 256); ``failed`` (m, 2) could not be read. ``side``: tokens along a patch; ``half``: their shift
    from their cells, in half patches down and to the right. ``device_error``: the ``device`` lacks memory for
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
