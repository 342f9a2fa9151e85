"""Erases what a record holds about one case: the payloads go, the chain stays, a tombstone says who did it.

Titles, answers, places and texts are in payloads alone. What remains of an event is the case's pseudonymous
id, its kind and time, who made it, and its payload's digest, whose salt goes too: nothing can be guessed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, text, update

from viewer.review.database import strings
from viewer.review.database.backup import back_up, backups_of, damaged_files_of
from viewer.review.database.chain import ERASED
from viewer.review.database.engine import connect_sqlite, in_words
from viewer.review.database.errors import RecordError
from viewer.review.database.record import Entry, drafted
from viewer.review.database.schema import EVENTS, guards, is_sqlite

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from viewer.review.database.record import Record


class Erasure(NamedTuple):
    """How many ``events`` lost their payload, and the files that were removed because they held it, too."""

    events: int
    removed: tuple[Path, ...]


def erase(record: Record, case: str, reader: str, reason: str) -> Erasure:
    """Erase the payloads of a case's events; also in backups, which one new backup replaces where they hold
    any, and with damaged files that were kept. A second time it only finishes what a first could not.

    Raises RecordError: nothing was erased, or what was is still in the log, as its message says. A PostgreSQL
    keeps what was erased in its own logs and backups for as long as it keeps these.
    """
    with record.writing() as connection:
        wanted = EVENTS.c.case == case, EVENTS.c.payload.is_not(None), EVENTS.c.kind != ERASED
        numbers = list(connection.scalars(select(EVENTS.c.number).where(*wanted).order_by(EVENTS.c.number)))
        if numbers:
            _drop_guards(connection)
            connection.execute(update(EVENTS).where(*wanted).values(payload=None, salt=None))
            for guard in guards(connection).values():
                connection.execute(text(guard))
            payload = {"numbers": numbers, "reason": reason}
            record.add(connection, [drafted(Entry(case, ERASED, reader, payload))])
    removed = () if record.file is None else _replace_backups(record.file, case)
    _forget_freed_pages(record, case)
    return Erasure(len(numbers), removed)


def _drop_guards(connection: Connection) -> None:
    """Within the transaction: no other connection ever sees the record without them."""
    on_table = "" if is_sqlite(connection) else " ON events"
    for name in guards(connection):
        connection.execute(text(f"DROP TRIGGER {name}{on_table}"))


def _forget_freed_pages(record: Record, case: str) -> None:
    """Nothing of an erased payload stays in the log or in freed pages of the database."""
    with in_words(record.where), record.engine.connect() as connection:
        plain = connection.connection.dbapi_connection  # SQLAlchemy would begin a transaction first
        assert plain is not None
        if record.file is None:
            plain.rollback()  # of what examined the connection
            plain.autocommit = True
            plain.cursor().execute("VACUUM FULL events")
            plain.autocommit = False
            return
        plain.execute("VACUUM")
        is_busy, *_ = plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise RecordError(strings.NOT_WIPED.format(case=case, where=record.where))


def _replace_backups(file: Path, case: str) -> tuple[Path, ...]:
    old = [path for path in backups_of(file) if _holds(path, case)]
    if old:
        back_up(file)
    old += damaged_files_of(file)  # what they hold cannot be said
    for path in old:
        path.unlink(missing_ok=True)  # the oldest went when the new one was made
    return tuple(old)


def _holds(backup: Path, case: str) -> bool:
    """Whether a backup has payloads of a case; one that cannot be read may have."""
    wanted = 'SELECT count(*) FROM events WHERE "case" = ? AND payload IS NOT NULL AND kind != ?'
    try:
        with closing(connect_sqlite(backup, "immutable")) as connection:
            return bool(connection.execute(wanted, (case, ERASED)).fetchone()[0])
    except sqlite3.Error:
        return True
