"""Changes events behind the record's back: the guards are lifted, and put back afterwards."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from viewer.review.database.schema import guards, is_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from viewer.review.database.record import Record


@contextmanager
def unguarded(record: Record) -> Iterator[Connection]:
    """A transaction in which events can be changed as in any table."""
    with record.writing() as connection:
        for name in guards(connection):
            on_table = "" if is_sqlite(connection) else " ON events"
            connection.exec_driver_sql(f"DROP TRIGGER {name}{on_table}")
        yield connection
        for statement in guards(connection).values():
            connection.exec_driver_sql(statement)
