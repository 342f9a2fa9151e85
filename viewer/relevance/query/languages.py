"""Other languages of a query: their names of the lexicon's terms, and their small words. Pure.

The words are data, one file a language in ``resources/lexicon``. Case, accents, other spellings and endings
are understood without being listed.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from importlib import resources
from itertools import islice, product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NAMES = ("german", "french", "spanish", "turkish")
"""The files, in the order in which a word that several languages share is looked up."""
PADDING, PRESENT = "padding", "present"
MAX_SPAN_WORDS = 8
_MAX_FORMS = 64
_LEAST_STEM_OF_NAME = 5
"""A shorter stem of a single word is too many other words: "mid" is no "mide"."""


@dataclass(frozen=True, slots=True)
class Together:
    """Small words that stand for ``means`` where one of ``first`` has one of ``then`` behind it, and where
    there is an ``end`` one of it behind the last thing."""

    first: tuple[str, ...]
    then: tuple[str, ...]
    means: tuple[str, str]
    """What the first is, and each that follows; an end says nothing."""
    end: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Language:
    """``terms``: names here to English names. ``words``: small words, as they are written, to the English
    operator, unit, ``PADDING`` or ``PRESENT``; ``words_behind`` stand behind what they apply to; ``within``,
    ``beyond`` and ``of`` stand before and behind a distance, ``away`` and ``or_more`` behind a least one. A
    word with one of ``without_endings`` leaves out what it is built on. ``spellings``: letters that are
    written either way. ``together``: small words that mean something else beside each other. ``again``: a
    joint with the preposition of "near" behind it. ``also_english``: terms that are English words, too.
    """

    name: str
    terms: Mapping[str, str]
    words: Mapping[str, str]
    words_behind: Mapping[str, str]
    within: frozenset[str]
    beyond: frozenset[str]
    of: frozenset[str]
    endings: tuple[str, ...]
    without_endings: tuple[str, ...]
    spellings: tuple[tuple[str, str], ...]
    least_stem: int
    """The letters that an ending leaves at least."""
    capital_nouns: bool = False
    together: tuple[Together, ...] = ()
    also_english: frozenset[str] = frozenset()
    away: frozenset[str] = frozenset()
    or_more: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    more: Language | None = None
    """The same with terms of a reader's own, which come first."""

    def with_terms(self, terms: Mapping[str, str]) -> Language:
        """This with more names, each to its English one. What was found for the others is kept."""
        grown = copy(self)
        object.__setattr__(grown, "more", replace(self, terms=terms))
        return grown

    @property
    def all_terms(self) -> tuple[tuple[str, str], ...]:
        """Each name here with its English one."""
        return (*(self.more.terms.items() if self.more else ()), *self.terms.items())

    @property
    def elided(self) -> tuple[str, ...]:
        """Small words that end in an apostrophe and are written onto the next: "l'", "d'"."""
        return tuple(word for word in self.words if word.endswith("'"))

    def term(self, words: Sequence[str]) -> str | None:
        """The English name of words that are one term, whatever their endings; None where they are none."""
        own = self.more.term(words) if self.more else None
        if own is not None:
            return own
        by_stem, first_words = self._index
        if first_words.isdisjoint(_stems(self, words[0])):  # most words begin no term
            return None
        forms = product(*(_stems(self, word) for word in words))
        found = next((by_stem[form] for form in islice(forms, _MAX_FORMS) if form in by_stem), None)
        return None if found is None or _has_other_dots(words, found[1].split()) else found[0]

    def without(self, word: str) -> str | None:
        """The English name of what a word says to be missing: "kansız" is without blood."""
        folded = self._folded(word)
        for ending in self._folded_endings[1]:
            if folded.endswith(ending) and len(folded) - len(ending) >= self.least_stem:
                name = self.term([folded.removesuffix(ending)])
                if name is not None:
                    return name
        return None

    def small_word(self, words: Sequence[str]) -> tuple[str, bool] | None:
        """What it is in English (see ``words``), and whether it stands behind what it applies to."""
        text = " ".join(words).casefold().replace("’", "'")
        if text in self._small[0]:
            return self._small[0][text]
        return next((self._small[1][form] for form in self._forms(text) if form in self._small[1]), None)

    def _forms(self, text: str) -> tuple[str, str]:
        """Small words without accents, and with ``spellings`` as they are kept: "naehe" as "nahe"."""
        plain = kept = _plain(text)
        for written, other in self.spellings:
            kept = kept.replace(written, other)
        return plain, kept

    def resemblance_of(self, term: str) -> tuple[bool, bool, bool]:
        """Whether a term as it is written has the letters of this language alone, its capital or none, and no
        ending or missing accent.
        """
        names, letters = self._written
        plain = term.casefold()
        return letters.issuperset(plain), term[:1].isupper() == self.capital_nouns, plain in names

    @cached_property
    def _written(self) -> tuple[frozenset[str], frozenset[str]]:
        """The terms in small letters, and the letters that they are written with."""
        names = frozenset(name.casefold() for name in self.terms)
        return names, frozenset("".join(names))

    def is_before_distance(self, text: str) -> bool:
        """Whether this stands before a distance."""
        return not self.within.isdisjoint(self._forms(text))

    def is_before_least_distance(self, text: str) -> bool:
        """Whether this stands before a distance that is exceeded."""
        return not self.beyond.isdisjoint(self._forms(text))

    def is_after_distance(self, text: str) -> bool:
        """Whether this stands after a distance."""
        return _plain(text) in self.of

    def is_or_more(self, text: str) -> bool:
        """Whether this makes a distance before it the least: "200 µm oder mehr"."""
        return _plain(text) in self.or_more

    def is_away(self, text: str) -> bool:
        """Whether one of the words makes a distance before it the least: "200 µm entfernt"."""
        return not self.away.isdisjoint(_plain(text).split())

    def is_again(self, text: str) -> bool:
        """Whether a joint with what follows says "near" once more."""
        return _plain(text) in self.again

    def begins(self, start: str) -> list[str]:
        """The English names whose name here begins so."""
        folded = [self._folded(word) for word in start.split()]
        own = self.more.begins(start) if self.more else []
        return own + [english for name, english in self._folded_names if name.startswith(" ".join(folded))]

    @cached_property
    def _folded_names(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (" ".join(self._folded(word) for word in name.split()), english)
            for name, english in self.terms.items()
        )

    @cached_property
    def _index(self) -> tuple[dict[tuple[str, ...], tuple[str, str]], frozenset[str]]:
        """The terms, each with its name here, by the words of this and the stems of these, less stems that
        several terms share; and the first words of all."""
        exact: dict[tuple[str, ...], tuple[str, str]] = {}
        by_stem: dict[tuple[str, ...], dict[str, str]] = {}
        for (name, english), written in zip(self._folded_names, self.terms, strict=True):
            words = tuple(name.split())
            if exact.setdefault(words, (english, written))[0] != english:
                raise ValueError(f"lexicon: {name!r} stands twice in {self.name}")
            for form in product(*(self.stems(word) for word in words)):
                if len(words) == 1 and form != words and len(form[0]) < _LEAST_STEM_OF_NAME:
                    continue
                by_stem.setdefault(form, {}).setdefault(english, written)
        alone = {form: next(iter(names.items())) for form, names in by_stem.items() if len(names) == 1}
        index = {**alone, **exact}
        return index, frozenset(form[0] for form in index)

    @cached_property
    def _small(self) -> tuple[dict[str, tuple[str, bool]], dict[str, tuple[str, bool]]]:
        """The small words as they are written, and without accents where that is not another one."""
        written = {word.casefold(): (meaning, False) for word, meaning in self.words.items()}
        written |= {word.casefold(): (meaning, True) for word, meaning in self.words_behind.items()}
        plain: dict[str, tuple[str, bool]] = {}
        for word, meaning in written.items():
            plain.setdefault(unaccented(word), meaning)
        return written, plain

    @cached_property
    def _folded_endings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(
            tuple(sorted({self._folded(ending) for ending in endings}, key=len, reverse=True))
            for endings in (self.endings, self.without_endings)
        )  # type: ignore[return-value]

    def _folded(self, word: str) -> str:
        """A word less what may be written either way: case, accents, hyphens, ``spellings``."""
        folded = re.sub(r"\W", "", unaccented(word.casefold()))
        for written, kept in self.spellings:
            folded = folded.replace(written, kept)
        return folded

    def stems(self, word: str) -> tuple[str, ...]:
        """The word itself, folded, and what is left of it without one ending, the longest first."""
        folded = self._folded(word)
        endings, longest = self._set_of_endings
        ends = range(len(folded) - 1, max(self.least_stem, len(folded) - longest) - 1, -1)
        return folded, *(folded[:end] for end in ends if folded[end:] in endings)

    @cached_property
    def _set_of_endings(self) -> tuple[frozenset[str], int]:
        """The endings, and the letters of the longest."""
        endings = self._folded_endings[0]
        return frozenset(endings), max(map(len, endings), default=0)


@cache
def load_languages() -> tuple[Language, ...]:
    """The languages that ship with Foveola, besides English."""
    return tuple(_language(name) for name in NAMES)


@lru_cache(maxsize=16384)
def _stems(language: Language, word: str) -> tuple[str, ...]:
    """See ``Language.stems``: every word of a query is met several times."""
    return language.stems(word)


def _has_other_dots(typed: Sequence[str], written: Sequence[str]) -> bool:
    """Whether an "ı" was typed for an "i": "sınır" is no nerve. (An "i" is typed for both.)"""
    return any(
        letter == "ı" and other == "i"
        for word, name in zip(typed, written, strict=False)
        for letter, other in zip(word, name, strict=False)
    )


@lru_cache(maxsize=4096)
def unaccented(text: str) -> str:
    """Without accents, and with letters that have no accent to lose as they are typed elsewhere."""
    text = text.replace("ı", "i").replace("œ", "oe").replace("æ", "ae").replace("’", "'")
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)
    )


def _plain(text: str) -> str:
    return unaccented(text.casefold())


def _language(file: str) -> Language:
    text = resources.files("resources").joinpath("lexicon", f"{file}.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    return Language(
        name=table["name"],
        terms=_turned(table["terms"]),
        words=_turned(table["words"]),
        words_behind=_turned(table.get("words_behind", {})),
        within=_plainly(table["within"]),
        beyond=_plainly(table["beyond"]),
        of=_plainly(table["of"]),
        away=_plainly(table.get("away", ())),
        or_more=_plainly(table.get("or_more", ())),
        again=_plainly(table.get("again", ())),
        endings=tuple(table["endings"]),
        without_endings=tuple(table.get("without_endings", ())),
        spellings=tuple(table.get("spellings", {}).items()),
        least_stem=table["least_stem"],
        capital_nouns=table.get("capital_nouns", False),
        together=tuple(
            Together(
                first=tuple(map(_plain, one["first"])),
                then=tuple(map(_plain, one["then"])),
                means=tuple(one["means"]),
                end=tuple(map(_plain, one.get("end", ()))),
            )
            for one in table.get("together", ())
        ),
        also_english=frozenset(table.get("also_english", ())),
    )


def _plainly(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_plain, texts))


def _turned(table: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Each of the listed words to its heading."""
    turned: dict[str, str] = {}
    for heading, words in table.items():
        for word in words:
            if turned.setdefault(word, heading) != heading:
                raise ValueError(f"lexicon: {word!r} stands under {heading!r} and {turned[word]!r}")
    return turned
