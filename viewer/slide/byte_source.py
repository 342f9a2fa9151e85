"""FileBytes: positioned reads from an open file, for many threads, that a shrinking or closing file cannot
crash.

Never a memory map: reading a mapped page behind the end of a file that was truncated meanwhile kills the
process.
"""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HAS_PREAD = hasattr(os, "pread")  # not on Windows


class FileBytes:
    """An open file. ``size`` is its length in bytes at opening."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        )
        self._lock = threading.Lock()
        self._readers = 0
        self._closing = False
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes from ``offset``.

        Raises EOFError where the file ends before, OSError where it cannot be read or is closed. ``count`` is
        checked against the size at opening before anything is allocated.
        """
        if offset < 0 or count < 0 or offset + count > self.size:
            raise EOFError(f"bytes {offset} to {offset + count} are wanted, the file has {self.size}")
        with self._lock:
            if self._closing:
                raise OSError(errno.EBADF, "the slide is closed")
            self._readers += 1
        try:
            data = self._read(offset, count)
        finally:
            with self._lock:
                self._readers -= 1
                last = self._closing and self._readers == 0
            if last:
                os.close(self._descriptor)
        if len(data) != count:
            raise EOFError(
                f"bytes {offset} to {offset + count} are wanted, the file was cut short after opening"
            )
        return data

    def close(self) -> None:
        """Close once the reads in flight have returned; a descriptor number must not be reused under them."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            idle = self._readers == 0
        if idle:
            os.close(self._descriptor)

    def _read(self, offset: int, count: int) -> bytes:
        if _HAS_PREAD:
            data = os.pread(self._descriptor, count, offset)
            while 0 < len(data) < count:  # a single read ends at 2 GiB, and may end early on network shares
                more = os.pread(self._descriptor, count - len(data), offset + len(data))
                if not more:
                    break
                data += more
            return data
        with self._lock:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, count)
