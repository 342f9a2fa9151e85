"""What glibc does with freed memory, in a process that analyses."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_KEPT_BYTES = 1 << 28


def keep_freed_memory() -> None:
    """Have glibc keep large blocks: given back and fetched anew for each batch they cost half of the time."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library does as it likes
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
            libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
