"""Which words an encoder's lexicon has. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.tissue.card import tissue_cards, tissue_facts
from viewer.relevance.query.lexicon import load_lexicon

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Lexicon


def lexicon_of(encoder_id: str) -> Lexicon:
    """The lexicon with what the encoder scores for each term; the usual one where it is not there."""
    if encoder_id == TISSUE_ID and tissue_cards():
        facts = tissue_facts()
        return load_lexicon(facts.named if facts else ())
    return load_lexicon()
