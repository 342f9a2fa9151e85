"""What the parser gives: a query, how its terms were read, and sentences for the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.relevance.query import strings

if TYPE_CHECKING:
    from viewer.relevance.query.tree import Query


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence for the reader, and terms to use instead. ``note``: how something was read, or the limits of
    a concept; nothing is wrong. ``unknown``: the word is not known, and the terms are what it may have meant.
    """

    sentence: str
    nearest: tuple[str, ...] = ()
    note: bool = False
    unknown: bool = False

    @property
    def advice(self) -> str:
        """What to do with the terms: a sentence with ``{terms}``; "" where there are none."""
        if not self.nearest:
            return ""
        return strings.DID_YOU_MEAN if self.unknown else strings.TRY


@dataclass(frozen=True, slots=True)
class Understood:
    """How one term was read. ``how``: exact, approximate, unmeasurable, unknown. ``name`` is the
    lexicon's; ``limits`` what else looks like it; ``ranked`` which encoder reads it and how well.
    """

    text: str
    name: str
    how: str
    weights: tuple[tuple[str, float], ...] = ()
    limits: str = ""
    ranked: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query, or None where the text is none; ``understood`` has one entry a leaf, in their order."""

    query: Query | None
    problems: tuple[Problem, ...] = ()
    understood: tuple[Understood, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words, each once, that the lexicon lacks."""
        return tuple(dict.fromkeys(one.text for one in self.understood if one.how == "unknown"))


PhraseFinder = Callable[[str], str | None]
"""The lexicon's phrase nearest in meaning to unknown words, by a sentence model; None where none is near."""
