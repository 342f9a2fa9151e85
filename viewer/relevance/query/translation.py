"""Recognises a query in another language, and writes it in English with the lexicon's terms.

English comes first: a text whose words are all known in English is left as it is. Else the language that
knows most of the words is chosen; words of other languages may stand between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from viewer.relevance.query import strings
from viewer.relevance.query.languages import MAX_SPAN_WORDS, PADDING, PRESENT, load_languages, unaccented
from viewer.relevance.query.lexicon import MAX_TERM_WORDS, key_of
from viewer.relevance.query.vocabulary import (
    BEFORE_DISTANCE,
    MARKS,
    OPERATORS,
    PADDING_BEFORE,
    PADDING_BEHIND,
)
from viewer.relevance.query.word_order import Piece, in_english_order

if TYPE_CHECKING:
    from viewer.relevance.query.languages import Language
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.word_order import Kind

_TOKEN = re.compile(r'"[^"]*"?|&&|\|\||[(),;|&+¬]|[^\s(),;|"&+¬]+')
_NUMBER = r"\d{1,7}(?:[.]\d{1,30})?"
_UNITS = {"um": "um", "µm": "um", "μm": "um", "mm": "mm", "cm": "cm"}
_DISTANCE = re.compile(rf"(.*?)\s*({_NUMBER})\s*(\S+)")
_BARE_DISTANCE = re.compile(rf"{_NUMBER}\s*(?:um|µm|μm|mm|cm)", re.I)
"""It is written so in every language."""
_PLAIN_NUMBER = re.compile(rf"{_NUMBER}(?:um|µm|μm|mm|cm)?|um|µm|μm|mm|cm", re.I)
_WITHIN, _BEYOND = "within", "more than"
_NEAR, _FAR = ("near", "far from"), ("far from", _BEYOND)
_THINGS = ("term", "padding", "quoted", "unknown")
_THAN = "than"
"""It keeps what is compared one phrase, which is not known."""
_MIN_LONE_LETTERS = 3
"""A shorter word of another language within an English query is left alone."""


@dataclass(frozen=True, slots=True)
class Translation:
    """``text``: the query in English. ``read``: for each language that was met its name, and its terms with
    the lexicon's.
    """

    text: str
    read: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@lru_cache(maxsize=64)
def translated(text: str, lexicon: Lexicon) -> Translation | None:
    """The query (see ``with_signs_read``) in English; None where it is English already, or in no language
    that is known."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    tokens = _TOKEN.findall(re.sub(r"[?!:¿¡]", " ", plain))
    english = _Reading(tokens, None, lexicon)
    if english.known_throughout:
        return None
    best = max(
        (_Reading(tokens, language, lexicon) for language in lexicon.languages), key=lambda one: one.rank
    )
    if best.score <= english.score or not best.is_evident(english):
        best = english
    return best.translation()


def has_words_of_others(text: str) -> bool:
    """Whether a word of a text is one of another language than English."""
    return any(
        language.small_word([word]) or language.term([word]) or language.without(word)
        for language in load_languages()
        for word in _without_elision(text.split(), language.elided)
    )


def meanings_elsewhere(word: str) -> tuple[tuple[str, str], ...]:
    """What a word that is English, too, is in other languages: for each its name, and the lexicon's term."""
    return tuple(
        (language.name, term)
        for language in load_languages()
        if word.casefold() in language.also_english and (term := language.term([word])) is not None
    )


class _Reading:
    """The pieces of a text as one language reads them; None: as English does."""

    def __init__(self, tokens: list[str], language: Language | None, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._language, self._name = language, language.name if language else ""
        self._tokens = _without_elision(tokens, language.elided if language else ())
        self.pieces: list[Piece] = []
        at = 0
        while at < len(self._tokens):
            piece = self._piece(at)
            self.pieces.append(piece)
            at += piece.words
        if language:
            self.pieces = _with_away_read(_together(self.pieces, language), language)
            self.pieces = _with_near_again(self.pieces, language)

    @property
    def known_throughout(self) -> bool:
        """Whether this language knows every word."""
        return not any(
            piece.kind == "unknown" or piece.language not in ("", self._name) for piece in self.pieces
        )

    @property
    def score(self) -> int:
        """The words that the language knows, and the terms that it shares with English."""
        return sum(
            piece.words
            for piece in self.pieces
            if (piece.kind == "term" and piece.language in ("", self._name))
            or (
                piece.kind in ("quoted", "padding", "operator", "behind", "missing", "distance")
                and piece.language == self._name
            )
        )

    @property
    def rank(self) -> tuple[int, ...]:
        """The score; among equals the words of its own, then those that resemble it."""
        assert self._language is not None
        own = [piece for piece in self.pieces if piece.language == self._name]
        resembling = [
            [piece.words * alike for alike in self._language.resemblance_of(piece.written)]
            for piece in own
            if piece.kind == "term"
        ]
        return self.score, sum(piece.words for piece in own), *map(sum, zip(*resembling, strict=True))

    def is_evident(self, english: _Reading) -> bool:
        """Whether two words that English lacks are of this language, or one that leaves no word unknown."""
        assert self._language is not None
        known = {piece.written for piece in english.pieces if piece.kind != "unknown" and not piece.language}
        own = [
            piece
            for piece in self.pieces
            if piece.language == self._name
            and piece.written not in known
            and piece.written.casefold() not in self._language.also_english
            and not _BARE_DISTANCE.fullmatch(piece.written)
        ]
        has_terms = any(piece.kind in ("term", "quoted", "missing") for piece in self.pieces)
        enough = sum(piece.words for piece in own if len(piece.written) > 1) > 1
        return enough or (bool(own) and has_terms and self.known_throughout)

    def translation(self) -> Translation | None:
        """None where nothing of another language was met."""
        pieces = self.pieces if self._language else _as_typed_in_part(self.pieces)
        read: dict[str, dict[str, str]] = {}
        for piece, following in pairwise([*pieces, Piece("mark", "", "")]):
            if piece.language:
                terms = read.setdefault(piece.language, {})
                if piece.kind in ("term", "quoted", "missing"):
                    terms[piece.written] = (
                        strings.WITHOUT if piece.kind == "missing" else ""
                    ) + piece.english
                elif piece.kind == "distance" and following.kind != "behind":
                    terms[piece.written] = piece.english
        if not read:
            return None
        found = tuple((name, tuple(terms.items())) for name, terms in read.items())
        return Translation(in_english_order(pieces), found)

    def _piece(self, at: int) -> Piece:
        """The longest words from here on that mean something, first in this language, then in English."""
        token = self._tokens[at]
        if token in MARKS:
            return Piece("mark", token, token)
        if token.startswith('"'):
            return self._quoted(token)
        longest = MAX_TERM_WORDS if self._lexicon.begins_name(token) else MAX_SPAN_WORDS
        last = min(at + longest, len(self._tokens))
        most = next((end for end in range(at, last) if _ends_phrase(self._tokens[end])), last) - at
        for length in range(most, 0, -1):
            words = tuple(self._tokens[at : at + length])
            piece = self._own(words, at) or _english(words, self._lexicon)
            if piece is not None:
                return piece
        words = tuple(self._tokens[at : at + min(MAX_SPAN_WORDS, most)])
        return _elsewhere(words, self._lexicon) or Piece("unknown", token, token)

    def _own(self, words: tuple[str, ...], at: int) -> Piece | None:
        """What words mean in this language."""
        language, written = self._language, " ".join(words)
        if language is None or len(words) > MAX_SPAN_WORDS:
            return None
        english = language.term(words)
        if english is not None:
            return Piece("term", written, english, self._name, len(words))
        small = language.small_word(words)
        if small is not None and small[0] not in _UNITS:
            english, behind = small
            kind: Kind = "padding" if english in (PADDING, PRESENT) else "behind" if behind else "operator"
            shouted = written.isupper() and len(written) > 1
            return Piece(kind, written, english.upper() if shouted else english, self._name, len(words))
        english = language.without(words[0]) if len(words) == 1 else None
        if english is not None:
            return Piece("missing", written, english, self._name)
        return self._distance(written, len(words), at, language)

    def _distance(self, written: str, length: int, at: int, language: Language) -> Piece | None:
        """A number with its unit, and what stands before and behind it: "im Umkreis von 200 µm um"."""
        match = _DISTANCE.fullmatch(written)
        if match is None:
            return None
        is_beyond = language.is_before_least_distance(match[1])
        if match[1] and not is_beyond and not language.is_before_distance(match[1]):
            return None
        before = [tuple(token.lower() for token in self._tokens[max(at - n, 0) : at]) for n in (1, 2, 3)]
        if not BEFORE_DISTANCE.keys().isdisjoint(before):
            return None  # as in English
        written_unit = re.split("['’]", match[3])[0]  # "µm'den"
        forms = (language.small_word([form]) for form in (written_unit, *language.stems(written_unit)))
        named = next((small[0] for small in forms if small and small[0] in _UNITS), "")
        unit = _UNITS.get(written_unit.casefold(), named)
        if not unit:
            return None
        or_more = 2 * language.is_or_more(" ".join(self._tokens[at + length : at + length + 2]))
        length += or_more
        is_beyond |= bool(or_more)
        rest = self._tokens[at + length : at + length + 3]
        behind = next(
            (n for n in range(len(rest), 0, -1) if language.is_after_distance(" ".join(rest[:n]))), 0
        )
        is_beyond |= not match[1] and language.is_away(" ".join(rest[:behind]))
        english = f"{_BEYOND if is_beyond else _WITHIN} {match[2]} {unit} of"
        return Piece("distance", written, english, self._name, length + behind)

    def _quoted(self, token: str) -> Piece:
        """A quoted phrase: a term as a whole, or left as it is."""
        inner = token.strip('"')
        words = inner.split()
        own = (self._language,) if self._language else ()
        if 0 < len(words) <= MAX_SPAN_WORDS and self._lexicon.find(inner) is None:
            for language in (*own, *self._lexicon.languages):
                english = language.term(words)
                if english is not None:
                    return Piece("quoted", inner, english, language.name)
        return Piece("quoted", inner, inner)


def _together(pieces: list[Piece], language: Language) -> list[Piece]:
    """The pieces, with small words that belong together as what they mean so: "ne kan ne yağ"."""
    pieces = list(pieces)
    small = {at: unaccented(piece.written.casefold()) for at, piece in enumerate(pieces)}
    for pair in language.together:
        first = next((at for at, written in small.items() if written in pair.first), len(pieces))
        then = [at for at, written in small.items() if at > first and written in pair.then]
        end = [at for at, written in small.items() if then and at > then[-1] and written in pair.end][:1]
        between = pieces[then[-1] + 1 : end[0]] if end else []
        if pair.end and not (end and all(piece.kind in _THINGS for piece in between)):
            continue
        for at in [first, *then, *end] if then else ():
            english = PADDING if at in end else pair.means[at > first]
            kind: Kind = "padding" if english == PADDING else "unknown" if english == _THAN else "operator"
            pieces[at] = replace(pieces[at], kind=kind, english=english, language=language.name)
        small = {at: written for at, written in small.items() if not end or not first <= at <= end[0]}
    return pieces


def _with_near_again(pieces: list[Piece], language: Language) -> list[Piece]:
    """The pieces, with "near", or a distance, once more where its preposition comes again: "cerca de la grasa
    pero no de la sangre"."""
    pieces = list(pieces)
    near = None
    for at, (piece, following) in enumerate(pairwise(pieces)):
        if piece.kind == "distance" or piece.english.lower() in _NEAR:
            near = piece
        elif (
            near and following.kind == "padding" and language.is_again(f"{piece.written} {following.written}")
        ):
            is_far = near.english.lower().startswith(_FAR)
            if not (
                is_far and piece.english == "or"
            ):  # it is about both already: "lejos de la grasa o del tumor"
                pieces[at + 1] = replace(near, written=following.written)
    return pieces


def _with_away_read(pieces: list[Piece], language: Language) -> list[Piece]:
    """The pieces, with a lone distance as the least where a word behind what it is from says so: "200 µm vom
    Fett entfernt".
    """
    pieces = list(pieces)
    for at, piece in enumerate(pieces):
        if piece.kind != "distance" or not piece.written[:1].isdigit():
            continue
        behind = takewhile(lambda one: one.kind in _THINGS, pieces[at + 1 :])
        if any(language.is_away(one.written) for one in behind if one.kind == "padding"):
            pieces[at] = replace(piece, english=piece.english.replace(_WITHIN, _BEYOND))
    return pieces


def _ends_phrase(token: str) -> bool:
    return token in MARKS or token.startswith('"')


@lru_cache(maxsize=16384)
def _english(words: tuple[str, ...], lexicon: Lexicon) -> Piece | None:
    """What words mean in English."""
    written = " ".join(words)
    if len(words) == 1 and (not key_of(written) or _PLAIN_NUMBER.fullmatch(written)):
        return Piece("mark", written, written)
    if not written.isascii() and any(letter.isalpha() and not letter.isascii() for letter in written):
        return None
    if lexicon.find(written) is not None:
        return Piece("term", written, written, words=len(words))
    lower = tuple(word.lower() for word in words)
    if lower in OPERATORS:
        return Piece("operator", written, written, words=len(words))
    if lower in BEFORE_DISTANCE:  # it may be a sign that was read: "> 2 mm"
        return Piece("mark", written, written, words=len(words))
    if len(words) == 1 and (lower[0] in PADDING_BEFORE or lower[0] in PADDING_BEHIND):
        return Piece("padding", written, written)
    return None


@lru_cache(maxsize=4096)
def _elsewhere(words: tuple[str, ...], lexicon: Lexicon) -> Piece | None:
    """The longest term with which words begin in a language, the first that has one."""
    for language in lexicon.languages:
        for length in range(len(words), 0, -1):
            english, written = language.term(words[:length]), " ".join(words[:length])
            if english is None or sum(map(len, words[:length])) < _MIN_LONE_LETTERS:
                continue
            if written.casefold() not in language.also_english:
                return Piece("term", written, english, language.name, length)
    return None


def _without_elision(tokens: list[str], elided: tuple[str, ...]) -> list[str]:
    """Tokens with each elided word apart: "l'infiltrat" as "l'" and "infiltrat"."""
    parts: list[str] = []
    for token in tokens:
        typed = token.replace("’", "'")
        first = next((word for word in elided if typed.lower().startswith(word) and typed[len(word) :]), "")
        parts += [typed[: len(first)], typed[len(first) :]] if first else [token.strip(".") or token]
    return parts


def _as_typed_in_part(pieces: list[Piece]) -> list[Piece]:
    """The pieces, with phrases that hold an unknown word as typed: within English these are no business of
    other languages."""
    kept: list[Piece] = []
    phrase: list[Piece] = []
    for piece in [*pieces, Piece("mark", "", "")]:
        if piece.kind in ("term", "unknown"):
            phrase.append(piece)
            continue
        unknown = any(part.kind == "unknown" for part in phrase)
        kept += [Piece("unknown", part.written, part.written) for part in phrase] if unknown else phrase
        kept.append(piece)
        phrase = []
    return kept[:-1]
