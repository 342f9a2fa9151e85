"""A case of the worklist, and how it is folded from the events of the record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from viewer.review.worklist import strings
from viewer.review.worklist.errors import TransitionError, WorklistError
from viewer.review.worklist.state import ADDED, AUDIT, CHANGED, LEFT, REPLACED, STATE, State, next_state
from viewer.view.camera import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viewer.review.database.event import Event

TEXTS = ("title", "question", "protocol")
"""Fields of a case that are plain text."""


@dataclass(frozen=True, slots=True)
class CaseSlide:
    """``path``: a locator's text, absolute. ``slide_id``: of the content, None until it was read."""

    path: str
    slide_id: str | None = None
    site: str = ""
    stain: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader left: the number of the slide in the case, from 0, and the view of it. ``number``: of
    the event that says so."""

    slide: int
    view: View
    number: int = field(default=0, compare=False)


class Case(NamedTuple):
    """``id`` is pseudonymous; ``title`` and the slides' paths may name a patient and stand in no export."""

    id: str
    title: str
    slides: tuple[CaseSlide, ...]
    question: str
    protocol: str
    """The name of a protocol."""
    reference: str | None
    """The reference standard in words, where there is one."""
    added_utc: str
    number: int
    """Of the event that added it: cases added later have higher ones."""
    state: State = State.NEW
    reason: str = ""
    """Why it is in its state, where that was said."""
    not_analysed: str = ""
    """What the second reader could not do, and why; "" where it did all."""
    findings: int | None = None
    """How many findings the second reader has; None until it has read the case."""
    highest: float | None = None
    """The highest score of them, 0 to 1."""
    audit: bool | None = None
    """Whether it was drawn for audit; None where no lot was drawn."""
    places: Mapping[str, Place] = MappingProxyType({})
    """By reader, where he left."""
    changed: int = 0
    """The number of its last event."""
    searched: str = ""
    """What a search looks through, in small letters."""


def folded(case: Case | None, event: Event) -> Case:
    """The case after an event; None before its first. Raises TransitionError where the event cannot happen
    to it, WorklistError where its payload is not understood."""
    payload = event.payload
    try:
        if case is None:
            if event.kind != ADDED:
                raise TransitionError(strings.UNKNOWN_CASE.format(case=event.case))
            return _new(event)
        if event.kind == STATE:
            return _with_state(case, payload, event.number)
        state = next_state(case.state, event.kind, payload)
        if event.kind == AUDIT:
            marked = bool(payload["marked"]) if case.audit is None else case.audit  # the first lot counts
            return case._replace(audit=marked, changed=event.number)
        if event.kind == LEFT:
            places = {**case.places, event.reader: _place(payload, event.number)}
            return case._replace(places=places, changed=event.number)
        if event.kind == CHANGED:
            changed = case._replace(**_changes(payload), changed=event.number)
            return changed._replace(searched=_searched(changed))
        if event.kind == REPLACED:
            slides = list(case.slides)
            number = int(payload["slide"])
            slides[number] = replace(
                slides[number], path=str(payload["path"]), slide_id=_text_or_none(payload["slide_id"])
            )
            case = case._replace(slides=tuple(slides), findings=None, highest=None)
        return case._replace(state=state, changed=event.number)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise WorklistError(
            strings.BAD_EVENT.format(number=event.number, kind=event.kind, case=event.case, error=error)
        ) from error


def _new(event: Event) -> Case:
    fields: dict[str, Any] = {"slides": (), "title": "", "question": "", "protocol": "", "reference": None}
    fields |= _changes(event.payload)
    case = Case(event.case, added_utc=event.happened_utc, number=event.number, changed=event.number, **fields)
    return case._replace(searched=_searched(case))


def _changes(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Those fields of a case that a payload names."""
    changes: dict[str, Any] = {name: str(payload[name]) for name in TEXTS if name in payload}
    if "reference" in payload:
        changes["reference"] = _text_or_none(payload["reference"])
    if "slides" in payload:
        changes["slides"] = tuple(
            CaseSlide(
                str(slide["path"]),
                _text_or_none(slide.get("slide_id")),
                str(slide.get("site", "")),
                str(slide.get("stain", "")),
            )
            for slide in payload["slides"]
        )
    return changes


def _with_state(case: Case, payload: Mapping[str, Any], number: int) -> Case:
    state = next_state(case.state, STATE, payload)
    reason = str(payload.get("reason", ""))
    findings, highest, not_analysed = case.findings, case.highest, case.not_analysed
    if state in (State.READY, State.NOT_ANALYSED, State.INDEXING):
        findings, highest = payload.get("findings"), payload.get("highest")
        not_analysed = "" if state is State.INDEXING else reason
        if state is State.NOT_ANALYSED and not findings:
            findings = None  # what was not read may hold some
    return case._replace(
        state=state,
        reason=reason,
        not_analysed=not_analysed,
        findings=None if findings is None else int(findings),
        highest=None if highest is None else float(highest),
        changed=number,
    )


def _place(payload: Mapping[str, Any], number: int) -> Place:
    numbers = (float(payload[name]) for name in ("centre_x", "centre_y", "downsample", "rotation_rad"))
    return Place(int(payload["slide"]), View(*numbers), number)


def _searched(case: Case) -> str:
    slides = (word for slide in case.slides for word in (slide.site, slide.stain))
    return "\n".join((case.id, case.title, case.question, *slides)).casefold()


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
