"""Cuts a typed text into operators, brackets and phrases, and drops the padding of everyday English.

Pure. "Show me the areas of necrosis next to fat" becomes: necrosis, NEAR 100 µm, fat.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from viewer.relevance.query import strings
from viewer.relevance.query.constructions import UnclearError, with_constructions_read
from viewer.relevance.query.lexicon import key_of
from viewer.relevance.query.tree import MAX_NEAR_UM, NEAR_UM
from viewer.relevance.query.vocabulary import (
    ABSENT,
    BEFORE_DISTANCE,
    BEHIND_DISTANCE,
    BETWEEN,
    DEGREES,
    DISTANCE_OF,
    LEFT_OUT,
    MARKS,
    OPERATORS,
    OR_MORE,
    PADDING_BEFORE,
    PADDING_BEHIND,
    PREPOSITIONS,
    PRESENT,
    PRONOUNS,
    QUANTITIES,
    REGARDLESS,
    VERBS,
    Kind,
)
from viewer.relevance.query.word import Word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.relevance.query.lexicon import Lexicon


INSIDE = ("in", "inside", "within")
_PREPOSITIONS = (("of",), ("from",), ("to",))
"""What may end "near" or a distance, and come again: "near to blood but not to mucin"."""
_TOKEN = re.compile(r'"[^"]*"?|&&|\|\||[(),;|¬]|[^\s(),;|"¬]+')
_DISTANCE = re.compile(
    r"(\d{1,7}(?:[.]\d{1,30})?)\s*"
    r"(?:(um|µm|μm|microns?|micromet(?:re|er)s?)|(mm|millimet(?:re|er)s?)|(cm|centimet(?:re|er)s?))",
    re.I,
)
_EXPONENTS = (0, 3, 4)
"""Of ten, from the units to micrometres."""
_MOST_WORDS = max(map(len, (*OPERATORS, *BEFORE_DISTANCE, *DISTANCE_OF)))
_BEHIND = PADDING_BEHIND.union(PRESENT)
_ENDS = (Kind.AND, Kind.OR, Kind.COMMA, Kind.CLOSE)
_MOST_DEGREES = 3
_WITHOUT_WORD = re.compile(r"([\w-]+)-free|non-([\w-]+)", re.I)
_ODD = re.compile(r"[^\w\s&/+.%'’\-µμ(),;|\"¬]")
_LONE_ODD = re.compile(rf"(?<=\s){_ODD.pattern}+(?=\s)")
"""It separates terms, as a dash does: "tumour = necrosis" is not the term "tumour necrosis"."""


def read_words(text: str, lexicon: Lexicon) -> tuple[list[Word], tuple[str, ...]]:
    """The pieces of a text (see ``with_signs_read``), and remarks for the reader on what was dropped.

    Raises UnclearError for a text that can be meant in several ways.
    """
    remarks = []
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = re.sub(r"[?!:¿¡]", " ", plain)
    cleaned = _ODD.sub(" ", _LONE_ODD.sub("-", plain))
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
        kept = kept if means else []
        if phrase and words and words[-1].kind is Kind.NEAR and " ".join(phrase).lower() in PRONOUNS:
            words.append(Word(Kind.PHRASE, phrase[0], pronoun=True))
            phrase.clear()
            return
        is_said = phrase[-1:] != kept[-1:] and phrase[-1].lower() in (*VERBS, *PRESENT)
        if kept:
            words.append(Word(Kind.PHRASE, " ".join(kept), is_said=is_said))
        elif is_said and words and words[-1].kind is Kind.PHRASE:
            words[-1] = replace(words[-1], is_said=True)
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
            else:
                flush()
                remarks.append(strings.UNKNOWN_SIGNS)
            at += 1
            continue
        flush()
        at += length
        if operator.text.lower() in REGARDLESS:
            raise UnclearError(strings.SAYS_NOTHING.format(operator=operator.text))
        if operator.kind is Kind.AND and operator.text.lower() != "and" and not words:
            continue  # "areas with fat"
        if operator.text.lower() in INSIDE and _ends_near(words):
            continue
        if operator.text.lower() in PREPOSITIONS and words and words[-1].kind is Kind.NOT:
            # "neither with blood nor with fat"
            words[-1] = replace(words[-1], text=f"{words[-1].text} {operator.text}")
            continue
        if operator.text[:1].isdigit() or operator.text.lower().startswith("at a distance of"):
            meant = strings.BEYOND if operator.kind is Kind.FAR else strings.NEAR
            meaning = meant.format(distance_um=operator.distance_um).strip()
            remarks.append(strings.READ_AS.format(text=operator.text, term=meaning))
        if operator.kind is Kind.FAR:
            words.append(replace(operator, kind=Kind.NOT))
            operator = replace(operator, kind=Kind.NEAR)
        if operator.kind is Kind.AND and operator.text.lower() in INSIDE:
            remarks.append(strings.INSIDE_AS_AND.format(operator=operator.text))
        if operator.kind is Kind.NEAR and operator.text.lower().endswith(BETWEEN):
            operator = replace(operator, of="both")
            remarks.append(strings.BETWEEN_AS_NEAR.format(operator=operator.text))
        if operator.kind is Kind.NEAR and not 0 < operator.distance_um <= MAX_NEAR_UM:
            remarks.append(strings.DISTANCE_RANGE.format(most=MAX_NEAR_UM, used=NEAR_UM))
            operator = replace(operator, distance_um=NEAR_UM)
        if operator.kind is Kind.NEAR and _lowered(tokens[at : at + 1]) in (("both",), ("either",)):
            operator = replace(operator, of=tokens[at].lower())
            at += 1
        _append(words, operator)
        if operator.kind in (Kind.AND, Kind.OR, Kind.NOT) and _lowered(tokens[at : at + 1]) in _PREPOSITIONS:
            again = _near_again(words, tokens[at].lower())
            at += bool(again)
            words += again
        if operator.text.lower() in ABSENT and _is_end(tokens, at) and words[0] is not operator:
            words.append(Word(Kind.PHRASE, PRESENT[0]))  # "fat is missing" as "fat is not present"
    flush()
    alternatives = [word for word in words if word.kind is Kind.OR and word.text.lower() != "either"]
    if len(alternatives) > 1 and words[0] is alternatives[0]:
        del words[0]  # "o grasa o sangre"
    return with_constructions_read(words), tuple(dict.fromkeys(remarks))


def _near_again(words: list[Word], preposition: str) -> list[Word]:
    """The last "near", for behind the operator at the end where its preposition comes again: "within 200 um
    of fat but not of blood", "far from fat and from blood"; nothing where it is another one.
    """
    at = next((at for at in range(len(words) - 2, -1, -1) if words[at].kind is Kind.NEAR), None)
    if at is None or words[at].text.lower().split()[-1] != preposition:
        return []
    is_far = at > 0 and words[at - 1].kind is Kind.NOT
    repeats = is_far and (words[-1].kind is Kind.NOT or words[-1].text.lower() == "and")
    return [*(words[at - 1 : at] if repeats else ()), replace(words[at], of="")]


def _is_end(tokens: list[str], at: int) -> bool:
    """Whether what is said ends here."""
    operator, _ = _operator(tokens, at) if at < len(tokens) else (None, 0)
    return at >= len(tokens) or (operator is not None and operator.kind in _ENDS)


def _ends_near(words: list[Word]) -> bool:
    """Whether "near" stands last, less a joint, which is dropped: "near or in fat"."""
    if len(words) > 1 and words[-2].kind is Kind.NEAR and words[-1].kind in (Kind.OR, Kind.AND):
        words.pop()
    return bool(words) and words[-1].kind is Kind.NEAR


def _append(words: list[Word], operator: Word) -> None:
    """Put an operator behind the others, in the order in which they are read."""
    last = words[-1].kind if words else None
    if operator.kind is Kind.NEAR and last in (Kind.OR, Kind.AND) and len(words) > 1:
        before = words[-2]
        if before.kind is Kind.NOT or before.text.lower() in INSIDE:
            del words[-1 if before.kind is Kind.NOT else -2 :]  # what is near something may be in it
    # "surrounded by neither … nor …"; not in "near but not in fat"
    inverts = operator.kind is Kind.NOT and last is Kind.NEAR and not operator.text.lower().startswith("but")
    at = len(words) - inverts
    words.insert(at, operator)


def _starts(tokens: list[str], at: int, name: tuple[str, ...]) -> bool:
    """Whether a known name that contains an operator's word ("haematoxylin and eosin") starts here."""
    return key_of(" ".join(tokens[at : at + len(name)])) == " ".join(name)


def _operator(tokens: list[str], at: int) -> tuple[Word | None, int]:
    token = tokens[at]
    if token in MARKS:
        return Word(MARKS[token], token, shouted=token == LEFT_OUT), 1
    far_or_near = _distance_operator(tokens, at)
    if far_or_near is not None:
        return far_or_near
    degrees = len(list(takewhile(DEGREES.__contains__, _lowered(tokens[at : at + _MOST_DEGREES]))))
    if 0 < degrees < len(tokens) - at and tokens[at + degrees].lower() not in DEGREES:
        operator, length = _operator(tokens, at + degrees)
        if operator is not None and operator.kind in (Kind.NEAR, Kind.FAR):
            return operator, length + degrees
    for length in range(_MOST_WORDS, 0, -1):
        operator_words = tokens[at : at + length]
        kind = OPERATORS.get(_lowered(operator_words))
        if kind is not None:
            text = " ".join(operator_words)
            ends_exclusion = text.isupper() or text.lower().startswith("but")
            return Word(kind, text, shouted=text.isupper(), ends_exclusion=ends_exclusion), len(
                operator_words
            )
    return None, 0


def _distance_operator(tokens: list[str], start: int) -> tuple[Word, int] | None:
    """A distance with what stands before and behind it, and its length in tokens: "within 200 µm of", "at a
    distance of more than 0.2 mm from", "200 µm away from". None where there is none.
    """
    leads = _length_of(DISTANCE_OF, tokens, start)
    at = start + leads
    before = _length_of(BEFORE_DISTANCE, tokens, at)
    kind = BEFORE_DISTANCE[_lowered(tokens[at : at + before])] if before else None
    at += before
    at += _length_of(DISTANCE_OF, tokens, at) if before else 0
    for length in (1, 2):
        distance = _DISTANCE.fullmatch(" ".join(tokens[at : at + length]))
        if distance:
            break
    else:
        return None
    at += length
    or_more = _length_of(OR_MORE, tokens, at)
    at += or_more
    behind = _length_of(BEHIND_DISTANCE, tokens, at)
    is_away = _lowered(tokens[at : at + behind]) in (("away",), ("apart",))
    at += behind
    has_end = _lowered(tokens[at : at + 1]) in _PREPOSITIONS
    if or_more and has_end:
        kind = Kind.FAR
    if kind is None and not (has_end and (leads > 1 or is_away or tokens[at].lower() == "from")):
        return None
    exponent = next(power for power, unit in zip(_EXPONENTS, distance.groups()[1:], strict=True) if unit)
    kind = kind or (Kind.FAR if is_away else Kind.NEAR)
    at += has_end
    text = " ".join(tokens[start:at])
    return Word(kind, text, distance_um=float(f"{distance[1]}e{exponent}")), at - start


def _length_of(known: Iterable[tuple[str, ...]], tokens: list[str], at: int) -> int:
    """How many tokens from here on are one of the ``known``, the longest; 0 for none."""
    lowered = _lowered(tokens[at : at + _MOST_WORDS])
    return max((len(words) for words in known if lowered[: len(words)] == words), default=0)


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
    while len(words) > 1 and words[-1].lower() in _BEHIND and not lexicon.find(" ".join(words)):
        words.pop()
    return words
