"""The worklist: folded from the record, sorted, searched, changed, and the same for two readers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from viewer.review.database.record import open_record
from viewer.review.worklist.case import CaseSlide, Place
from viewer.review.worklist.errors import TransitionError, WorklistError
from viewer.review.worklist.new_case import NewCase
from viewer.review.worklist.priority import AUDIT_SHARE, Order, in_words, is_drawn
from viewer.review.worklist.state import ADJUDICATED, AUDIT, OPENED, REPLACED, SIGNED, STATE, State
from viewer.review.worklist.worklist import Worklist, neighbour
from viewer.view.camera import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.review.database.record import Record


def titles(worklist: Worklist, **wanted: object) -> list[str]:
    return [case.title for case in worklist.cases(**wanted)]  # type: ignore[arg-type]


def index(worklist: Worklist, case_id: str, **found: object) -> None:
    """Analyse a case; without findings none was found."""
    worklist.set_state(case_id, State.INDEXING)
    worklist.set_state(case_id, State.READY, **{"findings": 0, **found})  # type: ignore[arg-type]


def test_a_case_is_what_was_recorded(worklist: Worklist, record: Record) -> None:
    slides = CaseSlide("/a.svs", None, "colon", "H&E"), CaseSlide("/b.svs")
    (case_id,) = worklist.add([NewCase("S 1", slides, "Polyp?", "colon_polyp", "adenoma")], "r1").ids
    case = Worklist(record).case(case_id)
    assert (case.title, case.slides, case.question) == ("S 1", slides, "Polyp?")
    assert (case.protocol, case.reference, case.state) == ("colon_polyp", "adenoma", State.NEW)
    assert "S 1" not in case_id


def test_priority_puts_findings_first_and_signed_cases_last(
    worklist: Worklist, add: Callable[..., str]
) -> None:
    signed, new, low, high, unread, some = (add(f"case {number}") for number in range(6))
    index(worklist, signed, findings=1, highest=0.99)
    worklist.append(signed, OPENED, "r1", {})
    worklist.append(signed, SIGNED, "r1", {})
    index(worklist, low)
    index(worklist, high, findings=2, highest=0.93)
    index(worklist, some, findings=3, highest=0.7)
    worklist.set_state(unread, State.INDEXING)
    worklist.set_state(unread, State.NOT_ANALYSED, reason="stain unknown")
    order = [case.id for case in worklist.cases()]
    assert order == [high, some, unread, new, low, signed]


def test_priority_is_said_in_words(worklist: Worklist, add: Callable[..., str]) -> None:
    case_id = add("case 1")
    now = datetime.fromisoformat(worklist.case(case_id).added_utc)
    assert "3 days" in in_words(worklist.case(case_id), now + timedelta(days=3, hours=2))
    worklist.set_state(case_id, State.INDEXING)
    worklist.set_state(case_id, State.NOT_ANALYSED, reason="stain unknown")
    assert in_words(worklist.case(case_id), now).startswith("not analysed: stain unknown")
    index(worklist, case_id, findings=2, highest=0.93)
    assert in_words(worklist.case(case_id), now) == "2 findings, highest 0.93"
    index(worklist, case_id)
    assert "negative" not in in_words(worklist.case(case_id), now)


def test_a_clock_set_back_is_no_waiting_of_minus_days(worklist: Worklist, add: Callable[..., str]) -> None:
    case = worklist.case(add("case 1"))
    assert "today" in in_words(case, datetime.fromisoformat(case.added_utc) - timedelta(days=9))


def test_what_was_not_analysed_stays_said_while_the_case_is_read(
    worklist: Worklist, add: Callable[..., str]
) -> None:
    case_id = add("case 1")
    index(worklist, case_id, findings=1, highest=0.5, reason="mitosis")
    worklist.append(case_id, OPENED, "r1", {})
    assert "not analysed: mitosis" in in_words(worklist.case(case_id), datetime.now(UTC))


def test_a_tenth_of_low_priority_is_drawn_once(worklist: Worklist, record: Record) -> None:
    new = [NewCase(f"c{number}", (CaseSlide(f"/{number}.svs"),)) for number in range(200)]
    ids = worklist.add(new, "r1").ids
    for case_id in ids:
        index(worklist, case_id)
    index(worklist, ids[0], findings=1, highest=0.9)
    index(worklist, ids[0])
    drawn = record.events(kinds=[AUDIT])
    assert len(drawn) == len({event.case for event in drawn}) == len(ids)
    marked = {case.id for case in worklist.cases() if case.audit}
    assert marked == {case_id for case_id in ids if is_drawn(case_id, record.id)}
    assert 5 <= len(marked) <= 40
    assert len(worklist.cases()) == len(ids)  # and none is hidden


def test_order_and_words_do_not_unblind_who_reads_a_case(worklist: Worklist, add: Callable[..., str]) -> None:
    found, nothing = add("case 1"), add("case 2")
    index(worklist, nothing)
    index(worklist, found, findings=2, highest=0.93)
    worklist.append(found, OPENED, "r1", {"mode": "blinded first"})
    read = worklist.append(nothing, OPENED, "r1", {"mode": "blinded first"})
    now = datetime.now(UTC)
    assert in_words(worklist.case(found), now) == in_words(read, now) == "waiting since today"
    later = add("case 3")
    index(worklist, later, findings=1, highest=0.6)
    assert [case.id for case in worklist.cases()] == [later, found, nothing]
    deferred = worklist.set_state(found, State.DEFERRED, "r1")
    assert "0.93" not in in_words(deferred, now)


def test_the_share_of_lots_is_the_one_stated() -> None:
    drawn = sum(is_drawn(f"case-{number:08x}", "seed") for number in range(20_000))
    assert drawn / 20_000 == pytest.approx(AUDIT_SHARE, abs=0.01)


def test_lots_are_drawn_where_nothing_was_found_in_what_was_read(
    worklist: Worklist, add: Callable[..., str]
) -> None:
    found, partly, failed = add("case 1"), add("case 2"), add("case 3")
    index(worklist, found, findings=1, highest=0.9)
    index(worklist, partly, reason="mitosis")
    worklist.set_state(failed, State.INDEXING)
    worklist.set_state(failed, State.NOT_ANALYSED, reason="slide 2 is damaged", findings=0)
    assert worklist.case(found).audit is worklist.case(failed).audit is None
    assert worklist.case(partly).audit is not None
    assert [case.id for case in worklist.cases()] == [found, failed, partly]


def test_a_long_reason_is_cut_in_the_list_and_kept_in_the_case(
    worklist: Worklist, add: Callable[..., str]
) -> None:
    case_id = add("case 1")
    index(worklist, case_id, reason="mitosis " * 50)
    case = worklist.case(case_id)
    assert len(in_words(case, datetime.now(UTC))) < 200
    assert len(case.not_analysed) == 400


def test_filters_and_search(worklist: Worklist, add: Callable[..., str]) -> None:
    add("S 10", site="Rectum", protocol="colon_polyp")
    first = add("S 2", question="Σάρκωμα?", stain="PAS")
    worklist.append(first, OPENED, "r1", {})
    assert titles(worklist, states={State.IN_READING}) == ["S 2"]
    assert titles(worklist, protocol="colon_polyp") == ["S 10"]
    assert titles(worklist, text="RECTUM s") == ["S 10"]
    assert titles(worklist, text="σάρκωμα pas") == ["S 2"]
    assert titles(worklist, text="S pas rectum") == []
    assert titles(worklist, order=Order.TITLE) == ["S 2", "S 10"]
    assert titles(worklist, order=Order.ADDED) == ["S 10", "S 2"]
    assert worklist.counts() == {State.NEW: 1, State.IN_READING: 1}


def test_next_and_previous_case(worklist: Worklist, add: Callable[..., str]) -> None:
    ids = [add(f"case {number}") for number in range(3)]
    shown = worklist.cases(order=Order.ADDED)
    step = {-1: neighbour(shown, ids[1], -1), 1: neighbour(shown, ids[1], 1)}
    assert [case and case.id for case in step.values()] == [ids[0], ids[2]]
    assert neighbour(shown, ids[2], 1) is None
    assert neighbour(shown, ids[0], -1) is None
    assert neighbour(shown[1:], ids[0], 1) == shown[1]
    assert neighbour([], ids[0], 1) is None


def test_a_reader_resumes_where_he_left(worklist: Worklist, record: Record, add: Callable[..., str]) -> None:
    one, two = add("case 1"), add("case 2")
    for case_id in (one, two):
        worklist.append(case_id, OPENED, "r1", {})
    place = Place(0, View(5.0, 6.0, 2.5, 0.1))
    worklist.leave(two, "r1", Place(0, View(0.0, 0.0, 1.0)))
    worklist.leave(one, "r1", place)
    worklist.leave(two, "r2", Place(0, View(1.0, 1.0, 1.0)))
    again = Worklist(record)
    left = again.left_by("r1")
    assert left is not None
    assert left.id == one
    assert left.places["r1"] == place
    again.append(one, SIGNED, "r1", {})
    left = again.left_by("r1")
    assert left is not None
    assert left.id == two
    assert again.left_by("r3") is None


def test_two_readers_see_each_others_changes(worklist: Worklist, where: str, add: Callable[..., str]) -> None:
    case_id = add("case 1")
    with open_record(where) as other_record:
        other = Worklist(other_record)
        other.append(case_id, OPENED, "r2", {})
        assert worklist.case(case_id).state is State.NEW
        assert worklist.refresh() == {case_id}
        assert worklist.case(case_id).state is State.IN_READING
        assert worklist.refresh() == set()
        other.append(case_id, ADJUDICATED, "r2", {})
        # Not refreshed: the change is checked against the newest state all the same.
        with pytest.raises(TransitionError):
            worklist.append(case_id, ADJUDICATED, "r1", {})
        assert len(other_record.events(kinds=[ADJUDICATED])) == 1


def test_of_readers_who_adjudicate_at_once_one_does_each_case(
    worklist: Worklist, where: str, add: Callable[..., str]
) -> None:
    ids = [add(f"case {number}") for number in range(10)]
    for case_id in ids:
        worklist.append(case_id, OPENED, "r1", {})

    def adjudicate_all(reader: str) -> int:
        done = 0
        with open_record(where) as record:
            own = Worklist(record)
            for case_id in ids:
                with suppress(TransitionError):
                    own.append(case_id, ADJUDICATED, reader, {})
                    done += 1
        return done

    with ThreadPoolExecutor(4) as readers:
        done = sum(readers.map(adjudicate_all, ["r1", "r2", "r3", "r4"]))
    assert done == len(worklist.record.events(kinds=[ADJUDICATED])) == len(ids)
    worklist.refresh()
    assert worklist.counts() == {State.SIGNED: len(ids)}
    assert worklist.problems == []


def test_a_signed_or_audited_case_says_so(worklist: Worklist, add: Callable[..., str]) -> None:
    for number in range(1000):
        case_id = add(f"case {number}")
        if is_drawn(case_id, worklist.record.id):
            break
    index(worklist, case_id)
    now = datetime.now(UTC)
    assert in_words(worklist.case(case_id), now).endswith("drawn for audit")
    worklist.append(case_id, OPENED, "r1", {})
    worklist.append(case_id, SIGNED, "r1", {})
    assert in_words(worklist.case(case_id), now).startswith("signed")


def test_a_change_that_cannot_be_is_not_recorded(
    worklist: Worklist, record: Record, add: Callable[..., str]
) -> None:
    case_id = add("case 1")
    before = record.head()
    with pytest.raises(TransitionError, match="new"):
        worklist.set_state(case_id, State.READY)
    with pytest.raises(WorklistError, match="case-none"):
        worklist.append("case-none", OPENED, "r1", {})
    assert record.head() == before


def test_an_event_that_does_not_fit_is_said_and_hides_no_case(
    worklist: Worklist, record: Record, add: Callable[..., str]
) -> None:
    case_id = add("case 1")
    record.append(case_id, STATE, "", {"state": "signed"})
    record.append(case_id, REPLACED, "r1", {"slide": 7, "path": "/x", "slide_id": None})
    record.append("case-none", OPENED, "r1", {})
    worklist.refresh()
    assert len(worklist.problems) == 3
    assert worklist.case(case_id).state is State.NEW
    assert len(worklist.cases()) == 1


def test_a_replaced_slide_and_changes_are_taken_over(worklist: Worklist, add: Callable[..., str]) -> None:
    case_id = add("case 1", site="colon")
    index(worklist, case_id, findings=1, highest=0.9)
    worklist.append(case_id, REPLACED, "r1", {"slide": 0, "path": "/new.svs", "slide_id": "ab"})
    case = worklist.case(case_id)
    assert case.slides == (CaseSlide("/new.svs", "ab", "colon"),)
    assert (case.state, case.findings) == (State.NEW, None)
    worklist.change(case_id, "r1", question="Grade?", slides=[CaseSlide("/new.svs", "cd")])
    case = worklist.case(case_id)
    assert case.slides == (CaseSlide("/new.svs", "cd"),)
    assert titles(worklist, text="grade") == ["case 1"]


def test_an_erased_case_is_gone(worklist: Worklist, record: Record, add: Callable[..., str]) -> None:
    case_id = add("case 1")
    record.append(case_id, "erased", "r1", {"events": [1]})
    assert worklist.refresh() == {case_id}
    assert worklist.cases() == Worklist(record).cases() == []


def test_adding_the_same_slides_again_adds_nothing(worklist: Worklist, record: Record) -> None:
    new = [NewCase("a", (CaseSlide("/a.svs"),), place="l, line 2"), NewCase("b", (CaseSlide("/b.svs"),))]
    assert worklist.add(new[:1], "r1").known == 0
    added = worklist.add(new, "r1")
    assert (len(added.ids), added.known) == (1, 1)
    before = record.head()
    other = NewCase("a", (CaseSlide("/other.svs"),), place="list.csv, line 3")
    with pytest.raises(WorklistError, match=r"list\.csv, line 3.*'a'"):
        worklist.add([NewCase("c", (CaseSlide("/c.svs"),)), other], "r1")
    assert record.head() == before
