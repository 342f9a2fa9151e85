"""Examines a record's file before it is opened, and restores a damaged one from its last good backup.

Nothing is thrown away: the damaged file stays under another name, and what can still be read of it is taken
over as far as the chain of digests proves it whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from viewer.common.text import first_line
from viewer.review.database import strings
from viewer.review.database.backup import backups_of, head_of
from viewer.review.database.engine import connect_sqlite, is_damage, sqlite_code
from viewer.review.database.errors import RecordError
from viewer.review.database.row import Row

if TYPE_CHECKING:
    from pathlib import Path

_NOT_WRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_COLUMNS = ", ".join(f'"{name}"' for name in Row._fields)
_LOGS = ("-wal", "-shm")


class Examined(NamedTuple):
    """How a file can be opened (a mode of ``make_engine``), and what SQLite says is damaged in it."""

    mode: str
    damage: str


class Restored(NamedTuple):
    """What became of a damaged record. ``lost``: events only in the damaged file, None where not known."""

    backup: Path
    damaged: Path | None
    kept: int
    lost: int | None


def examine(file: Path) -> Examined:
    """Whether a record's file is whole and can be written to. Raises RecordError and sqlite3.Error."""
    wal = file.with_name(f"{file.name}-wal")
    for mode in ("rw", "ro", "immutable"):
        if mode == "immutable" and wal.exists() and wal.stat().st_size:
            raise RecordError(strings.WAL_UNREADABLE.format(where=file, wal=wal.name))
        try:
            damage = _damage(file, mode)
        except sqlite3.Error as error:
            if sqlite_code(error) not in _NOT_WRITABLE or mode == "immutable":
                raise
        else:
            return Examined(mode, damage)
    raise AssertionError("the last mode returns or raises")


def _damage(file: Path, mode: str) -> str:
    """What is damaged, "" for nothing. Raises sqlite3.Error where the mode does not do."""
    try:
        with closing(connect_sqlite(file, mode)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if mode == "rw":
                _try_to_write(connection)
    except sqlite3.Error as error:
        if is_damage(error):
            return first_line(error)
        raise
    return "" if found == "ok" else str(found).splitlines()[-1]


def _try_to_write(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if sqlite_code(error) != sqlite3.SQLITE_BUSY:  # another program is writing, so it can be written to
            raise


def restore(file: Path) -> Restored | None:
    """Put the last good backup in the place of a damaged or missing record; None where there is none.

    Events that the damaged file has beyond it are taken over while each follows the one before.
    Raises OSError and sqlite3.Error.
    """
    for backup in backups_of(file):
        try:
            if not examine(backup).damage and head_of(backup, "immutable") is not None:
                break
        except (sqlite3.Error, RecordError):
            continue
    else:
        return None
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
    try:
        shutil.copyfile(backup, temporary)
        with temporary.open("rb+") as opened:
            os.fsync(opened.fileno())
        damaged = _put_aside(file)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if damaged is not None:
        return Restored(backup, damaged, *_take_over(damaged, file))
    head = head_of(file, "ro")
    return Restored(backup, None, 0 if head is None else head[0], None)


def _put_aside(file: Path) -> Path | None:
    """Rename the damaged file with its logs; None where there is none."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    damaged = file.with_name(f"{file.name}.damaged-{stamp}")
    for ending in (*_LOGS, ""):
        part = file.with_name(f"{file.name}{ending}")
        if part.exists():
            part.replace(damaged.with_name(f"{damaged.name}{ending}"))
    return damaged if damaged.exists() else None


def _take_over(damaged: Path, file: Path) -> tuple[int, int | None]:
    """Copy what the damaged file has beyond the restored one; returns the number of events that the restored
    one has now, and how many stay behind."""
    with closing(connect_sqlite(file, "rw")) as restored:
        restored.execute("BEGIN IMMEDIATE")
        count, digest = restored.execute("SELECT count, digest FROM head").fetchone()
        claimed: int | None = None
        try:
            with closing(connect_sqlite(damaged, "ro")) as source:
                claimed = _claimed_count(source)
                rows = source.execute(
                    f"SELECT {_COLUMNS} FROM events WHERE number > ? ORDER BY number", (count,)
                )
                for row in map(Row._make, rows):
                    if (
                        row.number != count + 1
                        or row.previous != digest
                        or row.chained_digest() != row.digest
                    ):
                        break
                    places = ", ".join("?" * len(row))
                    restored.execute(f"INSERT INTO events ({_COLUMNS}) VALUES ({places})", row)
                    count, digest = row.number, row.digest
        except (sqlite3.Error, ValueError, TypeError, RecursionError):
            pass  # as far as it can be read
        restored.execute("UPDATE head SET count = ?, digest = ?", (count, digest))
        restored.execute("COMMIT")
    return count, None if claimed is None else max(0, claimed - count)


def _claimed_count(source: sqlite3.Connection) -> int | None:
    """How many events a damaged file says it has."""
    for question in ("SELECT count FROM head", "SELECT max(number) FROM events"):
        try:
            (count,) = source.execute(question).fetchone()
        except (sqlite3.Error, TypeError):
            continue
        if isinstance(count, int):
            return count
    return None
