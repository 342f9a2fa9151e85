"""Keeps other processes from changing a file while it is read, changed and written."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from viewer.common import strings
from viewer.common.atomic_write import SaveError, save_failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WAIT_S = 1.0
"""Another Foveola writes for a few milliseconds; one that hangs must not stop the window."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """No other process, and no other thread, writes the file meanwhile, where all of them ask for this lock.

    Raises SaveError where another one holds it for more than a second, or where it cannot be made.
    """
    lock = FileLock(f"{path}.lock", timeout=_WAIT_S, poll_interval=0.01)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise SaveError(path, strings.NOT_SAVED_LOCKED) from None
    except OSError as error:
        raise SaveError(path, save_failure(path, error)) from error
    try:
        yield
    finally:
        lock.release()
