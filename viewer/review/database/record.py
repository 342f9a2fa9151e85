"""The record: events are appended and read, never changed. SQLite in a file, or PostgreSQL by its address.

Every state of a case is folded from its events. Several processes may append at once: each waits for the
others, for a bounded time. What an ``append`` has returned is on the disk.

The chain of digests shows every change that does not also rewrite all that follows it. Who can write to the
database can do that: keep the number and digest that ``foveola review verify`` prints elsewhere, where that
matters.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, insert, select, update

import viewer
from viewer.common.atomic_write import SaveError, save_failure
from viewer.common.file_lock import locked
from viewer.review.database import strings
from viewer.review.database.backup import back_up, backup_is_due, backups_of
from viewer.review.database.engine import (
    WRITES,
    WRITING_MODES,
    address_of,
    file_of,
    in_words,
    make_engine,
    shown,
)
from viewer.review.database.errors import RecordError
from viewer.review.database.event import Event, canonical, digest_of_event, digest_of_payload, new_salt
from viewer.review.database.recovery import Restored, examine, restore
from viewer.review.database.row import Row
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
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import URL, Connection, Engine

__all__ = ["Draft", "Entry", "Event", "Record", "RecordError", "open_record", "open_unrepaired"]

PROGRAM = f"foveola {viewer.__version__}"
RESTORED = "record restored"
"""Kind of the event that says that the record was damaged and restored. It belongs to no case."""
_MIGRATION_LOCK = 0x466F76656F6C61  # any number that all processes agree on


class Entry(NamedTuple):
    """What is to be appended. ``payload`` is what JSON can hold."""

    case: str
    kind: str
    reader: str
    payload: Mapping[str, Any]


class Draft(NamedTuple):
    """An event before it has a place. ``payload`` is canonical text; None, as the salt, where erased."""

    case: str
    kind: str
    reader: str
    payload: str | None
    salt: str | None
    payload_digest: str
    origin: Mapping[str, Any] | None = None


class Record:
    """An open record; ``open_record`` opens one. Any thread may use it. Close it."""

    def __init__(
        self, engine: Engine, url: URL, record_id: str, *, read_only: bool, notice: str = ""
    ) -> None:
        self.engine = engine
        self.file = file_of(url)
        """None in PostgreSQL."""
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
        drafts = [drafted(Entry(*entry)) for entry in entries]
        with self.writing() as connection:
            return self.add(connection, drafts)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other process writes beside; ``add`` appends in it. Raises RecordError."""
        if self.read_only:
            raise RecordError(strings.READ_ONLY_BECAUSE.format(where=self.where, notice=self.notice))
        with in_words(self.where), self.engine.connect() as plain:
            connection = plain.execution_options(**{WRITES: True})
            with connection.begin():
                # SQLite has its lock already; PostgreSQL takes it here.
                connection.execute(select(HEAD.c.count).with_for_update()).all()
                yield connection

    def add(self, connection: Connection, drafts: Iterable[Draft]) -> list[Event]:
        """Append events in a transaction of ``writing``."""
        count, previous = connection.execute(select(HEAD.c.count, HEAD.c.digest)).one()
        rows = []
        for draft in drafts:
            count += 1
            fields: dict[str, Any] = {
                "number": count,
                "case": draft.case,
                "kind": draft.kind,
                "reader": draft.reader,
                "utc": datetime.now(UTC).isoformat(timespec="microseconds"),
                "monotonic_ns": time.monotonic_ns(),
                "session": self.session,
                "program": PROGRAM,
                "payload_digest": draft.payload_digest,
                "previous": previous,
            }
            previous = digest_of_event(**fields, origin=draft.origin)
            origin = None if draft.origin is None else canonical(draft.origin)
            rows.append(Row(**fields, payload=draft.payload, salt=draft.salt, origin=origin, digest=previous))
        if rows:
            connection.execute(insert(EVENTS), [row._asdict() for row in rows])
            connection.execute(update(HEAD).values(count=count, digest=previous))
        # Read back from the text, so that the caller gets what every later reader gets.
        return [row.event() for row in rows]

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
        return [self._event(Row._make(row)) for row in rows]

    def head(self) -> tuple[int, str]:
        """How many events there are, and the digest of the last. Raises RecordError."""
        with in_words(self.where), self.engine.connect() as connection:
            count, digest = connection.execute(select(HEAD.c.count, HEAD.c.digest)).one()
        return count, digest

    def _event(self, row: Row) -> Event:
        try:
            return row.event()
        except (ValueError, TypeError, RecursionError):
            raise RecordError(strings.DAMAGED_EVENT.format(where=self.where, number=row.number)) from None

    def close(self) -> None:
        """Let go of the database; a second time does nothing."""
        self.engine.dispose()

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def drafted(entry: Entry) -> Draft:
    """The entry with its payload as text. Raises RecordError for what the database could not keep."""
    if not entry.kind:
        raise RecordError(strings.NO_KIND)
    for name in ("case", "kind", "reader"):
        value = getattr(entry, name)
        if not isinstance(value, str) or not can_be_kept(value):
            raise RecordError(strings.NOT_TEXT.format(name=name, value=value))
    try:
        payload = canonical(dict(entry.payload))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(strings.NOT_JSON.format(kind=entry.kind, case=entry.case, error=error)) from error
    salt = new_salt()
    return Draft(entry.case, entry.kind, entry.reader, payload, salt, digest_of_payload(salt, payload))


def can_be_kept(value: str) -> bool:
    """Whether both databases can keep a text as it is."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


# Opening


def open_record(where: str | Path | None = None, *, create: bool = True) -> Record:
    """Open a record: a file (None: the usual one) or the address of a PostgreSQL. A missing one is made, or
    refused without ``create``.

    A file that cannot be written to is open for reading only; a damaged one is restored from its last good
    backup. ``notice`` says so. A backup is made where the last one is a day old. Raises RecordError.
    """
    url = address_of(where)
    file = file_of(url)
    if file is None:
        with in_words(shown(url)):
            return _opened(make_engine(url), url, create=create)
    if file.is_dir():
        raise RecordError(strings.FOLDER.format(where=file))
    with in_words(str(file)):
        mode, notice, restored = _examined(file, create=create)
        record = _opened(make_engine(url, mode=mode), url, mode=mode, notice=notice, create=create)
    if restored is not None and not record.read_only:
        record.append("", RESTORED, "", _account(restored))
    if not record.read_only:
        record.notice = record.notice or _back_up_if_due(file)
    return record


def open_unrepaired(where: str | Path | None = None) -> Record:
    """Open a record as it lies there, to examine it: nothing is made, restored or written.

    Its ``id`` is not read. Raises RecordError where there is none.
    """
    url = address_of(where)
    file = file_of(url)
    if file is not None and not file.is_file():
        raise RecordError(strings.NONE_YET.format(where=file))
    mode = "ro"
    if file is not None and not file.with_name(f"{file.name}-wal").exists():
        mode = "immutable"
    return Record(make_engine(url, mode=mode), url, "", read_only=True)


def _examined(file: Path, *, create: bool) -> tuple[str, str, Restored | None]:
    """The mode to open a file in, what the reader must be told, and what was restored."""
    if not file.exists() and not backups_of(file):
        if not create:
            raise RecordError(strings.NONE_YET.format(where=file))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordError(
                strings.NOT_MADE.format(where=file, reason=save_failure(file, error))
            ) from error
        return "rwc", "", None
    if file.exists():
        mode, damage = examine(file)
        if not damage:
            notice = "" if mode in WRITING_MODES else strings.NOTICE_READ_ONLY.format(where=file)
            return mode, notice, None
    try:
        with locked(file):
            gone = not file.exists()
            mode, damage = ("rw", "") if gone else examine(file)
            if not gone and not damage:  # another process has just restored it
                return mode, "", None
            restored = restore(file)
    except (SaveError, OSError) as error:
        reason = error.reason if isinstance(error, SaveError) else save_failure(file, error)
        raise RecordError(strings.NOT_RESTORED.format(where=file, error=damage, reason=reason)) from error
    if restored is None:
        return "ro", strings.NOTICE_DAMAGED.format(where=file, error=damage), None
    return "rw", _notice(file, damage, restored), restored


def _opened(engine: Engine, url: URL, *, mode: str = "rw", notice: str = "", create: bool) -> Record:
    where = shown(url)
    try:
        with engine.connect() as connection:
            meta = read_meta(connection)
            layout = layout_of(meta)
        if layout == 0 and not create:
            raise RecordError(strings.NONE_YET.format(where=where))
        if layout < len(MIGRATIONS) and mode in WRITING_MODES:
            with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
                if not is_sqlite(connection):
                    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK))).all()
                migrate(connection, layout_of(read_meta(connection)))  # another process may have been first
                meta = read_meta(connection)
        if meta is None:
            raise LookupError
        newer = layout > len(MIGRATIONS)
        if newer and int(meta.get(READABLE, layout)) > len(MIGRATIONS):
            raise RecordError(strings.NEWER.format(where=where, found=layout, known=len(MIGRATIONS)))
        if newer:
            notice = strings.NOTICE_NEWER.format(where=where, found=layout)
        return Record(
            engine, url, meta["record"], read_only=newer or mode not in WRITING_MODES, notice=notice
        )
    except LookupError:
        engine.dispose()
        raise RecordError(strings.NOT_A_RECORD.format(where=where)) from None
    except BaseException:
        engine.dispose()
        raise


def _back_up_if_due(file: Path) -> str:
    """Make a backup where one is due; returns what the reader must be told where that failed."""
    try:
        if backup_is_due(file):
            with locked(file):
                if backup_is_due(file):  # another process may have just made it
                    back_up(file)
    except (RecordError, SaveError, OSError, sqlite3.Error) as error:
        return strings.NOTICE_NOT_BACKED_UP.format(where=file, error=error)
    return ""


def _notice(file: Path, damage: str, restored: Restored) -> str:
    backup, kept = restored.backup.name, restored.kept
    if restored.damaged is None:
        return strings.NOTICE_GONE.format(where=file, backup=backup, kept=kept)
    lost = strings.LOST_UNKNOWN
    if restored.lost is not None:
        lost = strings.LOST_SOME[restored.lost == 1].format(count=restored.lost)
        lost = lost if restored.lost else strings.LOST_NONE
    return strings.NOTICE_RESTORED.format(
        where=file, error=damage, backup=backup, kept=kept, lost=lost, damaged=restored.damaged.name
    )


def _account(restored: Restored) -> dict[str, Any]:
    damaged = None if restored.damaged is None else restored.damaged.name
    return {"backup": restored.backup.name, "damaged": damaged, "kept": restored.kept, "lost": restored.lost}
