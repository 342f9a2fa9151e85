"""Rewrites constructions of everyday English as the operators that the parser reads. Pure.

"Fat is not visible" becomes NOT fat, "instead of fat, blood" blood INSTEAD OF fat.
"""

from __future__ import annotations

from dataclasses import replace

from viewer.relevance.query.vocabulary import PRESENT, REPLACED, Kind
from viewer.relevance.query.word import Word


def with_constructions_read(words: list[Word]) -> list[Word]:
    """The words, in the order and with the operators in which they are parsed."""
    return _with_commas_read(_with_replaced_behind(_with_presence_read(words)))


def _lists(word: Word) -> bool:
    """Whether what is said behind is said of the things on both sides, too."""
    return word.kind is Kind.COMMA or word.text.lower() in ("and", "or")


def _with_presence_read(words: list[Word]) -> list[Word]:
    """Each negation of being there before what it is about: "fat is not visible" as "not fat".

    Not where another negation stands before that: they would undo each other. The word then stays, and is
    refused as an unknown term.
    """
    result: list[Word] = []
    after_moved = False
    for at, word in enumerate(words):
        is_present = word.kind is Kind.PHRASE and not word.quoted and word.text.lower() in PRESENT
        if _ends_with_verb(result, words[at : at + 2]):
            result.append(word)
            is_present = True
        if is_present and [one.kind for one in result[-2:]] == [Kind.PHRASE, Kind.NOT]:
            start = _start_of_listed(result)
            if not start or result[start - 1].kind not in (Kind.NOT, Kind.NEAR):
                negation = replace(result.pop(), moved=True)
                about = [Word(Kind.OR, "or") if _lists(one) else one for one in result[start:]]
                result[start:] = [negation, Word(Kind.OPEN, "("), *about, Word(Kind.CLOSE, ")")]
                after_moved = True
                continue
        # "fat is not there, blood is"
        result.append(Word(Kind.AND, "and") if after_moved and word.kind is Kind.COMMA else word)
        after_moved = False
    return result


def _ends_with_verb(before: list[Word], words: list[Word]) -> bool:
    """Whether a negation stands first that ends a sentence: "fat is there but blood is not"."""
    if not before or before[-1].kind is not Kind.PHRASE or words[0].kind is not Kind.NOT:
        return False
    ends = len(words) < 2 or words[1].kind in (Kind.COMMA, Kind.CLOSE, Kind.AND, Kind.OR)
    text = words[0].text.lower()
    return ends and (before[-1].is_said or text == "not" or text.endswith(("n't", "n’t")))


def _start_of_listed(words: list[Word]) -> int:
    """The index of the first of the things that the negation at the end is about."""
    start = len(words) - 2
    while start > 1 and words[start - 2].kind is Kind.PHRASE:
        before, joint = words[start - 2 : start]
        if joint.kind is not Kind.NEAR and (before.is_said or not _lists(joint)):
            break  # "fat is present and blood is not present"
        start -= 2
    return start


def _with_replaced_behind(words: list[Word]) -> list[Word]:
    """What is replaced behind what is kept: "instead of fat, blood" as "blood instead of fat"."""
    result = list(words)
    for at in range(len(words) - 1, -1, -1):
        if words[at].text.lower() not in REPLACED or (at and words[at - 1].kind is not Kind.OPEN):
            continue
        depth, comma, end = 0, 0, at
        while end < len(result) and depth >= 0:
            kind = result[end].kind
            depth += (kind is Kind.OPEN) - (kind is Kind.CLOSE)
            comma = comma or (end if kind is Kind.COMMA and not depth else 0)
            end += depth >= 0
        if comma and comma + 1 < end:
            kept = [Word(Kind.OPEN, "("), *result[comma + 1 : end], Word(Kind.CLOSE, ")")]
            result[at:end] = [*kept, *result[at:comma]]
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
