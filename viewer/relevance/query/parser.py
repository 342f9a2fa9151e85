"""Parses typed words to a query: operators, brackets, quotes, phrases; with sentences on problems.

Never raises for typed text, and its time is bounded: MAX_TEXT characters, MAX_LEAVES terms, brackets
MAX_BRACKETS deep. Binding, tightest first: near, not / without, and, or. Commas join as the next "and" or
"or" does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.query import strings
from viewer.relevance.query.constructions import UnclearError
from viewer.relevance.query.joining import all_of, any_of, contradiction_in, kept_of
from viewer.relevance.query.lexer import INSIDE, read_words
from viewer.relevance.query.parsed import Parsed, Problem
from viewer.relevance.query.signs import with_signs_read
from viewer.relevance.query.terms import TermReader
from viewer.relevance.query.translation import translated
from viewer.relevance.query.tree import (
    MAX_DEPTH,
    MAX_LEAVES,
    MAX_TEXT,
    All,
    AnyOf,
    Near,
    Query,
    Term,
    Without,
    depth_of,
    leaves,
)
from viewer.relevance.query.vocabulary import AGREEING, COMMAS, DETERMINERS, WITH, Kind

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.query.word import Word

MAX_BRACKETS = MAX_DEPTH
_OF_LAST = ("without", "lacking", "w/o", "w/out")
"""Behind "no" these are about what "no" is about, or once more about all."""
_LISTING = ("and", "or", *COMMAS)
"""In small letters, where plain speech may bind otherwise than logic."""


def parse(text: str, lexicon: Lexicon, find_phrase: PhraseFinder | None = None) -> Parsed:
    """The query of a text. ``find_phrase`` is called for words that the lexicon does not have; what it finds
    is offered.
    """
    if len(text) > MAX_TEXT:
        return _refused(strings.TOO_LONG.format(length=len(text), most=MAX_TEXT))
    text = with_signs_read(text)
    translation = translated(text, lexicon)
    try:
        words, remarks = read_words(translation.text if translation else text, lexicon)
    except UnclearError as error:
        return _refused(str(error))
    if translation:
        remarks = (*(_read_in(language, terms) for language, terms in translation.read), *remarks)
    if not any(word.kind is Kind.PHRASE for word in words):
        return _refused(*remarks, strings.NO_TERMS)
    if sum(word.kind is Kind.PHRASE for word in words) > MAX_LEAVES:
        return _refused(strings.TOO_MANY_TERMS.format(most=MAX_LEAVES))
    reader = _Reader(words, lexicon, find_phrase, [Problem(remark, note=True) for remark in remarks])
    query = reader.read()
    if reader.too_many:
        return _refused(strings.TOO_MANY_TERMS.format(most=MAX_LEAVES))
    if reader.unclear:
        return _refused(*remarks, reader.unclear)
    if query is None:
        return Parsed(None, tuple(reader.problems))
    if depth_of(query) > MAX_DEPTH:
        return _refused(strings.TOO_DEEP.format(most=MAX_DEPTH))
    if len(leaves(query)) > MAX_LEAVES:
        return _refused(strings.TOO_MANY_TERMS.format(most=MAX_LEAVES))
    clash = contradiction_in(query)
    if clash:
        return Parsed(None, (*reader.problems, Problem(strings.CONTRADICTION.format(term=clash))))
    understood = tuple(reader.terms.understood[leaf.text] for leaf in leaves(query) if isinstance(leaf, Term))
    return Parsed(query, tuple(dict.fromkeys(reader.problems)), understood)


def _read_in(language: str, terms: tuple[tuple[str, str], ...]) -> str:
    """How words of another language were read."""
    pairs = ", ".join(
        strings.READ_TERM_IN.format(text=text, term=term)
        for text, term in terms
        if text.casefold() != term.casefold()
    )
    template = strings.READ_TERMS_IN if pairs else strings.READ_IN
    return template.format(language=language, terms=pairs)


def _refused(*sentences: str) -> Parsed:
    return Parsed(None, tuple(Problem(sentence) for sentence in sentences))


class _Reader:
    """Recursive descent over the words; only brackets make it recurse."""

    def __init__(
        self, words: list[Word], lexicon: Lexicon, find_phrase: PhraseFinder | None, problems: list[Problem]
    ) -> None:
        self._words, self._at = words, 0
        self.terms = TermReader(lexicon, find_phrase, problems)
        self._brackets = 0
        self.too_many = False
        """Whether terms that stand once, and count several times, are too many."""
        self.unclear = ""
        """A sentence on what can be meant in several ways: "instead of fat blood"; "" where there is none."""
        self.problems = problems

    def read(self) -> Query | None:
        parts = []
        while self._at < len(self._words):
            parts.append(self._any_of())
            if self._kind() is Kind.CLOSE:
                self._report(strings.STRAY_BRACKET)
                self._at += 1
        return all_of(parts)

    def _kind(self) -> Kind | None:
        return self._words[self._at].kind if self._at < len(self._words) else None

    def _report(self, sentence: str, *, note: bool = False) -> None:
        self.problems.append(Problem(sentence, note=note))

    def _any_of(self) -> Query | None:
        parts = [self._all()]
        while self._kind() is Kind.OR:
            self._at += 1
            parts.append(self._all())
        if self._kind() is Kind.NOT_BOTH:
            return self._one_of(parts)
        return any_of(parts)

    def _one_of(self, parts: list[Query | None]) -> Query | None:
        """Either of two: "fat or blood but not both"."""
        word = self._words[self._at]
        self._at += 1
        either, both = any_of(parts), all_of(parts)
        if len(parts) != 2 or None in parts or either is None or both is None:
            self.unclear = strings.UNCLEAR_BOTH.format(operator=word.text)
            return either
        if 2 * len(leaves(either)) > MAX_LEAVES:
            self.too_many = True
            return either
        return Without(either, both)

    def _all(self) -> Query | None:
        parts = [self._without()]
        while self._kind() in (Kind.AND, Kind.PHRASE, Kind.OPEN, Kind.NOT):
            while self._kind() is Kind.AND:
                self._at += 1
            parts.append(self._without(all_of(parts)))
        return all_of(parts)

    def _without(self, before: Query | None = None) -> Query | None:
        """One thing with all that is left out of it: "fat without blood or vessels, no muscle". ``before``:
        what stands before an exclusion from all of it."""
        base = None if self._kind() is Kind.NOT else self._near()
        excluded: list[Query | None] = []
        inverted = is_none = False
        near: Word | None = None
        while self._kind() is Kind.NOT:
            count, agreeing, previous = 0, False, ""
            word = self._words[self._at]
            if word.text.lower() in _OF_LAST and is_none and not (base or before):
                self._mark_unclear_end(word.text)  # "no fat without blood"
            is_none = word.text.lower() in ("not", *DETERMINERS)
            if word.ends_exclusion and not word.shouted and (base or excluded):
                break  # "but not" excludes from all that stands before it
            if not excluded and not word.shouted:
                self._note_of_one(word, self._at, (Kind.OR,))
            while self._kind() is Kind.NOT:
                text = self._words[self._at].text.lower()
                agreeing |= (agrees := text.split()[0] in AGREEING)
                count += not agrees and (text == "not" or text != previous)  # "fat without without blood"
                previous = text
                self._at += 1
            count = count or agreeing
            if word.text.lower() != "nor" or self._kind() is Kind.NEAR:
                near = self._take_near()  # else as before: "neither near fat nor blood"
            place = kept_of(base or before)
            found = self._near()
            if place is None and (near or word.text.lower() not in DETERMINERS):
                self._mark_if_two_names(found, near or word)
            left_out = self._nearby(found, place, near)
            if left_out is None:
                self._report(strings.NOTHING_FOLLOWS.format(operator=word.text))
            elif count % 2:
                excluded.append(left_out)
                if word.moved and isinstance(left_out, AnyOf):
                    self._report(strings.NOT_ANY_BEFORE.format(operator=word.text), note=True)
                if not word.shouted and not word.moved:
                    excluded += self._more_left_out(word.text, place, near)
            elif base is None:
                base = left_out
                inverted = True
            else:
                base = all_of([base, left_out])
        left_out = any_of(excluded)
        if left_out is None:
            return base
        if base is None and not inverted:
            return Without(None, left_out)
        assert base is not None
        return Without(base, left_out)

    def _nearby(self, other: Query | None, place: Query | None, near: Word | None) -> Query | None:
        """What is left out of a place, or of everything: all that lies near another thing, or that thing."""
        if near is None or other is None:
            return other
        if place is not None and 2 * len(leaves(place)) > MAX_LEAVES:
            self.too_many = True
            return other
        return Near(place, other, near.distance_um)

    def _take_near(self) -> Word | None:
        """The word, if it is "near" or the like."""
        if self._kind() is not Kind.NEAR:
            return None
        self._at += 1
        return self._words[self._at - 1]

    def _mark_if_two_names(self, found: Query | None, operator: Word) -> None:
        """Where nothing that is kept stands before an operator, its end is between two names, if at all."""
        if isinstance(found, All) and self._words[self._at - 1].kind is Kind.PHRASE:
            self._mark_unclear_end(operator.text)

    def _mark_unclear_end(self, operator: str) -> None:
        self.unclear = strings.UNCLEAR_END.format(operator=operator)

    def _more_left_out(self, operator: str, place: Query | None, near: Word | None) -> list[Query | None]:
        """In plain speech "without blood and fat" leaves out both; in capitals AND binds as in logic."""
        more: list[Query | None] = []
        only_commas, is_unclear = True, False
        while self._kind() in (Kind.AND, Kind.OR) and not self._words[self._at].ends_exclusion:
            if self._words[self._at].text.lower() in (*INSIDE, *WITH):
                break  # "no fat in muscle" is about muscle, "muscle without fat, with blood" with blood
            following = self._words[self._at + 1].kind if self._at + 1 < len(self._words) else None
            either_near = near is not None and self._kind() is Kind.OR and following is Kind.NEAR
            if following not in (Kind.PHRASE, Kind.OPEN) and not either_near:
                break
            is_comma = self._words[self._at].text in COMMAS
            is_unclear |= is_comma and not only_commas  # "excluding fat and blood, show stroma"
            only_commas &= is_comma
            self._at += 1
            other_near = self._take_near() or near
            more.append(self._nearby(self._near(), place, other_near))
        is_list = only_commas and self._kind() is Kind.NOT and self._words[self._at].text.lower() == "nor"
        if more and (only_commas or is_unclear) and place is None and not is_list:
            self._mark_unclear_end(near.text if near else operator)
        if more:
            self._report(strings.NOT_ANY_OF.format(operator=operator), note=True)
        return more

    def _near(self) -> Query | None:
        """One thing, as far as it is near others; all that is near them where none stands before."""
        base = None if self._kind() is Kind.NEAR else self._atom()
        while self._kind() is Kind.NEAR:
            at, word = self._at, self._words[self._at]
            self._at += 1
            other = self._atom()
            if base is None:
                self._mark_if_two_names(other, word)
                if self._at < len(self._words) and self._words[self._at].text in COMMAS:
                    self._mark_unclear_end(word.text)
            if other is None:
                self._report(strings.NOTHING_FOLLOWS.format(operator=word.text))
            else:
                self._note_of_one(word, at, (Kind.AND, Kind.OR))
                base = Near(base, other, word.distance_um)
                self._note_near_one(word, self._words[self._at - 1])
        return self._near_either(base) if isinstance(base, Near) else base

    def _near_either(self, first: Near) -> Query | None:
        """The same thing near others: "fat near blood or near mucin"."""
        either: list[Query | None] = [first]
        while self._kind() is Kind.OR and not self._words[self._at].shouted and self._follows(Kind.NEAR):
            self._at += 1
            word = self._words[self._at]
            self._at += 1
            other = self._atom()
            if other is None:
                self._report(strings.NOTHING_FOLLOWS.format(operator=word.text))
            elif 2 * len(leaves(first)) > MAX_LEAVES:
                self.too_many = True
            else:
                either.append(Near(first.base, other, word.distance_um))
        return any_of(either)

    def _follows(self, kind: Kind) -> bool:
        """Whether the word behind this one is of a kind."""
        return self._at + 1 < len(self._words) and self._words[self._at + 1].kind is kind

    def _note_of_one(self, operator: Word, at: int, joints: tuple[Kind, ...]) -> None:
        """Say that "fat and blood near mucin" is fat, and blood near mucin."""
        before = self._words[max(at - 3, 0) : at]
        kinds = [word.kind for word in before]
        listed = kinds in ([Kind.PHRASE, joint, Kind.PHRASE] for joint in joints)
        if listed and before[1].text in _LISTING:
            self._report(strings.OF_ONE.format(operator=operator.text, term=before[2].text), note=True)

    def _note_near_one(self, near: Word, other: Word) -> None:
        """Say that "near fat or blood" is near fat, or blood."""
        joint, *following = self._words[self._at : self._at + 2] or [near]
        lists = joint.kind in (Kind.AND, Kind.OR) and joint.text in _LISTING
        if lists and following and following[0].kind is Kind.PHRASE and other.kind is Kind.PHRASE:
            self._report(strings.NEAR_ONE.format(operator=near.text, term=other.text), note=True)

    def _atom(self) -> Query | None:
        kind = self._kind()
        if kind is Kind.PHRASE:
            word = self._words[self._at]
            self._at += 1
            return self.terms.read(word)
        if kind is Kind.OPEN:
            return self._bracket()
        if kind in (Kind.AND, Kind.OR, Kind.NEAR):
            self._report(strings.NOTHING_BEFORE.format(operator=self._words[self._at].text))
        elif self._at and self._words[self._at - 1].kind in (Kind.AND, Kind.OR):
            self._report(strings.NOTHING_FOLLOWS.format(operator=self._words[self._at - 1].text))
        return None

    def _bracket(self) -> Query | None:
        if self._brackets >= MAX_BRACKETS:
            self._report(strings.DEEP_BRACKETS.format(most=MAX_BRACKETS))
            while self._kind() is Kind.OPEN:
                self._at += 1
            return self._atom()
        self._at += 1
        self._brackets += 1
        inner = self._any_of()
        self._brackets -= 1
        if self._kind() is Kind.CLOSE:
            self._at += 1
        else:
            self._report(strings.OPEN_BRACKET)
        if inner is None:
            self._report(strings.EMPTY_BRACKETS)
        return inner
