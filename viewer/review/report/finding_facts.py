"""What a report says of findings: place, who found it, score and model, and what each reader answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.review.findings.finding import Finding
    from viewer.review.report.reading_facts import Followed


@dataclass(slots=True)
class _Said:
    finding: Finding
    reader: str
    withdrawn: bool = False
    before_reveal: bool | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)


def finding_facts(
    readings: Sequence[Followed],
    numbers: Mapping[str, int],
    mpp_um: Mapping[str, float],
    *,
    withheld: bool,
) -> list[dict[str, Any]]:
    """All findings, those on which a reader said anything first, then the best. ``numbers`` and ``mpp_um``:
    of the slides, by slide id. ``withheld``: without those of the program."""
    found: dict[str, _Said] = {}
    mpp_um = dict(mpp_um)
    for one in readings:
        reading = one.reading
        mpp_um |= {name: slide.mpp_um for name, slide in reading.slides.items() if slide.mpp_um > 0}
        for finding in () if withheld else reading.proposed:
            found.setdefault(finding.id, _Said(finding, ""))
        for name, finding in one.marks.items():
            before = name in reading.before_reveal
            found[name] = _Said(finding, reading.reader, name not in reading.marked, before)
    for one in readings:
        for name, answer in one.reading.answers.items():
            if name in found:
                found[name].answers.append(
                    {
                        "reader": one.reading.reader,
                        "answer": answer.answer.value,
                        "reason_code": answer.reason_code,
                        "text": answer.text,
                        "utc": answer.utc,
                    }
                )
    ordered = sorted(found.values(), key=_order)
    return [_as_json(number, said, numbers, mpp_um) for number, said in enumerate(ordered, 1)]


def _order(said: _Said) -> tuple[bool, bool, float]:
    is_said = bool(said.answers or said.reader) and not said.withdrawn
    return not is_said, said.withdrawn, -(said.finding.score or 0.0)


def _as_json(
    number: int, said: _Said, numbers: Mapping[str, int], mpp_um: Mapping[str, float]
) -> dict[str, Any]:
    finding, maker = said.finding, said.finding.maker
    side_um = mpp_um.get(finding.slide_id)
    return {
        "number": number,
        "id": finding.id,
        "by": "program" if finding.by_program else "reader",
        "reader": said.reader or None,
        "before_reveal": said.before_reveal,
        "withdrawn": said.withdrawn,
        "label": finding.label,
        "slide": numbers.get(finding.slide_id),
        "slide_id": finding.slide_id,
        "point_px": list(finding.point),
        "extent_px": list(finding.extent),
        "point_um": None if side_um is None else [round(side * side_um, 1) for side in finding.point],
        "extent_um": None if side_um is None else [round(side * side_um, 1) for side in finding.extent],
        "outline_px": [list(corner) for corner in finding.outline],
        "score": finding.score,
        "model": None if maker is None else maker.as_json(),
        "reasons": list(finding.reasons),
        "answers": said.answers,
    }
