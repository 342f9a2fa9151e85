"""Cuts a typed text into operators, brackets and phrases, and drops the padding of everyday English.

Pure. "Show me the areas of necrosis next to fat" becomes: necrosis, NEAR 100 µm, fat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import key_of
from viewer.relevance.query.tree import MAX_NEAR_UM, NEAR_UM
from viewer.relevance.query.vocabulary import (
    BEFORE_DISTANCE,
    MARKS,
    OPERATORS,
    PADDING_BEFORE,
    PADDING_BEHIND,
    PREPOSITIONS,
    PRESENT,
    QUANTITIES,
    Kind,
)

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Word:
    """One piece of a query. ``shouted``: an operator in capitals, which binds as in logic.
    ``ends_exclusion``: it applies to all before it ("but", "but not"), not to the last exclusion.
    """

    kind: Kind
    text: str
    quoted: bool = False
    shouted: bool = False
    ends_exclusion: bool = False
    distance_um: float = NEAR_UM


INSIDE = ("in", "inside", "within")
_TOKEN = re.compile(r'"[^"]*"?|&&|\|\||[(),;|]|[^\s(),;|"]+')
_DISTANCE = re.compile(r"(\d{1,7}(?:[.]\d{1,30})?)\s*(um|µm|μm|microns?|micrometres?|micrometers?|mm)$", re.I)
_WITHOUT_WORD = re.compile(r"([\w-]+)-free|non-([\w-]+)", re.I)
_ODD = re.compile(r"[^\w\s&/+.%'’\-µμ(),;|\"]")


def read_words(text: str, lexicon: Lexicon) -> tuple[list[Word], tuple[str, ...]]:
    """The pieces of a text, and remarks for the reader on what was dropped."""
    remarks = []
    text = text.replace("“", '"').replace("”", '"').replace("„", '"').replace("–", "-")
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = re.sub(r"[?!:¿¡]", " ", plain)
    cleaned = _ODD.sub(" ", plain)
    if cleaned != plain or any(not (letter.isprintable() or letter.isspace()) for letter in text):
        remarks.append(strings.UNKNOWN_SIGNS)
    if text.count('"') % 2:
        remarks.append(strings.OPEN_QUOTE)
    tokens = _TOKEN.findall(cleaned)
    joined = lexicon.names_with(word for words in OPERATORS for word in words)
    words: list[Word] = []
    phrase: list[str] = []
    at = 0

    def flush() -> None:
        kept = _without_padding(phrase, lexicon)
        is_negated = bool(words) and words[-1].kind is Kind.NOT
        if is_negated and not kept:  # "there" says nothing in "is there fat", all in "fat is not there"
            kept = [word for word in phrase[-1:] if word.lower() in PRESENT]
        # "fat-free tissue": beside other words "tissue" says nothing; "not present" does.
        means = len(kept) != 1 or kept[0].lower() not in PADDING_BEHIND
        means |= is_negated if words else at >= len(tokens)
        if kept and means:
            words.append(Word(Kind.PHRASE, " ".join(kept)))
        phrase.clear()

    while at < len(tokens):
        token = tokens[at]
        if token.startswith('"'):
            flush()
            inner = " ".join(token.strip('"').split())
            if inner:
                words.append(Word(Kind.PHRASE, inner, quoted=True))
            at += 1
            continue
        name_length = next((len(name) for name in joined if _starts(tokens, at, name)), 0)
        if name_length:
            phrase += tokens[at : at + name_length]
            at += name_length
            continue
        operator, length = _operator(tokens, at)
        if operator is None:
            if key_of(token):
                left_out = _left_out(token, lexicon)
                if left_out:
                    flush()
                    words += [Word(Kind.NOT, token, shouted=True), Word(Kind.PHRASE, left_out)]
                else:
                    phrase.append(token.strip(".'’"))
            at += 1
            continue
        flush()
        at += length
        if operator.kind is Kind.AND and operator.text.lower() != "and" and not words:
            continue  # "areas with fat"
        if operator.text.lower() in PREPOSITIONS and words and words[-1].kind is Kind.NOT:
            continue  # "neither with blood nor with fat"
        if operator.kind is Kind.FAR:
            words.append(replace(operator, kind=Kind.NOT))
            operator = replace(operator, kind=Kind.NEAR)
        if operator.kind is Kind.AND and operator.text.lower() in INSIDE:
            remarks.append(strings.INSIDE_AS_AND.format(operator=operator.text))
        if operator.kind is Kind.NEAR and not 0 < operator.distance_um <= MAX_NEAR_UM:
            remarks.append(strings.DISTANCE_RANGE.format(most=MAX_NEAR_UM, used=NEAR_UM))
            operator = replace(operator, distance_um=NEAR_UM)
        words.append(operator)
    flush()
    words = [word for word in words if word.text.lower() != "either"]
    return _with_presence_read(_with_commas_read(words)), tuple(dict.fromkeys(remarks))


def _starts(tokens: list[str], at: int, name: tuple[str, ...]) -> bool:
    """Whether a known name that contains an operator's word ("haematoxylin and eosin") starts here."""
    return key_of(" ".join(tokens[at : at + len(name)])) == " ".join(name)


def _operator(tokens: list[str], at: int) -> tuple[Word | None, int]:
    token = tokens[at]
    if token in MARKS:
        return Word(MARKS[token], token), 1
    for before in (1, 2):
        kind = BEFORE_DISTANCE.get(_lowered(tokens[at : at + before]))
        for length in (1, 2) if kind else ():
            start = at + before
            distance = _DISTANCE.fullmatch(" ".join(tokens[start : start + length]))
            if kind and distance:
                distance_um = float(distance[1] + ("e3" if distance[2].lower() == "mm" else ""))
                end = start + length
                end += _lowered(tokens[end : end + 1]) == ("away",)
                end += _lowered(tokens[end : end + 1]) in (("of",), ("from",))
                return Word(kind, " ".join(tokens[at:end]), distance_um=distance_um), end - at
    for length in (3, 2, 1):
        operator_words = tokens[at : at + length]
        kind = OPERATORS.get(_lowered(operator_words))
        if kind is not None:
            text = " ".join(operator_words)
            ends_exclusion = text.isupper() or text.lower().startswith("but")
            return Word(kind, text, shouted=text.isupper(), ends_exclusion=ends_exclusion), len(
                operator_words
            )
    return None, 0


def _left_out(token: str, lexicon: Lexicon) -> str:
    """The term that a word says to be missing: "fat-free", "non-necrotic"; "" where it is none."""
    match = _WITHOUT_WORD.fullmatch(token)
    term = (match[1] or match[2]) if match else ""
    return term if lexicon.find(term) is not None and lexicon.find(token) is None else ""


def _lowered(tokens: list[str]) -> tuple[str, ...]:
    return tuple(token.lower().replace("’", "'") for token in tokens)


def _without_padding(phrase: list[str], lexicon: Lexicon) -> list[str]:
    """A phrase less "show me the …" and "… areas", unless it is a known term as it stands."""
    words = list(phrase)
    while words and not lexicon.find(" ".join(words)):
        if words[0].lower() in PADDING_BEFORE:
            words.pop(0)
        elif len(words) > 1 and words[0].lower() in QUANTITIES and words[1].lower() == "of":
            del words[:2]
        else:
            break
    while len(words) > 1 and words[-1].lower() in PADDING_BEHIND and not lexicon.find(" ".join(words)):
        words.pop()
    return words


_LISTING = ((Kind.AND, "and"), (Kind.AND, ","), (Kind.OR, "or"))


def _joins(word: Word) -> bool:
    """Whether what is said behind is said of the things on both sides, too."""
    return word.kind is Kind.NEAR or (word.kind, word.text.lower()) in _LISTING


def _with_presence_read(words: list[Word]) -> list[Word]:
    """Each negation of being there before what it is about: "fat is not visible" as "not fat".

    Not where another negation stands before that: they would undo each other. The word then stays, and is
    refused as an unknown term.
    """
    result: list[Word] = []
    for word in words:
        is_present = word.kind is Kind.PHRASE and not word.quoted and word.text.lower() in PRESENT
        if is_present and [one.kind for one in result[-2:]] == [Kind.PHRASE, Kind.NOT]:
            start = len(result) - 2
            while start > 1 and _joins(result[start - 1]) and result[start - 2].kind is Kind.PHRASE:
                start -= 2
            if not start or result[start - 1].kind not in (Kind.NOT, Kind.NEAR):
                result.insert(start, result.pop())
                continue
        result.append(word)
    return result


def _with_commas_read(words: list[Word]) -> list[Word]:
    """Each comma as the next "and" or "or" of its bracket, else as "or"; none beside another operator."""
    result: list[Word] = []
    meaning = [Kind.OR]
    ends, starts = (Kind.PHRASE, Kind.CLOSE), (Kind.PHRASE, Kind.OPEN)
    for at in range(len(words) - 1, -1, -1):
        word = words[at]
        if word.kind is Kind.CLOSE:
            meaning.append(Kind.OR)
        elif word.kind is Kind.OPEN and len(meaning) > 1:
            meaning.pop()
        elif word.kind in (Kind.AND, Kind.OR):
            meaning[-1] = word.kind
        if word.kind is not Kind.COMMA:
            result.append(word)
        elif at and result and words[at - 1].kind in ends and result[-1].kind in starts:
            result.append(Word(meaning[-1], word.text))
    return result[::-1]
