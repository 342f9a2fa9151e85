"""What can be asked: every entry of the lexicon by group, with its limits, and a line to search in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QLineEdit, QTextBrowser

from tests.ui.children import child
from viewer.relevance.encoders.composed import composed_file
from viewer.relevance.encoders.strings import COMPOSED_GROUP
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.relevance.query.lexicon import load_lexicon
from viewer.ui.overlays import strings
from viewer.ui.overlays.askable import AskableDialog, AskableList

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def askable(qtbot: QtBot) -> AskableList:
    askable = AskableList(load_lexicon(), can_ask=True)
    qtbot.add_widget(askable)
    return askable


def find(askable: AskableList, words: str) -> None:
    child(askable, QLineEdit, strings.FIND_TERM).setText(words)


def test_all_terms_stand_under_their_group_with_limits_or_why_they_cannot_be_measured(
    askable: AskableList,
) -> None:
    text = askable.text
    for entry in load_lexicon().entries:
        heading = text.index(f"\n{entry.group}\n")
        assert f"\n{entry.names[0]}" in text[heading:]
        note = strings.LIMITS.format(limits=entry.limits) if entry.limits else ""
        assert (note if entry.measurable else strings.NOT_MEASURABLE.format(why=entry.why)) in text


@pytest.mark.parametrize(
    ("words", "listed", "left_out"),
    [
        ("lymphoc", "lymphocytes", "adipose tissue"),
        ("tumour", "tumour epithelium", "adipose tissue"),
        ("Fettg", "adipose tissue", "lymphocytes"),
        ("sinir", "nerve", "adipose tissue"),
    ],
)
def test_a_term_is_found_by_its_names_in_any_language(
    askable: AskableList, words: str, listed: str, left_out: str
) -> None:
    find(askable, words)
    assert listed in askable.text
    assert left_out not in askable.text


def test_what_is_not_there_is_said(askable: AskableList) -> None:
    find(askable, "qqqq")
    assert askable.text.strip() == strings.NO_SUCH_TERM


def test_what_can_be_measured_is_asked_by_its_link(qtbot: QtBot, askable: AskableList) -> None:
    page = child(askable, QTextBrowser, strings.ASKABLE)
    find(askable, "sinir")
    assert "href" not in page.toHtml(), "nerve cannot be measured"
    find(askable, "adipose tissue")
    assert 'href="adipose tissue"' in page.toHtml()
    with qtbot.wait_signal(askable.asked) as asked:
        page.anchorClicked.emit(QUrl("adipose tissue"))
    assert asked.args == ["adipose tissue"]
    fixed = AskableList(load_lexicon(), can_ask=False)
    qtbot.add_widget(fixed)
    assert "href" not in child(fixed, QTextBrowser, strings.ASKABLE).toHtml()


def test_composed_concepts_have_a_group_with_their_rule_or_what_is_missing(qtbot: QtBot) -> None:
    composed_file().parent.mkdir(parents=True, exist_ok=True)
    composed_file().write_text("[odd]\nruel = 'fat'\n")
    askable = AskableList(lexicon_of("measured"), can_ask=True)
    qtbot.add_widget(askable)
    of_group = askable.text.partition(f"\n{COMPOSED_GROUP}\n")[2]
    assert "panniculitis · fat inflammation" in of_group
    assert "inflammation NEAR fat: inflammation in or beside mature fat. Cannot be told from" in of_group
    assert "metastasis" in of_group
    assert "does not name carcinoma" in of_group
    (problem,) = lexicon_of("measured").problems
    assert strings.PROBLEM.format(problem=problem) in of_group
    find(askable, "pannik")
    assert "panniculitis" in askable.text


def test_enter_closes_nothing(qtbot: QtBot) -> None:
    dialog = AskableDialog(load_lexicon())
    qtbot.add_widget(dialog)
    with qtbot.wait_active(dialog):
        dialog.show()
        dialog.activateWindow()
    qtbot.keyClick(child(dialog, QLineEdit, strings.FIND_TERM), Qt.Key.Key_Return)
    assert dialog.isVisible()
    qtbot.keyClick(child(dialog, QTextBrowser, strings.ASKABLE), Qt.Key.Key_Return)
    assert dialog.isVisible()
