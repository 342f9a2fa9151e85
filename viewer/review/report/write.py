"""Writes the report of a case: JSON, HTML or PDF, by the end of the file's name. Wholly or not at all."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from viewer.common.atomic_write import check_savable, save_atomically
from viewer.common.errors import FoveolaError
from viewer.review.reading.kinds import Kind
from viewer.review.report import strings
from viewer.review.report.facts import case_of, report_facts
from viewer.review.report.page import page
from viewer.review.report.pictures import coverage_picture, finding_picture
from viewer.review.report.slides import slides_of
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from viewer.review.database.record import Record
    from viewer.review.report.slides import SlideHere

SUFFIXES = ".pdf", ".html", ".json"
MOST_PICTURES = 60
"""Of findings; more are counted, and all stand in the JSON."""
_USUAL_MAGNIFICATION = 10.0


class ReportError(FoveolaError):
    """A report that cannot be written, and why."""


def write_report(
    record: Record,
    case_id: str,
    file: Path,
    *,
    titles: bool = False,
    template: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the report of a case. ``titles``: with its title and the paths of its slides. ``template``: a
    folder of templates that go before ours. ``progress(done, total)`` counts pictures.

    Any thread may call it. Raises ReportError, TemplateError, WorklistError, RecordError, ReadingError and
    SaveError, all FoveolaError; nothing is written then.
    """
    kind = file.suffix.lower()
    if kind not in SUFFIXES:
        raise ReportError(strings.NO_NAME_FOR_KIND.format(path=file))
    check_savable(file)
    case = case_of(record, case_id)
    with slides_of(case) as slides:
        facts = report_facts(record, case, slides, titles=titles)
        if kind == ".json":
            data = json.dumps(facts, indent=2).encode()
        else:
            displayed = _displayed(record, case_id)
            data = page(_with_pictures(facts, slides, displayed, progress), template).encode()
    if kind == ".pdf":
        from viewer.review.report.pdf import pdf

        data = pdf(data.decode(), file)
    save_atomically(file, data)


def _displayed(record: Record, case_id: str) -> dict[tuple[str, str], str]:
    """By reader and slide id, what was displayed, as ``coverage.packed`` made it."""
    return {
        (event.reader, str(event.payload["slide_id"])): str(event.payload["displayed"])
        for event in record.events(case=case_id, kinds=[Kind.VIEWED.value])
        if not event.erased and {"slide_id", "displayed"} <= event.payload.keys()
    }


def _with_pictures(
    facts: dict[str, Any],
    slides: Sequence[SlideHere],
    displayed: Mapping[tuple[str, str], str],
    progress: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    """What the templates get: the facts, with pictures as data: addresses, and what could not be made."""
    here = {slide.slide_id: slide for slide in slides if slide.slide_id is not None}
    listed = [dict(finding) for finding in facts["findings"][:MOST_PICTURES]]
    protocol = facts["protocol"]
    magnification = _USUAL_MAGNIFICATION if protocol is None else protocol["magnification"]
    maps = []
    total = len(listed) + len(displayed)
    for done, finding in enumerate(listed, 1):
        slide = here.get(finding["slide_id"])
        finding["picture"], finding["no_picture"] = None, ""
        if slide is None or slide.source is None:
            # Said once, with the slide.
            continue
        try:
            finding["picture"] = _address(finding_picture(slide.source, finding, _side_um(facts, finding)))
        except (TileError, ValueError) as error:
            finding["no_picture"] = strings.NO_PICTURE.format(error=error)
        if progress is not None:
            progress(done, total)
    for done, ((reader, slide_id), text) in enumerate(displayed.items(), len(listed) + 1):
        slide = here.get(slide_id)
        if slide is None or slide.source is None:
            continue
        one: dict[str, Any] = {"reader": reader, "slide": slide.number, "picture": None, "problem": ""}
        try:
            picture, one["shares"] = coverage_picture(slide.source, [text], magnification)
            one["picture"] = _address(picture)
        except (TileError, ValueError) as error:
            one["shares"], one["problem"] = None, strings.NOT_UNPACKED.format(error=error)
        maps.append(one)
        if progress is not None:
            progress(done, total)
    more = len(facts["findings"]) - len(listed)
    return {**facts, "findings": listed, "more_findings": more, "maps": maps, "magnification": magnification}


def _side_um(facts: Mapping[str, Any], finding: Mapping[str, Any]) -> float | None:
    """Micrometres per pixel by which the finding's place is given."""
    slides = [slide["mpp_um"] for slide in facts["slides"] if slide["slide_id"] == finding["slide_id"]]
    side_um: float | None = slides[0] if slides else None
    return side_um


def _address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode('ascii')}"
