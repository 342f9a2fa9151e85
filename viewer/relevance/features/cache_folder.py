"""The folder of feature stores: their locks, and which are removed when the folder exceeds its limit.

A store is a few files of one name: ``.h5`` (finished), ``.journal`` (in progress), ``.lock``. The lock
belongs to the process that writes; the operating system frees it when that process dies.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from viewer.common.paths import cache_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger("foveola.features")

KEY_DIGITS = 32
_LOCK_ENDING = ".lock"


def features_dir() -> Path:
    """The default folder of stores. May not exist yet."""
    return cache_dir() / "features"


class StoreLock:
    """The right to write one store. Held until ``release`` or the end of the process."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock = lock

    @staticmethod
    def acquire(folder: Path, key: str) -> StoreLock | None:
        """The lock of a store; None where another process, or another store in this one, holds it.

        Raises OSError where the folder cannot be written or locked.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{key}{_LOCK_ENDING}"
        lock = FileLock(path, blocking=False, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return None
        return StoreLock(path, lock)

    def release(self) -> None:
        """Releasing twice is allowed."""
        self._lock.release()

    def touch(self) -> None:
        """Mark the store as used now: it is removed last."""
        os.utime(self._path)

    def remove_store(self) -> None:
        """Remove the files of the store, the lock file last. Raises OSError."""
        for path in _files_of(self._path.parent, self._path.stem):
            path.unlink()
        self._path.unlink()
        self.release()


def trim(folder: Path, limit_bytes: int) -> int:
    """Remove the stores that were used longest ago until all together are within the limit; the number
    removed.

    A store in use is never removed, nor is one that cannot be.
    """
    stores: dict[str, list[os.stat_result]] = {}
    for path in _store_files(folder):
        with suppress(FileNotFoundError):
            stores.setdefault(_key_of(path), []).append(path.stat())
    total_bytes = sum(stat.st_size for stats in stores.values() for stat in stats)
    removed = 0
    for key in sorted(stores, key=lambda key: max(stat.st_mtime for stat in stores[key])):
        if total_bytes <= limit_bytes:
            break
        try:
            lock = StoreLock.acquire(folder, key)
            if lock is None:
                continue
            try:
                lock.remove_store()
            finally:
                lock.release()
        except OSError as error:
            log.warning("%s: an old store cannot be removed: %s", folder / key, error)
            continue
        log.info("%s: removed, the stores were larger than %d bytes", folder / key, limit_bytes)
        total_bytes -= sum(stat.st_size for stat in stores[key])
        removed += 1
    return removed


def _store_files(folder: Path) -> Iterator[Path]:
    """Files of stores, also those that a killed process left."""
    if folder.is_dir():
        for path in folder.iterdir():
            if _key_of(path) and path.is_file():
                yield path


def _files_of(folder: Path, key: str) -> list[Path]:
    return [path for path in _store_files(folder) if _key_of(path) == key and path.suffix != _LOCK_ENDING]


def _key_of(path: Path) -> str:
    """The store that a file belongs to; "" for any other file in the folder."""
    key, _, ending = path.name.removeprefix(".").partition(".")
    hexadecimal = len(key) == KEY_DIGITS and not key.strip("0123456789abcdef")
    ours = ending.startswith(("h5", "journal", "lock"))
    return key if hexadecimal and ours else ""
