"""Which words an encoder's lexicon has. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.composed import with_composed
from viewer.relevance.encoders.registry import query_kind_of
from viewer.relevance.encoders.tissue.card import tissue_facts
from viewer.relevance.query.lexicon import load_lexicon

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Lexicon


def lexicon_of(encoder_id: str) -> Lexicon:
    """The lexicon with what the encoder scores for each term, and with the composed concepts; the usual one
    for an encoder that reads any words, or is not there.
    """
    if query_kind_of(encoder_id) != "concepts":
        return load_lexicon()
    facts = tissue_facts() if encoder_id == TISSUE_ID else None
    return with_composed(load_lexicon(facts.named if facts else ()))
