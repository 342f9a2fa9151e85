"""What a report says of one reading: opinions, times, signatures, discordances, what was displayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.review.reading.discordance import discordances
from viewer.review.reading.kinds import Kind, Mode
from viewer.review.reading.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from viewer.review.database.event import Event
    from viewer.review.findings.finding import Finding
    from viewer.review.protocols import ReadingProtocol


@dataclass(frozen=True, slots=True)
class Followed:
    """A reading, and what its events say beside it. ``after_reveal``: of each opinion; ``signatures``: all,
    the last may have been reopened since; ``resolutions``: of discordances, with their texts; ``marks``: all
    findings that the reader ever marked, also those withdrawn."""

    reading: Reading
    protocol_digest: str
    after_reveal: tuple[bool, ...]
    revealed_utc: str | None
    signatures: tuple[Mapping[str, Any], ...]
    displayed: Mapping[str, Any]
    resolutions: Mapping[str, str]
    marks: Mapping[str, Finding]

    @property
    def is_blinded(self) -> bool:
        """Whether this reader still reads without what the program found."""
        reading = self.reading
        return not reading.is_revealed and reading.signature is None


def followed(case: str, reader: str, events: Iterable[Event]) -> Followed:
    """From the events of a case in their order. Raises ReadingError for one that cannot be read."""
    reading = Reading(case, reader)
    digest, revealed_utc = "", None
    after_reveal: list[bool] = []
    signatures: list[Mapping[str, Any]] = []
    displayed: dict[str, Any] = {}
    resolutions: dict[str, str] = {}
    marks: dict[str, Finding] = {}
    for event in events:
        was_revealed = reading.is_revealed
        reading = reading.after(event)
        if event.erased or event.reader != reader:
            continue
        payload = event.payload
        match event.kind:
            case Kind.OPENED:
                digest = digest or str(payload.get("protocol_digest", ""))
            case Kind.OPINION:
                after_reveal.append(was_revealed)
            case Kind.REVEALED:
                revealed_utc = revealed_utc or event.happened_utc
            case Kind.RESOLVED:
                resolutions[str(payload["discordance"])] = str(payload.get("text", ""))
            case Kind.ADDED:
                marks |= reading.marked
            case Kind.VIEWED if isinstance(payload.get("shares"), dict):
                displayed[str(payload["slide_id"])] = payload["shares"]
            case Kind.SIGNED:
                displayed |= payload.get("displayed") or {}
                signatures.append(
                    {"name": payload["name"], "meaning": payload["meaning"], "utc": event.happened_utc}
                )
    return Followed(
        reading,
        digest,
        tuple(after_reveal),
        revealed_utc,
        tuple(signatures),
        displayed,
        resolutions,
        marks,
    )


def reading_facts(
    one: Followed,
    protocol: ReadingProtocol | None,
    others: Sequence[Followed],
    numbers: Mapping[str, int],
    *,
    withheld: bool,
) -> dict[str, Any]:
    """As JSON can hold it. ``numbers``: of the slides in the case, by slide id. Other readings' answers, and
    whatever depends on what the program found, are left out where they are ``withheld``."""
    reading = one.reading
    return {
        "reader": reading.reader,
        "mode": reading.mode.value if reading.mode is not None else None,
        "arm": reading.arm,
        "protocol": reading.protocol,
        "protocol_digest": one.protocol_digest,
        "protocol_changed": protocol is not None and protocol.digest != one.protocol_digest,
        "opened_utc": reading.opened_utc,
        "revealed_utc": one.revealed_utc,
        "from_the_start": reading.mode is Mode.CONCURRENT,
        "is_signed": reading.signature is not None,
        "signatures": [dict(signature) for signature in one.signatures],
        "opinions": [] if withheld and reading.signature is not None else _opinions(one, protocol),
        "displayed": [
            {"slide": numbers.get(slide_id), "slide_id": slide_id, **_shares(shares)}
            for slide_id, shares in one.displayed.items()
        ],
        "discordances": [] if withheld else _discordances(one, protocol, others),
    }


def _opinions(one: Followed, protocol: ReadingProtocol | None) -> list[dict[str, Any]]:
    questions = {} if protocol is None else {question.id: question.text for question in protocol.questions}
    return [
        {
            "number": number,
            "answers": [
                {"id": name, "question": questions.get(name, name), "answer": answer}
                for name, answer in opinion.answers.items()
            ],
            "confidence": opinion.confidence,
            "time_s": opinion.time_s,
            "reason": opinion.reason,
            "utc": opinion.utc,
            "after_reveal": after_reveal,
        }
        for number, (opinion, after_reveal) in enumerate(
            zip(one.reading.opinions, one.after_reveal, strict=True)
        )
    ]


def _shares(shares: Mapping[str, Any]) -> dict[str, Any]:
    names = "at_magnification", "less_magnified", "overview", "magnification"
    return {name: shares.get(name) for name in names}


def _discordances(
    one: Followed, protocol: ReadingProtocol | None, others: Sequence[Followed]
) -> list[dict[str, Any]]:
    if protocol is None:
        return []
    opinions = [
        other.reading.last
        for other in others
        if other is not one and other.reading.signature is not None and other.reading.last is not None
    ]
    return [
        {
            "id": found.id,
            "kind": found.kind,
            "text": found.text,
            "finding": None if found.finding is None else found.finding.id,
            "state": found.state,
            "said": one.resolutions.get(found.id, ""),
        }
        for found in discordances(one.reading, protocol, opinions)
    ]
