"""Findings: from fields, joined, as JSON; and the second reader that asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from viewer.common.errors import FoveolaError
from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.review.asked import Asked
from viewer.review.findings.finding import Finding, FindingError, Maker
from viewer.review.findings.from_field import findings_of, joined
from viewer.review.protocols import FindingLimits
from viewer.review.second_reader import Answered, read_slide

if TYPE_CHECKING:
    from collections.abc import Callable

MPP_UM = 0.5
MAKER = Maker("measured", "Measured concepts", "version 1", "necrosis", 0.6, "likeness")
LIMITS = FindingLimits(most=5, least_um=0.0, merge_um=300.0)


def field(places: dict[tuple[int, int], float], *, query: str = "necrosis") -> RelevanceField:
    """Scores of single patches; all others were analysed, and score 0."""
    grid = PatchGrid.over(10_000, 10_000, (MPP_UM, MPP_UM))
    scores = np.zeros(grid.shape)
    for cell, score in places.items():
        scores[cell] = score
    provenance = Provenance(
        "Measured concepts", query, "likeness", (MPP_UM, MPP_UM), False, "2026-01-01T00:00:00Z", "test"
    )
    return RelevanceField.of(grid, scores, np.ones(grid.shape, bool), provenance)


def answers(by_text: dict[str, RelevanceField | str], *, unread: int = 0) -> Callable[[Asked], Answered]:
    """Answers questions with fields; with a text it fails."""

    def ask(question: Asked) -> Answered:
        found = by_text[question.text]
        if isinstance(found, str):
            raise FoveolaError(found)
        return Answered(
            found, "measured", "version 1", 0.6, 100, unread, lambda point: (f"because of {point[0]:.0f}",)
        )

    return ask


def question(text: str, *, why_not: str = "", encoder: str = "", threshold: float = 0.8) -> Asked:
    return Asked(text, encoder, threshold, None, why_not)


def test_peaks_become_findings_best_first() -> None:
    found = findings_of(field({(2, 2): 0.7, (10, 10): 0.9, (20, 20): 0.5}), "s", "necrosis", MAKER, limit=5)
    assert [finding.score for finding in found] == pytest.approx([0.9, 0.7])
    first = found[0]
    assert first.extent.x0 < first.point[0] < first.extent.x1
    assert findings_of(field({(2, 2): 0.7, (10, 10): 0.9}), "s", "n", MAKER, limit=1)[
        0
    ].score == pytest.approx(0.9)
    assert not findings_of(field({(2, 2): 0.7}), "s", "n", MAKER, limit=5, least_side_px=1e4)


def test_near_duplicates_are_joined_and_keep_both_names() -> None:
    first = findings_of(field({(2, 2): 0.9}), "s", "necrosis", MAKER, limit=5)
    second = findings_of(field({(3, 2): 0.8, (20, 20): 0.7}), "s", "tumour", MAKER, limit=5)
    both = joined([*first, *second, *first], 600.0)
    assert [finding.label for finding in both] == ["necrosis; tumour", "tumour"]
    assert both[0].point == first[0].point
    assert both[0].extent.y1 == second[0].extent.y1
    elsewhere = replace(second[0], slide_id="other")
    assert len(joined([*first, elsewhere], 600.0)) == 2


def test_a_finding_survives_the_record() -> None:
    (finding,) = findings_of(field({(2, 2): 0.9}), "s", "necrosis", MAKER, limit=5)
    finding = replace(finding, reasons=("dark",), outline=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
    assert Finding.from_json(finding.as_json()) == finding
    own = replace(finding, maker=None, score=None)
    assert Finding.from_json(own.as_json()) == own
    assert not own.by_program


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"point": [1.0]},
        {"point": [1.0, float("nan")]},
        {"extent": "long"},
        {"maker": {"encoder": "measured"}},
        {"outline": [[1.0, 2.0, 3.0]]},
        {"label": "x" * 20_000},
    ],
)
def test_a_finding_that_nobody_made_is_refused(change: dict[str, Any]) -> None:
    (finding,) = findings_of(field({(2, 2): 0.9}), "s", "necrosis", MAKER, limit=5)
    with pytest.raises(FindingError):
        Finding.from_json(finding.as_json() | change)


def test_what_is_asked_is_found_and_what_cannot_be_is_listed() -> None:
    unasked = question("granuloma", why_not="cannot be measured")
    questions = [question("necrosis"), unasked, question("tumour")]
    payload = read_slide(
        "s", questions, LIMITS, answers({"necrosis": field({(2, 2): 0.9}), "tumour": "no such stain"})
    )
    assert payload["not_analysed"] == [["granuloma", "cannot be measured"], ["tumour", "no such stain"]]
    (found,) = map(Finding.from_json, payload["findings"])
    assert found.reasons == (f"because of {found.point[0]:.0f}",)
    (asked,) = payload["asked"]
    assert (asked["threshold"], asked["patches"], asked["highest"]) == (0.6, 100, pytest.approx(0.9))
    assert payload["mpp_um"] == MPP_UM


def test_a_threshold_that_was_set_for_an_encoder_goes_before_its_own() -> None:
    questions = [question("necrosis", encoder="measured", threshold=0.95)]
    payload = read_slide("s", questions, LIMITS, answers({"necrosis": field({(2, 2): 0.9})}))
    assert payload["findings"] == []
    assert payload["asked"][0]["threshold"] == 0.95


def test_patches_that_were_not_read_are_not_analysed() -> None:
    payload = read_slide("s", [question("necrosis")], LIMITS, answers({"necrosis": field({})}, unread=3))
    assert payload["findings"] == []
    ((what, why),) = payload["not_analysed"]
    assert what == "necrosis"
    assert "3 of 100" in why
