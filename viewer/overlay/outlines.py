"""Named, coloured outlines over a slide: the annotations of a file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.overlay import strings
from viewer.overlay.shapes import ShapeSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.overlay.shapes import Lines

Rgb = tuple[int, int, int]

MAX_OUTLINE_CORNERS = 10_000_000
"""Of the outlines of one file together."""
LINE_PX, POINT_PX = 2.0, 8.0
_PALETTE: tuple[Rgb, ...] = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (0, 0, 0), (86, 180, 233), (213, 94, 0), (240, 228, 66),
)  # fmt: skip
"""For classes without a colour: distinct with any colour vision (Okabe and Ito, 2008), without their purple,
which is eosin's."""


class OutlineLabel(NamedTuple):
    """What a file says of an outline: its own name and its class, "" for none, and its colour."""

    name: str = ""
    kind: str = ""
    rgb: Rgb | None = None


class OutlineKind(NamedTuple):
    """Outlines of one class and colour, as a legend lists them."""

    name: str
    rgb: Rgb
    outlines: int


class Outlines:
    """The outlines of one file, in drawing order. One may have several lines: its holes, its parts.

    ``shapes`` are their lines, ``kinds`` their classes, the most frequent first; a class in several colours
    is listed once for each.
    """

    def __init__(
        self,
        lines: Lines,
        owner: NDArray[np.intp],
        labels: Sequence[OutlineLabel],
        label_of: NDArray[np.intp],
    ) -> None:
        """``owner`` (lines,): the outline that each line is of; ``label_of`` (outlines,): its label among
        ``labels``, which are distinct."""
        self.lines, self.owner, self.labels, self.label_of = lines, owner, tuple(labels), label_of
        names = list(dict.fromkeys(label.kind or label.name for label in labels))
        palette = {name: _PALETTE[at % len(_PALETTE)] for at, name in enumerate(names)}
        rgb = [label.rgb or palette[label.kind or label.name] for label in labels]
        counts: dict[tuple[str, Rgb], int] = {}
        of_label = np.bincount(label_of, minlength=len(labels)).tolist()
        for label, colour, count in zip(labels, rgb, of_label, strict=True):
            key = label.kind or label.name or strings.UNNAMED, colour
            counts[key] = counts.get(key, 0) + count
        ranked = sorted(counts.items(), key=lambda item: -item[1])
        self.kinds = tuple(OutlineKind(name, colour, count) for (name, colour), count in ranked if count)
        rgba = np.ones((len(lines), 4), np.float32)
        rgba[:, :3] = np.array(rgb, np.float32).reshape(-1, 3)[label_of[owner]] / 255
        single = np.diff(lines.first) == 1
        self.shapes = ShapeSet.of_lines(
            lines, rgba=rgba, width_px=np.where(single, POINT_PX, LINE_PX).astype(np.float32)
        )

    def __len__(self) -> int:
        return len(self.label_of)

    def names_at(self, x: float, y: float, reach_px: float) -> tuple[str, ...]:
        """What the outlines are called that hold a slide point, or whose line is within ``reach_px`` of it,
        the uppermost first."""
        lines, odd, away_px = self.shapes.near(x, y, reach_px)
        owner = self.owner[lines]
        inside = np.bincount(owner, weights=odd) % 2 == 1  # a hole is not inside
        found = np.flatnonzero(inside | (np.bincount(owner, weights=away_px <= reach_px) > 0))
        labels = (self.labels[label] for label in self.label_of[found[::-1]].tolist())
        return tuple(dict.fromkeys(_in_words(label) for label in labels))


def _in_words(label: OutlineLabel) -> str:
    if label.name and label.kind and label.kind not in label.name:
        return strings.NAME_AND_KIND.format(name=label.name, kind=label.kind)
    return label.name or label.kind or strings.UNNAMED
