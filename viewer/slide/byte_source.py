"""ByteSource: the bytes of a slide by offset, local or remote, and FileBytes, those of a local file.

``open_bytes`` gives the one for a locator. A file is never mapped into memory: reading a mapped page behind
the end of a file that was truncated meanwhile kills the process.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from typing import TYPE_CHECKING, Protocol

from viewer.slide import strings
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HAS_PREAD = hasattr(os, "pread")  # not on Windows


class ByteSource(Protocol):
    """The bytes of one slide, safe to read from many threads.

    ``size_bytes`` is their number at opening; ``is_remote``: a read waits for a network, so that many
    should be under way at once.
    """

    @property
    def locator(self) -> Locator: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def is_remote(self) -> bool: ...

    def read(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes from ``offset``.

        Raises EOFError where they end before, OSError where they cannot be read or the source is closed.
        ``count`` is checked against ``size_bytes`` before anything is allocated.
        """

    def close(self) -> None:
        """Release what is held, once the reads in flight have returned. Closing twice is allowed."""


class FileBytes:
    """An open local file that neither shrinking nor closing under a read can crash. Raises OSError."""

    is_remote = False

    def __init__(self, path: Path) -> None:
        self.locator = Locator.parse(path)
        self._descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        )
        self._lock = threading.Lock()
        self._readers = 0
        self._closing = False
        self.size_bytes = os.fstat(self._descriptor).st_size

    def read(self, offset: int, count: int) -> bytes:
        """See ``ByteSource.read``."""
        if offset < 0 or count < 0 or offset + count > self.size_bytes:
            raise EOFError(
                strings.BYTES_MISSING.format(start=offset, end=offset + count, size=self.size_bytes)
            )
        with self._lock:
            if self._closing:
                raise OSError(errno.EBADF, strings.CLOSED)
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
            raise EOFError(strings.FILE_TRUNCATED.format(start=offset, end=offset + count))
        return data

    def close(self) -> None:
        """See ``ByteSource.close``: a descriptor number must not be reused under a read."""
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


def _open_file(locator: Locator) -> FileBytes:
    """The bytes of a local file that is not empty. Raises SlideError."""
    path = locator.path
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SlideError(path, strings.FOLDER)
        if not stat.S_ISREG(mode):
            raise SlideError(path, strings.NOT_REGULAR)
        file = FileBytes(path)
        try:
            file.read(0, 1)
        except BaseException:
            file.close()
            raise
    except FileNotFoundError:
        raise SlideError(path, strings.NO_SUCH_FILE) from None
    except PermissionError:
        raise SlideError(path, strings.NO_PERMISSION) from None
    except EOFError:
        raise SlideError(path, strings.EMPTY) from None
    except OSError as error:
        raise SlideError(path, strings.UNREADABLE.format(error=error.strerror)) from error
    except ValueError as error:  # a NUL in the name
        raise SlideError(path, strings.UNREADABLE.format(error=error)) from error
    return file


SCHEMES: dict[str, Callable[[Locator], ByteSource]] = {"file": _open_file}
"""What opens the bytes at a locator of each scheme. Raises SlideError."""


def open_bytes(locator: Locator) -> ByteSource:
    """The bytes at a locator. Raises SlideError, also for an unknown scheme."""
    opener = SCHEMES.get(locator.scheme)
    if opener is None:
        raise SlideError(str(locator), strings.UNKNOWN_SCHEME.format(scheme=locator.scheme))
    return opener(locator)
