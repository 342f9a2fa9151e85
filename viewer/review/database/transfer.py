"""Cases with their trail in a file: exported from one record, imported into another.

The file holds events as they were recorded, with their digests. Where it was imported an event is chained to
those of the new record, and keeps as its origin what it was: ``verify`` checks both. A digest over all of
them shows that one is missing or moved; who rewrites the file can also rewrite that.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.atomic_write import save_atomically
from viewer.review.database import strings
from viewer.review.database.engine import in_words
from viewer.review.database.errors import RecordError
from viewer.review.database.event import ORIGIN_FIELDS, canonical, digest_of_payload
from viewer.review.database.record import Draft, can_be_kept
from viewer.review.database.row import Row
from viewer.review.database.schema import EVENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from viewer.review.database.record import Record

FORMAT = "foveola case trail 1"
MAX_BYTES = 256 << 20
_TEXTS = ("case", "kind", "reader", "utc", "session", "program", "payload_digest", "previous", "digest")
_OPTIONAL = ("payload", "salt", "origin")


def export_cases(record: Record, cases: Collection[str], file: Path) -> int:
    """Write the events of some cases to a JSON file; returns how many. Raises RecordError where a case has
    none, SaveError."""
    wanted = select(EVENTS).where(EVENTS.c.case.in_(list(cases))).order_by(EVENTS.c.number)
    with in_words(record.where), record.engine.connect() as connection:
        rows = [Row._make(row) for row in connection.execute(wanted)]
    for case in cases:
        if not any(row.case == case for row in rows):
            raise RecordError(strings.NO_CASE.format(case=case, where=record.where))
    count, digest = record.head()
    content = {
        "format": FORMAT,
        "note": RESEARCH_USE_STATEMENT,
        "record": record.id,
        "head": {"count": count, "digest": digest},
        "events": [row._asdict() for row in rows],
        "digest": _digest(record.id, rows),
    }
    save_atomically(file, json.dumps(content, indent=1).encode("ascii"))
    return len(rows)


def import_cases(record: Record, file: Path) -> tuple[int, int]:
    """Append the events of an exported file, all or none; returns how many, and how many were here already.

    Raises RecordError: the file cannot be read, or an event in it is not what was recorded.
    """
    record_id, rows = _read(file)
    with record.writing() as connection:
        here = set() if record_id != record.id else {row.digest for row in rows}
        for origin in connection.scalars(select(EVENTS.c.origin).where(EVENTS.c.origin.is_not(None))):
            here.add(json.loads(origin)["digest"])
        new = [row for row in rows if row.digest not in here]
        record.add(connection, [_drafted(row, record_id) for row in new])
    return len(new), len(rows) - len(new)


def _read(file: Path) -> tuple[str, list[Row]]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecordError(strings.FILE_UNREADABLE.format(file=file, reason=error.strerror)) from error
    if len(data) > MAX_BYTES:
        raise RecordError(strings.FILE_TOO_LARGE.format(file=file, most_mb=MAX_BYTES >> 20))
    try:
        content = json.loads(data)
        if content["format"] != FORMAT:
            raise ValueError(content["format"])
        record_id = content["record"]
        rows = [_row(fields) for fields in content["events"]]
        if not isinstance(record_id, str) or not can_be_kept(record_id):
            raise ValueError("record")
        whole = content["digest"] == _digest(record_id, rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RecordError(strings.NO_TRAIL.format(file=file)) from error
    for row in rows:
        if not _is_as_recorded(row):
            raise RecordError(strings.TRAIL_CHANGED.format(file=file, number=row.number, case=row.case))
    if not whole or any(one.number >= other.number for one, other in pairwise(rows)):
        raise RecordError(strings.TRAIL_INCOMPLETE.format(file=file))
    return record_id, rows


def _digest(record_id: str, rows: Iterable[Row]) -> str:
    """Of what the file holds, in its order."""
    return hashlib.sha256(canonical([record_id, [row.digest for row in rows]]).encode()).hexdigest()


def _row(fields: Any) -> Row:
    """Raises ValueError, TypeError and KeyError for what is no event."""
    row = Row(**{name: fields[name] for name in Row._fields})
    texts: Iterable[Any] = [getattr(row, name) for name in _TEXTS]
    texts = [*texts, *(value for name in _OPTIONAL if (value := getattr(row, name)) is not None)]
    if not all(isinstance(value, str) and can_be_kept(value) for value in texts):
        raise ValueError("text")
    if not all(type(getattr(row, name)) is int for name in ("number", "monotonic_ns")):
        raise ValueError("number")
    return row


def _is_as_recorded(row: Row) -> bool:
    try:
        if row.chained_digest() != row.digest:
            return False
        if row.payload is None:
            return row.salt is None
        digest = digest_of_payload(row.salt or "", row.payload)
        return digest == row.payload_digest and isinstance(json.loads(row.payload), dict)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _drafted(row: Row, record_id: str) -> Draft:
    origin: dict[str, Any] = {name: getattr(row, name) for name in ORIGIN_FIELDS}
    origin |= {"record": record_id, "origin": None if row.origin is None else json.loads(row.origin)}
    return Draft(row.case, row.kind, row.reader, row.payload, row.salt, row.payload_digest, origin)
