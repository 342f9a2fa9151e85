"""What a report says of a case, folded from the record, as data that JSON can hold.

The keys are stable: ``VERSION`` grows when one is gone or means something else. The guide lists them.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.review.database.record import PROGRAM
from viewer.review.database.verify import verify
from viewer.review.protocols import ProtocolError, find_protocol
from viewer.review.reading.kinds import Kind
from viewer.review.report import strings
from viewer.review.report.finding_facts import finding_facts
from viewer.review.report.reading_facts import followed, reading_facts
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.review.database.event import Event
    from viewer.review.database.record import Record
    from viewer.review.protocols import ReadingProtocol
    from viewer.review.report.slides import SlideHere
    from viewer.review.worklist.case import Case

FORMAT, VERSION = "foveola report", 1


def case_of(record: Record, case_id: str) -> Case:
    """A case of a record. Raises WorklistError where there is none, RecordError."""
    return Worklist(record).case(case_id)


def report_facts(record: Record, case: Case, slides: Sequence[SlideHere], *, titles: bool) -> dict[str, Any]:
    """Everything that a report says. ``titles``: with the case's title and the paths of its slides, which may
    name a patient. Raises RecordError and, for an event that cannot be read, ReadingError."""
    events = record.events(case=case.id)
    readers = dict.fromkeys(event.reader for event in events if event.kind == Kind.OPENED and event.reader)
    followed_readings = [followed(case.id, reader, events) for reader in readers]
    # A report must not unblind whom the window keeps blinded.
    withheld = not followed_readings or any(one.is_blinded for one in followed_readings)
    protocol, protocol_problem = _protocol(case)
    sources = followed_readings or [followed(case.id, "", events)]
    numbers = {slide.slide_id: slide.number for slide in slides if slide.slide_id}
    mpp_um = {slide.slide_id: slide.mpp_um for slide in slides if slide.slide_id and slide.mpp_um}
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "disclaimer": RESEARCH_USE_STATEMENT,
        "program": PROGRAM,
        "made_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "case": _case(case, titles=titles, withheld=withheld),
        "protocol": None if protocol is None else _protocol_facts(protocol),
        "protocol_problem": protocol_problem,
        "findings_withheld": withheld,
        "readings": [
            reading_facts(one, protocol, followed_readings, numbers, withheld=withheld)
            for one in followed_readings
        ],
        "slides": [_slide(slide, case, events, titles=titles, withheld=withheld) for slide in slides],
        "findings": finding_facts(sources, numbers, mpp_um, withheld=withheld),
        "limits": [
            *strings.LIMITS,
            *([] if protocol is None or protocol.is_calibrated else [strings.NOT_CALIBRATED]),
        ],
        "record": _chain(record),
    }
    return facts if titles else _without_names(facts, case)


def _case(case: Case, *, titles: bool, withheld: bool) -> dict[str, Any]:
    return {
        "id": case.id,
        "title": case.title if titles else None,
        "question": case.question,
        "reference": None if withheld else case.reference,
        "state": case.state.value,
        "reason": case.reason,
        "added_utc": case.added_utc,
    }


def _protocol(case: Case) -> tuple[ReadingProtocol | None, str]:
    try:
        return find_protocol(case.protocol), ""
    except ProtocolError as error:
        return None, strings.NO_PROTOCOL.format(name=case.protocol, error=error)


def _protocol_facts(protocol: ReadingProtocol) -> dict[str, Any]:
    return {
        "name": protocol.name,
        "title": protocol.title,
        "purpose": protocol.purpose,
        "limits": protocol.limits,
        "digest": protocol.digest,
        "magnification": protocol.magnification,
        "coverage_share": protocol.coverage_share,
        "is_calibrated": protocol.is_calibrated,
        "questions": [{**asdict(one), "options": list(one.options)} for one in protocol.questions],
    }


def _read_of(slide_id: str | None, events: Sequence[Event]) -> Mapping[str, Any] | None:
    """The last payload of what the program read on a slide."""
    read = [
        event.payload
        for event in events
        if event.kind == Kind.READ and not event.erased and event.payload.get("slide_id") == slide_id
    ]
    return read[-1] if slide_id is not None and read else None


def _slide(
    slide: SlideHere, case: Case, events: Sequence[Event], *, titles: bool, withheld: bool
) -> dict[str, Any]:
    read = _read_of(slide.slide_id, events)
    known = case.slides[slide.number - 1]
    asked = [] if read is None else [dict(one) for one in read.get("asked", ())]
    # That by which the findings were made goes before what the file says now.
    recorded_um = None if read is None else float(read.get("mpp_um", 0)) or None
    for one in asked if withheld else ():
        one.pop("highest", None)  # says whether anything was found
    return {
        "number": slide.number,
        "slide_id": slide.slide_id,
        "path": known.path if titles else None,
        "site": known.site,
        "stain": known.stain,
        "mpp_um": recorded_um or slide.mpp_um,
        "mpp_estimated": bool(asked and asked[0].get("mpp_estimated")),
        "problem": slide.problem,
        "replaced": [
            {"utc": event.happened_utc, "reader": event.reader, "before": event.payload.get("before")}
            for event in events
            if event.kind == Kind.REPLACED and event.payload.get("slide") == slide.number - 1
        ],
        "is_read": read is not None,
        "asked": asked,
        "not_analysed": []
        if read is None
        else [{"what": str(what), "why": str(why)} for what, why in read.get("not_analysed", ())],
        "notes": [] if read is None else list(read.get("notes", ())),
    }


def _chain(record: Record) -> dict[str, Any]:
    count, digest = record.head()
    problems = [problem.text for problem in verify(record) if not problem.is_note]
    return {
        "events": count,
        "digest": digest,
        "verified": not problems,
        "problems": problems[: strings.MOST_PROBLEMS],
        "problem_count": len(problems),
    }


def _without_names(facts: dict[str, Any], case: Case) -> dict[str, Any]:
    """The same without paths and names of files, which messages may hold."""
    names = []
    for number, slide in enumerate(case.slides, 1):
        name = slide.path.replace("\\", "/").rpartition("/")[2]
        names += [(path, strings.SLIDE.format(number=number)) for path in (slide.path, name) if path]
    names.sort(key=lambda pair: -len(pair[0]))

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            for name, instead in names:
                value = value.replace(name, instead)
            return value
        if isinstance(value, dict):
            return {key: cleaned(one) for key, one in value.items()}
        return [cleaned(one) for one in value] if isinstance(value, list) else value

    cleaned_facts: dict[str, Any] = cleaned(facts)
    return cleaned_facts
