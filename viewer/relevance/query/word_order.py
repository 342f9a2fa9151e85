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
_JOINTS = ("and", "but", "with", "or", ",", ";")


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
    parts = _with_negated_joined(_parts(pieces))
    for number, part in enumerate(parts):
        if part.kind == "behind":
            follows = _is_followed(parts[number + 1 : number + 3])
            operator = part
            if done and done[-1].kind == "distance":
                distance = done.pop().text
                operator = _Part("behind", f"NOT {distance}" if part.text == _NOT_NEAR else distance)
            target = _taken(done, with_joined=follows)
            moved = [_Part("operator", operator.text), *target]
            if follows:
                waiting += moved
                continue
            if target and done and done[-1].kind == "joint":
                done.pop()
            done += moved
            continue
        done.append(part)
        if part.kind == "phrase" or part.text == ")":
            done += waiting
            waiting = []
    return " ".join(part.text for part in done + waiting)


def _is_followed(rest: list[_Part]) -> bool:
    """Whether a thing follows that has no operator behind it itself."""
    if not rest or (rest[0].kind != "phrase" and rest[0].text != "("):
        return False
    return len(rest) < 2 or rest[1].kind != "behind"


def _with_negated_joined(parts: Iterable[_Part]) -> list[_Part]:
    """The parts, with a negation behind another operator joined to it: "yakın olmayan" is not near."""
    joined: list[_Part] = []
    for part in parts:
        if part == _Part("behind", "WITHOUT") and joined and joined[-1].text in ("NEAR", "IN"):
            text = _NOT_NEAR if joined[-1].text == "NEAR" else part.text
            joined[-1] = _Part("behind", text)
        else:
            joined.append(part)
    return joined


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
        for piece in run:
            if piece.kind == "term":
                yield _Part("phrase", f'"{piece.english}"')
            elif not piece.language:
                yield _Part("padding", piece.english)
        return
    while run[0].kind == "padding":
        run = run[1:]
    while run[-1].kind == "padding":
        run = run[:-1]
    yield _Part("phrase", " ".join(p.written if p.kind == "padding" else p.english for p in run))


def _taken(done: list[_Part], *, with_joined: bool) -> list[_Part]:
    """Take the last phrase, or bracket, off the end; ``with_joined``: with all that are joined to it."""
    start = _start_of_last(done)
    while with_joined and start > 1 and done[start - 1].kind == "joint":
        before = _start_of_last(done[: start - 1])
        if before == start - 1:
            break
        start = before
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
