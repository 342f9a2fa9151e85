"""Every change behind the record's back is found, and its place is named."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, text, update

from tests.review.database.tamper import unguarded
from viewer.review.database.problem import ProblemKind as Kind
from viewer.review.database.record import Record, open_record, open_unrepaired
from viewer.review.database.row import Row
from viewer.review.database.schema import EVENTS, HEAD
from viewer.review.database.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection


COUNT = 40


@pytest.fixture
def filled(record: Record) -> Record:
    """Forty events of seven cases by two readers."""
    fill(record)
    return record


def fill(record: Record) -> None:
    entries = [
        (f"case {i % 7}", "opinion", "AB"[i % 2], {"answer": i, "text": "x" * (i % 5)}) for i in range(COUNT)
    ]
    for start in range(0, COUNT, 8):
        record.append_all(entries[start : start + 8])


def found(record: Record) -> list[tuple[Kind, int | None, int | None, str]]:
    return [(one.kind, one.first, one.last, one.field) for one in verify(record)]


def rows_of(connection: Connection) -> list[Row]:
    return [Row._make(row) for row in connection.execute(select(EVENTS).order_by(EVENTS.c.number))]


def rewrite(connection: Connection, rows: list[Row]) -> None:
    connection.execute(text("DELETE FROM events"))
    connection.execute(insert(EVENTS), [row._asdict() for row in rows])


def test_a_whole_record_has_no_problem(filled: Record, where: str) -> None:
    assert verify(filled) == []
    with open_unrepaired(where) as unrepaired:
        assert verify(unrepaired) == []


def test_an_empty_record_has_no_problem(record: Record) -> None:
    assert verify(record) == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("payload", '{"answer":99}', "payload"),
        ("payload", "{", "payload"),
        ("salt", "00", "payload"),
        ("payload_digest", "0" * 64, "payload_digest"),
        ("reader", "nobody", "reader"),
        ("session", "0" * 32, "session"),
        ("program", "another", "program"),
        ("previous", "0" * 64, "previous"),
        ("digest", "0" * 64, "digest"),
        ("kind", "sign", "kind"),
        ("origin", "{}", "origin"),
        ("case", "case 999", ""),
        ("utc", "2000-01-01T00:00:00.000000+00:00", ""),
        ("monotonic_ns", 5, ""),
    ],
)
@pytest.mark.parametrize("number", [1, 20, COUNT])
def test_an_edited_field_is_named(filled: Record, field: str, value: Any, named: str, number: int) -> None:
    if field == "reader":  # a neighbour's value is what is tried
        with unguarded(filled) as connection:
            rows = rows_of(connection)
        value = "nobody"
        named = "reader" if rows[0].reader == rows[-1].reader else ""
    with unguarded(filled) as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.number == number).values({field: value}))
    problems = [one for one in verify(filled) if not one.is_note]
    assert [(one.kind, one.first, one.last) for one in problems] == [(Kind.CHANGED, number, number)]
    assert problems[0].field == named
    assert f"event {number}" in problems[0].text


def test_a_deleted_event_is_missing(filled: Record) -> None:
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM events WHERE number IN (5, 6, 7, 20)"))
    assert found(filled) == [(Kind.MISSING, 5, 7, ""), (Kind.MISSING, 20, 20, "")]


def test_a_deletion_that_closes_the_gap_is_missing(filled: Record) -> None:
    with unguarded(filled) as connection:
        rows = rows_of(connection)
        rewrite(connection, rows[:9] + [row._replace(number=row.number - 1) for row in rows[10:]])
    assert found(filled) == [(Kind.MOVED, 10, 39, ""), (Kind.MISSING, 10, 10, "")]


def test_a_tail_that_was_cut_off_is_missing(filled: Record) -> None:
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM events WHERE number > 35"))
    assert found(filled) == [(Kind.MISSING, 36, 40, "")]


def test_a_tail_cut_off_with_its_count_leaves_another_end(filled: Record) -> None:
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM events WHERE number > 35"))
        connection.execute(update(HEAD).values(count=35))
    assert found(filled) == [(Kind.END, 35, 35, "")]


def test_all_events_gone_is_a_tail_too(filled: Record) -> None:
    with unguarded(filled) as connection:
        connection.execute(text("DELETE FROM events"))
    assert found(filled) == [(Kind.MISSING, 1, 40, "")]
    with filled.writing() as connection:
        connection.execute(update(HEAD).values(count=0))
    assert found(filled) == [(Kind.END, None, None, "")]


def test_a_count_that_was_set_back_or_is_nonsense(filled: Record) -> None:
    with filled.writing() as connection:
        connection.execute(update(HEAD).values(count=38))
    assert found(filled) == [(Kind.ADDED, 39, 40, "")]
    with filled.writing() as connection:
        connection.execute(update(HEAD).values(count=2**50))
    assert found(filled) == [(Kind.MISSING, 41, 2**50, "")]
    with filled.writing() as connection:
        connection.execute(text("DELETE FROM head"))
    assert found(filled) == [(Kind.END, None, None, "")]


def test_events_that_changed_places(filled: Record) -> None:
    with unguarded(filled) as connection:
        rows = rows_of(connection)
        rows[9], rows[29] = rows[29]._replace(number=10), rows[9]._replace(number=30)
        rewrite(connection, rows)
    assert found(filled) == [(Kind.MOVED, 10, 10, ""), (Kind.MOVED, 30, 30, "")]
    assert "event 10: was recorded as event 30" in [one.text for one in verify(filled)]


def test_an_event_with_a_number_of_nowhere(filled: Record) -> None:
    with unguarded(filled) as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.number == 7).values(number=2**60))
    assert found(filled) == [(Kind.MOVED, 2**60, 2**60, "")]
    with unguarded(filled) as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.number == 2**60).values(number=-3, case="other"))
    assert found(filled) == [(Kind.ADDED, -3, -3, ""), (Kind.MISSING, 7, 7, "")]


def test_a_copy_of_an_event(filled: Record) -> None:
    with unguarded(filled) as connection:
        rows = rows_of(connection)
        connection.execute(insert(EVENTS).values(rows[4]._replace(number=41)._asdict()))
    assert found(filled) == [(Kind.ADDED, 41, 41, "")]
    assert "copy of event 5" in verify(filled)[0].text


def test_an_event_that_was_forged_at_the_end(filled: Record) -> None:
    with unguarded(filled) as connection:
        last = rows_of(connection)[-1]
        forged = last._replace(number=41, previous=last.digest, kind="sign")
        connection.execute(insert(EVENTS).values(forged._replace(digest=forged.chained_digest())._asdict()))
    assert found(filled) == [(Kind.ADDED, 41, 41, "")]


def test_an_event_that_was_forged_in_the_middle_breaks_the_next_link(filled: Record) -> None:
    with unguarded(filled) as connection:
        forged = rows_of(connection)[9]._replace(case="other")
        values = forged._replace(digest=forged.chained_digest())._asdict()
        connection.execute(update(EVENTS).where(EVENTS.c.number == 10).values(values))
    assert found(filled) == [(Kind.REPLACED, 10, 11, "")]


def test_another_record_id(filled: Record) -> None:
    with filled.writing() as connection:
        connection.execute(text("UPDATE meta SET value = 'other' WHERE name = 'record'"))
    assert found(filled) == [(Kind.CHANGED, 1, 1, "record")]


def test_damaged_facts(filled: Record) -> None:
    with filled.writing() as connection:
        connection.execute(text("DELETE FROM meta WHERE name = 'record'"))
    assert found(filled) == [(Kind.FILE, None, None, "")]


def test_a_payload_that_nobody_erased(filled: Record) -> None:
    with unguarded(filled) as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.number == 3).values(payload=None, salt=None))
    assert found(filled) == [(Kind.ERASED, 3, 3, "")]
    filled.append("case 2", "erased", "r", {"numbers": [3, 4]})
    assert found(filled) == [(Kind.ERASED, 4, 4, "")]


def test_guards_that_were_taken_away(filled: Record) -> None:
    with filled.writing() as connection:
        kind = connection.dialect.name
        name, table = ("events_update", "") if kind == "sqlite" else ("events_changes", " ON events")
        connection.exec_driver_sql(f"DROP TRIGGER {name}{table}")
    assert found(filled) == [(Kind.GUARD, None, None, "")]
    assert name in verify(filled)[0].text


def test_a_clock_that_was_set_back_is_a_note(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from viewer.review.database import record as module

    class Clock:
        times = iter([0, 60, 20, 30, 70])

        @classmethod
        def now(cls, _zone: Any) -> datetime:
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(cls.times))

    monkeypatch.setattr(module, "datetime", Clock)
    record.append_all([("c", "k", "r", {})] * 5)
    (note,) = verify(record)
    assert (note.kind, note.first, note.is_note) == (Kind.CLOCK, 3, True)
    assert "40 s" in note.text


# By chance


def _edit(connection: Connection, chance: random.Random) -> set[int]:
    row = chance.choice(rows_of(connection))
    field = chance.choice([name for name in Row._fields if name != "number"])
    old = getattr(row, field)
    values = {field: chance.randrange(10**9) if isinstance(old, int) else f"{chance.randrange(10**9)}"}
    connection.execute(update(EVENTS).where(EVENTS.c.number == row.number).values(values))
    return {row.number}


def _delete(connection: Connection, chance: random.Random) -> set[int]:
    numbers = set(chance.sample(range(1, COUNT + 1), chance.randint(1, 3)))
    connection.execute(EVENTS.delete().where(EVENTS.c.number.in_(numbers)))
    return numbers


def _reorder(connection: Connection, chance: random.Random) -> set[int]:
    rows = rows_of(connection)
    places = chance.sample(range(COUNT), chance.randint(2, 5))
    for place, other in zip(places, [*places[1:], places[0]], strict=True):
        connection.execute(text("DELETE FROM events WHERE number = :n"), {"n": place + 1})
        connection.execute(insert(EVENTS).values(rows[other]._replace(number=place + 1)._asdict()))
    return {place + 1 for place in places}


def test_a_hundred_edits_deletions_and_reorderings_are_found_and_placed(record: Record) -> None:
    fill(record)
    with record.writing() as connection:
        rows = rows_of(connection)
    chance = random.Random(13)
    for round_ in range(100):
        change: Callable[[Connection, random.Random], set[int]] = (_edit, _delete, _reorder)[round_ % 3]
        with unguarded(record) as connection:
            numbers = change(connection, chance)
        placed = {
            number
            for one in verify(record)
            if not one.is_note and one.first is not None and one.last is not None
            for number in range(one.first, one.last + 1)
        }
        assert placed == numbers, (round_, change)
        with unguarded(record) as connection:
            rewrite(connection, rows)
    assert verify(record) == []


def test_a_hundred_changed_bytes_are_found_and_placed(tmp_path: Path) -> None:
    """Bytes in unused space, or in counters of SQLite's own, change no record: every event is as before."""
    whole = tmp_path / "whole.sqlite"
    with open_record(whole) as record:
        entries = [(f"case {i // 3}", "opinion", "AB"[i % 2], {"text": "x" * (i % 300)}) for i in range(300)]
        record.append_all(entries)
        events = record.events()
    data = whole.read_bytes()
    chance = random.Random(13)
    found = harmless = 0
    while found < 100:
        at = chance.randrange(len(data))
        damaged = bytearray(data)
        damaged[at] ^= chance.randrange(1, 256)
        file = tmp_path / "damaged.sqlite"
        file.write_bytes(damaged)
        with open_unrepaired(file) as record:
            if problems := [one for one in verify(record) if not one.is_note]:
                found += 1
                assert any(one.first is not None or _NAMES_A_PLACE.search(one.text) for one in problems), at
                continue
            harmless += 1
            assert record.events() == events, at
            assert record.events(case="case 5") == [event for event in events if event.case == "case 5"]
    assert harmless < 100


_NAMES_A_PLACE = re.compile(
    r"\bpage \d|first page|events_case|table meta|the end of the chain|guard|did not make"
)
