"""Which words an encoder's lexicon has, and what their values mean. No torch."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from viewer.relevance.encoders import strings
from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.composed import with_composed
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.registry import encoder_in_use, query_kind_of
from viewer.relevance.encoders.tissue.card import tissue_cards, tissue_facts
from viewer.relevance.encoders.tissue.meaning import Judgement, class_weights, key_of_classes
from viewer.relevance.encoders.word_figures import by_measured, by_tissue, word_figures
from viewer.relevance.patches.field import COMBINED, PROBABILITY, UNIT
from viewer.relevance.query.lexicon import class_entries, load_lexicon
from viewer.relevance.query.tree import All, AnyOf, Near, Term, Without, leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.encoders.tissue.card import TissueFacts
    from viewer.relevance.encoders.tissue.meaning import Meaning
    from viewer.relevance.encoders.word_figures import AllFigures
    from viewer.relevance.query.lexicon import Entry, Lexicon
    from viewer.relevance.query.tree import Leaf, Query


def lexicon_of(chosen: str) -> Lexicon:
    """The lexicon with what scores each term, and with the composed concepts: of the encoder ``chosen``, or
    with "" of the one that ranks the term better; the usual one for an encoder that reads any words, or is
    not there.
    """
    encoder_id = chosen or encoder_in_use("")
    if query_kind_of(encoder_id) != "concepts":
        return load_lexicon()
    facts, figures = tissue_facts() if tissue_cards() else None, word_figures()
    if facts is not None and figures.tissue_sha256 == facts.weights_sha256:
        read = with_composed(_by_figures(facts, figures, chosen))
        return read if chosen else _with_rules_of(read, with_composed(_by_figures(facts, figures, TISSUE_ID)))
    if facts is not None and encoder_id == TISSUE_ID:  # of another training, not tested on the same patches
        named = ((names, strings.OWN_TISSUE.format(figure=figure)) for names, figure in facts.named)
        return with_composed(load_lexicon(tuple(named)))
    return with_composed(_measured_by_figures(figures))


def encoder_for(chosen: str, query: Query | None) -> str:
    """The encoder that answers a query: the one ``chosen``; with "" one that scores all its terms."""
    usual = encoder_in_use(chosen)
    of_classes = query is not None and any(
        isinstance(leaf, Term) and class_weights(leaf.weights) for leaf in leaves(query)
    )
    return TISSUE_ID if of_classes and not chosen and tissue_cards() else usual


@lru_cache(maxsize=8)
def _by_figures(facts: TissueFacts, figures: AllFigures, chosen: str) -> Lexicon:
    """Terms by who reads them: where the tissue encoder is ``chosen`` it reads all that it may name, where
    none is what it ranks clearly better, and what is not measured."""
    measured, tissue = load_lexicon(), load_lexicon(facts.named)
    classes: dict[str, str] = {}
    ranked: dict[str, str] = {}
    for entry in class_entries():
        named = tissue.find(entry.names[0])
        can_name = named is not None and named.weights == entry.weights
        one = measured.find(entry.names[0])
        can_measure = one is not None and one.measurable
        known = figures.of(entry.names)
        better = bool(known) and all(figure.tissue_is_better for figure in known.values())
        wanted = chosen == TISSUE_ID or (not chosen and (better or not can_measure))
        if named is not None and can_name and wanted:
            key = key_of_classes(class_weights(entry.weights))
            highest = max(known.values(), key=lambda figure: figure.measured or 0, default=None)
            if highest is not None:
                classes[key] = by_tissue(highest, facts.meanings.get(key))
            else:
                classes[key] = strings.OWN_TISSUE.format(figure=named.ranked_as(entry.names[0]))
        else:
            ranked |= _measured_sentences(entry, figures, tissue_names_it=can_name)
    return load_lexicon(_given(classes), _given(ranked))


@lru_cache(maxsize=2)
def _measured_by_figures(figures: AllFigures) -> Lexicon:
    """What is measured, without a tissue encoder."""
    sentences: dict[str, str] = {}
    for entry in class_entries():
        sentences |= _measured_sentences(entry, figures, tissue_names_it=False)
    return load_lexicon((), _given(sentences))


def _measured_sentences(entry: Entry, figures: AllFigures, *, tissue_names_it: bool) -> dict[str, str]:
    """By name of a term, how well what is measured for it ranks it: names that are measured alike have the
    same figures."""
    measured = load_lexicon()
    by_weights = {
        one.weights: by_measured(figure, tissue_names_it=tissue_names_it)
        for name, figure in figures.of(entry.names).items()
        if (one := measured.find(name)) is not None
    }
    return {
        name: by_weights[one.weights]
        for name in entry.names
        if (one := measured.find(name)) is not None and one.weights in by_weights
    }


def _given(sentences: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, sentence) for name, sentence in sentences.items() if sentence)


@lru_cache(maxsize=4)
def _with_rules_of(lexicon: Lexicon, other: Lexicon) -> Lexicon:
    """The lexicon with composed concepts that only the other one can answer."""
    entries = []
    for entry in lexicon.entries:
        there = None if entry.measurable or not entry.meaning else other.find(entry.names[0])
        entries.append(there if there is not None and there.rule is not None else entry)
    return replace(lexicon, entries=tuple(entries))


def values_of(card: EncoderCard, query: Query) -> tuple[str, str, str]:
    """Of the scores of a query: what made them, their unit, and what 0 and 1 mean, as text."""
    if card.id != TISSUE_ID:
        return card.title, UNIT, card.normalisation
    made = dict(_made_by(leaf, card) for leaf in leaves(query))
    titles = ", ".join(dict.fromkeys(made.values()))
    if card.normalisation not in made:
        return titles, UNIT, "; ".join(made)
    return titles, PROBABILITY if isinstance(query, Term) else COMBINED, "; ".join(made)


def _made_by(leaf: Leaf, card: EncoderCard) -> tuple[str, str]:
    """What 0 and 1 mean of a leaf, and what made its scores."""
    if not isinstance(leaf, Term):
        return strings.LIKE_NORMALISATION, card.title
    by = card if class_weights(leaf.weights) else MEASURED
    return by.normalisation, by.title


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
