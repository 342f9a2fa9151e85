"""Saves a file so that it is never half written, or states why it cannot be saved."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING

from viewer.common import strings
from viewer.common.errors import FoveolaError
from viewer.common.paths import HOME_VARIABLE, OWN_FOLDERS

if TYPE_CHECKING:
    from pathlib import Path


class SaveError(FoveolaError):
    """A file that could not be saved: which, and why, for the user. The old one is untouched."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(strings.FILE_ERROR.format(path=path, reason=reason))
        self.path = path
        self.reason = reason


def save_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``: others see the old file or the whole new one, never a part of it.

    Missing folders are made. Raises SaveError; nothing is left behind then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened as any new file is: tempfile would make it readable for its owner alone.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # the first failure is the one to report
                temporary.unlink()
            raise
    except OSError as error:
        raise SaveError(path, save_failure(path, error)) from error


def check_savable(path: Path) -> None:
    """Raises SaveError where saving to ``path`` is bound to fail, so that long work is not done for nothing.

    Does not detect what only saving shows, such as a full disk.
    """
    if path.is_dir():
        raise SaveError(path, save_failure(path, IsADirectoryError(errno.EISDIR, "")))
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not existing.is_dir():
        raise SaveError(path, save_failure(path, NotADirectoryError(errno.ENOTDIR, "")))
    if not os.access(existing, os.W_OK | os.X_OK):
        raise SaveError(path, save_failure(path, PermissionError(errno.EACCES, "")))


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that nothing is lost when it is written again; returns its new name.

    Raises SaveError.
    """
    kept = path.with_name(f"{path.name}.unreadable")
    try:
        path.replace(kept)
    except OSError as error:
        raise SaveError(path, save_failure(path, error)) from error
    return kept


def save_failure(path: Path, error: OSError) -> str:
    """Why writing ``path`` failed and what to do about it, to follow the name of the file."""
    own = any(path.absolute().is_relative_to(folder().absolute()) for folder in OWN_FOLDERS)
    elsewhere = strings.MOVE_HOME.format(variable=HOME_VARIABLE) if own else strings.CHOOSE_FOLDER
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return strings.DISK_FULL
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return strings.SAVING_NOT_ALLOWED.format(elsewhere=elsewhere)
        case errno.ENOTDIR | errno.EEXIST:
            return strings.FILE_IN_PLACE_OF_FOLDER.format(elsewhere=elsewhere)
        case errno.EISDIR:
            return strings.FOLDER_IN_PLACE_OF_FILE
        case _:
            return strings.NOT_SAVED.format(reason=error.strerror or error)
