"""Which cases come first, and why, in words. A low priority hides nothing, and some of those cases are drawn
for audit by lot.

The lot of a case is fixed by a seed and its id (SHA-256, as a share of all digests): whoever draws it, and
whenever, draws the same, and anybody can check it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum
from textwrap import shorten
from typing import TYPE_CHECKING

from viewer.review.worklist import strings
from viewer.review.worklist.state import State

if TYPE_CHECKING:
    from viewer.review.worklist.case import Case

AUDIT_SHARE = 0.1
_MAX_WHY = 80
"""Characters: in a list there is no room for more."""


class Order(Enum):
    """How a list is sorted."""

    PRIORITY = "priority"
    ADDED = "added"
    TITLE = "title"


Rank = tuple[int, float, int]


def without_advice(case: Case) -> Case:
    """The case without what the program found, while it is read: its reader may be blinded to that."""
    being_read = case.state in (State.IN_READING, State.DEFERRED)
    return case._replace(findings=None, highest=None, audit=None) if being_read else case


def rank(case: Case) -> Rank:
    """Cases in ascending order of this are in the order in which they need reading: those with findings, the
    highest score first; those that the second reader could not read; the others; those that were signed. Of
    equals the oldest first."""
    case = without_advice(case)
    if case.state is State.SIGNED:
        return 3, 0.0, case.number
    if case.findings:
        return 0, -(case.highest or 0.0), case.number
    return (1 if case.findings is None and case.not_analysed else 2), 0.0, case.number


def is_low(case: Case) -> bool:
    """Whether the second reader found nothing above its thresholds, in what it could read."""
    return case.findings == 0


def in_words(case: Case, now: datetime) -> str:
    """Why the case stands where it does in the order. ``now`` has a time zone."""
    case = without_advice(case)
    parts = []
    if case.findings:
        highest = "" if case.highest is None else strings.HIGHEST.format(score=case.highest)
        parts.append(strings.FINDINGS[case.findings == 1].format(count=case.findings) + highest)
    elif case.findings == 0:
        parts.append(strings.NOTHING_ABOVE)
    if case.not_analysed:
        why = shorten(case.not_analysed, _MAX_WHY, placeholder="…")
        parts.append(strings.NOT_ANALYSED.format(why=why))
    if case.state is State.SIGNED:
        parts.insert(0, strings.SIGNED)
    elif not case.findings:
        parts.append(_waiting(case, now))
    if case.audit:
        parts.append(strings.AUDIT)
    return strings.AND_THEN.join(parts)


def is_drawn(case_id: str, seed: str) -> bool:
    """Whether a case is drawn for audit."""
    digest = hashlib.sha256(f"{seed}\n{case_id}".encode()).digest()
    return int.from_bytes(digest[:8]) < AUDIT_SHARE * 2**64


def _waiting(case: Case, now: datetime) -> str:
    days = (now - datetime.fromisoformat(case.added_utc)).days
    if days < 1:  # also where the clock was set back
        return strings.WAITING_TODAY
    return strings.WAITING[days == 1].format(days=days)
