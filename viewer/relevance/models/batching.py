"""Images through a network in batches: of a size that the device's memory takes, each copied to the device
while the one before is computed.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

_CPU_BATCH = 4
"""Images: more at once are not faster there."""
_MOST = 256
"""Images: a graphics card is busy with as many, and more would delay the copy of the first."""
_SHARE = 0.5
"""Of the free memory, at most: other programs need some later."""


def batch_for(device: str, image_bytes: int) -> int:
    """How many images to compute at once, where each needs ``image_bytes`` of memory besides the weights."""
    if device == "cpu":
        return _CPU_BATCH
    free_bytes, _ = torch.cuda.mem_get_info()
    unused_bytes = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return max(1, min(_MOST, int(_SHARE * (free_bytes + unused_bytes)) // image_bytes))


def in_batches(
    run: Callable[[Tensor], tuple[Tensor, ...]], images: Sequence[Tensor], *, device: str, batch: int
) -> tuple[Tensor, ...]:
    """The results of ``run`` on stacked images (n, ...) on ``device``, joined, float32, on the CPU."""
    parts = [list(images[first : first + batch]) for first in range(0, len(images), batch)]
    found = [run(part) for part in _on(device, parts)]
    return tuple(torch.cat(one).float().cpu() for one in zip(*found, strict=True))


@cache
def _copy_stream() -> torch.cuda.Stream:
    """One for all: memory is kept for each stream that was ever copied on."""
    return torch.cuda.Stream()


def _on(device: str, parts: Sequence[list[Tensor]]) -> Iterator[Tensor]:
    if device == "cpu":
        yield from (torch.stack(part) for part in parts)
        return
    copies, computing = _copy_stream(), torch.cuda.current_stream()
    for part in parts:
        # The card is still computing the part before: nothing here waits for it.
        staged = torch.empty((len(part), *part[0].shape), dtype=part[0].dtype, pin_memory=True)
        torch.stack(part, out=staged)
        with torch.cuda.stream(copies):
            there = staged.to(device, non_blocking=True)
        computing.wait_stream(copies)
        there.record_stream(computing)
        yield there


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_KEPT_BYTES = 1 << 28


def raise_malloc_trim_threshold() -> None:
    """Have glibc keep large blocks: given back and fetched anew for each batch they cost half of the time."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # other C libraries have no mallopt
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
            libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)


@contextmanager
def one_torch_thread() -> Iterator[int]:
    """A thread for each block uses all cores better than torch's own. Yields how many torch had before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
