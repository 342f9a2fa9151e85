"""The query panel: query line, remarks, weights, progress, notes and the tabs of results."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.overlays.analysis_bar import AnalysisBar
from viewer.ui.search import strings
from viewer.ui.search.examples import ExamplesBox
from viewer.ui.search.explanation import ExplainCard
from viewer.ui.search.hit_list import HitList
from viewer.ui.search.query_box import QueryBox
from viewer.ui.search.weight_editor import WeightEditor
from viewer.ui.widgets.limited_scroll_area import LimitedHeightScrollArea, breakable
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QResizeEvent

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.ui.search.hit_list import HitRow
    from viewer.ui.search.search_state import Question
    from viewer.ui.widgets.theme import ThemeKeeper

_PIXEL_SIZE_LINK = "set-pixel-size"
_AREAS_PER_HEIGHT = 6
"""Remarks, weights and notes each take at most 1/6 of the panel's height."""


class QueryPanel(QWidget):
    """Widgets and their arrangement; ``SearchController`` connects them to the session."""

    link_pressed = Signal(str)
    """A suggested query, to be searched for."""
    pixel_size_pressed = Signal()
    encoder_chosen = Signal(str)
    encoder_facts_pressed = Signal()

    def __init__(
        self,
        themes: ThemeKeeper,
        *,
        completions: Callable[[str], Sequence[str]],
        history: Callable[[], Sequence[str]],
        tabs: Sequence[tuple[str, QWidget]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.QUERY)
        self._themes = themes
        self.box = QueryBox(completions, history)
        self.saved = _tool(strings.SAVED_QUERIES, strings.SAVED_QUERIES_TIP)
        self.saved.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.encoder = QComboBox()
        self.encoder.setAccessibleName(strings.ENCODER_NAME)
        self.encoder.setToolTip(strings.ENCODER_TIP)
        self.encoder.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.encoder.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.encoder.activated.connect(lambda _row: self.encoder_chosen.emit(self.encoder.currentData()))
        self.encoder_facts = _tool(strings.ENCODER_FACTS_NAME, strings.ENCODER_FACTS_TIP)
        self.encoder_facts.clicked.connect(self.encoder_facts_pressed)
        self.problems = _linked_label(strings.PROBLEMS_NAME)
        self.problems.linkActivated.connect(self.link_pressed)
        self.weights = WeightEditor()
        self._problems_area = LimitedHeightScrollArea(self.problems)
        self._weights_area = LimitedHeightScrollArea(self.weights)
        self.bar = AnalysisBar(strings.STOP_TIP)
        self.notes = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.notes.setAccessibleName(strings.NOTES_NAME)
        self._notes_area = LimitedHeightScrollArea(self.notes)
        self.hits = HitList()
        self.empty = _linked_label(strings.NO_PLACES_NAME)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.empty.setMargin(em_px(0.3))
        self.empty.linkActivated.connect(self._empty_link)
        self._places = QStackedWidget()
        self._places.addWidget(self.empty)
        self._places.addWidget(self._with_steps(self.hits))
        self.why = ExplainCard()
        self.examples = ExamplesBox()
        self.tabs = QTabWidget()
        for named in (self.tabs, self.tabs.tabBar()):
            named.setAccessibleName(strings.RESULTS)
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(True)
        for title, page in (
            (strings.PLACES_TAB, self._places),
            (strings.WHY_TAB, _scrolled(self.why)),
            (strings.SIMILAR_TAB, self.examples),
            *tabs,
        ):
            self.tabs.addTab(page, title)
        self._lay_out()
        themes.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_encoders(self, cards: Sequence[EncoderCard], current: str) -> None:
        """List the encoders, and select the one in use."""
        self.encoder.clear()
        for card in cards:
            self.encoder.addItem(card.title, card.id)
        self.encoder.setCurrentIndex(max(0, self.encoder.findData(current)))

    def show_question(self, question: Question) -> None:
        """Show the query, remarks about it, its weights and its examples."""
        if self.box.text() != question.text:
            self.box.show_asked(question.text)
        self.weights.show_query(question.query, edited=question.edited)
        before: QWidget = self.problems
        for widget in self.weights.in_tab_order:  # new widgets, which Qt has put last
            QWidget.setTabOrder(before, widget)
            before = widget
        self._weights_area.setVisible(self.weights.has_sliders)
        self.problems.setText(problems_as_html(question))
        self._problems_area.setVisible(bool(self.problems.text()))
        self.examples.show_examples(question.examples)

    def show_rows(self, rows: list[HitRow], *, empty_html: str) -> None:
        """Show the places, or ``empty_html`` where there are none."""
        self.hits.show_rows(rows)
        self.empty.setText(empty_html)
        self._places.setCurrentIndex(1 if rows else 0)
        self._count_places()

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show the notes of the analysis of this slide."""
        self.notes.setText(breakable("\n".join(strings.NOTE.format(text=note) for note in notes)))
        self._notes_area.setVisible(bool(notes))

    def show_why(self) -> None:
        """Bring the explanation to the front."""
        self.tabs.setCurrentIndex(1)

    def show_similar(self) -> None:
        """Bring the examples to the front."""
        self.tabs.setCurrentWidget(self.examples)

    def focus_box(self) -> None:
        """Focus the query line and select its text."""
        self.box.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.box.selectAll()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Limit remarks, weights and notes, so that the places keep room in a low window."""
        super().resizeEvent(event)
        for area in (self._problems_area, self._weights_area, self._notes_area):
            area.set_max_height(max(em_px(3), self.height() // _AREAS_PER_HEIGHT))

    def _with_steps(self, hits: HitList) -> QWidget:
        """The list with buttons below that go from place to place."""
        self.previous = _tool(strings.PREVIOUS_PLACE, strings.PREVIOUS_PLACE_TIP)
        self.next = _tool(strings.NEXT_PLACE, strings.NEXT_PLACE_TIP)
        self._count = QLabel()
        self.previous.clicked.connect(lambda: hits.step(-1))
        self.next.clicked.connect(lambda: hits.step(1))
        hits.selectionModel().currentChanged.connect(lambda *_indexes: self._count_places())
        steps = QHBoxLayout()
        steps.addWidget(self.previous)
        steps.addWidget(self._count, 1, Qt.AlignmentFlag.AlignCenter)
        steps.addWidget(self.next)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(hits, 1)
        layout.addLayout(steps)
        return page

    def _count_places(self) -> None:
        row, count = self.hits.current_row, len(self.hits.hits.rows)
        places = strings.ONE_PLACE if count == 1 else strings.PLACE_COUNT.format(count=count)
        if row is not None:
            places = strings.PLACE_NUMBER.format(number=row.number, places=places)
        self._count.setText(places)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.box, 1)
        line.addWidget(self.saved)
        model = QHBoxLayout()
        model.addWidget(self.encoder, 1)
        model.addWidget(self.encoder_facts)
        layout = QVBoxLayout(self)
        margin = em_px(0.4)
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(em_px(0.35))
        layout.addLayout(line)
        layout.addLayout(model)
        layout.addWidget(self._problems_area)
        layout.addWidget(self._weights_area)
        layout.addWidget(self.bar)
        layout.addWidget(self._notes_area)
        layout.addWidget(self.tabs, 1)
        for area in (self._weights_area, self._problems_area, self._notes_area):
            area.hide()
        # Showing the bar must not widen the panel, or the slide beside it would jump.
        self.setMinimumWidth(self.bar.minimumSizeHint().width() + 2 * margin)

    def _apply_theme(self) -> None:
        for label in (self.problems, self.empty):  # a label keeps the link colour of when its text was set
            text = label.text()
            label.clear()
            label.setText(text)
        self.saved.setIcon(self._themes.icon("star"))
        self.previous.setIcon(self._themes.icon("previous_hit"))
        self.next.setIcon(self._themes.icon("next_hit"))
        self.encoder_facts.setIcon(self._themes.icon("information"))

    def _empty_link(self, link: str) -> None:
        if link == _PIXEL_SIZE_LINK:
            self.pixel_size_pressed.emit()
        else:
            self.link_pressed.emit(link)


def problems_as_html(question: Question) -> str:
    """Remarks about the query with the nearest known terms as links, or why the encoder cannot answer."""
    lines = []
    for problem in question.problems:
        line = escape(breakable(problem.sentence))
        if problem.nearest:
            line = strings.TRY.format(problem=line, queries=_links(problem.nearest))
        lines.append((strings.NOTE if problem.note else strings.WARNING).format(text=line))
    has_warning = any(not problem.note for problem in question.problems)
    if question.refused and not has_warning:
        lines.append(strings.WARNING.format(text=escape(breakable(question.refused))))
    return _paragraphs(*lines)


def empty_html(
    question: Question,
    *,
    slide_open: bool,
    pixel_size_known: bool,
    answered: bool,
    running: bool,
    done: bool,
) -> str:
    """The text in place of the list while there are no places: why, and what to do."""
    if not slide_open:
        return _paragraphs(strings.OPEN_A_SLIDE)
    examples = _links(strings.EXAMPLE_QUERIES)
    if question.query is None:
        if question.problems:
            return _paragraphs(strings.UNSEARCHABLE.format(queries=examples))
        return _paragraphs(strings.TYPE_A_QUERY.format(queries=examples), strings.NOT_A_DIAGNOSIS)
    if not pixel_size_known:
        link = f'<a href="{_PIXEL_SIZE_LINK}">{strings.SET_PIXEL_SIZE}</a>'
        return _paragraphs(strings.NEEDS_PIXEL_SIZE, link)
    if question.refused:
        return _paragraphs(strings.REFUSED)
    if not running:
        return _paragraphs(strings.STOPPED_WITHOUT_PLACE if answered else strings.STOPPED_WITHOUT_ANSWER)
    if not answered:
        return _paragraphs(strings.SEARCHING)
    return _paragraphs(strings.NO_PLACE if done else strings.NO_PLACE_YET)


def _paragraphs(*html: str) -> str:
    return "".join(f"<p>{text}</p>" for text in html)


def _links(texts: Sequence[str]) -> str:
    return ", ".join(f'<a href="{escape(text, quote=True)}">{escape(text)}</a>' for text in texts)


def _linked_label(name: str) -> QLabel:
    label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText)
    label.setAccessibleName(name)
    flags = Qt.TextInteractionFlag
    label.setTextInteractionFlags(flags.LinksAccessibleByMouse | flags.LinksAccessibleByKeyboard)
    return label


def _scrolled(content: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setAccessibleName(content.accessibleName())
    return area


def _tool(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setAccessibleName(name)
    button.setToolTip(tip)
    return button
