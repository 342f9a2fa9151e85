"""The query panel: puts the line, what was understood, the places and the rest together for one session."""

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

EXAMPLE_QUERIES = ("lymphocytes", "necrosis", "adipose tissue without blood vessels", "glands near fat")
_PIXEL_SIZE_LINK = "set-pixel-size"
_MODEST_SHARE = 6
"""One of remarks, weights and notes is at most this part of the panel's height."""
_NOTE, _WARNING = "Note:", "⚠"


class QueryPanel(QWidget):
    """Widgets and their arrangement; ``SearchController`` joins them to the session."""

    link_pressed = Signal(str)
    """A text that was offered is asked."""
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
        self.setAccessibleName("Query")
        self._themes = themes
        self.box = QueryBox(completions, history)
        self.saved = _tool("Saved queries", "Save this query, or ask a saved one")
        self.saved.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.encoder = QComboBox()
        self.encoder.setAccessibleName("What measures")
        self.encoder.setToolTip("What looks at the patches: measured concepts, or a model of yours")
        self.encoder.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.encoder.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.encoder.activated.connect(lambda _row: self.encoder_chosen.emit(self.encoder.currentData()))
        self.encoder_facts = _tool("About what measures", "Licence, pixel size and what to know of it")
        self.encoder_facts.clicked.connect(self.encoder_facts_pressed)
        self.problems = _linked_label("Remarks about the query")
        self.problems.linkActivated.connect(self.link_pressed)
        self.weights = WeightEditor()
        self._remarks = LimitedHeightScrollArea(self.problems)
        self._understood = LimitedHeightScrollArea(self.weights)
        self.bar = AnalysisBar("End the analysis of this slide; it goes on from here at the next query")
        self.notes = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.notes.setAccessibleName("Notes of the analysis")
        self._notes_area = LimitedHeightScrollArea(self.notes)
        self.hits = HitList()
        self.empty = _linked_label("Places")
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
            named.setAccessibleName("Results")
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(True)
        for title, page in (
            ("Places", self._places),
            ("Why", _scrolled(self.why)),
            ("Similar", self.examples),
            *tabs,
        ):
            self.tabs.addTab(page, title)
        self._lay_out()
        themes.changed.connect(self._dress)
        self._dress()

    def show_encoders(self, cards: Sequence[EncoderCard], current: str) -> None:
        """What can be chosen, and what is in use."""
        self.encoder.clear()
        for card in cards:
            self.encoder.addItem(card.title, card.id)
        self.encoder.setCurrentIndex(max(0, self.encoder.findData(current)))

    def show_question(self, question: Question) -> None:
        """What was asked and how it was understood."""
        if self.box.text() != question.text:
            self.box.show_asked(question.text)
        self.weights.show_query(question.query, edited=question.edited)
        before: QWidget = self.problems
        for widget in self.weights.in_tab_order:  # made just now, so Qt has put them last
            QWidget.setTabOrder(before, widget)
            before = widget
        self._understood.setVisible(self.weights.has_sliders)
        self.problems.setText(problems_as_html(question))
        self._remarks.setVisible(bool(self.problems.text()))
        self.examples.show_examples(question.examples)

    def show_rows(self, rows: list[HitRow], *, empty_html: str) -> None:
        """The places, or why there are none."""
        self.hits.show_rows(rows)
        self.empty.setText(empty_html)
        self._places.setCurrentIndex(1 if rows else 0)
        self._count_places()

    def show_notes(self, notes: Sequence[str]) -> None:
        """What the analysis has to say about this slide."""
        self.notes.setText(breakable("\n".join(f"Note: {note}" for note in notes)))
        self._notes_area.setVisible(bool(notes))

    def show_why(self) -> None:
        """Bring the explanation to the front."""
        self.tabs.setCurrentIndex(1)

    def show_similar(self) -> None:
        """Bring the examples to the front."""
        self.tabs.setCurrentWidget(self.examples)

    def focus_box(self) -> None:
        """Have the next key typed into the line."""
        self.box.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.box.selectAll()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The places keep room in a low window, whatever there is to remark."""
        super().resizeEvent(event)
        for area in (self._remarks, self._understood, self._notes_area):
            area.set_max_height(max(em_px(3), self.height() // _MODEST_SHARE))

    def _with_steps(self, hits: HitList) -> QWidget:
        """The list with buttons below that go from place to place."""
        self.previous = _tool("Previous place", "Go to the place before in the list")
        self.next = _tool("Next place", "Go to the next place of the list")
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
        places = f"{count} place{'' if count == 1 else 's'}"
        self._count.setText(places if row is None else f"{row.number} of {places}")

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
        layout.addWidget(self._remarks)
        layout.addWidget(self._understood)
        layout.addWidget(self.bar)
        layout.addWidget(self._notes_area)
        layout.addWidget(self.tabs, 1)
        for area in (self._understood, self._remarks, self._notes_area):
            area.hide()
        # The bar comes and goes: the slide beside it must not jump then.
        self.setMinimumWidth(self.bar.minimumSizeHint().width() + 2 * margin)

    def _dress(self) -> None:
        for label in (self.problems, self.empty):  # a label keeps the colour that links had when it was told
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
    """Remarks about the words, the nearest known concepts as links, and why the encoder cannot answer."""
    lines = []
    for problem in question.problems:
        line = escape(breakable(problem.sentence))
        if problem.nearest:
            line += f" Try {_links(problem.nearest)}."
        lines.append(f"<p>{_NOTE if problem.note else _WARNING} {line}</p>")
    said_already = any(not problem.note for problem in question.problems)
    if question.refused and not said_already:
        lines.append(f"<p>{_WARNING} {escape(breakable(question.refused))}</p>")
    return "".join(lines)


def empty_html(
    question: Question,
    *,
    slide_open: bool,
    pixel_size_known: bool,
    answered: bool,
    running: bool,
    done: bool,
) -> str:
    """What stands in place of the places while there are none."""
    if not slide_open:
        return "<p>Open a slide to search it.</p>"
    if question.query is None:
        if question.problems:
            return f"<p>This cannot be searched for. Try {_links(EXAMPLE_QUERIES)}.</p>"
        return (
            f"<p>Type what to look for and press Enter. Try {_links(EXAMPLE_QUERIES)}.</p>"
            "<p>What is shown is measured likeness. It is not a diagnosis.</p>"
        )
    if not pixel_size_known:
        return (
            "<p>The search waits for the pixel size, which this file does not state.</p>"
            f'<p><a href="{_PIXEL_SIZE_LINK}">Set pixel size…</a></p>'
        )
    if question.refused:
        return "<p>This encoder cannot answer on this slide; nothing is analysed for it.</p>"
    if not running:
        found = "No place stands out in what was analysed until" if answered else "Nothing was found before"
        return f"<p>{found} the analysis ended. Ask again and it goes on.</p>"
    if not answered:
        return "<p>Looking…</p>"
    if not done:
        return "<p>No place stands out yet; the analysis goes on.</p>"
    return (
        "<p>No place of this slide stands out. That says what was measured, not that there is none: look at "
        "what is hatched, too.</p>"
    )


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
