"""The words of other languages hold together, and cover what English has."""

from __future__ import annotations

from itertools import combinations

import pytest

from viewer.relevance.query.languages import Language, load_languages
from viewer.relevance.query.lexicon import load_lexicon

by_language = pytest.mark.parametrize("language", load_languages(), ids=lambda language: language.name)
OPERATORS = {
    *("either", "and", "but", "with", "or", "without", "but not", "near", "in"),
    *("um", "mm", "padding", "present", "nor", "far from", "not", "instead of", "attribute"),
    *("not both", "but not both", "near it", "missing", "between", "is not", "with or without"),
}


@by_language
def test_every_term_stands_for_one_of_english_and_every_entry_has_a_name(language: Language) -> None:
    lexicon = load_lexicon()
    found = {english: lexicon.find(english) for english in language.terms.values()}
    assert [english for english, entry in found.items() if entry is None] == []
    named = {id(entry) for entry in found.values()}
    assert [entry.names[0] for entry in lexicon.entries if id(entry) not in named] == []


@by_language
def test_every_name_is_found_as_it_stands_and_without_accents(language: Language) -> None:
    unaccented = str.maketrans("äöüàâçéèêëîïôûñáíóúğışİ", "aouaaceeeeiiounaiougisI")
    for name, english in language.terms.items():
        assert language.term(name.split()) == english
        assert language.term(name.upper().replace("ẞ", "SS").translate(unaccented).split()) == english, name


@by_language
def test_small_words_stand_for_what_the_parser_reads(language: Language) -> None:
    assert set(language.words.values()) <= OPERATORS
    assert set(language.words_behind.values()) <= OPERATORS
    assert {"and", "or", "without", "near"} <= set(language.words.values()) | set(
        language.words_behind.values()
    )


def test_a_word_of_two_languages_means_things_that_are_measured_alike() -> None:
    lexicon = load_lexicon()
    for one, other in combinations(load_languages(), 2):
        for name, english in one.terms.items():
            there = other.term(name.split())
            mine, theirs = lexicon.find(english), lexicon.find(there) if there else None
            if mine and theirs:
                assert [concept for concept, _ in mine.weights] == [
                    concept for concept, _ in theirs.weights
                ], name


def test_a_name_under_two_terms_is_refused() -> None:
    language = Language(
        "Test", {"Fett": "fat", "fétt": "blood"}, {}, {}, frozenset(), frozenset(), frozenset(), (), (), (), 3
    )
    with pytest.raises(ValueError, match="'fett' stands twice in Test"):
        language.term(["Fett"])
