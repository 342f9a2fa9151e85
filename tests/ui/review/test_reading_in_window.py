"""A case read in the real window: what is locked, what is recorded, marks, keys, discordances, signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QPushButton

from tests.ui.review.conftest import WAIT_MS, proposed
from tests.ui.slide_files import write_slide
from viewer.review.database.erase import erase
from viewer.review.database.errors import RecordError
from viewer.review.reading.kinds import Answer, Kind, Mode
from viewer.review.worklist.state import State
from viewer.review.worklist.worklist import Worklist
from viewer.ui.review import strings
from viewer.ui.review.action_rows import ADVICE

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.ui.review.conftest import OpenCase
    from viewer.review.reading.reading import Reading
    from viewer.ui.review.reading_controller import ReadingController
    from viewer.ui.shell.main_window import MainWindow


def reading_of(window: MainWindow) -> Reading:
    session = window.review.reading.session
    assert session is not None
    return session.reading


def press(window: MainWindow, text: str) -> None:
    """Press a button of the last message."""
    buttons = window.messages.messages[-1].findChildren(QPushButton)
    next(button for button in buttons if button.text() == text).click()


def give_opinion(controller: ReadingController, abnormal: str = "yes") -> None:
    """Answer the questions of the general protocol, and record that."""
    form = controller.panel.opinion
    form.choose("abnormal", abnormal)
    form.choose("category", "inflammation" if abnormal == "yes" else "nothing abnormal")
    form.record.click()


def test_a_blinded_case_shows_nothing_of_the_program_before_the_opinion(
    open_case: OpenCase, requested: list[str]
) -> None:
    window = open_case()
    controller = window.review.reading
    assert requested == [reading_of(window).case]  # the program reads meanwhile
    assert not window.docks["reading"].isHidden()
    proposed(window, (300, 200))
    assert controller.panel.findings.lines == []
    for name in ADVICE:
        assert not window.actions_[name].isEnabled()
        assert strings.LOCKED in window.actions_[name].toolTip() or name != "find"
    assert not controller.panel.opinion.reveal.isVisible()
    give_opinion(controller)
    assert controller.panel.findings.lines == []
    controller.panel.opinion.reveal.click()
    assert len(controller.panel.findings.lines) == 1
    assert window.actions_["find"].isEnabled()


@pytest.mark.parametrize("name", ["query", "attention"])
def test_a_panel_that_comes_back_with_room_for_it_stays_hidden(open_case: OpenCase, name: str) -> None:
    window = open_case()
    window.docks[name].show()  # as the docks do when a small window grows
    assert window.docks[name].isHidden()


def test_a_case_that_is_erased_while_it_is_open_is_closed(open_case: OpenCase) -> None:
    window = open_case()
    controller, worklist = window.review.reading, window.review.worklist
    assert worklist is not None
    case = reading_of(window).case
    erase(worklist.record, case, "r2", "withdrawn")
    controller.refresh()
    assert controller.session is None
    assert f"{case} was erased" in window.messages.messages[-1].text
    assert all(event.erased or event.kind == "erased" for event in worklist.record.events(case=case))


def test_a_record_that_is_locked_while_a_slide_opens_is_said(
    qtbot: QtBot, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_case("two slides")
    controller = window.review.reading

    def change(*_args: object, **_changes: object) -> None:
        raise RecordError("The record is locked.")

    monkeypatch.setattr(Worklist, "change", change)
    controller.panel.slide_chosen.emit(1)
    qtbot.wait_until(lambda: bool(window.messages.messages), timeout=WAIT_MS)
    assert window.messages.messages[-1].text == "The record is locked."
    window.actions_["mark_finding"].trigger()
    assert reading_of(window).marked == {}


def test_a_mark_on_a_slide_of_no_case_is_refused_with_a_word(
    qtbot: QtBot, open_case: OpenCase, case_folder: Path
) -> None:
    window = open_case()
    window.slides.open(str(case_folder / "b.tif"))
    qtbot.wait_until(lambda: window.review.reading.slides.slide_id is None, timeout=WAIT_MS)
    window.actions_["mark_finding"].trigger()
    assert reading_of(window).marked == {}
    assert window.status.currentMessage() == strings.NOT_MARKED


def test_a_long_title_does_not_widen_the_panel(open_case: OpenCase) -> None:
    panel = open_case().review.reading.panel
    before = panel.minimumSizeHint().width()
    panel.show_case("د" * 4000, "<b>長</b>" * 4000, [], -1)
    assert panel.minimumSizeHint().width() <= before


def test_the_first_opinion_is_in_the_record_and_a_change_beside_it(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    controller.panel.opinion.record.click()  # without answers
    assert reading_of(window).first is None
    assert "Answer these questions first" in window.messages.messages[-1].text
    give_opinion(controller)
    controller.panel.opinion.reveal.click()
    give_opinion(controller, "no")
    assert len(reading_of(window).opinions) == 1  # a change needs a reason
    controller.panel.opinion.reason.setText("seen again")
    give_opinion(controller, "no")
    first, last = reading_of(window).opinions
    assert first.answers["abnormal"] == "yes"
    assert (last.answers["abnormal"], last.reason) == ("no", "seen again")


def test_an_unaided_case_stays_locked(open_case: OpenCase, requested: list[str]) -> None:
    window = open_case(mode=Mode.UNAIDED)
    give_opinion(window.review.reading)
    assert not requested
    assert not window.actions_["find"].isEnabled()
    assert not window.review.reading.panel.opinion.reveal.isVisible()
    window.actions_["close_case"].trigger()
    assert window.actions_["find"].isEnabled()
    assert not window.actions_["mark_finding"].isEnabled()


def test_a_map_is_not_shown_while_the_case_is_blinded(open_case: OpenCase) -> None:
    window = open_case(mode=Mode.CONCURRENT)
    layers = window.overlays.active.layers
    window.query.session.ask("fat")
    assert window.query.has_query
    window.review.open_case(reading_of(window).case, "r2", Mode.BLINDED_FIRST)
    assert not window.query.has_query
    assert not layers.shows("query")
    assert window.docks["query"].isHidden()


def test_marks_are_recorded_named_and_taken_back(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    window.actions_["mark_finding"].trigger()
    window.view.setFocus()
    QTest.keyClick(window.view.canvas.native, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    labels = [finding.label for finding in reading_of(window).marked.values()]
    assert labels == ["", "necrosis"]
    window.actions_["frame_finding"].trigger()
    canvas = window.view.canvas.native
    start, end = canvas.rect().center(), canvas.rect().center() + canvas.rect().center() / 4
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(canvas, end)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)
    framed = list(reading_of(window).marked.values())[-1]
    assert len(framed.outline) == 4
    assert framed.extent.width > 0
    assert not window.actions_["frame_finding"].isChecked()
    controller.show_page("findings")
    controller.panel.findings.withdraw.click()
    assert len(reading_of(window).marked) == 2


def test_findings_are_answered_by_keys(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    first, second, third = proposed(window, (100, 100), (350, 250), (600, 400))
    give_opinion(controller)
    controller.panel.opinion.reveal.click()
    window.actions_["findings"].trigger()
    rows = controller.panel.findings.rows
    assert rows.hasFocus()
    assert controller.panel.findings.current == first
    QTest.keyClick(rows, Qt.Key.Key_A)
    QTest.keyClick(rows, Qt.Key.Key_D)
    QTest.keyClick(rows, Qt.Key.Key_U)
    answers = reading_of(window).answers
    assert [answers[one.id].answer for one in (first, second, third)] == [
        Answer.AGREE,
        Answer.DISAGREE,
        Answer.NOT_SURE,
    ]
    QTest.keyClick(rows, Qt.Key.Key_P)
    assert controller.panel.findings.current == third
    assert window.docks["navigator"].isVisible()  # N and A mean what they say in the list only


def test_open_points_are_settled_before_the_signature(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    proposed(window, (100, 100))
    controller.panel.findings.choose_label(1)
    window.actions_["mark_finding"].trigger()
    give_opinion(controller)
    controller.panel.opinion.reveal.click()
    window.actions_["sign"].trigger()
    page = controller.panel.sign
    assert page.points.count() == 1
    assert "You marked" in page.points.item(0).text()
    assert "not analysed: granuloma" in page.limits.text().lower()
    page.sign.click()
    assert reading_of(window).signature is None
    assert "One point is open" in window.messages.messages[-1].text
    page.points.setCurrentRow(0)
    page.defer.click()
    assert "deferred" in page.points.item(0).text()
    page.settle.click()
    assert "resolved" in page.points.item(0).text()
    page.sign.click()
    signature = reading_of(window).signature
    assert signature is not None
    assert window.actions_["find"].isEnabled()
    record = window.review.worklist.record if window.review.worklist is not None else None
    assert record is not None
    assert record.events(kinds=[Kind.SIGNED])[-1].payload["name"] == signature.name


def test_what_was_not_displayed_is_listed_before_the_signature(qtbot: QtBot, open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    proposed(window, (100, 100))
    give_opinion(controller)
    controller.panel.opinion.reveal.click()
    window.actions_["sign"].trigger()
    page = controller.panel.sign
    qtbot.wait_until(lambda: window.review.coverage.shares is not None, timeout=WAIT_MS)
    coverage = window.review.coverage.recorder.coverage
    assert coverage is not None
    coverage.seconds[:] = 0  # the whole of this small slide is displayed at 10x as it opens
    window.actions_["sign"].trigger()
    lines = [page.not_displayed.item(row).text() for row in range(page.not_displayed.count())]
    assert any("Tissue not displayed at 10x" in line for line in lines)
    page.not_displayed.itemActivated.emit(page.not_displayed.item(page.not_displayed.count() - 1))
    qtbot.wait_until(lambda: not window.view.camera.moving, timeout=WAIT_MS)


def test_a_case_goes_on_where_it_was_left(qtbot: QtBot, open_case: OpenCase) -> None:
    window = open_case("two slides")
    controller = window.review.reading
    first = controller.slides.slide_id
    controller.panel.slide_chosen.emit(1)
    qtbot.wait_until(lambda: controller.slides.slide_id not in (None, first), timeout=WAIT_MS)
    window.view.go_to(600, 400, downsample=1.0, instant=True)
    qtbot.wait_until(
        lambda: float(window.review.coverage.recorder.coverage.seconds.max()) > 0.2,  # type: ignore[union-attr]
        timeout=WAIT_MS,
    )
    window.actions_["mark_finding"].trigger()
    displayed = window.review.coverage.recorder.coverage
    assert displayed is not None
    seconds = displayed.seconds.copy()
    case = reading_of(window).case
    window.actions_["close_case"].trigger()
    window.view.close_slide()
    displayed.seconds[:] = 0  # as after a restart
    window.review.open_case(case, "r1", Mode.BLINDED_FIRST)
    qtbot.wait_until(lambda: controller.slides.slide_id not in (None, first), timeout=WAIT_MS)
    assert window.view.camera.view.centre_x == pytest.approx(600, abs=1)
    assert len(reading_of(window).marked) == 1
    restored = window.review.coverage.recorder.coverage
    assert restored is not None
    assert restored.seconds == pytest.approx(seconds, rel=0.05, abs=0.2)


def test_a_changed_slide_is_refused_with_a_choice(
    qtbot: QtBot, open_case: OpenCase, case_folder: Path
) -> None:
    window = open_case()
    controller = window.review.reading
    case = reading_of(window).case
    window.actions_["close_case"].trigger()
    window.view.close_slide()
    write_slide(case_folder / "a.tif", mpp_um=0.5, colour=(10, 200, 10))
    window.review.open_case(case, "r1", Mode.BLINDED_FIRST)
    qtbot.wait_until(lambda: bool(window.messages.messages), timeout=WAIT_MS)
    assert "a.tif is not the slide" in window.messages.messages[-1].text
    window.actions_["mark_finding"].trigger()
    assert reading_of(window).marked == {}
    press(window, strings.USE_CHANGED)
    assert controller.slides.slide_id is not None
    assert window.review.worklist is not None
    (event,) = window.review.worklist.record.events(kinds=[Kind.REPLACED])
    assert event.payload["slide_id"] == controller.slides.slide_id


def test_the_next_case_is_that_of_the_list(open_case: OpenCase) -> None:
    window = open_case("a")
    titles = []
    for _ in range(3):
        before = reading_of(window).case
        window.actions_["next_case"].trigger()
        assert reading_of(window).case != before
        assert window.review.worklist is not None
        titles.append(window.review.worklist.case(reading_of(window).case).title)
    assert titles == ["b", "c", "two slides"]
    window.actions_["next_case"].trigger()
    assert window.status.currentMessage() == strings.NO_FURTHER_CASE
    window.actions_["previous_case"].trigger()
    assert window.review.worklist is not None
    assert window.review.worklist.case(reading_of(window).case).title == "c"


def test_what_another_reader_signs_meanwhile_is_seen(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    give_opinion(controller)
    session = controller.session
    assert session is not None
    from viewer.review.reading.session import ReadingSession

    assert window.review.worklist is not None
    other = ReadingSession(window.review.worklist.record, session.case, "r2", session.protocol)
    other.open(Mode.UNAIDED, [])
    other.give_opinion({"abnormal": "no", "category": "nothing abnormal"}, None, 1.0)
    other.sign("R. Two", "mine", {})
    controller.refresh()
    window.actions_["sign"].trigger()
    lines = [controller.panel.sign.points.item(row).text() for row in range(2)]
    assert all("another reader said" in line for line in lines)
    assert "Two" not in "".join(lines)


@pytest.mark.parametrize("ending", [".html", ".xyz/report.html"])
def test_the_report_is_saved_or_why_not_is_said(
    qtbot: QtBot, open_case: OpenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    window = open_case()
    give_opinion(window.review.reading)
    file = tmp_path / f"report{ending}"
    if "/" in ending:
        file.parent.write_text("a file in the place of its folder")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(file), ""))
    window.actions_["report"].trigger()
    if "/" in ending:
        qtbot.wait_until(lambda: bool(window.messages.messages), timeout=WAIT_MS)
        assert str(file) in window.messages.messages[-1].text
        return
    qtbot.wait_until(lambda: window.status.currentMessage().startswith("Report saved"), timeout=3 * WAIT_MS)
    assert reading_of(window).case in file.read_text(encoding="utf-8")


def test_a_third_reader_adjudicates_in_the_window(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    assert controller.session is not None
    case = controller.session.case
    give_opinion(controller)
    controller.panel.opinion.reveal.click()
    window.review.open_case(case, "r2", Mode.UNAIDED)
    give_opinion(controller, "no")
    window.actions_["sign"].trigger()
    controller.panel.sign.sign.click()
    window.review.open_case(case, "r1", Mode.BLINDED_FIRST)
    page = controller.panel.sign
    for _ in range(2):
        page.points.setCurrentRow(0)  # open ones come first
        page.defer.click()
    window.actions_["sign"].trigger()
    page.sign.click()
    worklist = window.review.worklist
    assert worklist is not None
    worklist.refresh()
    assert worklist.case(case).state is State.DISCORDANT
    window.review.open_case(case, "r3", Mode.BLINDED_FIRST)
    window.actions_["sign"].trigger()
    assert page.sign.text() == strings.ADJUDICATE
    assert "said" not in page.others.text()  # not before an own opinion
    give_opinion(controller)
    assert page.others.text().count("said") == 2
    page.reason.setText("clear on the second slide")
    page.sign.click()
    assert reading_of(window).signature is not None
    worklist.refresh()
    assert worklist.case(case).state is State.SIGNED


def test_nothing_is_revealed_before_the_program_has_read(open_case: OpenCase) -> None:
    window = open_case()
    controller = window.review.reading
    give_opinion(controller)
    controller.panel.opinion.reveal.click()
    assert not reading_of(window).is_revealed
    assert strings.NOT_READ in window.messages.messages[-1].text
    controller.show_progress(reading_of(window).case, 0.4)
    controller.panel.opinion.reveal.click()
    assert "40 %" in window.messages.messages[-1].text
    window.actions_["mark_finding"].trigger()
    proposed(window, (100, 100))
    controller.panel.opinion.reveal.click()
    assert reading_of(window).is_revealed
    assert len(reading_of(window).before_reveal) == 1
