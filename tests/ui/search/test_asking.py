"""From Enter to the answer in the real window: refusals, offers, progress, and where the keyboard is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from tests.ui.children import child
from tests.ui.search.query_window import answered, ask
from viewer.overlay.strings import ALL_ANALYSED
from viewer.relevance.query import strings as query_strings
from viewer.relevance.query.tree import Term
from viewer.relevance.worker.messages import Note, Progress, Refused, TermsMatched
from viewer.ui.overlays import strings as overlay_strings
from viewer.ui.overlays.askable import AskableDialog
from viewer.ui.search import strings

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow

WARNING_SIGN = strings.WARNING.format(text="").strip()


def test_an_unmeasurable_term_offers_what_can_be_asked(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "KRAS mutation")
    panel = open_window.query.panel
    assert panel.box.hasFocus(), "to type something else"
    with qtbot.wait_signal(open_window.query.session.question_changed):
        clients[0].send_event(Refused(1, "measured concepts have no words"))
    assert "cannot be measured" in panel.empty.text
    assert panel.empty.text.count(WARNING_SIGN) == 1  # shown once
    child(panel.empty, QPushButton, "tumour epithelium").click()
    assert panel.box.text() == "tumour epithelium"
    assert open_window.query.session.question.refused == ""
    assert open_window.view.canvas.native.hasFocus()


def test_a_refusal_takes_the_place_of_the_places_and_nothing_is_said_to_be_analysed(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    panel = open_window.query.panel
    clients[0].send_event(Progress(9, 9, 0, None, False))
    qtbot.wait_until(lambda: ALL_ANALYSED in panel.bar.words)
    panel.show_why()
    ask(qtbot, open_window, "Wo sind Plasmazellen?")
    assert panel.empty.isVisible()
    assert not panel.hits.isVisible()
    assert "cannot be measured" in panel.empty.text
    assert "German" in panel.empty.text
    assert panel.empty.queries[0] == "lymphocytes"
    assert panel.bar.words == overlay_strings.QUERY_NOT_ANALYSED
    clients[0].send_event(Progress(9, 9, 0, None, False))
    clients[0].send_event(Note("marker"))
    qtbot.wait_until(lambda: "marker" in panel.remarks.text())
    assert panel.bar.words == overlay_strings.QUERY_NOT_ANALYSED
    assert not open_window.overlays.active.fields.has_present


def test_what_an_unknown_word_may_mean_is_offered_and_not_searched_for(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "greasy stuff")
    panel = open_window.query.panel
    assert query_strings.UNKNOWN_TERM.format(text="greasy stuff") in panel.empty.text
    assert "fat" not in panel.empty.queries
    with qtbot.wait_signal(open_window.query.session.question_changed):
        clients[0].send_event(TermsMatched(1, (("greasy stuff", "fat"),)))
    assert panel.box.text() == "greasy stuff"
    assert not panel.weights.has_sliders
    child(panel.empty, QPushButton, "fat").click()
    assert panel.box.text() == "fat"
    assert clients[0].queries[-1] == Term("fat", (("adipose_tissue", 1.0),))


def test_progress_and_pause(qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]) -> None:
    ask(qtbot, open_window, "fat")
    clients[0].send_event(Progress(1, 6, 0, 3.0, False))
    qtbot.wait_until(lambda: "1 of 6 patches" in open_window.query.panel.bar.words)
    assert open_window.actions_["pause"].isEnabled()
    open_window.actions_["pause"].trigger()
    assert clients[0].requests[-1] == ("paused", True)
    panel = open_window.query.panel
    child(panel.bar, QPushButton, overlay_strings.STOP).click()
    assert clients[0].closed
    assert panel.bar.words == strings.STOPPED
    assert open_window.actions_["pause"].isChecked()
    child(panel.bar, QPushButton, overlay_strings.RESUME).click()
    assert len(clients) == 2
    assert clients[1].queries == clients[0].queries
    assert panel.bar.words == overlay_strings.STARTING
    clients[1].send_event(Progress(2, 6, 0, 3.0, False))
    qtbot.wait_until(lambda: "2 of 6 patches" in panel.bar.words)
    child(panel.bar, QPushButton, overlay_strings.STOP).click()
    open_window.actions_["pause"].trigger()
    assert len(clients) == 3


def test_after_enter_the_slide_has_the_keyboard(qtbot: QtBot, open_window: MainWindow) -> None:
    ask(qtbot, open_window, "fat")
    assert open_window.view.canvas.native.hasFocus()
    open_window.actions_["find"].trigger()
    assert open_window.query.panel.box.hasFocus()
    assert open_window.query.panel.box.selectedText() == "fat"


@pytest.mark.filterwarnings("ignore:.*setActiveWindow:DeprecationWarning")  # nothing else acts for it
def test_suggestions_that_become_active_late_leave_the_keyboard_to_the_slide(
    qtbot: QtBot, open_window: MainWindow
) -> None:
    """After fast typing the window system activates the list when it is closed already, then the window."""
    open_window.actions_["find"].trigger()
    qtbot.keyClicks(open_window.query.panel.box, "lym")
    suggestions = QApplication.activePopupWidget()
    assert suggestions is not None
    qtbot.keyClicks(suggestions, "phocytes")
    qtbot.keyClick(suggestions, Qt.Key.Key_Return)
    for active in (suggestions, open_window):
        QApplication.setActiveWindow(active)
    assert open_window.view.canvas.native.hasFocus()


@pytest.mark.parametrize("text", ["KRAS mutation", "melanosis"])
def test_tab_goes_from_the_tabs_to_what_can_be_asked_instead(
    qtbot: QtBot, open_window: MainWindow, text: str
) -> None:
    ask(qtbot, open_window, text)
    panel = open_window.query.panel
    panel.tabs.tabBar().setFocus()
    for query in panel.empty.queries:
        open_window.focusNextChild()
        assert open_window.focusWidget() is child(panel.empty, QPushButton, query)


def test_without_a_slide_the_line_keeps_the_keyboard(
    qtbot: QtBot,
    clients: list[FakeClient],  # noqa: ARG001  # before the window, which makes them
    window: MainWindow,
) -> None:
    ask(qtbot, window, "fat")
    assert window.query.panel.box.hasFocus()


def test_the_answer_to_another_question_begins_with_no_place_marked(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    panel = open_window.query.panel
    open_window.actions_["next_hit"].trigger()
    assert panel.hits.current_row is not None
    ask(qtbot, open_window, "blood")
    answered(qtbot, open_window, clients[0], 2)
    assert panel.hits.current_row is None


def test_what_can_be_asked_is_listed_and_asks(open_window: MainWindow, clients: list[FakeClient]) -> None:
    open_window.actions_["find"].trigger()
    open_window.query.panel.askable.click()
    dialog = open_window.findChild(AskableDialog)
    assert isinstance(dialog, AskableDialog)
    dialog.asked.emit("necrosis")
    assert open_window.query.panel.box.text() == "necrosis"
    assert len(clients[0].queries) == 1
    dialog.close()
