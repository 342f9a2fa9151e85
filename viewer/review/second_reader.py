"""The second reader: asks what a protocol asks of one slide, and returns findings for the record.

What cannot be asked, or was not analysed, is listed with the reason; it is never taken for absent. How a
question is answered is passed in: this room imports no model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from viewer.common.errors import FoveolaError
from viewer.relevance.patches.peaks import LEAST_SCORE
from viewer.review import strings
from viewer.review.findings.finding import Maker
from viewer.review.findings.from_field import findings_of, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from viewer.relevance.patches.field import RelevanceField
    from viewer.review.asked import Asked
    from viewer.review.findings.finding import Finding
    from viewer.review.protocols import FindingLimits


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one question. ``encoder``: the id of what answered; ``weights``: the SHA-256 of its
    weights, or its version; ``threshold``: its own, None where it states none; ``reasons_at``: what lies
    behind the score at a peak (level-0 px), in words; of ``patches`` with tissue ``unread`` could not be
    read.
    """

    field: RelevanceField
    encoder: str
    weights: str
    threshold: float | None
    patches: int
    unread: int
    reasons_at: Callable[[tuple[float, float]], tuple[str, ...]]
    notes: tuple[str, ...] = ()


def read_slide(
    slide_id: str, questions: Iterable[Asked], limits: FindingLimits, ask: Callable[[Asked], Answered]
) -> dict[str, Any]:
    """The payload of the event that records what was found on one slide: ``mpp_um`` (of level 0; 0 where
    nothing was analysed), findings, best first, what was asked, and what was not analysed. ``ask`` raises
    FoveolaError where it cannot answer.
    """
    asked: list[dict[str, Any]] = []
    not_analysed: list[list[str]] = []
    notes: list[str] = []
    findings: list[Finding] = []
    mpp_um = 0.0
    for question in questions:
        if question.not_analysed:
            not_analysed.append([question.text, question.not_analysed])
            continue
        try:
            answered = ask(question)
        except FoveolaError as error:
            not_analysed.append([question.text, str(error)])
            continue
        maker = _maker(question, answered)
        mpp_um = sum(answered.field.provenance.mpp_um) / 2
        asked.append(_facts(question, answered, maker))
        notes += answered.notes
        if answered.unread:
            why = strings.UNREAD.format(count=answered.unread, patches=answered.patches)
            not_analysed.append([question.text, why])
        found = findings_of(
            answered.field,
            slide_id,
            question.text,
            maker,
            limit=limits.most,
            least_side_px=limits.least_um / mpp_um,
        )
        findings += [replace(finding, reasons=answered.reasons_at(finding.point)) for finding in found]
    findings.sort(key=lambda finding: -(finding.score or 0.0))
    kept = joined(findings, limits.merge_um / mpp_um)[: limits.most] if findings else []
    return {
        "mpp_um": mpp_um,
        "findings": [finding.as_json() for finding in kept],
        "asked": asked,
        "not_analysed": not_analysed,
        "notes": list(dict.fromkeys(notes)),
    }


def _maker(question: Asked, answered: Answered) -> Maker:
    """The threshold of a question that names its encoder counts for that one; else that of the encoder goes
    before it."""
    provenance = answered.field.provenance
    own = None if question.encoder else answered.threshold
    return Maker(
        answered.encoder,
        provenance.encoder,
        answered.weights,
        provenance.query,
        own or question.threshold or LEAST_SCORE,
        provenance.unit,
    )


def _facts(question: Asked, answered: Answered, maker: Maker) -> dict[str, Any]:
    field = answered.field
    return {
        "text": question.text,
        **maker.as_json(),
        "patches": answered.patches,
        "unread": answered.unread,
        "mpp_estimated": field.provenance.mpp_estimated,
        "highest": round(float(field.scores.max(where=field.known, initial=0.0)), 4),
    }
