"""What stands in place of the places while there are none: why, in full, and buttons to go on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from viewer.ui.search import strings
from viewer.ui.widgets.limited_scroll_area import breakable
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from viewer.relevance.query.parsed import Problem
    from viewer.ui.search.search_state import Question


@dataclass(frozen=True, slots=True)
class Advice:
    """A paragraph, and below it a button for each of ``queries``; ``sets_pixel_size``: and one for that.
    ``muted``: of less weight.
    """

    text: str
    queries: tuple[str, ...] = ()
    sets_pixel_size: bool = False
    muted: bool = False


def advice_about(
    question: Question,
    *,
    slide_open: bool,
    pixel_size_known: bool,
    answered: bool,
    running: bool,
    done: bool,
    hatched: bool,
    by_second: bool = False,
) -> tuple[Advice, ...]:
    """Why there are no places, and what to do; a refusal first. ``hatched``: part of the slide is not
    analysed; ``by_second``: an encoder that takes longer answers, for the sake of a word."""
    if question.refused or (question.query is None and question.problems):
        return _refusal(question)
    if not slide_open:
        return (Advice(strings.OPEN_A_SLIDE),)
    if question.query is None:
        return (Advice(strings.TYPE_A_QUERY, strings.EXAMPLE_QUERIES),)
    if not pixel_size_known:
        return (Advice(strings.NEEDS_PIXEL_SIZE, sets_pixel_size=True),)
    if not running:
        return (Advice(strings.STOPPED_WITHOUT_PLACE if answered else strings.STOPPED_WITHOUT_ANSWER),)
    if not answered:
        return (Advice(strings.SEARCHING_BY_SECOND if by_second else strings.SEARCHING),)
    if not done:
        return (Advice(strings.NO_PLACE_YET),)
    return (Advice(strings.NO_PLACE), *([Advice(strings.CHECK_HATCHED)] if hatched else []))


def none_reaches(threshold: float | None, title: str, done: bool) -> str:
    """What stands above the places where none of them reaches the threshold."""
    return strings.NONE_ABOVE[done].format(threshold=threshold, title=title)


def _refusal(question: Question) -> tuple[Advice, ...]:
    """What is wrong, each with what can be asked instead; the encoder's reason where the words are not."""
    wrong = [problem for problem in question.problems if not problem.note]
    advice = [Advice(_with_lead(problem), problem.nearest) for problem in wrong]
    if question.refused and not wrong:
        advice.append(Advice(strings.WARNING.format(text=question.refused)))
    if not any(problem.nearest for problem in wrong):
        advice.append(Advice(strings.UNSEARCHABLE, strings.EXAMPLE_QUERIES))
    notes = tuple(
        Advice(strings.NOTE.format(text=problem.sentence), muted=True)
        for problem in question.problems
        if problem.note
    )
    return (*advice, *notes)


def _with_lead(problem: Problem) -> str:
    """The sentence, and the words that lead to the buttons."""
    lead = problem.advice.partition("{")[0].rstrip()
    return strings.WARNING.format(text=f"{problem.sentence} {lead}:" if lead else problem.sentence)


class AdvicePage(QScrollArea):
    """Paragraphs with buttons; scrolled where they need more room than there is."""

    query_pressed = Signal(str)
    """A query, to be searched for."""
    pixel_size_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.ADVICE_NAME)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._shown: tuple[Advice, ...] = ()

    @property
    def text(self) -> str:
        """All paragraphs."""
        return "\n".join(advice.text for advice in self._shown)

    @property
    def queries(self) -> tuple[str, ...]:
        """What the buttons ask, from top to bottom."""
        return tuple(query for advice in self._shown for query in advice.queries)

    @property
    def in_tab_order(self) -> list[QPushButton]:
        """The buttons, from top to bottom."""
        page = self.widget()
        return [] if page is None else page.findChildren(QPushButton)

    def show_advice(self, shown: tuple[Advice, ...]) -> None:
        """Show these; the same again leave buttons and focus as they are."""
        if shown == self._shown:
            return
        self._shown = shown
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        for advice in shown:
            label = QLabel(breakable(advice.text), wordWrap=True, textFormat=Qt.TextFormat.PlainText)
            label.setProperty("muted", advice.muted)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
            for query in advice.queries:
                layout.addWidget(_Button(query, partial(self.query_pressed.emit, query)))
            if advice.sets_pixel_size:
                layout.addWidget(_Button(strings.SET_PIXEL_SIZE, partial(self.pixel_size_pressed.emit)))
        layout.addStretch(1)
        self.setWidget(page)


class _Button(QPushButton):
    """As wide as the page; a longer text ends with an ellipsis and stands in the tooltip as a whole."""

    def __init__(self, text: str, pressed: Callable[[], object]) -> None:
        super().__init__(text.replace("&", "&&"))
        self.setAccessibleName(text)
        self.setMinimumWidth(em_px(4))
        self.clicked.connect(pressed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        whole, room_px = self.accessibleName(), self.width() - em_px(1)
        shown = self.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideRight, room_px)
        self.setText(shown.replace("&", "&&"))
        self.setToolTip(whole if shown != whole else "")
