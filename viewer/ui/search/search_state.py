"""The query, examples and explanation of a search as immutable objects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches.field import UNIT
from viewer.relevance.query.tree import leaf_roles, text_of
from viewer.ui.search import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.query.parsed import Problem
    from viewer.relevance.query.tree import Query


@dataclass(frozen=True, slots=True)
class LeafExplanation:
    """One part of the query at one patch.

    ``reasons`` is None until they are computed, () where the encoder names no measurements.
    """

    term: str
    reasons: tuple[Reason, ...] | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The position of a patch, the value of the whole query there, and its parts.

    ``score`` is None where the patch is not analysed. ``meaning``: what such a value meant on test slides; ""
    where that is not known; ``unit``: of the score.
    """

    place: str
    score: float | None
    estimated: bool
    leaves: tuple[LeafExplanation, ...]
    meaning: str = ""
    unit: str = UNIT


Cell = tuple[int, int]
"""(row, column) of a patch."""
MAX_EXAMPLES = 500


@dataclass(frozen=True, slots=True)
class Example:
    """Patches that were added together: one by a click, or those within a drawn frame."""

    cells: frozenset[Cell]
    like: bool
    place: str

    @property
    def label(self) -> str:
        label = (strings.EXAMPLE_LIKE if self.like else strings.EXAMPLE_UNLIKE).format(place=self.place)
        count = len(self.cells)
        return label if count == 1 else strings.EXAMPLE_PATCHES.format(example=label, count=count)


@dataclass(frozen=True, slots=True)
class Examples:
    """All examples of one search. A later one overrules an earlier one on patches that both contain."""

    items: tuple[Example, ...] = ()

    @property
    def positives(self) -> tuple[Cell, ...]:
        return self._cells(like=True)

    @property
    def negatives(self) -> tuple[Cell, ...]:
        return self._cells(like=False)

    def added(self, example: Example) -> Examples:
        """These and one more. Raises ValueError where that would be more than ``MAX_EXAMPLES`` patches."""
        grown = replace(self, items=(*self.items, example))
        if len(grown.positives) + len(grown.negatives) > MAX_EXAMPLES:
            raise ValueError(strings.TOO_MANY_EXAMPLES.format(most=MAX_EXAMPLES))
        return grown

    def without(self, number: int) -> Examples:
        """All but the example at index ``number``."""
        return replace(self, items=self.items[:number] + self.items[number + 1 :])

    def _cells(self, *, like: bool) -> tuple[Cell, ...]:
        kind: dict[Cell, bool] = {}
        for item in self.items:
            kind.update(dict.fromkeys(item.cells, item.like))
        return tuple(sorted(cell for cell, is_like in kind.items() if is_like == like))


def cells_in_frame(grid: PatchGrid, corners: Sequence[tuple[float, float]]) -> frozenset[Cell]:
    """The patches whose centres lie within a convex outline of slide points, wound either way."""
    x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
    y = (np.arange(grid.rows)[:, None] + 0.5) * grid.patch_height_px
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    turns = np.stack([(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in sides])
    within = (turns >= 0).all(axis=0) | (turns <= 0).all(axis=0)
    return frozenset((int(row), int(col)) for row, col in np.argwhere(within))


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for. ``as_read``: the query as parsed from ``text``; ``query``: with changed weights.

    ``refused``: why the encoder cannot answer. ``unknown``: the words that the lexicon lacks; ``matched``:
    whether they have been matched by their meaning.
    """

    text: str = ""
    query: Query | None = None
    as_read: Query | None = None
    problems: tuple[Problem, ...] = ()
    examples: Examples = field(default_factory=Examples)
    refused: str = ""
    unknown: tuple[str, ...] = ()
    matched: bool = False

    @property
    def edited(self) -> bool:
        """Whether the weights differ from those of the text."""
        return self.query != self.as_read

    @property
    def unexplained(self) -> tuple[LeafExplanation, ...]:
        """The parts of the query, not yet explained."""
        return tuple(LeafExplanation(words) for words, _ in leaf_roles(self.query)) if self.query else ()

    @property
    def title(self) -> str:
        """What is measured, for legends and lists."""
        if self.examples.items or self.query is None:
            return strings.LIKE_EXAMPLES if self.examples.items else self.text
        query = text_of(self.query)
        return strings.WEIGHTS_CHANGED.format(query=query) if self.edited else query
