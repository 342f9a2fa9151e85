"""What is asked of a slide, as one immutable object: a change makes another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viewer.relevance.query.tree import leaf_roles, text_of
from viewer.ui.examples_box import Examples
from viewer.ui.explain_card import LeafExplanation

if TYPE_CHECKING:
    from viewer.relevance.query.parser import Problem
    from viewer.relevance.query.tree import Query


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
