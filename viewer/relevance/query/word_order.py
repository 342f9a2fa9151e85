"""Puts the pieces of a query of another language into English order, as text that the parser reads.

Where an operator stands behind what it applies to ("kan olmadan nekroz"), it is put in front, and both behind
what they belong to: necrosis WITHOUT blood.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind = Literal["term", "unknown", "quoted", "padding", "operator", "behind", "missing", "distance", "mark"]

_NOT_NEAR = "NOT NEAR"
_IS_NOT = "IS NOT"
"""Behind the one thing that something is not: "kan değil"."""
_BETWEEN = "BETWEEN"
_ABSENT = "NOT"
"""Behind all things that are not there: "kan ve yağ yok"."""
_ATTRIBUTE = "ATTRIBUTE"
"""Between where a thing is and the thing: "vom Blut entferntes Fett"."""
_COMMAS = (",", ";")
_LISTING = ("and", "or", *_COMMAS)
_JOINTS = (*_LISTING, "but", "with")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words as they are ``written``, and what they mean in ``english``. ``language``: the one they are of, ""
    for English.

    ``behind``: an operator that stands behind what it applies to. ``missing``: a term that is left out by the
    ending of the word. ``mark``: brackets, commas and numbers.
    """

    kind: Kind
    written: str
    english: str
    language: str = ""
    words: int = 1


@dataclass(frozen=True, slots=True)
class _Part:
    """``kind``: phrase, joint (one of ``_JOINTS``), distance, behind, or anything else."""

    kind: str
    text: str


def in_english_order(pieces: Iterable[Piece]) -> str:
    """The English text of the pieces."""
    done: list[_Part] = []
    waiting: list[_Part] = []
    after_negated = False
    parts = _with_place_behind(_with_negated_joined(_parts(pieces)))
    for number, part in enumerate(parts):
        if part.kind != "behind":
            # "kan yok, yağ var"
            done.append(_Part("joint", "and") if after_negated and part.text in _COMMAS else part)
            after_negated = False
            if part.kind == "phrase" or part.text == ")":
                done += waiting
                waiting = []
            continue
        follows = _is_followed(part.text, parts[number + 1 : number + 3])
        if part.text == "WITH" and _start_of_last(done) == len(done):  # "wo hat es Fett"
            continue
        if part.text == _IS_NOT and not follows and _ends_with_list(done):
            done.append(_Part("operator", "not"))  # as in "blood and fat not": it is refused
            continue
        operator = "WITHOUT" if part.text == _IS_NOT else part.text
        if part.text == _ATTRIBUTE:
            waiting += _taken_attribute(done) if follows else []
            continue
        moved = _moved(done, operator, follows=follows)
        if follows:
            waiting += moved
            continue
        if len(moved) > 1 and done and done[-1].kind == "joint" and done[-1].text not in ("but", *_COMMAS):
            done.pop()
        done += moved
        after_negated = operator in ("WITHOUT", _ABSENT)
    return " ".join(part.text for part in done + waiting)


def _moved(done: list[_Part], operator: str, *, follows: bool) -> list[_Part]:
    """An operator before what it applies to, which is taken off the end."""
    if done and done[-1].kind == "distance":
        distance = done.pop().text
        far = operator in (_NOT_NEAR, "FAR FROM") and not distance.startswith("more than")
        operator = f"NOT {distance}" if far else distance
    if operator == "NEAR" and len(done) > 1 and done[-2].text == "nor":
        alike: list[_Part] = []
        while len(done) > 1 and done[-1].kind == "phrase" and done[-2].text == "nor":
            alike = [done[-2], _Part("operator", operator), done[-1], *alike]
            del done[-2:]
        return alike
    if operator == _BETWEEN:
        return [_Part("operator", operator), *_taken_pair(done)]
    target = _taken(done, _JOINTS if follows else _LISTING if operator == _ABSENT else ())
    if operator.startswith(("NOT", "WITHOUT", "FAR", "more than")):
        target = _each(target)
    return [_Part("operator", operator), *target]


def _ends_with_list(done: list[_Part]) -> bool:
    """Whether a list of things stands last."""
    return len(done) > 1 and done[-1].kind == "phrase" and done[-2].text.lower() in ("and", "or")


def _taken_pair(done: list[_Part]) -> list[_Part]:
    """Take two things that are joined off the end, without brackets; the last where there is no pair."""
    pair = done[-3:]
    if [part.kind for part in pair] != ["phrase", "joint", "phrase"]:
        return [done.pop()] if done else []
    del done[-3:]
    return [pair[0], _Part("joint", "and"), pair[2]]


def _each(parts: list[_Part]) -> list[_Part]:
    """Things of which each alone is left out, as in English "without blood and fat"."""
    depth, result = 0, []
    for part in parts:
        depth += (part.text == "(") - (part.text == ")")
        listed = depth == 1 and part.kind == "joint" and part.text in _LISTING
        result.append(_Part("joint", "or") if listed else part)
    return result


def _taken_attribute(done: list[_Part]) -> list[_Part]:
    """Take the last phrase, or bracket, off the end with the operators before it, if there are some."""
    start = end = _start_of_last(done)
    while start and done[start - 1].kind in ("operator", "distance"):
        start -= 1
    if start == end:
        return []
    taken = done[start:]
    del done[start:]
    return taken


def _is_followed(operator: str, rest: list[_Part]) -> bool:
    """Whether a thing follows that has no operator behind it itself."""
    if not rest or (rest[0].kind != "phrase" and rest[0].text != "("):
        return False
    is_one_place = operator != _ABSENT and rest[1:] == [_Part("behind", _ABSENT)]  # "kan yakınında yağ yok"
    return len(rest) < 2 or rest[1].kind != "behind" or is_one_place


def _with_negated_joined(parts: Iterable[_Part]) -> list[_Part]:
    """The parts, with a negation behind another operator joined to it: "yakın olmayan" is not near."""
    joined: list[_Part] = []
    for part in parts:
        negates = part.kind == "behind" and part.text in ("WITHOUT", _ABSENT, _IS_NOT)
        if negates and joined and joined[-1].text in ("NEAR", "IN"):
            text = _NOT_NEAR if joined[-1].text == "NEAR" else "WITHOUT"
            joined[-1] = _Part("behind", text)
        else:
            joined.append(part)
    return joined


def _with_place_behind(parts: list[_Part]) -> list[_Part]:
    """The parts, with a thing before what is beside it: "yanında kan olan yağ" is fat near blood."""
    if not parts or parts[0] != _Part("behind", "NEAR"):
        return parts
    near, beside, *rest = *parts[:2], *parts[2:]
    negation = [_Part("operator", "NOT")] if rest[:1] == [_Part("behind", "WITHOUT")] else []
    thing = rest[len(negation) :][:1]
    if [part.kind for part in (beside, *thing)] != ["phrase", "phrase"]:
        return parts
    return [*thing, *negation, _Part("operator", near.text), beside, *rest[len(negation) + 1 :]]


def _parts(pieces: Iterable[Piece]) -> Iterator[_Part]:
    for in_phrase, group in groupby(pieces, lambda piece: piece.kind in ("term", "unknown", "padding")):
        if in_phrase:
            yield from _phrases(list(group))
            continue
        for piece in group:
            if piece.kind == "missing":
                yield _Part("phrase", f'"{piece.english}"')
                yield _Part("behind", "WITHOUT")
            elif piece.kind == "behind":
                # In capitals it binds as in logic: what follows is not left out, too.
                yield _Part("behind", piece.english.upper())
            elif piece.kind == "quoted":
                yield _Part("phrase", f'"{piece.english}"')
            else:
                joint = piece.english.lower() in _JOINTS
                yield _Part("joint" if joint else piece.kind, piece.english)


def _phrases(run: list[Piece]) -> Iterator[_Part]:
    """The terms of a phrase, each alone; with an unknown word among them the phrase as a whole."""
    if all(piece.kind == "padding" for piece in run) and any(piece.english == "present" for piece in run):
        yield _Part("padding", "present")
        return
    if not any(piece.kind == "unknown" for piece in run):
        for at, piece in enumerate(run):
            if piece.kind == "term":
                yield _Part("phrase", f'"{piece.english}"')
            elif piece.english == "present" and any(before.kind == "term" for before in run[:at]):
                yield _Part("padding", "present")
            elif not piece.language:
                yield _Part("padding", piece.english)
        return
    while run[0].kind == "padding":
        run = run[1:]
    while run[-1].kind == "padding":
        run = run[:-1]
    yield _Part("phrase", " ".join(p.written if p.kind == "padding" else p.english for p in run))


def _taken(done: list[_Part], joints: tuple[str, ...]) -> list[_Part]:
    """Take the last phrase, or bracket, off the end, with all that are joined to it by one of ``joints``."""
    start = _start_of_last(done)
    while joints == _LISTING and start > 1 and done[start - 1].kind == "operator":
        before = _start_of_last(done[: start - 1])  # "kan yakınında yağ yok", "kansız yağ yok"
        if before == start - 1:
            break
        start = before
    while start > 1 and done[start - 1].kind == "joint" and done[start - 1].text.lower() in joints:
        before = _start_of_last(done[: start - 1])
        if before == start - 1 or (before and done[before - 1].kind == "operator"):
            break
        start = before
    joints_at = [at for at in range(start, len(done)) if done[at].kind == "joint"]
    has_comma = [done[at].text in _COMMAS for at in joints_at]
    if has_comma and has_comma[-1] and not all(has_comma):
        start = joints_at[-1] + 1  # "yağ veya mukus, kan yok": in a list the comma comes first
    taken = done[start:]
    del done[start:]
    return [_Part("mark", "("), *taken, _Part("mark", ")")] if len(taken) > 1 else taken


def _start_of_last(done: list[_Part]) -> int:
    """The index at which the last phrase, or bracket, begins; the length where there is none."""
    if done and done[-1].text == ")":
        depth = 0
        for at in range(len(done) - 1, -1, -1):
            depth += (done[at].text == ")") - (done[at].text == "(")
            if depth == 0:
                return at
    return len(done) - (1 if done and done[-1].kind == "phrase" else 0)
