"""The query panel as a whole: what comes and goes has its place, and nothing is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea, QSlider, QWidget

from tests.ui.children import child
from viewer.relevance.patches.peaks import Hit
from viewer.relevance.patches.progress import StageProgress
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.worker.messages import Progress
from viewer.slide.geometry import Rect
from viewer.ui.search import strings
from viewer.ui.search.advice_page import Advice
from viewer.ui.search.hit_list import HitRow
from viewer.ui.search.query_panel import QueryPanel
from viewer.ui.search.search_state import Question
from viewer.ui.widgets.limited_scroll_area import YieldingArea
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


def _tops(panel: QueryPanel) -> list[int]:
    """Where what can be pressed stands."""
    parts = (panel.box, panel.encoder, panel.bar, panel.tabs, panel.remarks)
    return [part.mapTo(panel, part.rect().topLeft()).y() for part in parts]


def _row(number: int) -> HitRow:
    return HitRow(number, Hit(Rect(number * 500.0, 0, 100, 100), 0.9, (number * 500.0, 50)), "somewhere")


def _area_of(content: QWidget) -> QScrollArea:
    viewport = content.parentWidget()
    area = None if viewport is None else viewport.parentWidget()
    assert isinstance(area, QScrollArea)
    return area


def test_nothing_moves_whatever_is_asked_and_said(panel: QueryPanel, qtbot: QtBot) -> None:
    qtbot.wait_until(lambda: panel.tabs.y() > 0)
    tops = _tops(panel)
    for text in (
        "KRAS mutation",
        "glands near fat",
        "",
        " or ".join(f"word{n}" for n in range(6)) + " or fat",
    ):
        panel.show_question(_question(text))
        panel.show_notes(["The stain is not H&E."] * len(text))
        panel.show_rows([_row(number) for number in range(1, 1 + len(text))], (), anew=True)
        panel.bar.begin()
        panel.bar.show_progress(Progress(10, 100, 3, 5.0, False, regions=StageProgress(3, 40)))
        panel.bar.end("Stopped. " * 20)
        panel.bar.show_progress(Progress(100, 100, 0, 0, False))
        QApplication.processEvents()
        assert _tops(panel) == tops


def test_the_least_width_is_the_same_while_an_analysis_runs(panel: QueryPanel) -> None:
    least = max(panel.minimumWidth(), panel.minimumSizeHint().width())
    panel.bar.begin()
    panel.show_rows([_row(number) for number in range(1, 99)], (), anew=True)
    panel.hits.setCurrentIndex(panel.hits.hits.index(0))
    panel.show_rows([_row(number) for number in range(200, 400)], (), anew=False)
    assert panel.new_places.isVisible()
    QApplication.processEvents()
    assert max(panel.minimumWidth(), panel.minimumSizeHint().width()) <= least


def test_six_places_are_seen_beside_remarks(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.resize(panel.width(), 880)  # in a window of 1600 × 1000
    panel.show_question(_question("Nekrose ohne Blut"))
    panel.show_rows([_row(number) for number in range(1, 20)], (), anew=True)
    view = panel.hits.viewport()
    qtbot.wait_until(lambda: view.height() > 0)
    assert panel.hits.visualRect(panel.hits.hits.index(5)).bottom() <= view.height()


def test_how_a_query_was_read_stands_below_the_places(panel: QueryPanel) -> None:
    panel.show_question(_question("Nekrose ohne Blut"))
    assert "German" in panel.remarks.text()
    panel.show_notes(["The stain is not H&E."])
    assert panel.remarks.text().index("German") < panel.remarks.text().index("H&E")
    panel.show_question(Question())
    assert "German" not in panel.remarks.text()


def test_many_remarks_are_scrolled(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.resize(280, 430)
    panel.show_notes(["The stain is not H&E."] * 8)
    qtbot.wait_until(lambda: _area_of(panel.remarks).verticalScrollBar().maximum() > 0)
    assert panel.tabs.height() > panel.height() // 4


def test_a_narrow_panel_of_its_least_height_does_not_scroll(qtbot: QtBot, themes: ThemeKeeper) -> None:
    panel = QueryPanel(themes, completions=lambda _text: (), history=lambda: ())
    area = YieldingArea(panel)
    qtbot.add_widget(area)
    area.resize(area.content_size)
    with qtbot.wait_exposed(area):
        area.show()
    panel.show_rows([], (Advice("Try what can be measured on this slide. " * 9, ("fat",)),), anew=True)
    panel.show_notes(["The stain is not H&E."] * 8)
    QApplication.processEvents()
    assert not area.verticalScrollBar().isVisible()


def test_long_words_and_paths_are_not_cut(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.show_notes(
        [f"What is measured is not kept: /home/reader/{'3ccb9c0afcb6' * 6}.h5: the disk is full."]
    )
    panel.show_question(_question(f"{'lymphocyte' * 15} or fat"))
    area = _area_of(panel.remarks)
    qtbot.wait_until(lambda: area.isVisible() and area.height() > 0)
    assert panel.remarks.minimumSizeHint().width() <= area.viewport().width()


def test_the_weights_of_a_query_stand_above_why(panel: QueryPanel, qtbot: QtBot) -> None:
    panel.show_question(_question("glands near fat"))
    panel.show_why()
    qtbot.wait_until(lambda: len(panel.weights.findChildren(QSlider)) == 2)
    qtbot.wait_until(lambda: panel.weights.isVisible() and panel.why.y() >= panel.weights.geometry().bottom())
    assert child(panel, QLabel, strings.WEIGHTS_HEADING).isVisible()
    panel.show_question(Question())
    assert not child(panel, QLabel, strings.WEIGHTS_HEADING).isVisible()


def test_a_long_suggestion_in_a_narrow_panel_ends_with_an_ellipsis(panel: QueryPanel, qtbot: QtBot) -> None:
    query = "adipose tissue without blood vessels within 200 µm of lymphocytes"
    panel.show_rows([], (Advice("Try:", (query,)),), anew=True)
    button = child(panel.empty, QPushButton, query)
    qtbot.wait_until(lambda: button.text().endswith("…"))
    assert button.fontMetrics().horizontalAdvance(button.text()) < button.width()
    assert button.toolTip() == query
    panel.resize(900, panel.height())
    qtbot.wait_until(lambda: button.text() == query)
    assert not button.toolTip()
