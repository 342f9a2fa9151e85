"""Finds every edit, deletion, insertion and reordering of a record's events, and damage of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exc, func, select

from viewer.common.text import first_line
from viewer.review.database import strings
from viewer.review.database.chain import Chain
from viewer.review.database.engine import in_words, is_damage
from viewer.review.database.errors import RecordError
from viewer.review.database.event import first_previous
from viewer.review.database.layout_check import layout_problems, record_facts
from viewer.review.database.problem import Problem, ProblemKind
from viewer.review.database.row import Row
from viewer.review.database.schema import EVENTS, HEAD, is_sqlite

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection

    from viewer.review.database.record import Record

_ROWS_AT_ONCE = 1000
_MOST_UNREADABLE = 100_000
"""A damaged count could claim any number of events."""


def verify(record: Record) -> list[Problem]:
    """Examine the whole record, by place; of a whole record nothing is said but notes (``is_note``).

    Reads every event: about 20 µs each. Raises RecordError where the database cannot be reached.
    """
    try:
        with in_words(record.where), record.engine.connect():
            pass
    except RecordError as error:
        reported = error.__cause__
        if isinstance(reported, exc.DBAPIError) and is_damage(reported.orig):
            return [Problem(ProblemKind.FILE, strings.HEADER_DAMAGED.format(error=first_line(reported.orig)))]
        raise
    record_id, wrong_facts = record_facts(record.engine)
    head = _head(record)
    chain = Chain(None if record_id is None else first_previous(record_id), head)
    before = waiting = None
    with in_words(record.where), record.engine.connect() as connection:
        for row in _rows(connection, 0 if head is None else head[0]):
            if isinstance(row, int):
                chain.unreadable.add(row)
                continue
            if waiting is not None:
                chain.examine(waiting, before, row)
            before, waiting = waiting, row
        if waiting is not None:
            chain.examine(waiting, before, None)
        numbers = _numbers_of(connection, chain.wanted_digests)
    return [*layout_problems(record.engine), *wrong_facts, *chain.problems(numbers)]


def _head(record: Record) -> tuple[int, str] | None:
    """How many events were recorded and the digest of the last; None where that is damaged."""
    try:
        with record.engine.connect() as connection:
            count, digest = connection.execute(select(HEAD.c.count, HEAD.c.digest)).one()
    except (exc.DBAPIError, exc.InvalidRequestError):
        return None
    return (count, digest) if isinstance(count, int) and isinstance(digest, str) and count >= 0 else None


def _rows(connection: Connection, recorded: int) -> Iterator[Row | int]:
    """The rows in the order of their numbers; in place of one that cannot be read its number.

    ``recorded``: so many there should be.
    """
    wanted = select(EVENTS).order_by(EVENTS.c.number).limit(_ROWS_AT_ONCE)
    after: int | None = None
    read = 0
    while True:
        try:
            rows = connection.execute(
                wanted if after is None else wanted.where(EVENTS.c.number > after)
            ).all()
        except exc.DBAPIError:
            if not is_sqlite(connection):
                raise
            last = min(max(_last_number(connection), recorded), read + _MOST_UNREADABLE)
            first = 1 if after is None else after + 1
            after = first + _ROWS_AT_ONCE
            for number in range(first, min(last, after) + 1):
                yield from _one_by_one(connection, number)
            if after >= last:
                return
            continue
        if not rows:
            return
        yield from (Row._make(row) for row in rows)
        after = read = rows[-1][0]


def _one_by_one(connection: Connection, number: int) -> Iterator[Row | int]:
    try:
        row = connection.execute(select(EVENTS).where(EVENTS.c.number == number)).one_or_none()
    except exc.DBAPIError:
        yield number
        return
    if row is not None:
        yield Row._make(row)


def _last_number(connection: Connection) -> int:
    try:
        return int(connection.execute(select(func.max(EVENTS.c.number))).scalar() or 0)
    except exc.DBAPIError:
        return 0


def _numbers_of(connection: Connection, digests: Collection[str]) -> dict[str, int]:
    """The numbers of the events that have these digests."""
    numbers: dict[str, int] = {}
    wanted = sorted(digests)
    for start in range(0, len(wanted), _ROWS_AT_ONCE):
        part = wanted[start : start + _ROWS_AT_ONCE]
        try:
            found = connection.execute(
                select(EVENTS.c.digest, EVENTS.c.number).where(EVENTS.c.digest.in_(part))
            )
            numbers |= {str(row[0]): row[1] for row in found}
        except exc.DBAPIError:
            return numbers
    return numbers
