"""A reader study as a table: what each reader answered to each question of each case, first and last.

Folded from the record; only readings that were signed count. Titles and paths stay out.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from viewer.common.errors import FoveolaError
from viewer.review import strings
from viewer.review.protocols import ProtocolError, find_protocol
from viewer.review.reading.reading import read_reading
from viewer.review.worklist.csv_cases import without_formula
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from viewer.review.database.record import Record
    from viewer.review.protocols import ReadingProtocol
    from viewer.review.reading.reading import Reading
    from viewer.review.worklist.case import Case

_BETWEEN = "|"
_MAX_BYTES = 64 << 20


class StudyError(FoveolaError):
    """A table of a study that cannot be used: which file and line, and why."""


class StudyRow(NamedTuple):
    """``arm``: of the study, else the mode of reading. ``options``: of the question, joined by ``|``.
    ``reference``: the right answer; "" where there is none, as other fields that were not given.
    ``change``: "kept right", "corrected", "spoiled" or "kept wrong"; "" without a reference."""

    case: str
    reader: str
    arm: str
    question: str
    options: str
    reference: str
    first: str
    last: str
    first_confidence: str
    last_confidence: str
    first_s: str
    last_s: str
    change: str
    displayed: str


_CHANGES = {
    (True, True): "kept right",
    (False, True): "corrected",
    (True, False): "spoiled",
    (False, False): "kept wrong",
}
CHANGES = tuple(_CHANGES.values())


def study_rows(record: Record) -> list[StudyRow]:
    """The rows of all signed readings. Raises RecordError, ReadingError."""
    rows = []
    for case in Worklist(record).cases():
        try:
            protocol = find_protocol(case.protocol)
        except ProtocolError:
            continue  # its questions are not known here
        events = record.events(case=case.id)
        for reader in dict.fromkeys(event.reader for event in events if event.reader):
            reading = read_reading(case.id, reader, events)
            if reading.signature is not None and reading.first is not None:
                rows += _rows(case, reading, protocol)
    return rows


def as_csv(rows: Iterable[StudyRow]) -> str:
    """The table, with text that a spreadsheet would run marked as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(StudyRow._fields)
    for row in rows:
        writer.writerow([without_formula(cell) for cell in row])
    return out.getvalue()


def read_csv(file: Path) -> list[StudyRow]:
    """The rows of a table. Raises StudyError, naming the line that is wrong."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise StudyError(strings.STUDY_UNREADABLE.format(path=file, error=error.strerror)) from error
    try:
        lines = csv.reader(io.StringIO(data[:_MAX_BYTES].decode("utf-8-sig"), newline=""), strict=True)
        head = next(lines, [])
        missing = [name for name in StudyRow._fields if name not in head]
        if missing or len(data) > _MAX_BYTES:
            raise StudyError(strings.STUDY_COLUMNS.format(path=file, missing=", ".join(missing)))
        rows = []
        for cells in lines:
            where = {"path": file, "line": lines.line_num}
            if len(cells) != len(head):
                raise StudyError(strings.STUDY_CELLS.format(**where, found=len(cells), wanted=len(head)))
            row = StudyRow(**{name: cells[head.index(name)].lstrip("'") for name in StudyRow._fields})
            _check(row, where)
            rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(strings.STUDY_UNREADABLE.format(path=file, error=error)) from error
    return rows


def options_of(row: StudyRow) -> list[str]:
    """The options of its question, in their order."""
    return row.options.split(_BETWEEN) if row.options else []


def _check(row: StudyRow, where: Mapping[str, object]) -> None:
    for name in ("first_confidence", "last_confidence"):
        value = getattr(row, name)
        if value and not (value.isdecimal() and int(value) <= 100):
            raise StudyError(strings.STUDY_CONFIDENCE.format(**where, name=name, value=value))
    for name in ("first", "last", "reference"):
        value = getattr(row, name)
        if row.options and value and value not in options_of(row):
            raise StudyError(strings.STUDY_ANSWER.format(**where, name=name, value=value, known=row.options))


def _rows(case: Case, reading: Reading, protocol: ReadingProtocol) -> list[StudyRow]:
    first, last = reading.first, reading.last
    assert first is not None
    assert last is not None
    right = _references(case.reference or "", protocol)
    shares = [
        str(payload["shares"]["at_magnification"])
        for payload in reading.viewed.values()
        if payload.get("shares")
    ]
    rows = []
    for question in protocol.questions:
        if question.kind == "text":
            continue
        given = [str(opinion.answers.get(question.id) or "") for opinion in (first, last)]
        reference = right.get(question.id, "")
        reference = reference if reference in question.answers else ""
        change = _CHANGES[given[0] == reference, given[1] == reference] if reference else ""
        confidence = ["" if one.confidence is None else str(one.confidence) for one in (first, last)]
        rows.append(
            StudyRow(
                case=case.id,
                reader=reading.reader,
                arm=reading.arm or (reading.mode.value if reading.mode else ""),
                question=question.id,
                options=_BETWEEN.join(question.answers),
                reference=reference,
                first=given[0],
                last=given[1],
                first_confidence=confidence[0],
                last_confidence=confidence[1],
                first_s=f"{first.time_s:g}",
                last_s=f"{last.time_s:g}",
                change=change,
                displayed=";".join(shares),
            )
        )
    return rows


def _references(text: str, protocol: ReadingProtocol) -> dict[str, str]:
    """Right answers by question: "abnormal=yes; category=other", or one answer to the first question."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    if any(sign for _name, sign, _value in pairs):
        return {name.strip(): value.strip() for name, sign, value in pairs if sign}
    return {protocol.questions[0].id: text.strip()} if text.strip() and protocol.questions else {}
