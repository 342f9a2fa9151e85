"""Erases what a record holds about one case: the payloads go, the chain stays, a tombstone says who did it.

Names, answers, places and pictures are in payloads alone; what remains of an event is its kind, its time,
who made it, and the digest of its payload, whose salt goes too: no content can be guessed from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, text, update

from viewer.review.database.backup import back_up, backups_of, damaged_files_of
from viewer.review.database.chain import ERASED
from viewer.review.database.engine import in_words
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
    """Erase the payloads of a case's events, also from backups, which one new backup replaces, and from
    damaged files that were kept. Does nothing where there is none. Raises RecordError."""
    with record.writing() as connection:
        wanted = EVENTS.c.case == case, EVENTS.c.payload.is_not(None), EVENTS.c.kind != ERASED
        numbers = list(connection.scalars(select(EVENTS.c.number).where(*wanted).order_by(EVENTS.c.number)))
        if not numbers:
            return Erasure(0, ())
        _drop_guards(connection)
        connection.execute(update(EVENTS).where(*wanted).values(payload=None, salt=None))
        for guard in guards(connection).values():
            connection.execute(text(guard))
        payload = {"numbers": numbers, "reason": reason}
        record.add(connection, [drafted(Entry(case, ERASED, reader, payload))])
    _forget_freed_pages(record)
    return Erasure(len(numbers), () if record.file is None else _replace_backups(record.file))


def _drop_guards(connection: Connection) -> None:
    """Within the transaction: no other connection ever sees the record without them."""
    on_table = "" if is_sqlite(connection) else " ON events"
    for name in guards(connection):
        connection.execute(text(f"DROP TRIGGER {name}{on_table}"))


def _forget_freed_pages(record: Record) -> None:
    """Nothing of an erased payload stays in the log or in freed pages of the database."""
    with in_words(record.where), record.engine.connect() as connection:
        plain = connection.connection.dbapi_connection  # SQLAlchemy would begin a transaction first
        assert plain is not None
        if record.file is None:
            plain.rollback()  # of what examined the connection
            plain.autocommit = True
            plain.cursor().execute("VACUUM FULL events")
            plain.autocommit = False
        else:
            plain.execute("VACUUM")
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _replace_backups(file: Path) -> tuple[Path, ...]:
    old = [*backups_of(file), *damaged_files_of(file)]
    back_up(file)
    gone = []
    for path in old:
        if path.exists():  # the oldest went when the new one was made
            path.unlink()
        gone.append(path)
    return tuple(gone)
