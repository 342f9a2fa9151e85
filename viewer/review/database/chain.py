"""Examines the chain of a record's events, row by row: what was changed, moved, added or taken away.

Each event is examined by itself (do its fields give its digest?) and against its neighbours (does it follow
the one before?). Where its digest is wrong, the field is found by trying which single change makes it right
again; where none does, the event alone is named.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from viewer.review.database import strings
from viewer.review.database.event import digest_at_origin, digest_of_payload
from viewer.review.database.problem import Problem, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from viewer.review.database.row import Row

ERASED = "erased"
"""Kind of the event that names the events whose payloads were erased: the tombstone."""
_CLOCK_S = 1.0
"""Clocks of two computers differ a little: less is not noted."""
_MOST_PLACES = 500
_GUESSED = ("session", "program", "reader", "case", "kind", "origin")
"""Fields that often have the value of a neighbour."""
_DAMAGED_ROW = (ValueError, TypeError, KeyError, RecursionError, AttributeError)


class Chain:
    """What has been found so far. ``start``: what event 1 must be chained to; ``head``: how many events were
    recorded and the digest of the last. None for what cannot be read."""

    def __init__(self, start: str | None, head: tuple[int, str] | None) -> None:
        self.unreadable: set[int] = set()
        self._start = start
        self._head = head
        self._problems: list[Problem] = []
        self._strays: list[Row] = []
        self._gaps: list[tuple[int, int]] = []
        self._beyond: list[int] = []
        self._last = 0
        self._last_digest: str | None = None
        self._erased: list[Row] = []
        self._tombstones: dict[tuple[str | None, int], int] = {}
        self._latest: datetime | None = None
        self._clock_is_back = False

    def examine(self, row: Row, before: Row | None, after: Row | None) -> None:
        """Examine one row; rows come in the order of their numbers, each with its neighbours."""
        follows = 1 if before is None else before.number + 1
        if row.number > follows:
            self._gaps.append((follows, row.number - 1))
        self._last = row.number
        neighbour = before if before is not None and follows == row.number else None
        previous = self._start if row.number == 1 else None if neighbour is None else neighbour.digest
        changed = ""
        if _is_whole(row):
            self._examine_link(row, neighbour, previous)
            self._examine_origin(row)
            self._last_digest = row.digest
            if self._head is not None and row.number > self._head[0]:
                self._beyond.append(row.number)
        else:
            changed = _changed_field(row, previous, self._said_by_next(row, after), (before, after))
            if changed:
                self._change(row, changed)
            else:
                self._strays.append(row)
            self._last_digest = None
        if row.payload is None:
            self._erased.append(row)
        elif not _payload_is_whole(row):
            if changed != "payload_digest":
                self._change(row, "payload")
        elif row.kind == ERASED:
            self._bury(row)
        self._examine_clock(row)

    def problems(self, numbers: dict[str, int]) -> list[Problem]:
        """All problems, by place. ``numbers``: of the events that have the digests of ``wanted_digests``."""
        found = [*self._problems, *self._end_problems()]
        recorded = self._recorded
        gaps = [(max(first, 1), min(last, recorded)) for first, last in self._gaps]
        gaps.append((self._last + 1, recorded))
        strays = {row.number for row in self._strays}
        originals = self._originals(numbers, gaps)
        moved: list[tuple[int, int]] = []
        for row in self._strays:
            original = originals.get(row.number)
            if original is None:
                beyond = row.number < 1 or row.number > recorded
                kind = ProblemKind.ADDED if beyond else ProblemKind.CHANGED
                words = strings.ADDED_PLACE if beyond else strings.CHANGED_SOMEWHERE
                found.append(_problem(kind, words, row.number))
                continue
            gaps.append((row.number, min(row.number, recorded)))
            if original in strays or any(first <= original <= last for first, last in gaps):
                moved.append((row.number, original))
            else:
                found.append(_problem(ProblemKind.ADDED, strings.ADDED_COPY, row.number, original=original))
        found += _moves(moved)
        for first, last in _without(gaps, {original for _, original in moved} | self.unreadable):
            words = strings.MISSING_END if last == recorded else strings.MISSING
            found.append(_problem(ProblemKind.MISSING, words, first, last))
        for first, last in _runs(self.unreadable):
            found.append(_problem(ProblemKind.FILE, strings.UNREADABLE_EVENTS, first, last))
        found += self._erasure_problems()
        return sorted(found, key=lambda problem: (problem.first is not None, problem.first or 0))

    @property
    def _recorded(self) -> int:
        """How many events there should be."""
        return self._head[0] if self._head is not None else self._last

    @property
    def wanted_digests(self) -> set[str]:
        """Digests whose events' numbers say where rows that stand elsewhere belong."""
        return {row.previous for row in self._strays if isinstance(row.previous, str)}

    # One row

    def _examine_link(self, row: Row, neighbour: Row | None, previous: str | None) -> None:
        if previous is None or row.previous == previous:
            return
        if neighbour is None:
            self._problems.append(Problem(ProblemKind.CHANGED, strings.CHANGED_RECORD_ID, 1, 1, "record"))
        elif _is_whole(neighbour):  # else that one has its own problem
            self._problems.append(
                _problem(ProblemKind.REPLACED, strings.REPLACED, neighbour.number, row.number)
            )

    def _examine_origin(self, row: Row) -> None:
        if row.origin is None:
            return
        try:
            origin = json.loads(row.origin)
            there = digest_at_origin(
                origin, kind=row.kind, reader=row.reader, payload_digest=row.payload_digest
            )
            whole = there == origin["digest"]
        except _DAMAGED_ROW:
            whole = False
        if not whole:
            self._problems.append(_problem(ProblemKind.CHANGED, strings.CHANGED_ORIGIN, row.number))

    def _said_by_next(self, row: Row, after: Row | None) -> str | None:
        """What the next event, or the head, says that the digest of this one was."""
        if after is not None:
            return after.previous if after.number == row.number + 1 else None
        return self._head[1] if self._head is not None and self._head[0] == row.number else None

    def _examine_clock(self, row: Row) -> None:
        try:
            utc = datetime.fromisoformat(row.utc)
            back_s = 0.0 if self._latest is None else (self._latest - utc).total_seconds()
        except _DAMAGED_ROW:
            return
        if back_s <= 0:
            self._latest = utc
        if back_s >= _CLOCK_S and not self._clock_is_back:
            words = strings.CLOCK_SET_BACK
            self._problems.append(_problem(ProblemKind.CLOCK, words, row.number, seconds=back_s))
        self._clock_is_back = back_s >= _CLOCK_S

    def _bury(self, tombstone: Row) -> None:
        try:
            record = None if tombstone.origin is None else json.loads(tombstone.origin)["record"]
            for number in json.loads(str(tombstone.payload))["numbers"]:
                self._tombstones[record, number] = tombstone.number
        except _DAMAGED_ROW:
            return  # nobody but a record's own erasure names events, and it does so rightly

    def _change(self, row: Row, field: str) -> None:
        text = strings.CHANGED.format(events=_named(row.number, row.number), field=field)
        self._problems.append(Problem(ProblemKind.CHANGED, text, row.number, row.number, field))

    # All rows

    def _originals(self, numbers: dict[str, int], gaps: Iterable[tuple[int, int]]) -> dict[int, int]:
        """Of rows that stand elsewhere the number they were recorded with, by the number they have now."""
        ranges = (range(first, last + 1) for first, last in gaps)
        places = {row.number for row in self._strays}
        places |= set(islice(chain.from_iterable(ranges), _MOST_PLACES))
        originals: dict[int, int] = {}
        shift = 0
        for row in self._strays:
            likely = [numbers.get(row.previous, -1) + 1, row.number + shift, row.number - 1, row.number + 1]
            for original in chain(likely, places if len(places) <= _MOST_PLACES else ()):
                if original != row.number and _is_whole(row._replace(number=original)):
                    originals[row.number] = original
                    shift = original - row.number
                    break
        return originals

    def _end_problems(self) -> Iterator[Problem]:
        if self._head is None:
            yield Problem(ProblemKind.END, strings.END_UNREADABLE)
            return
        count, digest = self._head
        for first, last in _runs(self._beyond):
            yield _problem(ProblemKind.ADDED, strings.ADDED_END, first, last)
        if count == self._last and self._last_digest not in {None, digest}:
            yield Problem(ProblemKind.END, strings.END_DIGEST, count, count)
        if count == 0 and self._start not in {None, digest}:
            yield Problem(ProblemKind.END, strings.END_DIGEST)

    def _erasure_problems(self) -> Iterator[Problem]:
        gone = {row.number for row in self._erased}
        for row in self._erased:
            keys: list[tuple[str | None, int]] = [(None, row.number)]
            try:
                origin: dict[str, Any] = {} if row.origin is None else json.loads(row.origin)
                keys += [(origin["record"], origin["number"])] if origin else []
            except _DAMAGED_ROW:
                pass
            if not any(self._tombstones.get(key, 0) > row.number for key in keys):
                yield _problem(ProblemKind.ERASED, strings.NOT_ERASED_BY_ANYONE, row.number)
        for (record, number), tombstone in self._tombstones.items():
            if record is None and number not in gone and number <= self._last:
                yield _problem(ProblemKind.ERASED, strings.STILL_THERE, number, tombstone=tombstone)


def _digest(row: Row) -> str | None:
    """The digest that the fields give; None where they are damaged."""
    try:
        return row.chained_digest()
    except _DAMAGED_ROW:
        return None


def _is_whole(row: Row) -> bool:
    return _digest(row) == row.digest


def _payload_is_whole(row: Row) -> bool:
    return (
        isinstance(row.payload, str)
        and isinstance(row.salt, str)
        and digest_of_payload(row.salt, row.payload) == row.payload_digest
    )


def _changed_field(
    row: Row, previous: str | None, said_by_next: str | None, neighbours: Iterable[Row | None]
) -> str:
    """The field of a damaged row that is not what was recorded; "" where none alone makes it right."""
    if said_by_next is not None and _digest(row) == said_by_next:
        return "digest"
    guesses: list[tuple[str, Any]] = [("previous", previous), ("origin", None)]
    if isinstance(row.salt, str) and isinstance(row.payload, str):
        guesses.append(("payload_digest", digest_of_payload(row.salt, row.payload)))
    guesses += [(name, getattr(near, name)) for near in neighbours if near is not None for name in _GUESSED]
    for name, value in guesses:
        if value != getattr(row, name) and _is_whole(row._replace(**{name: value})):
            return name
    return ""


def _moves(moved: Collection[tuple[int, int]]) -> Iterator[Problem]:
    """Runs of rows that were moved by the same distance as one problem each."""
    run: list[tuple[int, int]] = []
    for number, original in [*moved, (0, 0)]:
        if run and (number, original) != (run[-1][0] + 1, run[-1][1] + 1):
            (first, start), (last, end) = run[0], run[-1]
            words = strings.MOVED if first == last else strings.MOVED_RUN
            yield _problem(ProblemKind.MOVED, words, first, last, original=start, last_original=end)
            run = []
        run.append((number, original))


def _problem(kind: ProblemKind, words: str, first: int, last: int | None = None, **more: Any) -> Problem:
    last = first if last is None else last
    return Problem(kind, words.format(events=_named(first, last), **more), first, last)


def _named(first: int, last: int) -> str:
    return strings.EVENTS[first == last].format(first=first, last=last)


def _without(ranges: Iterable[tuple[int, int]], numbers: Collection[int]) -> Iterator[tuple[int, int]]:
    """Ranges, merged where they touch, less some numbers. A damaged number makes a range of any length."""
    cut = sorted(numbers)
    pieces: list[tuple[int, int]] = []
    for first, last in ranges:
        begin = first
        for number in cut[bisect_left(cut, first) :]:
            if number > last:
                break
            pieces.append((begin, number - 1))
            begin = number + 1
        pieces.append((begin, last))
    run: tuple[int, int] | None = None
    for first, last in sorted(piece for piece in pieces if piece[0] <= piece[1]):
        if run is not None and first <= run[1] + 1:
            run = (run[0], max(run[1], last))
            continue
        if run is not None:
            yield run
        run = (first, last)
    if run is not None:
        yield run


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Numbers as first and last of what is consecutive."""
    first = last = None
    for number in sorted(numbers):
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last
