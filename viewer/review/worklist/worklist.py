"""The worklist of a record: its cases, kept up to date with every reader's changes, and changed one by one.

A change is checked against the newest state within the transaction that records it: what two readers do at
the same time happens in one order, and the second is refused where the first has made it impossible.
"""

from __future__ import annotations

import gc
import secrets
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from viewer.review.database.chain import ERASED
from viewer.review.database.record import Entry, drafted
from viewer.review.worklist import strings
from viewer.review.worklist.case import Case, folded
from viewer.review.worklist.errors import WorklistError
from viewer.review.worklist.priority import AUDIT_SHARE, Order, is_drawn, is_low, rank
from viewer.review.worklist.state import (
    ADDED,
    AUDIT,
    CHANGED,
    KINDS,
    LEFT,
    STATE,
    State,
    next_state,
)
from viewer.slide.file_names import natural_text_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from viewer.review.database.record import Event, Record
    from viewer.review.worklist.case import Place
    from viewer.review.worklist.new_case import NewCase

_ID_BYTES = 4


_KEYS: Mapping[Order, Callable[[Case], Any]] = {
    Order.PRIORITY: rank,
    Order.ADDED: lambda case: case.number,
    Order.TITLE: lambda case: (natural_text_key(case.title), case.number),
}


class Added(NamedTuple):
    """What came of adding cases: the ids of new ones, and how many were in the list already."""

    ids: tuple[str, ...]
    known: int


class Worklist:
    """The cases of an open record. One thread uses it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.problems: list[str] = []
        """A sentence on each event that does not fit the case as it was; it changed nothing."""
        self._cases: dict[str, Case] = {}
        self._erased: set[str] = set()
        self._until = 0
        self.refresh()

    # Reading

    def refresh(self) -> set[str]:
        """Read what was recorded since the last time, by anybody; the ids of the cases that changed, or are
        gone. Raises RecordError."""
        changed = set()
        with _without_collections():
            for event in self.record.events(kinds=KINDS, after=self._until):
                self._until = event.number
                changed |= self._take(event)
        return changed

    def cases(
        self,
        *,
        states: Collection[State] = (),
        text: str = "",
        protocol: str = "",
        order: Order = Order.PRIORITY,
    ) -> list[Case]:
        """The cases in some states (all without any), of a protocol, of which id, title, question,
        sites or stains hold all words of ``text``."""
        words = text.casefold().split()
        found = [
            case
            for case in self._cases.values()
            if (not states or case.state in states)
            and (not protocol or case.protocol == protocol)
            and all(word in case.searched for word in words)
        ]
        return sorted(found, key=_KEYS[order])

    def case(self, case_id: str) -> Case:
        """One case. Raises WorklistError where there is none of this id."""
        if case_id not in self._cases:
            raise WorklistError(strings.NO_CASE.format(case=case_id, where=self.record.where))
        return self._cases[case_id]

    def counts(self) -> Counter[State]:
        """How many cases are in each state."""
        return Counter(case.state for case in self._cases.values())

    def left_by(self, reader: str) -> Case | None:
        """The case in reading that a reader left last, to resume there; None where there is none."""
        left = [
            case for case in self._cases.values() if case.state is State.IN_READING and reader in case.places
        ]
        return max(left, key=lambda case: case.places[reader].number, default=None)

    # Changing

    def add(self, new: Iterable[NewCase], reader: str) -> Added:
        """Add cases, all or none; those of which exactly these slides are in the list already are left out.

        Raises WorklistError where a name that must be unique is taken by a case with other slides,
        RecordError.
        """
        ids: list[str] = []
        with self.record.writing() as connection:
            self.refresh()
            known = {frozenset(slide.path for slide in case.slides) for case in self._cases.values()}
            titles = {case.title for case in self._cases.values()}
            wanted = list(new)
            missing = [one for one in wanted if frozenset(slide.path for slide in one.slides) not in known]
            for one in missing:
                if one.place and one.title in titles:
                    raise WorklistError(strings.TITLE_TAKEN.format(place=one.place, title=one.title))
            drafts = []
            for one in missing:
                case_id = self._new_id(ids)
                ids.append(case_id)
                payload = {
                    "title": one.title,
                    "slides": [asdict(slide) for slide in one.slides],
                    "question": one.question,
                    "protocol": one.protocol,
                    "reference": one.reference,
                }
                drafts.append(drafted(Entry(case_id, ADDED, reader, payload)))
            self.record.add(connection, drafts)
        self.refresh()
        return Added(tuple(ids), len(wanted) - len(missing))

    def append(self, case_id: str, kind: str, reader: str, payload: Mapping[str, Any]) -> Case:
        """Record an event of a case, if it can happen in its newest state; the case after it.

        Raises TransitionError, WorklistError where there is no such case, RecordError.
        """
        with self.record.writing() as connection:
            self.refresh()
            next_state(self.case(case_id).state, kind, payload)
            self.record.add(connection, [drafted(Entry(case_id, kind, reader, payload))])
        self.refresh()
        return self.case(case_id)

    def set_state(
        self,
        case_id: str,
        state: State,
        reader: str = "",
        *,
        reason: str = "",
        findings: int | None = None,
        highest: float | None = None,
    ) -> Case:
        """Set a state, as far as it can be set; the case after it. Raises as ``append``.

        ``findings`` and ``highest``: with READY, how many findings there are and their highest score, 0 to 1.
        ``reason``: with READY and NOT_ANALYSED what was not analysed, and why. Where nothing was found the
        case's lot for audit is drawn, once.
        """
        payload = {"state": state.value, "reason": reason, "findings": findings, "highest": highest}
        case = self.append(case_id, STATE, reader, payload)
        if is_low(case) and case.audit is None:
            lot = {"marked": is_drawn(case_id, self.record.id), "share": AUDIT_SHARE, "seed": self.record.id}
            case = self.append(case_id, AUDIT, "", lot)
        return case

    def change(self, case_id: str, reader: str, **changes: Any) -> Case:
        """Change ``title``, ``question``, ``protocol``, ``reference`` or ``slides`` (CaseSlide each), as the
        content ids of slides when they were read. Raises as ``append``."""
        payload = dict(changes)
        if "slides" in payload:
            payload["slides"] = [asdict(slide) for slide in payload["slides"]]
        return self.append(case_id, CHANGED, reader, payload)

    def leave(self, case_id: str, reader: str, place: Place) -> Case:
        """Keep where a reader is in a case. Raises as ``append``."""
        return self.append(case_id, LEFT, reader, {"slide": place.slide, **asdict(place.view)})

    # Parts

    def _take(self, event: Event) -> set[str]:
        if event.kind == ERASED or (event.kind == ADDED and event.erased):
            self._erased.add(event.case)
            self._cases.pop(event.case, None)
        elif event.case not in self._erased and not event.erased:
            try:
                self._cases[event.case] = folded(self._cases.get(event.case), event)
            except WorklistError as error:
                self.problems.append(strings.IGNORED.format(number=event.number, error=error))
        return {event.case}

    def _new_id(self, taken: Sequence[str]) -> str:
        while True:
            case_id = f"case-{secrets.token_hex(_ID_BYTES)}"
            if case_id not in self._cases and case_id not in self._erased and case_id not in taken:
                return case_id


@contextmanager
def _without_collections() -> Iterator[None]:
    """Cases and events hold no circles, and are so many that searching them for some takes a fifth of the
    time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def neighbour(shown: Sequence[Case], case_id: str, step: int) -> Case | None:
    """The case so many steps further in a list as it is shown (below 0: back); None beyond its ends. Where
    the case itself is not shown, the first one, or the last."""
    ids = [case.id for case in shown]
    if case_id not in ids:
        return (shown[0] if step > 0 else shown[-1]) if shown else None
    at = ids.index(case_id) + step
    return shown[at] if 0 <= at < len(shown) else None
