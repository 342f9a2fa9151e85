"""SharedAttention: attention over a slide in memory that the worker writes and the window's process reads.

Values are written before they are marked as known, so that a reader takes nothing for known that was never
written. They are replaced as more is known: tokens by those of a closer look, patches and regions by the next
mean. A reader in between sees some of the old and some of the new, until it is told of news and reads again.
The memory has no name, and ends with the processes.
"""

from __future__ import annotations

import ctypes
from math import prod
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.attention.slide_attention import Attention
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE, TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 4 << 30


class SharedAttention:
    """Over a grid of patches (rows, columns), for an encoder with so many heads for tokens and patches.

    Raises ValueError where the slide is too large, OSError where there is no memory.
    """

    def __init__(self, shape: tuple[int, int], heads: tuple[int, int]) -> None:
        self.heads = heads
        rows, cols = shape
        regions = -(-rows // PATCHES_A_SIDE), -(-cols // PATCHES_A_SIDE)
        self._shapes = (
            (heads[0], rows, cols, TOKENS),
            (heads[1], rows, cols),
            regions,
            shape,
            shape,
            shape,
        )
        size = sum(prod(one) for one in self._shapes)
        if size > MOST_BYTES:
            raise ValueError(f"the attention of {rows * cols:,} patches takes {size >> 30} GiB of memory")
        self._memory: Any = get_context("spawn").RawArray(ctypes.c_uint8, size)

    def arrays(self) -> Attention:
        """The memory itself, for whoever writes it."""
        views: list[NDArray[np.uint8]] = []
        start = 0
        for shape in self._shapes:
            views.append(np.frombuffer(self._memory, np.uint8, prod(shape), start).reshape(shape))
            start += prod(shape)
        tokens, patches, regions, *masks = views
        return Attention(tokens, patches, regions, *(mask.view(bool) for mask in masks))

    def read(self) -> Attention:
        """What is known now: masks and regions are copies, taken before what they speak for; of the rest only
        what is known may be used."""
        now = self.arrays()
        return Attention(
            now.tokens,
            now.patches,
            now.regions.copy(),
            now.tokens_known.copy(),
            now.patches_known.copy(),
            now.tissue.copy(),
        )
