"""Backups of a record in SQLite, beside it: ``NAME.backup-1``, ``-2``… of which the newest five are kept."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from viewer.common.atomic_write import save_failure
from viewer.common.text import first_line
from viewer.review.database import strings
from viewer.review.database.engine import connect_sqlite
from viewer.review.database.errors import RecordError

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 5
_DAY_S = 24 * 3600


def backups_of(file: Path) -> list[Path]:
    """The backups of a record, the newest first."""
    named = re.compile(re.escape(file.name) + r"\.backup-(\d+)")
    numbered = [
        (int(match[1]), path) for path in _siblings(file) if (match := named.fullmatch(path.name)) is not None
    ]
    return [path for _, path in sorted(numbered, reverse=True)]


def damaged_files_of(file: Path) -> list[Path]:
    """The damaged files that were kept when the record was restored."""
    return [path for path in _siblings(file) if path.name.startswith(f"{file.name}.damaged-")]


def backup_is_due(file: Path) -> bool:
    """Whether a day has passed since the last backup and events have come."""
    newest = next(iter(backups_of(file)), None)
    if newest is None:
        return bool(head_of(file, "ro"))
    return time.time() - newest.stat().st_mtime >= _DAY_S and head_of(newest, "immutable") != head_of(
        file, "ro"
    )


def head_of(file: Path, mode: str) -> tuple[int, str] | None:
    """How many events a file holds and the digest of the last; None for none, or where it cannot be read."""
    try:
        with closing(connect_sqlite(file, mode)) as connection:
            count, digest = connection.execute("SELECT count, digest FROM head").fetchone()
    except (sqlite3.Error, TypeError, ValueError):
        return None
    return (count, digest) if count else None


def back_up(file: Path) -> Path:
    """Copy the record as it is now, while others go on writing; returns the new backup.

    The newest five stay. Raises RecordError; the older backups are untouched then.
    """
    earlier = backups_of(file)
    number = int(earlier[0].name.rpartition("-")[2]) + 1 if earlier else 1
    new = file.with_name(f"{file.name}.backup-{number}")
    temporary = file.with_name(f".{new.name}.{secrets.token_hex(8)}.part")
    try:
        try:
            _copy(file, temporary)
            temporary.replace(new)
        except BaseException:
            with contextlib.suppress(OSError):  # the first failure is the one to report
                temporary.unlink()
            raise
        for old in backups_of(file)[KEPT:]:
            old.unlink()
    except OSError as error:
        raise RecordError(strings.NOT_BACKED_UP.format(where=file, error=save_failure(new, error))) from error
    except sqlite3.Error as error:
        raise RecordError(strings.NOT_BACKED_UP.format(where=file, error=first_line(error))) from error
    return new


def _copy(file: Path, target: Path) -> None:
    """Raises sqlite3.Error and OSError."""
    with closing(connect_sqlite(file, "ro")) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(strings.BACKUP_DAMAGED.format(error=found))
    with target.open("rb+") as opened:
        os.fsync(opened.fileno())


def _siblings(file: Path) -> list[Path]:
    try:
        return sorted(file.parent.iterdir())
    except OSError:
        return []
