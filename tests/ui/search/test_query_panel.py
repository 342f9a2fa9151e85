"""The query panel as a whole: what stands above the places leaves them room, and is not cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QScrollArea, QSlider, QWidget

from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.ui.search.query_panel import QueryPanel
from viewer.ui.search.search_state import Question
from viewer.ui.widgets.theme import ThemeKeeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


def _question(text: str) -> Question:
    parsed = parse(text, load_lexicon())
    return Question(text, parsed.query, parsed.query, parsed.problems)


@pytest.fixture
def themes(qapp: QApplication) -> Iterator[ThemeKeeper]:
    themes = ThemeKeeper("light", qapp)
    yield themes
    themes.choose("light")


@pytest.fixture
def panel(qtbot: QtBot, themes: ThemeKeeper) -> QueryPanel:
    panel = QueryPanel(themes, completions=lambda _text: (), history=lambda: ())
    qtbot.add_widget(panel)
    panel.resize(280, 800)
    with qtbot.wait_exposed(panel):
        panel.show()
    return panel


def _area_of(content: QWidget) -> QScrollArea:
    viewport = content.parentWidget()
    area = None if viewport is None else viewport.parentWidget()
    assert isinstance(area, QScrollArea)
    return area


def test_the_weights_of_a_query_just_read_are_seen_whole(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.show_question(_question("glands near fat"))
    area = _area_of(panel.weights)
    qtbot.wait_until(lambda: len(panel.weights.findChildren(QSlider)) > 0)
    qtbot.wait_until(lambda: area.height() >= panel.weights.sizeHint().height())
    assert area.verticalScrollBar().maximum() == 0


def test_many_remarks_are_scrolled_and_the_places_keep_their_room(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.resize(280, 430)
    least = panel.minimumSizeHint().height()
    panel.show_question(_question(" or ".join(f"word{number}" for number in range(6)) + " or fat"))
    panel.show_notes(["The stain is not H&E."] * 8)
    qtbot.wait_until(lambda: _area_of(panel.problems).verticalScrollBar().maximum() > 0)
    assert _area_of(panel.notes).verticalScrollBar().maximum() > 0
    assert panel.tabs.height() > panel.height() // 4
    assert panel.tabs.geometry().bottom() <= panel.height()
    assert panel.minimumSizeHint().height() < least + 100  # the window need not grow for them


def test_one_remark_is_seen_whole_with_no_gaps_round_it(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.show_question(_question("sheets of plasmacytoid cells around vessels"))
    remarks, weights = _area_of(panel.problems), _area_of(panel.weights)
    qtbot.wait_until(
        lambda: weights.y() > remarks.y() > 0 and remarks.height() == remarks.viewport().height()
    )
    assert remarks.verticalScrollBar().maximum() == 0
    assert weights.y() - remarks.geometry().bottom() < 20


def test_remarks_that_are_gone_take_no_room(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.show_question(Question())
    qtbot.wait_until(lambda: panel.tabs.y() > 0)
    top = panel.tabs.y()
    panel.show_question(_question("KRAS mutation"))
    qtbot.wait_until(lambda: panel.tabs.y() > top)
    panel.show_question(Question())
    qtbot.wait_until(lambda: panel.tabs.y() == top)


def test_the_panel_is_no_wider_while_an_analysis_runs(panel: QueryPanel, qtbot: QtBot) -> None:
    least = max(panel.minimumWidth(), panel.minimumSizeHint().width())
    panel.bar.begin()
    qtbot.wait_until(lambda: panel.tabs.y() > panel.bar.y() > 0)
    assert panel.minimumSizeHint().width() <= least


def test_long_words_and_paths_are_not_cut(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.show_notes(
        [f"What is measured is not kept: /home/reader/{'3ccb9c0afcb6' * 6}.h5: the disk is full."]
    )
    panel.show_question(_question(f"{'lymphocyte' * 15} or fat"))
    for content in (panel.notes, panel.problems, panel.weights):
        area = _area_of(content)
        qtbot.wait_until(lambda area=area: area.isVisible() and area.height() > 0)
        assert content.minimumSizeHint().width() <= area.viewport().width()


def test_links_follow_the_theme(panel: QueryPanel, themes: ThemeKeeper) -> None:
    panel.show_question(_question("KRAS mutation"))
    themes.choose("dark")
    image = panel.problems.grab().toImage()
    wanted = panel.problems.palette().color(QPalette.ColorRole.Link).rgb()
    seen = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert wanted in seen
