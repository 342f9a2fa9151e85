"""What is asked of a slide, as one immutable object: a change makes another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.query.tree import leaf_roles, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.query.parser import Problem
    from viewer.relevance.query.tree import Query


@dataclass(frozen=True, slots=True)
class LeafExplanation:
    """One part of the query at one patch.

    ``reasons`` is None while they are on their way, () where the encoder has none to name.
    """

    term: str
    reasons: tuple[Reason, ...] | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one patch: where it is, the value of the whole query there, and its parts.

    ``score`` is None where the patch is not analysed.
    """

    place: str
    score: float | None
    estimated: bool
    leaves: tuple[LeafExplanation, ...]


Cell = tuple[int, int]
"""(row, column) of a patch."""
MAX_EXAMPLES = 500


@dataclass(frozen=True, slots=True)
class Example:
    """Some patches that were added together: a click adds one, a drawn frame those within it."""

    cells: frozenset[Cell]
    like: bool
    place: str

    @property
    def words(self) -> str:
        sign = "+ like" if self.like else "− unlike"
        count = f", {len(self.cells)} patches" if len(self.cells) > 1 else ""
        return f"{sign} {self.place}{count}"


@dataclass(frozen=True, slots=True)
class Examples:
    """All examples of one search. A later one overrules an earlier one on patches that both hold."""

    items: tuple[Example, ...] = ()

    @property
    def positives(self) -> tuple[Cell, ...]:
        return self._cells(like=True)

    @property
    def negatives(self) -> tuple[Cell, ...]:
        return self._cells(like=False)

    def added(self, example: Example) -> Examples:
        """With one more. Raises ValueError where it would be more patches than are taken."""
        grown = replace(self, items=(*self.items, example))
        if len(grown.positives) + len(grown.negatives) > MAX_EXAMPLES:
            raise ValueError(f"examples may hold {MAX_EXAMPLES} patches in all; draw a smaller frame")
        return grown

    def without(self, number: int) -> Examples:
        """Without the example of that number."""
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
    """What is asked. ``as_read`` is what the words alone gave, ``query`` what the reader made of it.

    ``refused`` says why the encoder cannot answer. ``unknown`` are the words that the lexicon lacks, and
    ``guessed`` says whether they have been compared by their meaning.
    """

    text: str = ""
    query: Query | None = None
    as_read: Query | None = None
    problems: tuple[Problem, ...] = ()
    examples: Examples = field(default_factory=Examples)
    refused: str = ""
    unknown: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def edited(self) -> bool:
        """Whether the weights are no longer those of the words."""
        return self.query != self.as_read

    @property
    def unexplained(self) -> tuple[LeafExplanation, ...]:
        """The parts of the query, to be explained."""
        return tuple(LeafExplanation(words) for words, _ in leaf_roles(self.query)) if self.query else ()

    @property
    def words(self) -> str:
        """What is measured, for legends and lists."""
        if self.examples.items or self.query is None:
            return "places like your examples" if self.examples.items else self.text
        return f"{text_of(self.query)} (weights changed)" if self.edited else text_of(self.query)
