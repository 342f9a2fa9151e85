"""Findings from relevance fields: the peaks that reach a threshold, near duplicates joined. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.relevance.patches.peaks import find_hits
from viewer.review.findings import strings
from viewer.review.findings.finding import Finding, new_id
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.relevance.patches.field import RelevanceField
    from viewer.review.findings.finding import Maker


def findings_of(
    field: RelevanceField, slide_id: str, label: str, maker: Maker, *, limit: int, least_side_px: float = 0.0
) -> list[Finding]:
    """The peaks of a field that reach the maker's threshold, best first: at most ``limit``, none whose
    extent is smaller than ``least_side_px``."""
    hits = find_hits(field, least=maker.threshold)
    large = [hit for hit in hits if max(hit.rect.width, hit.rect.height) >= least_side_px]
    return [Finding(new_id(), slide_id, label, hit.peak, hit.rect, hit.score, maker) for hit in large[:limit]]


def joined(findings: Iterable[Finding], distance_px: float) -> list[Finding]:
    """Findings with near duplicates joined to the one that is listed first: those of one slide nearer to its
    point than ``distance_px``. It keeps its point and score, and gets their labels and the extent of all.
    """
    kept: list[Finding] = []
    for finding in findings:
        near = (
            index
            for index, other in enumerate(kept)
            if other.slide_id == finding.slide_id and other.distance_px(finding) < distance_px
        )
        index = next(near, None)
        if index is None:
            kept.append(finding)
        else:
            kept[index] = _with(kept[index], finding)
    return kept


def _with(first: Finding, other: Finding) -> Finding:
    labels = first.label.split("; ")
    label = (
        first.label if other.label in labels else strings.ALSO.format(label=first.label, other=other.label)
    )
    one, two = first.extent, other.extent
    extent = Rect(min(one.x0, two.x0), min(one.y0, two.y0), max(one.x1, two.x1), max(one.y1, two.y1))
    return replace(first, label=label, extent=extent)
