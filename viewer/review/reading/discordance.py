"""Discordances: where reader and program, or two readers, differ. Pure.

Of findings: *missed* (the program found what the reader had not marked), *extra* (the reader marked what the
program had not found), *class* and *extent* (both, but differently). What a reader marked after the findings
were shown is no opinion of the reader alone, and counts for none of them. Of the case: answers to one
question that differ, *grade* where the question is for one, else *class*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.review.reading import strings
from viewer.review.reading.kinds import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.review.findings.finding import Finding
    from viewer.review.protocols import ReadingProtocol
    from viewer.review.reading.reading import Opinion, Reading

EXTENT_RATIO = 4.0
"""Areas that differ by more than this factor differ in extent."""


@dataclass(frozen=True, slots=True)
class Discordance:
    """``kind``: one of "missed", "extra", "class", "extent", "grade". ``finding``: where it lies; None for
    one of the case. ``state``: "open", "resolved" or "deferred"."""

    id: str
    kind: str
    text: str
    finding: Finding | None
    state: str


def discordances(reading: Reading, protocol: ReadingProtocol, others: Iterable[Opinion]) -> list[Discordance]:
    """All of a reading. ``others``: the last opinions of readers who signed, unnamed. Findings nearer than
    the protocol's distance are of one place."""
    is_shown = reading.is_revealed and reading.mode is not Mode.UNAIDED
    found = _of_findings(reading, protocol.findings.merge_um) if is_shown else []
    return [*found, *_of_answers(reading, protocol, others)]


def _of_findings(reading: Reading, distance_um: float) -> list[Discordance]:
    mine = [finding for name, finding in reading.marked.items() if name in reading.before_reveal]
    matched: set[str] = set()
    found = []
    for theirs in reading.proposed:
        distance_px = distance_um / reading.slides[theirs.slide_id].mpp_um
        own = next((one for one in mine if _same_place(one, theirs, distance_px)), None)
        if own is None:
            text = strings.DISCORDANCES["missed"].format(label=theirs.label)
            found.append(_of_theirs(reading, "missed", text, theirs))
            continue
        matched.add(own.id)
        kind = _difference(own, theirs)
        if kind:
            text = strings.DISCORDANCES[kind].format(mine=own.label, theirs=theirs.label, label=own.label)
            found.append(_of_theirs(reading, kind, text, theirs))
    for own in mine:
        read = reading.slides.get(own.slide_id)
        if own.id not in matched and read is not None and read.asked:  # else nothing was searched for there
            name = f"extra:{own.id}"
            text = strings.DISCORDANCES["extra"].format(label=own.label or strings.UNNAMED)
            found.append(Discordance(name, "extra", text, own, reading.resolved.get(name, "open")))
    return found


def _of_answers(reading: Reading, protocol: ReadingProtocol, others: Iterable[Opinion]) -> list[Discordance]:
    if reading.last is None:
        return []
    found = []
    for number, other in enumerate(others, 1):
        for question in protocol.questions:
            mine, theirs = reading.last.answers.get(question.id), other.answers.get(question.id)
            if question.kind == "text" or mine == theirs or None in (mine, theirs):
                continue
            kind = "grade" if question.kind == "grade" else "class"
            name = f"{kind}:{question.id}:{number}"
            text = strings.DISCORDANCES["answer"].format(question=question.text, mine=mine, theirs=theirs)
            found.append(Discordance(name, kind, text, None, reading.resolved.get(name, "open")))
    return found


def _same_place(one: Finding, other: Finding, distance_px: float) -> bool:
    if one.slide_id != other.slide_id:
        return False
    x, y = one.point
    extent = other.extent
    within = extent.x0 <= x <= extent.x1 and extent.y0 <= y <= extent.y1
    return within or one.distance_px(other) < distance_px


def _difference(own: Finding, theirs: Finding) -> str:
    if own.label and own.label.casefold() not in [label.casefold() for label in theirs.label.split("; ")]:
        return "class"
    areas = [max(one.extent.width * one.extent.height, 1.0) for one in (own, theirs)]
    has_extent = len(own.outline) > 2
    return "extent" if has_extent and max(areas) > EXTENT_RATIO * min(areas) else ""


def _of_theirs(reading: Reading, kind: str, text: str, finding: Finding) -> Discordance:
    """Settled by itself, or else by the answer to the finding."""
    name = f"{kind}:{finding.id}"
    answered = reading.answers.get(finding.id)
    by_answer = "open"
    if answered is not None:
        by_answer = "resolved" if answered.answer.settles else "deferred"
    return Discordance(name, kind, text, finding, reading.resolved.get(name, by_answer))
