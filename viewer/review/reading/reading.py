"""Reading: what one reader has said and done about a case, folded from the record's events. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from viewer.common.errors import FoveolaError
from viewer.review.findings.finding import Finding, FindingError
from viewer.review.reading import strings
from viewer.review.reading.kinds import Answer, Kind, Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from viewer.review.database.event import Event


class ReadingError(FoveolaError):
    """What a reading does not allow now, and what to do first."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """``answers``: by the id of each of the protocol's questions. ``confidence``: 0 to 100, None where none
    was given. ``time_s``: of reading so far. ``reason``: of a change; "" for the first."""

    answers: Mapping[str, Any]
    confidence: int | None
    time_s: float
    reason: str
    utc: str


@dataclass(frozen=True, slots=True)
class AnsweredFinding:
    """The last answer to a finding."""

    answer: Answer
    reason_code: str
    text: str
    utc: str


@dataclass(frozen=True, slots=True)
class SlideRead:
    """What the program found on one slide with pixels of ``mpp_um``. ``asked``: for each query what answered
    it, its threshold and how much was analysed; ``not_analysed``: (what, why)."""

    mpp_um: float
    findings: tuple[Finding, ...]
    asked: tuple[Mapping[str, Any], ...]
    not_analysed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """``meaning``: what is signed, in words."""

    name: str
    meaning: str
    utc: str


@dataclass(frozen=True, slots=True)
class Reading:
    """``mode`` is None until the case is opened. ``marked``: the reader's own findings by id, without those
    withdrawn; ``before_reveal``: the ids of those made before anything was shown. ``resolved``: by the id of
    a discordance "resolved" or "deferred". ``viewed``: by slide id, the last payload of ``Kind.VIEWED``.
    """

    case: str
    reader: str
    mode: Mode | None = None
    protocol: str = ""
    arm: str | None = None
    opened_utc: str = ""
    opinions: tuple[Opinion, ...] = ()
    is_revealed: bool = False
    slides: Mapping[str, SlideRead] = field(default_factory=dict)
    marked: Mapping[str, Finding] = field(default_factory=dict)
    before_reveal: frozenset[str] = frozenset()
    answers: Mapping[str, AnsweredFinding] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)
    viewed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    signature: Signature | None = None

    @property
    def first(self) -> Opinion | None:
        """The frozen first opinion."""
        return self.opinions[0] if self.opinions else None

    @property
    def last(self) -> Opinion | None:
        """The opinion that counts now."""
        return self.opinions[-1] if self.opinions else None

    @property
    def proposed(self) -> tuple[Finding, ...]:
        """All findings of the program, slide by slide, shown or not."""
        return tuple(finding for slide in self.slides.values() for finding in slide.findings)

    @property
    def shown(self) -> tuple[Finding, ...]:
        """The findings that the reader may see: own ones, and once revealed those of the program."""
        return (*(self.proposed if self.is_revealed else ()), *self.marked.values())

    @property
    def not_analysed(self) -> tuple[tuple[str, str], ...]:
        """(what, why) of all slides, each once."""
        pairs = (pair for slide in self.slides.values() for pair in slide.not_analysed)
        return tuple(dict.fromkeys(pairs))

    def after(self, event: Event) -> Reading:
        """With one more event of this case; those of other readers change nothing. Raises ReadingError for an
        event that cannot be read."""
        if event.erased or event.reader not in (self.reader, ""):
            return self
        try:
            return _AFTER[event.kind](self, event) if event.kind in _AFTER else self
        except (KeyError, TypeError, ValueError, AttributeError, FindingError) as error:
            raise ReadingError(strings.BAD_EVENT.format(number=event.number, reason=error)) from error


def read_reading(case: str, reader: str, events: Iterable[Event]) -> Reading:
    """The reading of one reader, from a case's events in their order."""
    return reduce(Reading.after, events, Reading(case, reader))


def _opened(reading: Reading, event: Event) -> Reading:
    if reading.mode is not None and reading.signature is None:
        return reading  # it goes on, in the mode in which it began
    mode = Mode(event.payload["mode"])
    return replace(
        reading,
        mode=mode,
        protocol=str(event.payload["protocol"]),
        arm=event.payload.get("arm"),
        opened_utc=event.happened_utc,
        is_revealed=reading.is_revealed or mode is Mode.CONCURRENT,
        signature=None,
    )


def _read(reading: Reading, event: Event) -> Reading:
    slide_id = str(event.payload["slide_id"])
    if slide_id in reading.slides and reading.is_revealed:
        return reading  # what was shown to a reader is not replaced under the reader's hand
    slide = SlideRead(
        float(event.payload["mpp_um"]),
        tuple(map(Finding.from_json, event.payload["findings"])),
        tuple(dict(asked) for asked in event.payload["asked"]),
        tuple((str(what), str(why)) for what, why in event.payload["not_analysed"]),
    )
    return replace(reading, slides={**reading.slides, slide_id: slide})


def _opinion(reading: Reading, event: Event) -> Reading:
    fields = event.payload
    opinion = Opinion(
        dict(fields["answers"]),
        None if fields["confidence"] is None else int(fields["confidence"]),
        float(fields["time_s"]),
        str(fields["reason"] or ""),
        event.happened_utc,
    )
    return replace(reading, opinions=(*reading.opinions, opinion))


def _revealed(reading: Reading, _event: Event) -> Reading:
    return replace(reading, is_revealed=True)


def _answered(reading: Reading, event: Event) -> Reading:
    fields = event.payload
    answer = AnsweredFinding(
        Answer(fields["answer"]), str(fields["reason_code"]), str(fields["text"]), event.happened_utc
    )
    return replace(reading, answers={**reading.answers, str(fields["finding"]): answer})


def _added(reading: Reading, event: Event) -> Reading:
    finding = Finding.from_json(event.payload["finding"])
    before = reading.before_reveal if reading.is_revealed else reading.before_reveal | {finding.id}
    return replace(reading, marked={**reading.marked, finding.id: finding}, before_reveal=before)


def _withdrawn(reading: Reading, event: Event) -> Reading:
    gone = event.payload["finding"]
    return replace(reading, marked={name: one for name, one in reading.marked.items() if name != gone})


def _resolved(reading: Reading, event: Event) -> Reading:
    fields = event.payload
    return replace(reading, resolved={**reading.resolved, str(fields["discordance"]): str(fields["how"])})


def _viewed(reading: Reading, event: Event) -> Reading:
    return replace(reading, viewed={**reading.viewed, str(event.payload["slide_id"]): event.payload})


def _signed(reading: Reading, event: Event) -> Reading:
    signature = Signature(str(event.payload["name"]), str(event.payload["meaning"]), event.happened_utc)
    return replace(reading, signature=signature)


def _adjudicated(reading: Reading, event: Event) -> Reading:
    meaning = strings.ADJUDICATION.format(reason=event.payload["reason"])
    return replace(reading, signature=Signature(str(event.payload["name"]), meaning, event.happened_utc))


_AFTER: Mapping[str, Callable[[Reading, Event], Reading]] = {
    Kind.OPENED: _opened,
    Kind.READ: _read,
    Kind.OPINION: _opinion,
    Kind.REVEALED: _revealed,
    Kind.ANSWERED: _answered,
    Kind.ADDED: _added,
    Kind.WITHDRAWN: _withdrawn,
    Kind.RESOLVED: _resolved,
    Kind.VIEWED: _viewed,
    Kind.SIGNED: _signed,
    Kind.ADJUDICATED: _adjudicated,
}
