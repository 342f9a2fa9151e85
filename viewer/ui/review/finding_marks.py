"""Marks of findings on a slide: a dot of constant size on the screen, and the extent around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.overlay.shapes import Lines, ShapeSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.review.findings.finding import Finding

_DARK = (0.05, 0.05, 0.08, 1.0)
_PROGRAM, _READER, _CHOSEN = (1.0, 0.78, 0.1, 1.0), (0.25, 0.85, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0)
_DOT_PX, _LINE_PX = 9.0, 2.0
_BORDER_PX = 3.0


def marks(findings: Sequence[Finding], chosen: str) -> ShapeSet:
    """The shapes: each dark and wider below, in its colour above, so that it shows on any tissue; the finding
    with the id ``chosen`` in white, over all others."""
    ordered = sorted(findings, key=lambda finding: finding.id == chosen)
    lines = [_outline(finding) for finding in ordered] + [
        np.array([finding.point], np.float64) for finding in ordered
    ]
    colours = [
        _CHOSEN if finding.id == chosen else (_PROGRAM if finding.by_program else _READER)
        for finding in ordered
    ]
    count = len(ordered)
    if not count:
        return ShapeSet()
    points = np.concatenate(lines * 2)
    counts = [len(line) for line in lines] * 2
    packed = Lines(
        points,
        np.concatenate(([0], np.cumsum(counts, dtype=np.intp))),
        np.array(([True] * count + [False] * count) * 2, bool),
    )
    rgba = np.array([_DARK] * (2 * count) + colours * 2, np.float32)
    widths = np.array([_LINE_PX] * count + [_DOT_PX] * count, np.float32)
    return ShapeSet.of_lines(packed, rgba=rgba, width_px=np.concatenate([widths + _BORDER_PX, widths]))


def _outline(finding: Finding) -> NDArray[np.float64]:
    if len(finding.outline) > 2:
        return np.array(finding.outline, np.float64)
    x0, y0, x1, y1 = finding.extent
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
