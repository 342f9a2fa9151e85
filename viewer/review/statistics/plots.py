"""Plots of a study's figures as SVG: ROC curves of each way of reading, and changes of opinion."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.review.study import CHANGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIDE, _MARGIN = 400, 60
_COLOURS = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
"""Of Okabe and Ito: told apart by readers with any colour sight."""
_DASHES = "none", "7 4", "2 3", "9 3 2 3"


def roc_svg(figures: Mapping[str, Any]) -> str:
    """Curves of all readers, a colour and a dash for each way; "" where none has one."""
    curves = [
        (index, reader["roc"])
        for index, way in enumerate(figures["ways"].values())
        for reader in way["readers"].values()
        if reader["roc"] is not None
    ]
    if not curves:
        return ""
    parts = [_axes("1 − specificity", "sensitivity"), _line([(0, 0), (1, 1)], "#9aa0aa", "3 5", 1.0)]
    parts += [_line(points, *_look(index), 2.0) for index, points in curves]
    for index, name in enumerate(figures["ways"]):
        colour, dash = _look(index)
        y = _MARGIN + _SIDE - 16 - 18 * (len(figures["ways"]) - 1 - index)
        x = _MARGIN + _SIDE - 150
        parts.append(
            f'<path d="M{x} {y - 4}h34" stroke="{colour}" stroke-dasharray="{dash}" stroke-width="2"/>'
            f'<text x="{x + 42}" y="{y}">{escape(name)}</text>'
        )
    return _page("ROC curves, one line a reader", parts)


def changes_svg(figures: Mapping[str, Any]) -> str:
    """Bars of the four kinds of change over all readers; "" without a reference standard."""
    counts = [sum(one.get(kind, 0) for one in figures["changes"].values()) for kind in CHANGES]
    if not sum(counts):
        return ""
    width = _SIDE / len(CHANGES)
    parts = []
    for index, (kind, count) in enumerate(zip(CHANGES, counts, strict=True)):
        height = (_SIDE - 30) * count / max(counts)
        x, y = _MARGIN + index * width, _MARGIN + _SIDE - height
        parts.append(
            f'<rect x="{x + 12:.1f}" y="{y:.1f}" width="{width - 24:.1f}" height="{height:.1f}" '
            f'fill="{_COLOURS[index]}"/>'
            f'<text x="{x + width / 2:.1f}" y="{y - 6:.1f}" text-anchor="middle">{count}</text>'
            f'<text x="{x + width / 2:.1f}" y="{_MARGIN + _SIDE + 20}" text-anchor="middle">{kind}</text>'
        )
    parts.append(f'<path d="M{_MARGIN} {_MARGIN + _SIDE}h{_SIDE}" stroke="#16181d"/>')
    return _page("Changes of opinion, first to last", parts)


def _look(index: int) -> tuple[str, str]:
    return _COLOURS[index % len(_COLOURS)], _DASHES[index % len(_DASHES)]


def _line(points: Sequence[tuple[float, float]], colour: str, dash: str, width: float) -> str:
    path = " ".join(f"{_MARGIN + _SIDE * x:.1f},{_MARGIN + _SIDE * (1 - y):.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-dasharray="{dash}" '
        f'stroke-width="{width:g}"/>'
    )


def _axes(x_name: str, y_name: str) -> str:
    parts = [
        f'<rect x="{_MARGIN}" y="{_MARGIN}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#16181d"/>'
    ]
    for step in range(6):
        value, at = step / 5, _SIDE * step / 5
        x, y = _MARGIN + at, _MARGIN + _SIDE - at
        parts.append(f'<text x="{x:g}" y="{_MARGIN + _SIDE + 18}" text-anchor="middle">{value:g}</text>')
        parts.append(f'<text x="{_MARGIN - 8}" y="{y + 5:g}" text-anchor="end">{value:g}</text>')
    middle = _MARGIN + _SIDE / 2
    parts.append(f'<text x="{middle:g}" y="{_MARGIN + _SIDE + 38}" text-anchor="middle">{x_name}</text>')
    parts.append(
        f'<text transform="translate(18 {middle:g}) rotate(-90)" text-anchor="middle">{y_name}</text>'
    )
    return "".join(parts)


def _page(title: str, parts: Sequence[str]) -> str:
    width, height = _SIDE + 2 * _MARGIN, _SIDE + 2 * _MARGIN + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="13"><title>{title}</title>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{_MARGIN}" y="34" font-size="17">{title}</text>{"".join(parts)}'
        f'<text x="{_MARGIN}" y="{height - 10}" font-size="11">{RESEARCH_USE_STATEMENT}</text></svg>\n'
    )
