"""The states of a case: which event leads where, and what is refused."""

from __future__ import annotations

import pytest

from viewer.review.worklist.errors import TransitionError
from viewer.review.worklist.state import (
    ADJUDICATED,
    LEADS_TO,
    OPENED,
    REPLACED,
    SET,
    SIGNED,
    STATE,
    State,
    next_state,
)


@pytest.mark.parametrize("state", State)
def test_a_case_may_be_opened_in_any_state(state: State) -> None:
    settles_nothing = state is State.DISCORDANT
    assert next_state(state, OPENED, {}) is (State.DISCORDANT if settles_nothing else State.IN_READING)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("wanted", State)
def test_only_states_of_the_table_can_be_set(state: State, wanted: State) -> None:
    if wanted in SET[state]:
        assert next_state(state, STATE, {"state": wanted.value}) is wanted
    else:
        with pytest.raises(TransitionError, match=state.value):
            next_state(state, STATE, {"state": wanted.value})


@pytest.mark.parametrize("wanted", [None, "finished", ["ready"]])
def test_an_unknown_state_cannot_be_set(wanted: object) -> None:
    with pytest.raises(TransitionError):
        next_state(State.NEW, STATE, {"state": wanted})


@pytest.mark.parametrize(
    "state", [State.NEW, State.INDEXING, State.READY, State.DEFERRED, State.NOT_ANALYSED]
)
def test_a_case_that_nobody_reads_is_not_signed(state: State) -> None:
    with pytest.raises(TransitionError):
        next_state(state, SIGNED, {})


def test_several_readers_sign_a_case_and_a_discordance_stays() -> None:
    assert next_state(State.IN_READING, SIGNED, {}) is State.SIGNED
    assert next_state(State.SIGNED, SIGNED, {}) is State.SIGNED
    assert next_state(State.DISCORDANT, SIGNED, {}) is State.DISCORDANT
    assert next_state(State.IN_READING, SIGNED, {"deferred": ["grade:size:1"]}) is State.DISCORDANT


def test_no_state_but_those_of_readers_leads_to_signed() -> None:
    assert not any(State.SIGNED in allowed or State.IN_READING in allowed for allowed in SET.values())


def test_a_third_reader_ends_a_discordance() -> None:
    assert next_state(State.DISCORDANT, ADJUDICATED, {}) is State.SIGNED


def test_a_replaced_slide_is_analysed_anew_and_no_opinion_is_lost() -> None:
    assert next_state(State.READY, REPLACED, {}) is State.NEW
    assert next_state(State.SIGNED, REPLACED, {}) is State.SIGNED


@pytest.mark.parametrize("state", State)
def test_what_concerns_no_state_leaves_it(state: State) -> None:
    assert next_state(state, "finding proposed", {}) is state


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.NEW}.union(*SET.values(), *(table.values() for table in LEADS_TO.values()))
    assert reached == set(State) == set(SET)
