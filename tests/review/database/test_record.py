"""The record: what is appended is there for every later reader, in order, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import sqlite3
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from viewer.review.database.record import Entry, RecordError, open_record

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from viewer.review.database.record import Record


def test_events_are_numbered_and_come_back_as_they_were_said(record: Record, where: str) -> None:
    said = {"answer": "yes", "confidence": 0.1, "places": [[1.5, -0.0]], "text": "Nævus  \udc80 \0 日本"}
    first = record.append("case 1", "opinion", "Ana", said)
    second = record.append("症例", "sign", "محمد", {})
    assert (first.number, second.number) == (1, 2)
    assert first.payload == said
    assert second.previous == first.digest
    with open_record(where) as again:
        assert again.events() == [first, second]
        assert again.head() == (2, second.digest)
        assert again.session != record.session


def test_the_digest_is_what_the_documentation_says(record: Record) -> None:
    event = record.append("c", "k", "r", {"b": 1, "a": None})
    text = f'{event.salt}\n{{"a":null,"b":1}}'
    assert event.payload_digest == hashlib.sha256(text.encode()).hexdigest()
    assert event.previous == hashlib.sha256(record.id.encode()).hexdigest()
    fields = [1, "c", "k", "r", event.utc, event.monotonic_ns, event.session, event.program]
    chained = json.dumps([*fields, event.payload_digest, None, event.previous], separators=(",", ":"))
    assert event.digest == hashlib.sha256(chained.encode()).hexdigest()


def test_equal_answers_have_different_digests(record: Record) -> None:
    one, other = (record.append("c", "k", "r", {"answer": "yes"}) for _ in range(2))
    assert one.payload_digest != other.payload_digest


def test_events_by_case_kind_and_number(record: Record) -> None:
    record.append_all([("a", "open", "r", {}), ("b", "open", "r", {}), ("a", "sign", "r", {})])
    record.append_all([Entry("a", "open", "r", {})])
    assert [event.number for event in record.events(case="a")] == [1, 3, 4]
    assert [event.number for event in record.events(kinds={"open"})] == [1, 2, 4]
    assert [event.number for event in record.events(case="a", kinds=["open"], after=1)] == [4]
    assert record.events(kinds=[]) == []
    assert record.append_all([]) == []


@pytest.mark.parametrize(
    "entry",
    [
        ("a", "", "r", {}),
        ("a\0", "k", "r", {}),
        ("a", "k", "\udc80", {}),
        ("a", "k", "r", {"x": math.nan}),
        ("a", "k", "r", {"x": b"bytes"}),
        ("a", "k", "r", {"x": object()}),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_rest_with_it(record: Record, entry: Entry) -> None:
    with pytest.raises(RecordError):
        record.append_all([("a", "k", "r", {}), entry])
    assert record.events() == []
    assert record.append("a", "k", "r", {}).number == 1


def test_the_database_itself_refuses_changes(record: Record) -> None:
    record.append("a", "k", "r", {})
    for statement in ("UPDATE events SET reader = 'x'", "DELETE FROM events"):
        with record.engine.connect() as connection, pytest.raises(Exception, match="only ever appended"):
            connection.exec_driver_sql(statement)
    assert [event.reader for event in record.events()] == ["r"]


def _append_many(where: str, reader: str, count: int, ready: Barrier) -> None:
    ready.wait(60)
    with open_record(where) as record:
        for index in range(count):
            if index % 10 == 0:
                ready.wait(60)  # else one could hold the lock for all that it writes
            record.append(f"case {index % 7}", "k", reader, {"index": index})


def test_two_processes_lose_nothing_of_each_other(where: str) -> None:
    """They also make the record at once."""
    count = 100
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(2)
    writers = [context.Process(target=_append_many, args=(where, reader, count, ready)) for reader in "AB"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with open_record(where) as record:
        events = record.events()
    assert [event.number for event in events] == list(range(1, 2 * count + 1))
    for reader in "AB":
        assert [event.payload["index"] for event in events if event.reader == reader] == list(range(count))
    assert all(event.previous == before.digest for before, event in pairwise(events))
    assert len({event.reader for event in events[:count]}) == 2, "they did not write at the same time"


def test_a_record_that_another_program_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.review.database.engine.WAIT_S", 0.1)
    file = tmp_path / "record.sqlite"
    with open_record(file) as record:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with open_record(file) as second:
            assert not second.read_only
        with pytest.raises(RecordError, match=r"record\.sqlite.*locked.*try again"):
            record.append("a", "k", "r", {})
        other.execute("ROLLBACK")
        other.close()
        assert record.append("a", "k", "r", {}).number == 1


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("mysql://reader@host/name", "not in mysql"),
        ("://", "no address"),
        ("sqlite://", "no address"),
        ("postgresql://reader:secret@/x?unix_sock=/no/such/socket", "does not answer"),
    ],
)
def test_addresses_that_are_none_are_refused_in_words(where: str, words: str) -> None:
    with pytest.raises(RecordError, match=words) as raised:
        open_record(where)
    assert "secret" not in str(raised.value)


def test_only_a_record_is_opened(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="folder"):
        open_record(tmp_path)
    with pytest.raises(RecordError, match="no record yet"):
        open_record(tmp_path / "none.sqlite", create=False)
    assert list(tmp_path.iterdir()) == []
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE things (x)")
    other.close()
    with pytest.raises(RecordError, match="not a record"):
        open_record(tmp_path / "other.sqlite")


def test_without_a_place_it_is_kept_with_the_readers_data(own_folders: Path) -> None:
    with open_record() as record:
        assert record.where == str(own_folders / "data" / "record.sqlite")


@pytest.mark.parametrize(("readable", "opens"), [("1", True), ("2", False)])
def test_a_newer_record_is_read_only_or_refused(where: str, readable: str, *, opens: bool) -> None:
    with open_record(where) as record:
        record.append("a", "k", "r", {})
        with record.writing() as connection:
            for name, value in (("layout", "2"), ("readable", readable)):
                connection.exec_driver_sql(f"UPDATE meta SET value = '{value}' WHERE name = '{name}'")
    if not opens:
        with pytest.raises(RecordError, match="update Foveola"):
            open_record(where)
        return
    with open_record(where) as record:
        assert "newer Foveola" in record.notice
        assert len(record.events()) == 1
        with pytest.raises(RecordError, match="newer Foveola"):
            record.append("a", "k", "r", {})
