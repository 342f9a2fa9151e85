"""The layout of a record's database, and the steps that bring an older one up to date.

``events`` holds the events and refuses every change and deletion. ``head`` is one row: how many events there
are and the digest of the last, so that a tail that was cut off is missed. ``meta`` holds the record's id and
the layout's version.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from viewer.review.database.event import first_previous

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

_METADATA = MetaData()
EVENTS = Table(
    "events",
    _METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("case", Text),
    Column("kind", Text),
    Column("reader", Text),
    Column("utc", Text),
    Column("monotonic_ns", BigInteger),
    Column("session", Text),
    Column("program", Text),
    Column("payload", Text),
    Column("salt", Text),
    Column("payload_digest", Text),
    Column("origin", Text),
    Column("previous", Text),
    Column("digest", Text),
)
HEAD = Table(
    "head",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("count", BigInteger),
    Column("digest", Text),
)
META = Table("meta", _METADATA, Column("name", Text, primary_key=True), Column("value", Text))

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), count {BIG} NOT NULL, digest TEXT NOT NULL);
CREATE TABLE events (
    number {BIG} PRIMARY KEY, "case" TEXT NOT NULL, kind TEXT NOT NULL, reader TEXT NOT NULL,
    utc TEXT NOT NULL, monotonic_ns {BIG} NOT NULL, session TEXT NOT NULL, program TEXT NOT NULL,
    payload TEXT, salt TEXT, payload_digest TEXT NOT NULL, origin TEXT, previous TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE INDEX events_case ON events ("case", number)
"""
_SQLITE_GUARDS = {
    "events_update": "CREATE TRIGGER events_update BEFORE UPDATE ON events"
    " BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END",
    "events_delete": "CREATE TRIGGER events_delete BEFORE DELETE ON events"
    " BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END",
}
_POSTGRESQL_GUARDS = {
    "events_changes": "CREATE TRIGGER events_changes BEFORE UPDATE OR DELETE ON events"
    " FOR EACH ROW EXECUTE FUNCTION events_refuse()",
    "events_truncate": "CREATE TRIGGER events_truncate BEFORE TRUNCATE ON events"
    " FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()",
}
_POSTGRESQL_REFUSAL = (
    "CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'events are only ever appended'; END $$"
)


def _layout_1(connection: Connection) -> None:
    sqlite = is_sqlite(connection)
    for statement in _TABLES.format(BIG="INTEGER" if sqlite else "BIGINT").split(";"):
        connection.execute(text(statement))
    if not sqlite:
        connection.execute(text(_POSTGRESQL_REFUSAL))
    for guard in guards(connection).values():
        connection.execute(text(guard))
    record_id = uuid.uuid4().hex
    names = {"record": record_id, "layout": "0", "readable": "1"}
    connection.execute(insert(META), [{"name": name, "value": value} for name, value in names.items()])
    connection.execute(insert(HEAD).values(id=1, count=0, digest=first_previous(record_id)))


MIGRATIONS: list[Callable[[Connection], None]] = [_layout_1]
"""The step to each layout from the one before; the first makes a new record. A step is never changed."""
READABLE = "readable"
"""Name in ``meta`` of the oldest layout whose program can read this record."""


def is_sqlite(connection: Connection) -> bool:
    """Whether this is SQLite; PostgreSQL otherwise."""
    return connection.dialect.name == "sqlite"


def guards(connection: Connection) -> dict[str, str]:
    """The triggers that refuse changes of events, as the statements that make them."""
    return _SQLITE_GUARDS if is_sqlite(connection) else _POSTGRESQL_GUARDS


def read_meta(connection: Connection) -> dict[str, str] | None:
    """The facts about a record; None in an empty database. Raises LookupError in one of something else."""
    names = set(inspect(connection).get_table_names())
    if not names:
        return None
    if not {"meta", "head", "events"} <= names:
        raise LookupError
    return {row.name: row.value for row in connection.execute(select(META.c.name, META.c.value))}


def layout_of(meta: dict[str, str] | None) -> int:
    """The version of a record's layout, 0 for none yet. Raises LookupError where it is not stated."""
    if meta is None:
        return 0
    try:
        return int(meta["layout"])
    except ValueError:
        raise LookupError from None


def migrate(connection: Connection, layout: int) -> None:
    """Bring the database from this layout to the newest, in the transaction of the connection."""
    for step in MIGRATIONS[layout:]:
        step(connection)
    connection.execute(update(META).where(META.c.name == "layout").values(value=str(len(MIGRATIONS))))
