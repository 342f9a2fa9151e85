"""The panel of the case that is read: what it is, its questions, its findings, its signature."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.text import shortened
from viewer.ui.review import strings
from viewer.ui.review.finding_list import FindingList
from viewer.ui.review.opinion_form import OpinionForm
from viewer.ui.review.sign_page import SignPage
from viewer.ui.widgets.limited_scroll_area import scrolled
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_TITLE, _MOST_FACTS = 160, 1000
"""Characters; the whole text stands in the tooltip."""


class ReadingPanel(QWidget):
    """``slide_chosen``: the number of a slide of the case, from 0."""

    worklist_pressed = Signal()
    slide_chosen = Signal(int)
    leave_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.READING)
        self.opinion, self.findings, self.sign = OpinionForm(), FindingList(), SignPage()
        empty = QWidget()
        hint = QLabel(strings.NO_CASE, wordWrap=True)
        hint.setProperty("muted", True)
        worklist = QPushButton(strings.OPEN_WORKLIST)
        worklist.clicked.connect(self.worklist_pressed)
        column = QVBoxLayout(empty)
        column.addWidget(hint)
        column.addWidget(worklist, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self._title = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._title.setProperty("heading", True)
        self._facts = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._facts.setProperty("muted", True)
        for label in (self._title, self._facts):  # a long word does not widen the panel
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._slides = QComboBox()
        self._slides.setAccessibleName(strings.SLIDES)
        self._slides.activated.connect(self.slide_chosen)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for named in (self.tabs, self.tabs.tabBar()):
            named.setAccessibleName(strings.READING)
        for page, title in (
            (self.opinion, strings.OPINION),
            (self.findings, strings.FINDINGS),
            (self.sign, strings.SIGN),
        ):
            area = scrolled(page)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.tabs.addTab(area, title)
        research = QLabel(RESEARCH_USE_STATEMENT, wordWrap=True)
        research.setProperty("muted", True)
        case = QWidget()
        column = QVBoxLayout(case)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self._title, self._facts, self._slides):
            column.addWidget(widget)
        column.addWidget(self.tabs, 1)
        column.addWidget(research)
        self._pages = QStackedWidget()
        self._pages.addWidget(empty)
        self._pages.addWidget(case)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(em_px(0.4), em_px(0.4), em_px(0.4), em_px(0.4))
        layout.addWidget(self._pages)

    def show_case(self, title: str, facts: str, slides: Sequence[str], current: int) -> None:
        """Show a case and the names of its slides; without a title, that none is open."""
        self._pages.setCurrentIndex(1 if title else 0)
        for label, text, most in ((self._title, title, _MOST_TITLE), (self._facts, facts, _MOST_FACTS)):
            label.setText(shortened(text, most))
            label.setToolTip("" if len(text) <= most else f"<qt>{escape(text)}</qt>")
        self._facts.setVisible(bool(facts))
        self._slides.clear()
        self._slides.addItems(list(slides))
        self._slides.setCurrentIndex(current)
        self._slides.setVisible(len(slides) > 1)

    def show_page(self, page: QWidget) -> None:
        """Turn to one of the pages."""
        for index in range(self.tabs.count()):
            area = self.tabs.widget(index)
            if isinstance(area, QScrollArea) and area.widget() is page:
                self.tabs.setCurrentIndex(index)

    def show_counts(self, findings: int, open_points: int) -> None:
        """Show in the tabs how many findings and open points there are."""
        for index, (title, count) in enumerate(
            ((strings.OPINION, 0), (strings.FINDINGS, findings), (strings.SIGN, open_points))
        ):
            self.tabs.setTabText(
                index, strings.TAB_WITH_COUNT.format(title=title, count=count) if count else title
            )
