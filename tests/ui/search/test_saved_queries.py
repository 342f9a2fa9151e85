"""Saved queries and what was asked: kept in a file, offered in a menu, examples of one slide left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QInputDialog, QWidget

from viewer.common.paths import state_dir
from viewer.relevance.query.strings import NAME_MISSING
from viewer.relevance.query.tree import Like, Term
from viewer.ui.search import strings
from viewer.ui.search.saved_queries import SavedQueries
from viewer.ui.search.search_state import Example, Examples, Question

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

FAT = Term("fat", (("adipose_tissue", 0.5),))


@pytest.fixture
def questions() -> list[Question]:
    """The last one is the present one."""
    return [Question("fat", FAT, FAT)]


@pytest.fixture
def saved(qtbot: QtBot, questions: list[Question]) -> SavedQueries:
    window = QWidget()
    qtbot.add_widget(window)
    saved = SavedQueries(lambda: questions[-1], window)
    saved.keepalive = window  # type: ignore[attr-defined]
    return saved


def entries(saved: SavedQueries) -> list[str]:
    saved.fill()
    return [action.text() for action in saved.menu.actions() if action.text()]


def test_a_saved_query_comes_back_with_its_weights(saved: SavedQueries, questions: list[Question]) -> None:
    saved.keep("my fat & more")
    again = SavedQueries(lambda: questions[-1], saved.parent())  # type: ignore[arg-type]
    assert "my fat && more" in entries(again)
    chosen: list[object] = []
    again.chosen.connect(chosen.append)
    next(action for action in again.menu.actions() if action.text() == "my fat && more").trigger()
    assert chosen == [FAT]
    again.remove("my fat & more")
    assert strings.NO_SAVED_QUERIES in entries(again)


def test_a_name_is_requested_and_the_text_proposed(saved: SavedQueries) -> None:
    saved.fill()
    saved.menu.actions()[0].trigger()
    dialog = saved.parent().findChild(QInputDialog)
    assert isinstance(dialog, QInputDialog)
    assert dialog.textValue() == "fat"
    dialog.setTextValue("adipose")
    dialog.accept()
    assert "adipose" in entries(saved)


def test_an_empty_name_is_reported(saved: SavedQueries) -> None:
    messages: list[str] = []
    saved.failed.connect(messages.append)
    saved.keep("   ")
    assert messages == [NAME_MISSING]


def test_examples_and_nothing_cannot_be_saved(saved: SavedQueries, questions: list[Question]) -> None:
    like = Like(((0, 0),))
    questions.append(
        Question("", like, like, examples=Examples((Example(frozenset({(0, 0)}), True, "here"),)))
    )
    saved.fill()
    assert not saved.menu.actions()[0].isEnabled()
    questions.append(Question())
    saved.fill()
    assert not saved.menu.actions()[0].isEnabled()


def test_what_was_asked_is_kept_and_forgotten(saved: SavedQueries, questions: list[Question]) -> None:
    saved.remember("fat")
    saved.remember("blood")
    again = SavedQueries(lambda: questions[-1], saved.parent())  # type: ignore[arg-type]
    assert again.asked() == ("blood", "fat")
    again.fill()
    again.menu.actions()[-1].trigger()
    assert again.asked() == ()


def test_a_file_that_cannot_be_written_is_reported(saved: SavedQueries) -> None:
    reported: list[tuple[str, bool]] = []
    saved.not_saved.connect(lambda error, chosen: reported.append((str(error), chosen)))
    (state_dir() / "queries.json").mkdir(parents=True)
    saved.remember("fat")
    saved.keep("adipose")
    assert all("queries.json: not saved" in text for text, _ in reported)
    assert [chosen for _, chosen in reported] == [False, True]
