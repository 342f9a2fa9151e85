"""Readings: what is locked, frozen and refused; what is folded from the record; discordances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.review.reading.conftest import GIVEN, found
from viewer.review.database.erase import erase
from viewer.review.reading.kinds import Answer, Kind, Mode
from viewer.review.reading.reading import ReadingError, read_reading
from viewer.review.reading.session import ReadingSession

if TYPE_CHECKING:
    from tests.review.reading.conftest import MakeFinding
    from viewer.review.database.record import Record
    from viewer.review.protocols import ReadingProtocol


def kinds(session: ReadingSession) -> dict[str, str]:
    """States of the discordances by kind."""
    return {one.kind: one.state for one in session.discordances}


def test_nothing_is_shown_before_the_first_opinion(
    session: ReadingSession, make_finding: MakeFinding
) -> None:
    theirs = make_finding(1000, 1000)
    session.take_findings("slide", found(theirs))
    assert session.reading.shown == ()
    with pytest.raises(ReadingError, match="first opinion"):
        session.reveal()
    with pytest.raises(ReadingError, match="no finding"):
        session.answer(theirs.id, Answer.AGREE)
    session.give_opinion(GIVEN, 60, 12.0)
    assert session.reading.shown == ()
    session.reveal()
    assert session.reading.shown == (theirs,)
    assert session.reading.not_analysed == (("granuloma", "cannot be measured"),)


def test_an_unaided_reading_never_shows_findings(
    record: Record, protocol: ReadingProtocol, make_finding: MakeFinding
) -> None:
    session = ReadingSession(record, "case-1", "r1", protocol)
    session.open(Mode.UNAIDED, ["slide"])
    session.take_findings("slide", found(make_finding(1000, 1000)))
    session.give_opinion(GIVEN, None, 1.0)
    with pytest.raises(ReadingError, match="unaided"):
        session.reveal()
    assert session.discordances == []
    session.sign("R. One", "mine", {})


def test_a_concurrent_reading_shows_them_at_once(
    record: Record, protocol: ReadingProtocol, make_finding: MakeFinding
) -> None:
    session = ReadingSession(record, "case-1", "r1", protocol)
    session.open(Mode.CONCURRENT, ["slide"])
    session.take_findings("slide", found(make_finding(1000, 1000)))
    assert len(session.reading.shown) == 1


def test_the_first_opinion_is_frozen_and_a_change_needs_a_reason(session: ReadingSession) -> None:
    session.give_opinion(GIVEN, 60, 12.0)
    changed = {"abnormal": "no", "size": "none", "remarks": "on second thoughts"}
    with pytest.raises(ReadingError, match="reason"):
        session.give_opinion(changed, 90, 20.0)
    session.give_opinion(changed, 90, 20.0, "seen again")
    reading = session.reading
    assert reading.first is not None
    assert reading.last is not None
    assert (reading.first.answers, reading.first.confidence) == (GIVEN, 60)
    assert (reading.last.answers, reading.last.reason) == (changed, "seen again")


@pytest.mark.parametrize(
    ("answers", "missing"),
    [({"abnormal": "yes"}, "How large"), ({"abnormal": "perhaps", "size": "small"}, "Abnormal")],
)
def test_answers_that_are_missing_or_no_options_are_refused(
    session: ReadingSession, answers: dict[str, str], missing: str
) -> None:
    with pytest.raises(ReadingError, match=missing):
        session.give_opinion(answers, None, 1.0)
    with pytest.raises(ReadingError, match="0 to 100"):
        session.give_opinion(GIVEN, 101, 1.0)
    assert session.reading.first is None


def test_the_mode_is_fixed_when_the_case_is_opened(session: ReadingSession, record: Record) -> None:
    again = ReadingSession(record, "case-1", "r1", session.protocol)
    again.open(Mode.CONCURRENT, ["slide"])
    assert again.reading.mode is Mode.BLINDED_FIRST
    assert not again.reading.is_revealed


def test_a_reading_goes_on_from_the_record(
    session: ReadingSession, record: Record, make_finding: MakeFinding
) -> None:
    session.take_findings("slide", found(make_finding(1000, 1000)))
    session.mark(make_finding(5000, 5000, by_program=False))
    session.give_opinion(GIVEN, 60, 12.0)
    session.reveal()
    again = ReadingSession(record, "case-1", "r1", session.protocol)
    assert again.reading == session.reading
    assert read_reading("case-1", "r2", record.events(case="case-1")).mode is None


def test_what_was_shown_is_not_replaced(session: ReadingSession, make_finding: MakeFinding) -> None:
    first, second, third = (make_finding(1000 * n, 1000) for n in (1, 2, 3))
    session.take_findings("slide", found(first))
    session.take_findings("slide", found(second))
    assert session.reading.proposed == (second,)  # nobody has seen the first ones
    session.give_opinion(GIVEN, None, 1.0)
    session.reveal()
    session.take_findings("slide", found(third))
    assert session.reading.proposed == (second,)


def test_discordances_of_findings(session: ReadingSession, record: Record, make_finding: MakeFinding) -> None:
    missed, other_class = make_finding(1000, 1000), make_finding(9000, 1000)
    other_extent, agreed = make_finding(1000, 9000), make_finding(9000, 9000)
    session.take_findings("slide", found(missed, other_class, other_extent, agreed))
    session.mark(make_finding(9100, 1000, "tumour", by_program=False))
    session.mark(make_finding(1000, 9000, by_program=False, side=400.0))
    session.mark(make_finding(9000, 9100, by_program=False))
    extra = make_finding(5000, 5000, by_program=False)
    session.mark(extra)
    session.give_opinion(GIVEN, None, 1.0)
    assert session.discordances == []  # nothing of the program is shown yet
    session.reveal()
    assert kinds(session) == dict.fromkeys(("missed", "class", "extent", "extra"), "open")
    late = make_finding(1000, 1000, by_program=False)
    session.mark(late)  # what was marked after the reveal is no opinion of the reader's alone
    assert kinds(session)["missed"] == "open"
    with pytest.raises(ReadingError, match="4 points"):
        session.sign("R. One", "mine", {})
    session.answer(missed.id, Answer.AGREE)
    session.answer(other_class.id, Answer.NOT_SURE)
    session.answer(other_extent.id, Answer.DISAGREE, "other", "larger")
    session.resolve(f"missed:{missed.id}", deferred=True)
    session.resolve(f"extra:{extra.id}")
    assert kinds(session) == {
        "missed": "deferred",
        "class": "deferred",
        "extent": "resolved",
        "extra": "resolved",
    }
    session.sign("R. One", "mine", {"slide": {"at_magnification": 0.5}})
    (signed,) = record.events(case="case-1", kinds=[Kind.SIGNED])
    assert signed.payload["deferred"] == [f"missed:{missed.id}", f"class:{other_class.id}"]


def test_where_the_program_searched_for_nothing_a_mark_is_no_extra(
    session: ReadingSession, make_finding: MakeFinding
) -> None:
    session.mark(make_finding(1000, 1000, by_program=False))
    session.give_opinion(GIVEN, None, 1.0)
    session.reveal()
    assert session.discordances == []  # it has not read the slide
    session.take_findings("slide", found() | {"asked": []})
    assert session.discordances == []  # it could name nothing that is asked
    assert session.reading.not_analysed


def test_a_mark_without_a_class_is_no_other_class(session: ReadingSession, make_finding: MakeFinding) -> None:
    session.take_findings("slide", found(make_finding(1000, 1000)))
    session.mark(make_finding(1000, 1000, "", by_program=False))
    session.give_opinion(GIVEN, None, 1.0)
    session.reveal()
    assert session.discordances == []


def test_readers_who_differ_see_it_unnamed(session: ReadingSession, record: Record) -> None:
    other = ReadingSession(record, "case-1", "r2", session.protocol)
    other.open(Mode.UNAIDED, ["slide"])
    other.give_opinion({"abnormal": "no", "size": "none"}, None, 1.0)
    session.give_opinion(GIVEN, None, 1.0)
    session.refresh()
    assert session.discordances == []  # another opinion counts when it is signed
    other.sign("R. Two", "mine", {})
    session.refresh()
    assert kinds(session) == {"class": "open", "grade": "open"}
    assert not any("r2" in one.text or "Two" in one.text for one in session.discordances)
    for one in session.discordances:
        session.resolve(one.id, deferred=one.kind == "grade")
    assert kinds(session) == {"class": "resolved", "grade": "deferred"}


def test_a_mark_can_be_taken_back_and_stays_in_the_record(
    session: ReadingSession, record: Record, make_finding: MakeFinding
) -> None:
    mine = make_finding(1000, 1000, by_program=False)
    session.mark(mine)
    session.withdraw(mine.id)
    assert session.reading.marked == {}
    with pytest.raises(ReadingError, match="no finding"):
        session.withdraw(mine.id)
    assert [event.kind for event in record.events(case="case-1")][-2:] == [Kind.ADDED, Kind.WITHDRAWN]


def test_a_signature_needs_an_opinion_and_a_name_and_ends_the_reading(session: ReadingSession) -> None:
    with pytest.raises(ReadingError, match="opinion"):
        session.sign("R. One", "mine", {})
    session.give_opinion(GIVEN, None, 1.0)
    with pytest.raises(ReadingError, match="name"):
        session.sign("  ", "mine", {})
    session.sign("R. One", "mine", {})
    assert session.reading.signature is not None
    with pytest.raises(ReadingError, match="signed"):
        session.give_opinion(GIVEN, None, 2.0, "too late")
    session.open(Mode.BLINDED_FIRST, ["slide"])
    session.give_opinion(GIVEN, None, 2.0, "an addendum")
    assert len(session.reading.opinions) == 2


def test_nothing_can_be_done_before_the_case_is_opened(record: Record, protocol: ReadingProtocol) -> None:
    with pytest.raises(ReadingError, match="not open"):
        ReadingSession(record, "case-1", "r1", protocol).give_opinion(GIVEN, None, 1.0)


def test_an_event_that_cannot_be_read_is_named(record: Record, protocol: ReadingProtocol) -> None:
    record.append("case-1", Kind.READ, "", {"slide_id": "slide", "findings": [{"id": 3}]})
    with pytest.raises(ReadingError, match="Event 1"):
        ReadingSession(record, "case-1", "r1", protocol)


def test_a_third_reader_adjudicates_what_another_left_open(session: ReadingSession, record: Record) -> None:
    session.give_opinion(GIVEN, None, 1.0)
    other = ReadingSession(record, "case-1", "r2", session.protocol)
    other.open(Mode.UNAIDED, ["slide"])
    other.give_opinion({"abnormal": "no", "size": "none"}, None, 1.0)
    other.sign("R. Two", "mine", {})
    session.refresh()
    assert not session.is_to_adjudicate  # nothing is left open
    for one in session.discordances:
        session.resolve(one.id, deferred=True)
    session.sign("R. One", "mine", {})
    assert not session.is_to_adjudicate  # who signed is no third reader
    third = ReadingSession(record, "case-1", "r3", session.protocol)
    third.open(Mode.BLINDED_FIRST, ["slide"])
    assert third.is_to_adjudicate
    with pytest.raises(ReadingError, match="opinion"):
        third.adjudicate("R. Three", "clear")
    third.give_opinion(GIVEN, None, 1.0)
    with pytest.raises(ReadingError, match="reason"):
        third.adjudicate("R. Three", " ")
    third.adjudicate("R. Three", "clear")
    assert third.reading.signature is not None
    assert "clear" in third.reading.signature.meaning
    late = ReadingSession(record, "case-1", "r4", session.protocol)
    late.open(Mode.UNAIDED, ["slide"])
    late.give_opinion(GIVEN, None, 1.0)
    assert not late.is_to_adjudicate
    with pytest.raises(ReadingError, match="adjudicate"):
        late.adjudicate("R. Four", "too late")


def test_nothing_is_recorded_about_a_case_that_was_erased_meanwhile(
    session: ReadingSession, record: Record
) -> None:
    erase(record, session.case, "r2", "withdrawn")
    with pytest.raises(ReadingError, match="case-1 was erased"):
        session.give_opinion(GIVEN, 60, 12.0)
    assert session.is_erased
    assert record.events(case=session.case, kinds=[Kind.OPINION]) == []
