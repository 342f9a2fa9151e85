"""Cases taken to another record, erased, and written as an audit log; on both databases."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from viewer.review.database.backup import back_up, backups_of
from viewer.review.database.erase import erase
from viewer.review.database.errors import RecordError
from viewer.review.database.fhir import export_fhir
from viewer.review.database.record import open_record
from viewer.review.database.transfer import export_cases, import_cases
from viewer.review.database.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.review.database.record import Record

SECRET = "Smith, the name that stands in a title"


def fill(record: Record) -> None:
    for number in range(6):
        record.append(f"case-{number % 2}", "opinion", "r1", {"number": number, "title": SECRET})


def test_a_case_goes_to_another_record_once_and_stays_verifiable(record: Record, tmp_path: Path) -> None:
    fill(record)
    file = tmp_path / "cases.json"
    assert export_cases(record, ["case-1"], file) == 3
    with open_record(tmp_path / "other.sqlite") as other:
        other.append("case-9", "opinion", "r2", {})
        assert import_cases(other, file) == (3, 0)
        assert import_cases(other, file) == (0, 3)
        events = other.events(case="case-1")
        assert [event.payload["number"] for event in events] == [1, 3, 5]
        assert [event.happened_utc for event in events] == [e.utc for e in record.events(case="case-1")]
        assert verify(other) == []
        again = tmp_path / "again.json"
        export_cases(other, ["case-1"], again)
        with open_record(tmp_path / "third.sqlite") as third:  # from hand to hand
            assert import_cases(third, again) == (3, 0)
            assert verify(third) == []
    assert import_cases(record, file) == (0, 3)  # back where it came from
    with pytest.raises(RecordError, match="no case case-7"):
        export_cases(record, ["case-7"], file)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["events"][1].update(reader="r2"),
        lambda content: content["events"][1].update(payload='{"number":9}'),
        lambda content: content["events"][1].update(utc="2020-01-01T00:00:00+00:00"),
    ],
)
def test_a_changed_file_is_refused_and_the_place_named(tmp_path: Path, change: Any) -> None:
    with open_record(tmp_path / "record.sqlite") as record:
        fill(record)
        export_cases(record, ["case-1"], tmp_path / "cases.json")
    content = json.loads((tmp_path / "cases.json").read_text())
    change(content)
    (tmp_path / "cases.json").write_text(json.dumps(content))
    with open_record(tmp_path / "other.sqlite") as other:
        with pytest.raises(RecordError, match=r"event 4 of case-1 .* nothing was imported"):
            import_cases(other, tmp_path / "cases.json")
        assert other.events() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda events: events.pop(1),
        lambda events: events.pop(),
        lambda events: events.reverse(),
        lambda events: events.append(events[-1]),
    ],
)
def test_a_file_with_other_events_is_refused(tmp_path: Path, change: Any) -> None:
    with open_record(tmp_path / "record.sqlite") as record:
        fill(record)
        export_cases(record, ["case-1"], tmp_path / "cases.json")
    content = json.loads((tmp_path / "cases.json").read_text())
    change(content["events"])
    (tmp_path / "cases.json").write_text(json.dumps(content))
    with open_record(tmp_path / "other.sqlite") as other:
        with pytest.raises(RecordError, match=r"missing, moved or there twice; nothing was imported"):
            import_cases(other, tmp_path / "cases.json")
        assert other.events() == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": "other"}', '{"format": "foveola case trail 1", "record": 3, "events": []}',
     '{"format": "foveola case trail 1", "record": "x", "events": [{"number": "1"}]}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cases.json").write_text(text)
    with (
        open_record(tmp_path / "other.sqlite") as other,
        pytest.raises(RecordError, match=r"cases\.json is no exported case"),
    ):
        import_cases(other, tmp_path / "cases.json")


def test_an_erased_case_leaves_a_tombstone_and_a_whole_chain(record: Record) -> None:
    fill(record)
    assert erase(record, "case-1", "r1", "asked for").events == 3
    assert verify(record) == []
    gone = record.events(case="case-1")
    assert [event.erased for event in gone] == [True, True, True, False]
    assert gone[-1].payload == {"numbers": [2, 4, 6], "reason": "asked for"}
    assert all(event.payload["title"] == SECRET for event in record.events(case="case-0"))
    assert erase(record, "case-1", "r1", "again").events == 0
    record.append("case-1", "opinion", "r1", {})
    assert verify(record) == []


def test_nothing_erased_stays_in_files(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    with open_record(file) as record:
        record.append("case-1", "opinion", "r1", {"title": SECRET})
        back_up(file)
        removed = erase(record, "case-1", "r1", "").removed
    assert len(removed) == 1
    assert len(backups_of(file)) == 1
    for path in tmp_path.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path


def test_what_another_program_still_reads_is_erased_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.review.database.engine.WAIT_S", 0.1)
    file = tmp_path / "record.sqlite"
    with open_record(file) as record:
        record.append("case-1", "opinion", "r1", {"title": SECRET})
        reader = sqlite3.connect(file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        with pytest.raises(RecordError, match=r"run `foveola review erase case-1` again"):
            erase(record, "case-1", "r1", "")
        reader.close()
        assert erase(record, "case-1", "r1", "").events == 0
        for path in tmp_path.iterdir():
            assert SECRET.encode() not in path.read_bytes(), path
        assert verify(record) == []


def test_an_erased_case_is_exported_as_erased(record: Record, tmp_path: Path) -> None:
    fill(record)
    erase(record, "case-1", "r1", "")
    export_cases(record, ["case-1"], tmp_path / "cases.json")
    with open_record(tmp_path / "other.sqlite") as other:
        assert import_cases(other, tmp_path / "cases.json") == (4, 0)
        assert verify(other) == []


def test_the_audit_log_says_who_did_what_and_not_what_was_said(record: Record, tmp_path: Path) -> None:
    fill(record)
    record.append("case-1", "findings read", "", {})
    erase(record, "case-1", "r1", "")
    assert export_fhir(record, ["case-1"], tmp_path / "log.json") == 5
    text = (tmp_path / "log.json").read_text()
    assert SECRET not in text
    bundle = json.loads(text)
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert {one["resourceType"] for one in resources} == {"AuditEvent"}
    assert [one["action"] for one in resources] == ["C", "C", "C", "C", "D"]
    assert resources[0]["agent"] == [
        {"who": {"identifier": {"system": "urn:foveola:reader", "value": "r1"}}, "requestor": True}
    ]
    assert not resources[3]["agent"][0]["requestor"]
    for one in resources:  # what R4 requires of each
        assert {"type", "recorded", "agent", "source"} <= set(one)
