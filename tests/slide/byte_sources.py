"""Bytes of slides whose reads tests count and hold up: a local file that stands for one elsewhere."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from viewer.slide.byte_source import FileBytes

if TYPE_CHECKING:
    from viewer.slide.locator import Locator


class MeasuredBytes:
    """The bytes of the file at a locator's path: every read is kept in ``reads`` as (offset, count).

    While ``gate`` is clear, reads wait for it.
    """

    def __init__(self, locator: Locator) -> None:
        self._file = FileBytes(locator.path)
        self.locator = locator
        self.size_bytes = self._file.size_bytes
        self.is_remote = not locator.is_local
        self.reads: list[tuple[int, int]] = []
        self.is_closed = False
        self.gate = threading.Event()
        self.gate.set()

    def read(self, offset: int, count: int) -> bytes:
        self.reads.append((offset, count))
        self.gate.wait()
        return self._file.read(offset, count)

    def close(self) -> None:
        self.is_closed = True
        self._file.close()
