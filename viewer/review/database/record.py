"""The record: events are appended and read, never changed. SQLite in a file, or PostgreSQL by its address.

Every state of a case is folded from its events. Several processes may append at once: each waits for the
others, for a bounded time. What an ``append`` has returned is on the disk.

The chain of digests shows every change that does not also rewrite all that follows it. Who can write to the
database can do that: keep the number and digest that ``foveola review verify`` prints elsewhere, where that
matters.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, select, text, update

import viewer
from viewer.review.database import strings
from viewer.review.database.engine import WRITES, address_of, file_of, in_words, make_engine, shown
from viewer.review.database.errors import RecordError
from viewer.review.database.event import Event, canonical, digest_of_event, digest_of_payload, new_salt
from viewer.review.database.schema import (
    EVENTS,
    HEAD,
    MIGRATIONS,
    READABLE,
    is_sqlite,
    layout_of,
    migrate,
    read_meta,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from sqlalchemy import URL, Connection, Engine

__all__ = ["Entry", "Event", "Record", "RecordError", "open_record"]

PROGRAM = f"foveola {viewer.__version__}"
_MIGRATION_LOCK = 0x466F76656F6C61  # any number that all processes agree on


class Entry(NamedTuple):
    """What is to be appended. ``payload`` is what JSON can hold."""

    case: str
    kind: str
    reader: str
    payload: Mapping[str, Any]


class Record:
    """An open record; ``open_record`` opens one. Any thread may use it. Close it."""

    def __init__(self, engine: Engine, url: URL, record_id: str, *, read_only: bool, notice: str) -> None:
        self.engine = engine
        self.url = url
        self.where = shown(url)
        self.id = record_id
        self.read_only = read_only
        self.notice = notice
        """What the reader must be told about how it was opened; "" as a rule."""
        self.session = uuid.uuid4().hex

    def append(self, case: str, kind: str, reader: str, payload: Mapping[str, Any]) -> Event:
        """Append one event; it is on the disk when this returns.

        Raises RecordError, and then nothing was written.
        """
        return self.append_all([Entry(case, kind, reader, payload)])[0]

    def append_all(self, entries: Iterable[Entry | tuple[str, str, str, Mapping[str, Any]]]) -> list[Event]:
        """Append events in one transaction: all of them or, where RecordError is raised, none."""
        if self.read_only:
            raise RecordError(strings.READ_ONLY_BECAUSE.format(where=self.where, notice=self.notice))
        prepared = [_prepared(Entry(*entry)) for entry in entries]
        if not prepared:
            return []
        with in_words(self.where), self.engine.connect() as plain:
            connection = plain.execution_options(**{WRITES: True})
            with connection.begin():
                return self._append(connection, prepared)

    def _append(self, connection: Connection, prepared: list[tuple[Entry, str]]) -> list[Event]:
        count, previous = connection.execute(select(HEAD.c.count, HEAD.c.digest).with_for_update()).one()
        events = []
        for entry, payload in prepared:
            count += 1
            salt = new_salt()
            fields: dict[str, Any] = {
                "number": count,
                "case": entry.case,
                "kind": entry.kind,
                "reader": entry.reader,
                "utc": datetime.now(UTC).isoformat(timespec="microseconds"),
                "monotonic_ns": time.monotonic_ns(),
                "session": self.session,
                "program": PROGRAM,
                "payload_digest": digest_of_payload(salt, payload),
                "previous": previous,
            }
            previous = digest_of_event(**fields)
            # The payload as it will be read, not as it was given.
            events.append(
                Event(**fields, payload=json.loads(payload), erased=False, salt=salt, digest=previous)
            )
        rows = [
            {column.name: getattr(event, column.name) for column in EVENTS.c} | {"payload": payload}
            for event, (_, payload) in zip(events, prepared, strict=True)
        ]
        connection.execute(insert(EVENTS), rows)
        connection.execute(update(HEAD).values(count=count, digest=previous))
        return events

    def events(
        self, *, case: str | None = None, kinds: Collection[str] | None = None, after: int = 0
    ) -> list[Event]:
        """The events in their order: of one case, of some kinds, with numbers above ``after``.

        Raises RecordError.
        """
        wanted = select(EVENTS).where(EVENTS.c.number > after).order_by(EVENTS.c.number)
        if case is not None:
            wanted = wanted.where(EVENTS.c.case == case)
        if kinds is not None:
            wanted = wanted.where(EVENTS.c.kind.in_(list(kinds)))
        with in_words(self.where), self.engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [self._event(*row) for row in rows]

    def _event(
        self,
        number: int,
        case: str,
        kind: str,
        reader: str,
        utc: str,
        monotonic_ns: int,
        session: str,
        program: str,
        payload: str | None,
        salt: str | None,
        payload_digest: str,
        previous: str,
        digest: str,
    ) -> Event:
        try:
            said = json.loads(payload) if payload is not None else {}
        except (ValueError, TypeError, RecursionError):
            raise RecordError(strings.DAMAGED_EVENT.format(where=self.where, number=number)) from None
        return Event(
            number=number,
            case=case,
            kind=kind,
            reader=reader,
            utc=utc,
            monotonic_ns=monotonic_ns,
            session=session,
            program=program,
            payload=said,
            erased=payload is None,
            salt=salt or "",
            payload_digest=payload_digest,
            previous=previous,
            digest=digest,
        )

    def close(self) -> None:
        """Let go of the database; a second time does nothing."""
        self.engine.dispose()

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_record(where: str | Path | None = None) -> Record:
    """Open a record, or make it: a file (None: the usual one) or the address of a PostgreSQL.

    Raises RecordError where it cannot be read. Where it cannot be written to, it is open for reading only,
    and ``notice`` says so.
    """
    url = address_of(where)
    file = file_of(url)
    if file is not None and file.is_dir():
        raise RecordError(strings.FOLDER.format(where=file))
    with in_words(shown(url)):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = make_engine(url, mode="rwc")
        try:
            return _opened(engine, url)
        except BaseException:
            engine.dispose()
            raise


def _opened(engine: Engine, url: URL) -> Record:
    try:
        with engine.connect() as connection:
            meta = read_meta(connection)
            layout = layout_of(meta)
        if layout < len(MIGRATIONS):
            with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
                if not is_sqlite(connection):
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                migrate(connection, layout_of(read_meta(connection)))  # another process may have been first
                meta = read_meta(connection)
    except LookupError:
        raise RecordError(strings.NOT_A_RECORD.format(where=shown(url))) from None
    assert meta is not None
    newer = layout > len(MIGRATIONS)
    if newer and int(meta.get(READABLE, layout)) > len(MIGRATIONS):
        raise RecordError(strings.NEWER.format(where=shown(url), found=layout, known=len(MIGRATIONS)))
    notice = strings.NOTICE_NEWER.format(where=shown(url), found=layout) if newer else ""
    return Record(engine, url, meta["record"], read_only=newer, notice=notice)


def _prepared(entry: Entry) -> tuple[Entry, str]:
    """The entry and its payload as text. Raises RecordError for what the database could not keep."""
    if not entry.kind:
        raise RecordError(strings.NO_KIND)
    for name in ("case", "kind", "reader"):
        value = getattr(entry, name)
        if (
            not isinstance(value, str)
            or "\0" in value
            or any("\ud800" <= letter <= "\udfff" for letter in value)
        ):
            raise RecordError(strings.NOT_TEXT.format(name=name, value=value))
    try:
        return entry, canonical(dict(entry.payload))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(strings.NOT_JSON.format(kind=entry.kind, case=entry.case, error=error)) from error
