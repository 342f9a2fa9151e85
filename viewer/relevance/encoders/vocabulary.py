"""Which words an encoder's lexicon has, and what their values mean. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.composed import with_composed
from viewer.relevance.encoders.registry import query_kind_of
from viewer.relevance.encoders.tissue.card import tissue_cards, tissue_facts
from viewer.relevance.encoders.tissue.meaning import Judgement, class_weights, key_of_classes
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.tree import All, AnyOf, Near, Term, Without

if TYPE_CHECKING:
    from viewer.relevance.encoders.tissue.meaning import Meaning
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.tree import Query


def lexicon_of(encoder_id: str) -> Lexicon:
    """The lexicon with what the encoder scores for each term, and with the composed concepts; the usual one
    for an encoder that reads any words, or is not there.
    """
    if query_kind_of(encoder_id) != "concepts":
        return load_lexicon()
    facts = tissue_facts() if encoder_id == TISSUE_ID else None
    return with_composed(load_lexicon(facts.named if facts else ()))


def meaning_of(encoder_id: str, query: Query | None) -> Meaning | None:
    """What values of a query meant on test slides: of a single term that stands for classes which were tested
    so. None where that is not known."""
    if not isinstance(query, Term) or encoder_id != TISSUE_ID or not tissue_cards():
        return None
    facts = tissue_facts()
    classes = class_weights(query.weights)
    return facts.meanings.get(key_of_classes(classes)) if facts and classes else None


def judgement_of(encoder_id: str, query: Query | None) -> Judgement:
    """What is known of the values of a query."""
    return Judgement(threshold_of(encoder_id, query), meaning_of(encoder_id, query))


def threshold_of(encoder_id: str, query: Query | None) -> float | None:
    """The value from which on a query's answer is not weak: a value that reaches it has parts that reach
    theirs. None where no part that decides has one."""
    match query:
        case Term():
            meaning = meaning_of(encoder_id, query)
            return None if meaning is None else meaning.threshold
        case All(parts):  # the lowest
            return max(filter(None, (threshold_of(encoder_id, part) for part in parts)), default=None)
        case AnyOf(parts):  # the highest
            found = [threshold_of(encoder_id, part) for part in parts]
            return None if None in found else max(filter(None, found))
        case Without(base, _) | Near(base, _, _):  # no more than the base
            return threshold_of(encoder_id, base)
        case _:
            return None
