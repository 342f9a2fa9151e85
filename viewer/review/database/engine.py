"""Connections to the database of a record: where it is, how it is opened, what its errors mean in words."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import sqlalchemy
from sqlalchemy import event, exc
from sqlalchemy.pool import QueuePool

from viewer.common.paths import data_dir
from viewer.common.text import first_line
from viewer.review.database import strings
from viewer.review.database.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

WAIT_S = 5.0
"""So long an operation waits for another program to finish its own."""
WRITES = "foveola_writes"
"""Execution option of a connection whose transactions take the lock for writing at once."""
WRITING_MODES = frozenset({"rw", "rwc"})
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+pg8000"}
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_WORDS = {
    sqlite3.SQLITE_BUSY: strings.BUSY,
    sqlite3.SQLITE_LOCKED: strings.BUSY,
    sqlite3.SQLITE_FULL: strings.DISK_FULL,
    sqlite3.SQLITE_READONLY: strings.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: strings.DAMAGED,
    sqlite3.SQLITE_NOTADB: strings.DAMAGED,
    sqlite3.SQLITE_CANTOPEN: strings.NOT_OPENED,
    sqlite3.SQLITE_IOERR: strings.DISK_ERROR,
}
_POSTGRESQL_WORDS = {
    "55P03": strings.BUSY,
    "40P01": strings.BUSY,
    "53100": strings.DISK_FULL,
    "25006": strings.READ_ONLY,
}


RECORD_VARIABLE = "FOVEOLA_RECORD"
"""Environment variable: the record to use, a file or a URL; commands show their arguments to everybody on the
computer, and a URL may hold a password."""


def address_of(where: str | Path | None) -> URL:
    """The address of a record: a file or a URL; None: that of the environment, else the usual file. Raises
    RecordError."""
    text = str(where or os.environ.get(RECORD_VARIABLE) or "")
    if "://" not in text:
        file = Path(text).expanduser() if text else data_dir() / "record.sqlite"
        return sqlalchemy.URL.create("sqlite", database=str(file.absolute()))
    try:
        url = sqlalchemy.make_url(text)
    except exc.ArgumentError:
        raise RecordError(strings.NOT_AN_ADDRESS.format(where=text)) from None
    kind = url.get_backend_name()
    if kind not in _DRIVERS:
        raise RecordError(strings.OTHER_DATABASE.format(where=shown(url), kind=kind))
    if kind == "sqlite" and not url.database:
        raise RecordError(strings.NOT_AN_ADDRESS.format(where=text))
    return url.set(drivername=_DRIVERS[kind])


def file_of(url: URL) -> Path | None:
    """The file of a record in SQLite; None elsewhere."""
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None


def shown(url: URL) -> str:
    """A record's place for people: a path, or an address without its password."""
    file = file_of(url)
    return str(file) if file is not None else url.render_as_string(hide_password=True)


def make_engine(url: URL, *, mode: str = "rw") -> Engine:
    """An engine for a record. ``mode``: ``rwc`` makes a missing file, ``rw`` does not, ``ro`` never writes,
    ``immutable`` needs not even a lock. Raises RecordError without the driver."""
    file = file_of(url)
    if file is not None:
        return _sqlite_engine(file, mode)
    try:
        engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise RecordError(strings.DRIVER_NEEDED.format(where=shown(url))) from None

    @event.listens_for(engine, "connect")
    def bound_the_wait(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(WAIT_S * 1000)}")
        connection.commit()

    return engine


def _sqlite_engine(file: Path, mode: str) -> Engine:
    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: connect_sqlite(file, mode), poolclass=QueuePool
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def connect_sqlite(file: Path, mode: str) -> sqlite3.Connection:
    """A connection to a record in SQLite, in a mode of ``make_engine``, without transactions of its own.

    Raises sqlite3.Error.
    """
    rest = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"{file.as_uri()}?{rest}", uri=True, timeout=WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        # Damaged text is found by its digest and must not keep the rest from being read.
        connection.text_factory = _text
        if mode in WRITING_MODES:
            _turn_on_wal(connection)
        for pragma in ("synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def sqlite_code(error: sqlite3.Error) -> int:
    """The kind of an error of SQLite, one of ``sqlite3.SQLITE_…``."""
    # The low byte is the kind, the rest says more.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: object) -> TypeGuard[sqlite3.Error]:
    """Whether this is SQLite's word for a damaged file."""
    return isinstance(error, sqlite3.Error) and sqlite_code(error) in _DAMAGED


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _turn_on_wal(connection: sqlite3.Connection) -> None:
    """Two programs that make the same file meet here, and SQLite does not wait by itself."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            if sqlite_code(error) == sqlite3.SQLITE_READONLY:
                return  # read all the same
            if sqlite_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def in_words(where: str) -> Iterator[None]:
    """What the database reports, as RecordError."""
    try:
        yield
    except exc.DBAPIError as error:
        raise RecordError(_words(error).format(where=where, error=first_line(error.orig or error))) from error
    except sqlite3.Error as error:  # raised while connecting
        raise RecordError(_sqlite_words(error).format(where=where, error=first_line(error))) from error
    except (exc.SQLAlchemyError, OSError) as error:
        raise RecordError(strings.FAILED.format(where=where, error=first_line(error))) from error


def _words(error: exc.DBAPIError) -> str:
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_words(error.orig)
    told = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if isinstance(told, dict):
        return _POSTGRESQL_WORDS.get(str(told.get("C")), strings.FAILED)
    return strings.UNREACHABLE


def _sqlite_words(error: sqlite3.Error) -> str:
    return _SQLITE_WORDS.get(sqlite_code(error), strings.FAILED)
