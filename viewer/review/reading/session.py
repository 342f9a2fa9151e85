"""ReadingSession: what a reader does about a case, checked and written to the record as it happens.

Each method appends one event; when it returns, that is on the disk. What has been recorded is never changed:
another opinion, or another answer to a finding, is another event.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from viewer.review.database.chain import ERASED
from viewer.review.reading import strings
from viewer.review.reading.discordance import discordances
from viewer.review.reading.kinds import Answer, Kind, Mode
from viewer.review.reading.reading import Reading, ReadingError, read_reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.review.database.event import Event
    from viewer.review.database.record import Record
    from viewer.review.findings.finding import Finding
    from viewer.review.protocols import Question, ReadingProtocol
    from viewer.review.reading.discordance import Discordance
    from viewer.review.reading.reading import Opinion


class ReadingSession:
    """Of one reader and one case; ``protocol`` is the one that the case is read by. All methods raise
    RecordError where the record cannot be read or written, and then nothing was."""

    def __init__(self, record: Record, case: str, reader: str, protocol: ReadingProtocol) -> None:
        self._record, self.case, self.reader, self.protocol = record, case, reader, protocol
        self._events: list[Event] = record.events(case=case)
        self.reading: Reading = read_reading(case, reader, self._events)

    def refresh(self) -> bool:
        """Take what others have recorded since; returns whether there was anything."""
        after = self._events[-1].number if self._events else 0
        new = self._record.events(case=self.case, after=after)
        self._take(new)
        return bool(new)

    @property
    def is_erased(self) -> bool:
        """Whether the case was erased, here or elsewhere."""
        return any(event.kind == ERASED for event in self._events)

    @property
    def others(self) -> tuple[Opinion, ...]:
        """The last opinions of the other readers who signed, in the order of the record."""
        readers = dict.fromkeys(event.reader for event in self._events if event.reader)
        readings = (read_reading(self.case, name, self._events) for name in readers if name != self.reader)
        return tuple(
            reading.last for reading in readings if reading.signature is not None and reading.last is not None
        )

    @property
    def discordances(self) -> list[Discordance]:
        """Those of the reading as it is now."""
        return discordances(self.reading, self.protocol, self.others)

    def open(self, mode: Mode, slides: Sequence[str], arm: str | None = None) -> None:
        """Begin, or go on in the mode in which it began. ``slides``: content hashes; ``arm``: of a study."""
        payload = {
            "mode": mode.value,
            "protocol": self.protocol.name,
            "protocol_digest": self.protocol.digest,
            "arm": arm,
            "slides": list(slides),
        }
        self._append(Kind.OPENED, payload)

    def give_opinion(
        self, answers: Mapping[str, Any], confidence: int | None, time_s: float, reason: str = ""
    ) -> None:
        """Record an opinion; the first stays as it is. Raises ReadingError for a change without a reason, and
        for answers that are missing or not among a question's options."""
        self.check_open()
        missing = [one.text for one in self.protocol.questions if not _is_answered(one, answers)]
        if missing:
            raise ReadingError(strings.MISSING_ANSWERS.format(questions="; ".join(missing)))
        if confidence is not None and not 0 <= confidence <= 100:
            raise ReadingError(strings.BAD_CONFIDENCE.format(value=confidence))
        if self.reading.opinions and not reason.strip():
            raise ReadingError(strings.REASON_MISSING)
        payload = {
            "number": len(self.reading.opinions),
            "answers": dict(answers),
            "confidence": confidence,
            "time_s": round(time_s, 1),
            "reason": reason.strip() or None,
            "after_reveal": self.reading.is_revealed,
        }
        self._append(Kind.OPINION, payload)

    def reveal(self) -> None:
        """Show what the program found. Raises ReadingError before the first opinion of a blinded reading, and
        in an unaided one."""
        self.check_open()
        if self.reading.mode is Mode.UNAIDED:
            raise ReadingError(strings.UNAIDED)
        if self.reading.mode is Mode.BLINDED_FIRST and self.reading.first is None:
            raise ReadingError(strings.FIRST_OPINION_FIRST)
        if not self.reading.is_revealed:
            self._append(Kind.REVEALED, {"findings": [finding.id for finding in self.reading.proposed]})

    def answer(self, finding: str, answer: Answer, reason_code: str = "", text: str = "") -> None:
        """Record what the reader says about a finding. Raises ReadingError for one that is not shown."""
        self.check_open()
        if finding not in [one.id for one in self.reading.shown]:
            raise ReadingError(strings.NO_SUCH_FINDING.format(finding=finding))
        payload = {"finding": finding, "answer": answer.value, "reason_code": reason_code, "text": text}
        self._append(Kind.ANSWERED, payload)

    def mark(self, finding: Finding) -> None:
        """Record a finding of the reader's own."""
        self.check_open()
        self._append(
            Kind.ADDED, {"finding": finding.as_json(), "before_reveal": not self.reading.is_revealed}
        )

    def mark_all(self, findings: Sequence[Finding]) -> None:
        """Record findings of the reader's own in one transaction: all of them or none."""
        self.check_open()
        before = not self.reading.is_revealed
        payloads = [{"finding": finding.as_json(), "before_reveal": before} for finding in findings]
        self._record.append_all((self.case, Kind.ADDED.value, self.reader, one) for one in payloads)
        self.refresh()

    def withdraw(self, finding: str) -> None:
        """Take an own finding back; the record keeps it. Raises ReadingError where there is none."""
        self.check_open()
        if finding not in self.reading.marked:
            raise ReadingError(strings.NO_SUCH_FINDING.format(finding=finding))
        self._append(Kind.WITHDRAWN, {"finding": finding})

    def resolve(self, discordance: str, *, deferred: bool = False, text: str = "") -> None:
        """Settle a discordance, or leave it to another reader."""
        self.check_open()
        how = "deferred" if deferred else "resolved"
        self._append(Kind.RESOLVED, {"discordance": discordance, "how": how, "text": text})

    def viewed(self, slide_id: str, view: Mapping[str, Any]) -> None:
        """Record where the view is, and what was displayed so far."""
        if self.reading.mode is not None and self.reading.signature is None:
            self._append(Kind.VIEWED, {"slide_id": slide_id, **view})

    def sign(self, name: str, meaning: str, figures: Mapping[str, Any]) -> None:
        """End the reading with a signature. ``figures``: what was displayed, for the record. Raises
        ReadingError without an opinion or a name, and while a discordance is open."""
        self.check_open()
        if self.reading.last is None:
            raise ReadingError(strings.NO_OPINION)
        if not name.strip():
            raise ReadingError(strings.NO_NAME)
        count = sum(one.state == "open" for one in self.discordances)
        if count:
            raise ReadingError(strings.OPEN_DISCORDANCES[count == 1].format(count=count))
        deferred = [one.id for one in self.discordances if one.state == "deferred"]
        payload = {"name": name.strip(), "meaning": meaning, "deferred": deferred, "displayed": dict(figures)}
        self._append(Kind.SIGNED, payload)

    @property
    def is_to_adjudicate(self) -> bool:
        """Whether this reader is a third one: another left a point open and signed, nobody has adjudicated
        since, and this one has not signed."""
        signed = (Kind.SIGNED, Kind.ADJUDICATED)
        ends = [event for event in self._events if event.kind in signed and not event.erased]
        last = max((index for index, event in enumerate(ends) if event.kind == Kind.ADJUDICATED), default=-1)
        is_open = any(event.payload.get("deferred") for event in ends[last + 1 :])
        return is_open and all(event.reader != self.reader for event in ends)

    def adjudicate(self, name: str, reason: str) -> None:
        """Decide between the readers who signed: the last opinion counts, and ends the reading. Raises
        ReadingError without an opinion, a name or a reason, and for who is no third reader."""
        self.check_open()
        if not self.is_to_adjudicate:
            raise ReadingError(strings.NOT_THIRD)
        if self.reading.last is None:
            raise ReadingError(strings.NO_OPINION)
        if not name.strip() or not reason.strip():
            raise ReadingError(strings.NO_DECISION)
        answers = dict(self.reading.last.answers)
        self._append(Kind.ADJUDICATED, {"name": name.strip(), "answers": answers, "reason": reason.strip()})

    def take_findings(self, slide_id: str, payload: Mapping[str, Any]) -> None:
        """Record what the program found on a slide (``second_reader``); by the program, not the reader."""
        self._append(Kind.READ, {"slide_id": slide_id, **payload}, by_program=True)

    def check_open(self) -> None:
        """Raises ReadingError where the reading was not begun, is signed, or the case was erased."""
        self.refresh()
        if self.is_erased:
            raise ReadingError(strings.ERASED.format(case=self.case))
        if self.reading.mode is None:
            raise ReadingError(strings.NOT_OPEN)
        if self.reading.signature is not None:
            raise ReadingError(strings.SIGNED)

    def _append(self, kind: Kind, payload: Mapping[str, Any], *, by_program: bool = False) -> None:
        self._record.append(self.case, kind.value, "" if by_program else self.reader, payload)
        self.refresh()

    def _take(self, events: list[Event]) -> None:
        self._events += events
        self.reading = reduce(Reading.after, events, self.reading)


def _is_answered(question: Question, answers: Mapping[str, Any]) -> bool:
    """Whether the answer is one of the options; text may stay open."""
    answer = answers.get(question.id)
    if question.kind == "text":
        return answer is None or isinstance(answer, str)
    return answer in question.answers
