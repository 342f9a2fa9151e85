"""The query panel: query line, encoder, progress, tabs of results, remarks; each has its place for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.overlays import strings as strings_of_overlays
from viewer.ui.overlays.analysis_bar import AnalysisBar
from viewer.ui.search import strings
from viewer.ui.search.advice_page import AdvicePage
from viewer.ui.search.examples import ExamplesBox
from viewer.ui.search.explanation import ExplainCard
from viewer.ui.search.hit_list import HitList
from viewer.ui.search.query_box import QueryBox
from viewer.ui.search.weight_editor import WeightEditor
from viewer.ui.widgets.limited_scroll_area import breakable, scrolled
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QResizeEvent

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.ui.search.advice_page import Advice
    from viewer.ui.search.hit_list import HitRow
    from viewer.ui.search.search_state import Question
    from viewer.ui.widgets.theme import ThemeKeeper

_MARGIN_EM = 0.4
_REMARKS_PER_HEIGHT = 7
"""Remarks take this part of the panel's height."""


class QueryPanel(QWidget):
    """Widgets and their arrangement; ``SearchController`` connects them to the session."""

    query_pressed = Signal(str)
    """A suggested query, to be searched for."""
    pixel_size_pressed = Signal()
    askable_pressed = Signal()
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
        self.askable = _tool(strings_of_overlays.ASKABLE, strings.ASKABLE_TIP)
        self.askable.clicked.connect(self.askable_pressed)
        self.weights = WeightEditor()
        self.bar = AnalysisBar(strings.STOP_TIP, in_place=True)
        self.remarks = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.remarks.setAccessibleName(strings.REMARKS_NAME)
        self.remarks.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._remarks_area = scrolled(self.remarks)
        self._of_query: tuple[str, ...] = ()
        self._of_analysis: tuple[str, ...] = ()
        self.hits = HitList()
        self.empty = AdvicePage()
        self.empty.query_pressed.connect(self.query_pressed)
        self.empty.pixel_size_pressed.connect(self.pixel_size_pressed)
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
            (strings.WHY_TAB, scrolled(self._with_weights(self.why))),
            (strings.SIMILAR_TAB, self.examples),
            *tabs,
        ):
            self.tabs.addTab(page, title)
        self._lay_out()
        themes.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_encoders(self, cards: Sequence[EncoderCard], current: str) -> None:
        """List the encoders behind the choice of none, "", and select the one that was chosen."""
        self.encoder.clear()
        self.encoder.addItem(strings.BEST_FOR_EACH, "")
        for card in cards:
            self.encoder.addItem(card.title, card.id)
        self.encoder.setCurrentIndex(max(0, self.encoder.findData(current)))

    def show_question(self, question: Question) -> None:
        """Show the query, remarks about it, its weights and its examples."""
        if self.box.text() != question.text:
            self.box.show_asked(question.text)
        self.weights.show_query(question.query, edited=question.edited)
        self._put_after_tabs(self.weights.in_tab_order)
        self._weights_heading.setVisible(self.weights.has_sliders)
        self._of_query = _remarks_about(question)
        self._show_remarks()
        self.examples.show_examples(question.examples)

    def show_rows(
        self, rows: list[HitRow], advice: tuple[Advice, ...], *, anew: bool, verdict: str = ""
    ) -> None:
        """Show the places, from the top where they are those of a new question, below what must be known of
        them; without any ``advice``."""
        self.verdict.setText(verdict)
        self.verdict.setVisible(bool(verdict))
        self.hits.offer_rows(rows, anew=anew)
        self.empty.show_advice(advice)
        self._put_after_tabs(self.empty.in_tab_order)
        self._places.setCurrentIndex(1 if rows else 0)
        self._count_places()

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show the notes of the analysis of this slide."""
        self._of_analysis = tuple(strings.NOTE.format(text=note) for note in notes)
        self._show_remarks()

    def show_places(self) -> None:
        """Bring the places, or why there are none, to the front."""
        self.tabs.setCurrentIndex(0)

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

    def minimumSizeHint(self) -> QSize:
        """What other panels give way for; it can be shown in ``minimumWidth``, which is less."""
        width_px = self.bar.beside_px + 2 * em_px(_MARGIN_EM)
        return QSize(width_px, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the remarks their part of the height."""
        super().resizeEvent(event)
        self._remarks_area.setFixedHeight(max(em_px(3), self.height() // _REMARKS_PER_HEIGHT))

    def _put_after_tabs(self, widgets: Sequence[QWidget]) -> None:
        """In the order of Tab, where Qt puts new widgets last."""
        before: QWidget = self.tabs.tabBar()
        for widget in widgets:
            QWidget.setTabOrder(before, widget)
            before = widget

    def _show_remarks(self) -> None:
        remarks = (*self._of_query, *self._of_analysis)
        self.remarks.setText(breakable("\n".join((*remarks, strings.NOT_A_DIAGNOSIS))))
        self._remarks_area.verticalScrollBar().setValue(0)

    def _with_weights(self, why: ExplainCard) -> QWidget:
        """The weights of the query above the measurements that they are weights of."""
        self._weights_heading = QLabel(strings.WEIGHTS_HEADING, wordWrap=True)
        self._weights_heading.setProperty("muted", True)
        self._weights_heading.setAccessibleName(strings.WEIGHTS_HEADING)
        page = QWidget()
        page.setAccessibleName(why.accessibleName())
        layout = QVBoxLayout(page)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(self._weights_heading)
        layout.addWidget(self.weights)
        layout.addWidget(why, 1)
        return page

    def _with_steps(self, hits: HitList) -> QWidget:
        """The list with buttons below that go from place to place."""
        self.verdict = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.verdict.hide()
        self.previous = _tool(strings.PREVIOUS_PLACE, strings.PREVIOUS_PLACE_TIP)
        self.next = _tool(strings.NEXT_PLACE, strings.NEXT_PLACE_TIP)
        self._count = QLabel()
        self._count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.previous.clicked.connect(lambda: hits.step(-1))
        self.next.clicked.connect(lambda: hits.step(1))
        hits.selectionModel().currentChanged.connect(lambda *_indexes: self._count_places())
        self.new_places = QPushButton()
        self.new_places.setToolTip(strings.NEW_PLACES_TIP)
        self.new_places.clicked.connect(hits.show_waiting)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self.new_places.setSizePolicy(policy)
        hits.waiting_changed.connect(self._count_places)
        steps = QHBoxLayout()
        steps.addWidget(self.previous)
        steps.addWidget(self.next)
        steps.addWidget(self._count, 3)
        steps.addWidget(self.new_places, 2)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.verdict)
        layout.addWidget(hits, 1)
        layout.addLayout(steps)
        return page

    def _count_places(self) -> None:
        row, count = self.hits.current_row, len(self.hits.hits.rows)
        places = strings.ONE_PLACE if count == 1 else strings.PLACE_COUNT.format(count=count)
        if row is not None:
            places = strings.PLACE_NUMBER.format(number=row.number, places=places)
        self._count.setText(places)
        new = self.hits.waiting_count
        self.new_places.setVisible(new is not None)
        self.new_places.setText(strings.NEW_PLACES.format(count=new) if new else strings.NEW_ORDER)
        self.new_places.setAccessibleName(
            strings.NEW_PLACES_NAME.format(count=new) if new else strings.NEW_ORDER
        )

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.box, 1)
        line.addWidget(self.saved)
        line.addWidget(self.askable)
        model = QHBoxLayout()
        model.addWidget(self.encoder, 1)
        model.addWidget(self.encoder_facts)
        layout = _OfAnyWidth(self)
        margin = em_px(_MARGIN_EM)
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(em_px(0.35))
        layout.addLayout(line)
        layout.addLayout(model)
        layout.addWidget(self.bar)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self._remarks_area)
        self.setMinimumWidth(self.bar.minimumSizeHint().width() + 2 * margin)

    def _apply_theme(self) -> None:
        self.saved.setIcon(self._themes.icon("star"))
        self.previous.setIcon(self._themes.icon("previous_hit"))
        self.next.setIcon(self._themes.icon("next_hit"))
        self.askable.setIcon(self._themes.icon("guide"))
        self.encoder_facts.setIcon(self._themes.icon("information"))


class _OfAnyWidth(QVBoxLayout):
    """All parts have a height of their own or take what is left: no text makes the panel taller."""

    def hasHeightForWidth(self) -> bool:
        return False


def _remarks_about(question: Question) -> tuple[str, ...]:
    """How the query was read, and what was left out of it. A refusal stands in place of the places."""
    if question.refused or question.query is None:
        return ()
    return tuple(
        (strings.NOTE if problem.note else strings.WARNING).format(text=problem.sentence)
        for problem in question.problems
    )


def _tool(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setAccessibleName(name)
    button.setToolTip(tip)
    return button
