"""Which words an encoder's lexicon has. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.tissue.card import named_classes
from viewer.relevance.query.lexicon import load_lexicon

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Lexicon


def lexicon_of(encoder_id: str) -> Lexicon:
    """The lexicon with what the encoder scores for each term."""
    return load_lexicon(named_classes()) if encoder_id == TISSUE_ID else load_lexicon()
