"""Marked: a shape from another program's file, and its checks before it becomes a finding."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from viewer.common.errors import FoveolaError
from viewer.review.findings.finding import Finding, new_id
from viewer.review.interchange import strings
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    Corners = tuple[tuple[float, float], ...]

MAX_SHAPES = 10_000
MAX_CORNERS = 1_000_000


class InterchangeError(FoveolaError):
    """A file of findings that cannot be read: which, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(strings.FILE.format(path=path, reason=reason))


@dataclass(frozen=True, slots=True)
class Marked:
    """``corners`` in level-0 px; one of a point. ``name``: a finding's id, where the shape was exported."""

    name: str
    label: str
    corners: Corners


@dataclass(frozen=True, slots=True)
class Exported:
    """The findings of one reader on one slide. Nothing in it names a patient, a reader or a file."""

    case: str
    slide_id: str
    findings: tuple[Finding, ...]


def corners_of(finding: Finding) -> Corners:
    """The outline; else the extent; else, where that has no area, the point."""
    if finding.outline:
        return finding.outline
    x0, y0, x1, y1 = finding.extent
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1)) if x1 > x0 and y1 > y0 else (finding.point,)


def findings_from(
    path: Path, shapes: Iterable[Marked], slide_id: str, extent_px: tuple[int, int], known: Collection[str]
) -> list[Finding]:
    """New findings; shapes that are named as one of ``known`` are in the reading already.

    Raises InterchangeError for more than MAX_SHAPES or MAX_CORNERS, none, and coordinates outside the slide.
    """
    found, number, corner_count = [], 0, 0
    for number, shape in enumerate(shapes, 1):
        if number > MAX_SHAPES:
            raise InterchangeError(path, strings.TOO_MANY.format(most=MAX_SHAPES))
        corner_count += len(shape.corners)
        if corner_count > MAX_CORNERS:
            raise InterchangeError(path, strings.TOO_MANY_CORNERS.format(most=MAX_CORNERS))
        for x, y in shape.corners:
            if not (isfinite(x) and isfinite(y) and 0 <= x <= extent_px[0] and 0 <= y <= extent_px[1]):
                width, height = extent_px
                reason = strings.OUTSIDE.format(number=number, x=x, y=y, width=width, height=height)
                raise InterchangeError(path, reason)
        if shape.name in known:
            continue
        xs, ys = zip(*shape.corners, strict=True)
        extent = Rect(min(xs), min(ys), max(xs), max(ys))
        point = (extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2
        outline = shape.corners if len(shape.corners) > 1 else ()
        found.append(
            Finding(new_id(), slide_id, shape.label or strings.NO_LABEL, point, extent, outline=outline)
        )
    if not number:
        raise InterchangeError(path, strings.NO_SHAPES)
    return found


def check_slide(path: Path, other: object, slide_id: str) -> None:
    """Raises InterchangeError where the file states that it is of another slide."""
    if isinstance(other, str) and other and other != slide_id:
        raise InterchangeError(path, strings.OTHER_SLIDE.format(other=other, slide=slide_id))
