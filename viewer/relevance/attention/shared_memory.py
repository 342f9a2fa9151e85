"""SharedAttention: attention over a slide in memory that the worker writes and the window's process reads.

Tokens and patches are written to the memory itself; the masks that mark them as known are published
afterwards under a lock, so that a reader on any processor never uses values that were not written. Values are
replaced as more is known: a reader may see a mixture of old and new ones until it is notified and reads
again. The memory has no name, and ends with the processes.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from math import prod
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.attention import strings
from viewer.relevance.attention.slide_attention import Attention
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE, TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Lock

    from numpy.typing import NDArray

MOST_BYTES = 4 << 30
_LOCK_S = 0.1


@contextmanager
def held(lock: Lock) -> Iterator[None]:
    """The lock, while little is written or read; it also orders what either side wrote before, which ARM does
    not by itself.

    Not waited for longer than a tenth of a second: who held it was killed, and will write no more. Going on
    without it is safe: what was published before is whole until something new is, and one side writes.
    """
    taken = lock.acquire(timeout=_LOCK_S)
    try:
        yield
    finally:
        if taken:
            lock.release()


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
            gib, most_gib = size >> 30, MOST_BYTES >> 30
            raise ValueError(strings.TOO_LARGE.format(patches=rows * cols, gib=gib, most_gib=most_gib))
        self._memory: Any = get_context("spawn").RawArray(ctypes.c_uint8, size)
        self._lock = get_context("spawn").Lock()
        self._written: Attention | None = None

    def arrays(self) -> Attention:
        """For the writer: tokens and patches are the memory itself, the rest is copied by ``publish``."""
        if self._written is None:
            self._written = self._copied()
        return self._written

    def publish(self) -> None:
        """Make everything written as known visible to readers."""
        written, shared = self.arrays(), self._shared()
        with held(self._lock):
            for name in ("regions", "tokens_known", "patches_known", "tissue"):
                getattr(shared, name)[...] = getattr(written, name)

    def read(self) -> Attention:
        """The last published state: masks and regions are copies; of tokens and patches only known values may
        be used."""
        with held(self._lock):
            return self._copied()

    def _shared(self) -> Attention:
        views: list[NDArray[np.uint8]] = []
        start = 0
        for shape in self._shapes:
            views.append(np.frombuffer(self._memory, np.uint8, prod(shape), start).reshape(shape))
            start += prod(shape)
        tokens, patches, regions, *masks = views
        return Attention(tokens, patches, regions, *(mask.view(bool) for mask in masks))

    def _copied(self) -> Attention:
        now = self._shared()
        return Attention(
            now.tokens,
            now.patches,
            now.regions.copy(),
            now.tokens_known.copy(),
            now.patches_known.copy(),
            now.tissue.copy(),
        )
