"""The query line: Enter asks, Down offers what was asked, typing offers completions, Escape goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from viewer.relevance.query.tree import MAX_TEXT
from viewer.ui.search import strings
from viewer.ui.search.query_box import QueryBox

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

WORDS = ("lymphocytes", "lymphoid follicle", "necrosis")


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def box(qtbot: QtBot, asked: list[str]) -> QueryBox:
    box = QueryBox(lambda text: [word for word in WORDS if word.startswith(text)], lambda: ["fat", "blood"])
    box.asked.connect(asked.append)
    qtbot.add_widget(box)
    with qtbot.wait_active(box):
        box.show()
        box.activateWindow()
    box.setFocus()
    return box


def open_list() -> QWidget:
    """The list of suggestions, which takes the keys while it is open."""
    popup = QApplication.activePopupWidget()
    assert popup.accessibleName() == strings.SUGGESTIONS_NAME
    return popup


def test_enter_asks_without_spaces_around(qtbot: QtBot, box: QueryBox, asked: list[str]) -> None:
    qtbot.keyClicks(box, "  fat and blood ")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert asked == ["fat and blood"]
    assert box.text() == "fat and blood"


def test_typing_offers_completions_and_enter_on_a_row_takes_it_without_asking(
    qtbot: QtBot, box: QueryBox, asked: list[str]
) -> None:
    qtbot.keyClicks(box, "lym")
    assert box.suggestions == ["lymphocytes", "lymphoid follicle"]
    qtbot.keyClick(open_list(), Qt.Key.Key_Down)
    qtbot.keyClick(open_list(), Qt.Key.Key_Return)
    assert box.text() == "lymphocytes"
    assert asked == []
    assert box.suggestions == []
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert asked == ["lymphocytes"]


def test_enter_with_an_open_list_and_no_row_marked_asks_what_was_typed(
    qtbot: QtBot, box: QueryBox, asked: list[str]
) -> None:
    qtbot.keyClicks(box, "lym")
    qtbot.keyClick(open_list(), Qt.Key.Key_Return)
    assert asked == ["lym"]
    assert box.suggestions == []


def test_down_offers_what_was_asked_before(qtbot: QtBot, box: QueryBox) -> None:
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.suggestions == ["fat", "blood"]
    qtbot.keyClick(open_list(), Qt.Key.Key_Down)
    qtbot.keyClick(open_list(), Qt.Key.Key_Down)
    qtbot.keyClick(open_list(), Qt.Key.Key_Return)
    assert box.text() == "blood"


def test_escape_closes_the_list_then_undoes_typing_then_leaves(qtbot: QtBot, box: QueryBox) -> None:
    left: list[bool] = []
    box.leave_pressed.connect(lambda: left.append(True))
    box.ask("fat")
    box.selectAll()
    qtbot.keyClicks(box, "lym")
    qtbot.keyClick(open_list(), Qt.Key.Key_Escape)
    assert box.suggestions == []
    assert box.text() == "lym"
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == "fat"
    assert left == []
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert left == [True]


def test_the_clear_button_ends_the_query(box: QueryBox, asked: list[str]) -> None:
    box.ask("fat")
    clear = box.findChild(QAction, "_q_qlineeditclearaction")
    assert isinstance(clear, QAction)
    clear.trigger()
    assert asked == ["fat", ""]
    assert box.text() == ""


def test_absurdly_long_text_is_cut(box: QueryBox) -> None:
    box.setText("x" * 100_000)
    assert len(box.text()) == MAX_TEXT


def test_what_is_left_out_of_a_pasted_text_is_reported(qtbot: QtBot, box: QueryBox) -> None:
    QGuiApplication.clipboard().setText("fat or " * MAX_TEXT)
    box.paste()
    assert len(box.text()) == MAX_TEXT
    qtbot.wait_until(lambda: QToolTip.text() == strings.QUERY_TOO_LONG.format(most=MAX_TEXT))
    QToolTip.hideText()
