"""One piece of a query, as the lexer cuts it and the parser reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.relevance.query.tree import NEAR_UM

if TYPE_CHECKING:
    from viewer.relevance.query.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Word:
    """One piece of a query. ``shouted``: an operator in capitals, which binds as in logic.
    ``ends_exclusion``: it applies to all before it ("but", "but not"), not to the last exclusion.
    ``is_said``: a thing that is said to be there: "fat is present".
    ``moved``: a negation that stood behind what it is about, which is in brackets now.
    ``of``: "both" or "either" behind "near". ``pronoun``: it stands for a term before.
    """

    kind: Kind
    text: str
    quoted: bool = False
    shouted: bool = False
    ends_exclusion: bool = False
    is_said: bool = False
    moved: bool = False
    of: str = ""
    pronoun: bool = False
    distance_um: float = NEAR_UM
