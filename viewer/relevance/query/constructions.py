"""Rewrites constructions of everyday English as the operators that the parser reads. Pure.

"Fat is not visible" becomes NOT fat, "instead of fat, blood" blood INSTEAD OF fat.
"""

from __future__ import annotations

from dataclasses import replace

from viewer.relevance.query import strings
from viewer.relevance.query.vocabulary import BETWEEN, PRESENT, REPLACED, WITH, Kind
from viewer.relevance.query.word import Word

_STARTS = (Kind.PHRASE, Kind.OPEN)
_JOINTS = (Kind.AND, Kind.OR, Kind.NOT, Kind.COMMA)


class UnclearError(Exception):
    """What was typed can be meant in several ways; the text is a sentence for the reader."""


def with_constructions_read(words: list[Word]) -> list[Word]:
    """The words, in the order and with the operators in which they are parsed. Raises UnclearError."""
    words = _with_pronouns_read(_with_pairs_read(_with_near_before_exclusion(_with_any_of_read(words))))
    words = _with_replaced_behind(_with_presence_read(words))
    return _with_commas_read(_with_all_before_bracketed(words))


def _with_any_of_read(words: list[Word]) -> list[Word]:
    """A list behind "any of" as its alternatives: "any of fat and blood" as (fat or blood)."""
    result: list[Word] = []
    listed: list[Word] | None = None
    for word in words:
        if word.kind is Kind.OR and word.text.lower().endswith(" of"):
            listed = []
        elif listed is None:
            result.append(word)
        elif word.kind is Kind.PHRASE:
            listed.append(word)
        elif listed and listed[-1].kind is Kind.PHRASE and _lists(word):
            listed.append(replace(word, kind=Kind.OR))
        else:
            result += [*_bracketed(listed), word]
            listed = None
    return result + _bracketed(listed or [])


def _with_near_before_exclusion(words: list[Word]) -> list[Word]:
    """What is near, and left out, at once: "near, but not in, fat" as near fat but not fat."""
    result: list[Word] = []
    for at, word in enumerate(words):
        last = result[-1].kind if result else None
        if word.kind is Kind.COMMA and last is Kind.NEAR:
            continue
        if word.kind is Kind.NOT and last is Kind.NEAR:
            result += [one for one in words[at + 1 : at + 3] if one.kind is Kind.PHRASE][:1]
        result.append(word)
    return result


def _with_all_before_bracketed(words: list[Word]) -> list[Word]:
    """What stands before an exclusion from all of it in brackets: "fat, mucin, no blood", "fat or mucin but
    not blood".
    """
    result: list[Word] = []
    for word in words:
        joint = [one for one in result[-1:] if one.kind is Kind.COMMA or one.text == "but"]
        is_from_all = bool(joint) or (word.ends_exclusion and not word.shouted)
        if is_from_all and word.kind is Kind.NOT and word.text.lower() != "nor":
            before = result[: len(result) - len(joint)]
            start = _start_of_bracket(before)
            listed = before[start:]
            result = [*before[:start], *(_bracketed(listed) if _has_alternatives(listed) else listed)]
        result.append(word)
    return result


def _start_of_bracket(words: list[Word]) -> int:
    """The index behind the last bracket that is not closed."""
    depth = 0
    for at in range(len(words) - 1, -1, -1):
        depth += (words[at].kind is Kind.CLOSE) - (words[at].kind is Kind.OPEN)
        if depth < 0:
            return at + 1
    return 0


def _has_alternatives(words: list[Word]) -> bool:
    """Whether a list that is no "and" alone stands outside of brackets."""
    depth = 0
    for word in words:
        depth += (word.kind is Kind.OPEN) - (word.kind is Kind.CLOSE)
        if not depth and word.kind in (Kind.OR, Kind.COMMA):
            return True
    return False


def _with_pairs_read(words: list[Word]) -> list[Word]:
    """Two things that belong together: "near both fat and blood" as near fat near blood, "far from both" as
    far from each, "near either fat or blood" as near (fat or blood), "and either fat or blood" likewise, "not
    both fat and blood" as not (fat and blood).
    """
    result: list[Word] = []
    at = 0
    while at < len(words):
        word = words[at]
        of_all = word.kind is Kind.NOT_BOTH and at + 1 < len(words) and words[at + 1].kind in _STARTS
        is_either = word.kind is Kind.OR and word.text.lower() == "either"
        at += 1
        if is_either and not (result and result[-1].kind is Kind.AND):
            continue
        if not word.of and not of_all and not is_either:
            result.append(word)
            continue
        pair = words[at : at + 3]
        is_pair = [one.kind for one in pair[::2]] == [Kind.PHRASE, Kind.PHRASE] and _lists(pair[1])
        is_between = word.text.lower().endswith(BETWEEN)
        if is_between:  # two things, and no distance: "between 100 and 200 µm of"
            is_pair &= not any(one.text[:1].isdigit() for one in pair[::2])
            is_pair &= not (
                words[at + 3 : at + 4] and _lists(words[at + 3]) and _is_thing(words[at + 4 : at + 5])
            )
        negation = result[-1:] if result and result[-1].kind is Kind.NOT else []
        is_far = any(one.text == word.text for one in negation)
        if not is_pair or (word.of == "both" and negation and not is_far):
            if is_between:
                raise UnclearError(strings.UNCLEAR_BETWEEN.format(operator=word.text))
            raise UnclearError(strings.UNCLEAR_BOTH.format(operator=f"{word.text} {word.of}".rstrip()))
        if of_all:
            left_out = replace(word, kind=Kind.NOT, shouted=True)
            result += [left_out, *_bracketed([pair[0], Word(Kind.AND, "and"), pair[2]])]
        elif is_either:
            result += _bracketed(pair)
        elif word.of == "either":
            result += [word, *_bracketed([pair[0], Word(Kind.OR, "or"), pair[2]])]
        else:
            result += [word, pair[0], *negation, word, pair[2]]
        at += 3
    return result


def _is_thing(words: list[Word]) -> bool:
    return [one.kind for one in words] == [Kind.PHRASE]


def _bracketed(words: list[Word]) -> list[Word]:
    """The words in brackets; no brackets around none."""
    return [Word(Kind.OPEN, "("), *words, Word(Kind.CLOSE, ")")] if words else []


def _with_pronouns_read(words: list[Word]) -> list[Word]:
    """The term in place of a pronoun behind "near", where one term alone can be meant: "fat with blood near
    it" as fat near blood, "fat and blood near it" as fat and (blood near fat).
    """
    result: list[Word] = []
    for at, word in enumerate(words):
        result.append(word)
        if word.pronoun:
            read = _about_one_term(result[:-1])
            if read is None:
                near = result[-2].text
                raise UnclearError(strings.UNCLEAR_PRONOUN.format(operator=near, pronoun=word.text))
            result = read
        elif word.kind is Kind.NEAR and at + 1 == len(words):  # "fat with blood nearby"
            result = _about_one_term(result) or result
    return result


def _about_one_term(words: list[Word]) -> list[Word] | None:
    """Two terms, of which the second is near the first, as "near" at the end says; None for anything else."""
    *joined, near = words
    negation = joined[-1:] if joined and joined[-1].kind is Kind.NOT else []
    joined = joined[: len(joined) - len(negation)]
    if len(joined) < 3 or joined[0].kind is not Kind.PHRASE or joined[-1].kind is not Kind.PHRASE:
        return None
    (about, *joints, thing) = joined
    left_out = [one for one in joints if one.kind is Kind.NOT]
    if any(one.kind not in _JOINTS for one in joints) or (left_out and negation):
        return None
    if left_out or any(one.text.lower() in WITH for one in joints):
        return [about, *left_out, *negation, near, thing]
    return [about, *joints, *_bracketed([thing, *negation, near, about])]


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
            if not result[-1].is_said and len(result) > 1 and _lists(result[-2]):
                result = _with_bare_negation(result, word)
                continue
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
    return ends and (before[-1].is_said or text in ("not", "no") or text.endswith(("n't", "n’t")))


def _with_bare_negation(before: list[Word], negation: Word) -> list[Word]:
    """A negation without a verb before the last thing: "fat, blood not" as fat BUT NOT blood."""
    if before[-2].kind is not Kind.COMMA:
        raise UnclearError(strings.UNCLEAR_NOT.format(operator=negation.text, term=before[-1].text))
    kept = before[:-2]
    is_list = len(kept) > 1 and all(one.kind is Kind.PHRASE or _lists(one) for one in kept)
    return [*(_bracketed(kept) if is_list else kept), replace(negation, ends_exclusion=True), before[-1]]


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
