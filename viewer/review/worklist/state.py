"""The states of a case, and which event leads from one to another; nothing else changes a state.

A case is ``new`` until its slides are analysed (``indexing``); then it is ``ready``, or ``not analysed``
where the second reader could not do its part, and says why. It may be opened at any time (``in reading``),
again after it was signed, and by several readers. What a reader puts off is ``deferred``; what awaits a third
reader is ``discordant``, until that one opens it.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from viewer.review.database.chain import ERASED
from viewer.review.reading.kinds import Kind
from viewer.review.worklist import strings
from viewer.review.worklist.errors import TransitionError

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(Enum):
    """A value is the word for the reader, and stands so in the record."""

    NEW = "new"
    INDEXING = "indexing"
    READY = "ready"
    IN_READING = "in reading"
    SIGNED = "signed"
    DISCORDANT = "discordant"
    DEFERRED = "deferred"
    NOT_ANALYSED = "not analysed"


ADDED = "case added"
CHANGED = "case changed"
STATE = "case state"
REPLACED, OPENED, SIGNED, ADJUDICATED = (
    kind.value for kind in (Kind.REPLACED, Kind.OPENED, Kind.SIGNED, Kind.ADJUDICATED)
)
LEFT = "case left"
AUDIT = "audit drawn"

KINDS = frozenset({ADDED, CHANGED, STATE, REPLACED, OPENED, SIGNED, ADJUDICATED, LEFT, AUDIT, ERASED})
"""The kinds of events that a worklist is folded from."""

_S = State
SET: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        _S.NEW: frozenset({_S.INDEXING, _S.DEFERRED}),
        _S.INDEXING: frozenset({_S.NEW, _S.READY, _S.NOT_ANALYSED, _S.DEFERRED}),
        _S.READY: frozenset({_S.INDEXING, _S.DEFERRED}),
        _S.NOT_ANALYSED: frozenset({_S.INDEXING, _S.DEFERRED}),
        _S.DEFERRED: frozenset({_S.INDEXING}),
        _S.IN_READING: frozenset({_S.DEFERRED, _S.DISCORDANT}),
        _S.SIGNED: frozenset({_S.DISCORDANT}),
        _S.DISCORDANT: frozenset({_S.DEFERRED}),
    }
)
"""By state, those that a ``case state`` event may set."""

LEADS_TO: Mapping[str, Mapping[State, State]] = MappingProxyType(
    {
        # Being read again settles nothing.
        OPENED: dict.fromkeys(State, _S.IN_READING) | {_S.DISCORDANT: _S.DISCORDANT},
        # A second reader may sign what the first has signed, or put before a third.
        SIGNED: {_S.IN_READING: _S.SIGNED, _S.SIGNED: _S.SIGNED, _S.DISCORDANT: _S.DISCORDANT},
        ADJUDICATED: {_S.IN_READING: _S.SIGNED, _S.DISCORDANT: _S.SIGNED},
        # Another slide must be analysed; what readers said of the old one stands.
        REPLACED: {
            state: _S.NEW if state in (_S.INDEXING, _S.READY, _S.NOT_ANALYSED) else state for state in State
        },
    }
)
"""By kind of event and state, the next state; what is not named here cannot happen."""

_BY_WORD = {state.value: state for state in State}


def next_state(state: State, kind: str, payload: Mapping[str, Any]) -> State:
    """The state of a case after an event. Raises TransitionError for one that cannot happen in ``state``."""
    if kind == STATE:
        wanted = payload.get("state")
        found = _BY_WORD.get(wanted) if isinstance(wanted, str) else None
        if found not in SET[state]:
            raise TransitionError(strings.NOT_SET.format(state=state.value, wanted=wanted))
        return found
    if kind not in LEADS_TO:
        return state
    if state not in LEADS_TO[kind]:
        raise TransitionError(strings.NOT_NOW.format(state=state.value, kind=kind))
    if kind == SIGNED and payload.get("deferred"):
        return State.DISCORDANT  # a point was left to another reader
    return LEADS_TO[kind][state]
