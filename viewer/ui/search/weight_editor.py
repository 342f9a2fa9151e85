"""The weights of a query: one slider for each concept of each term, and a button that resets them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSlider, QWidget

from viewer.relevance.query.lexicon import CLASS_PREFIX
from viewer.relevance.query.tree import Like, Term, leaf_roles
from viewer.ui.search import strings
from viewer.ui.widgets.limited_scroll_area import breakable
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.relevance.query.tree import Query

_STEPS = 100


def concept_in_words(concept_id: str) -> str:
    """The id of a concept or a tissue class as text: "tumour epithelium" for "tumour_epithelium"."""
    return concept_id.removeprefix(CLASS_PREFIX).replace("_", " ")


class WeightEditor(QWidget):
    """Shows the terms of a query. Weights are 0 to 1; at least one weight of a term stays above 0."""

    changed = Signal(int, object)
    """Leaf number, and its new weights as ((concept id, weight), …)."""
    reset_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.WEIGHTS_NAME)
        self._sliders: dict[tuple[int, str], QSlider] = {}
        self._values: dict[tuple[int, str], QLabel] = {}
        self._shown: list[tuple[str, list[str]]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(em_px(0.4))
        self._grid.setVerticalSpacing(em_px(0.15))
        self._grid.setColumnStretch(1, 1)
        self._reset = QPushButton(strings.RESET_WEIGHTS, self)
        self._reset.setToolTip(strings.RESET_WEIGHTS_TIP)
        self._reset.clicked.connect(self.reset_pressed)
        self._reset.hide()

    def show_query(self, query: Query | None, *, edited: bool) -> None:
        """Show its terms. Sliders of the same terms are moved, not replaced: a drag is not interrupted."""
        parts = [] if query is None else leaf_roles(query)
        shown = [(words, leaf, [concept for concept, _ in _weights(leaf)]) for words, leaf in parts]
        keys = [(words, concepts) for words, _, concepts in shown]
        if keys != self._shown:
            self._shown = keys
            self._rebuild(parts)
        for number, (_, leaf) in enumerate(parts):
            for concept, weight in _weights(leaf):
                self._set(number, concept, weight)
        self._reset.setVisible(edited)

    @property
    def has_sliders(self) -> bool:
        """Whether there are weights to change."""
        return bool(self._sliders)

    @property
    def in_tab_order(self) -> tuple[QWidget, ...]:
        """The widgets that take the focus, from top to bottom."""
        return (*self._sliders.values(), self._reset)

    def weight(self, leaf: int, concept_id: str) -> float:
        """The weight at a slider, 0 to 1."""
        return self._sliders[leaf, concept_id].value() / _STEPS

    def set_weight(self, leaf: int, concept_id: str, weight: float) -> None:
        """Move a slider, as a user does."""
        self._sliders[leaf, concept_id].setValue(round(weight * _STEPS))

    def _rebuild(self, parts: Sequence[tuple[str, Term | Like]]) -> None:
        self._grid.removeWidget(self._reset)
        while item := self._grid.takeAt(0):
            widget = item.widget()
            assert widget is not None
            widget.hide()
            widget.deleteLater()
        self._sliders.clear()
        self._values.clear()
        row = 0
        named = Counter(concept for _, leaf in parts for concept, _ in _weights(leaf))
        for number, (words, leaf) in enumerate(parts):
            weights = _weights(leaf)
            own = [concept_in_words(concept) for concept, _ in weights] == [words]
            # A term of its own name needs no heading, but where another term has a slider of that name too.
            if not own or any(named[concept] > 1 for concept, _ in weights):
                self._grid.addWidget(_heading(words), row, 0, 1, 3)
                row += 1
            for concept, _weight in weights:
                self._add_row(row, number, concept, term="" if own else words)
                row += 1
        self._grid.addWidget(self._reset, row, 0, 1, 3, Qt.AlignmentFlag.AlignLeft)

    def _add_row(self, row: int, leaf: int, concept: str, *, term: str) -> None:
        name = concept_in_words(concept)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, _STEPS)
        slider.setPageStep(10)
        accessible = strings.WEIGHT_IN_TERM_NAME if term else strings.WEIGHT_NAME
        slider.setAccessibleName(accessible.format(concept=name, term=term))
        slider.setToolTip(strings.WEIGHT_TIP.format(concept=name))
        slider.setMinimumWidth(em_px(4))
        label = QLabel(name)
        label.setBuddy(slider)
        value = QLabel()
        value.setMinimumWidth(QLabel("100 %").sizeHint().width())
        value.setAlignment(Qt.AlignmentFlag.AlignRight)
        for column, widget in enumerate((label, slider, value)):
            self._grid.addWidget(widget, row, column)
        self._sliders[leaf, concept], self._values[leaf, concept] = slider, value
        slider.valueChanged.connect(lambda step: self._moved(leaf, concept, step))

    def _set(self, leaf: int, concept: str, weight: float) -> None:
        slider = self._sliders[leaf, concept]
        slider.blockSignals(True)
        slider.setValue(round(weight * _STEPS))
        slider.blockSignals(False)
        self._values[leaf, concept].setText(f"{slider.value()} %")

    def _moved(self, leaf: int, concept: str, step: int) -> None:
        concepts = [name for number, name in self._sliders if number == leaf]
        if not any(self._sliders[leaf, name].value() for name in concepts):
            self._set(leaf, concept, 1 / _STEPS)  # a term without weight would match nothing
        self._values[leaf, concept].setText(f"{self._sliders[leaf, concept].value()} %")
        self.changed.emit(leaf, tuple((name, self.weight(leaf, name)) for name in concepts))


def _weights(leaf: Term | Like) -> tuple[tuple[str, float], ...]:
    return leaf.weights if isinstance(leaf, Term) else ()


def _heading(words: str) -> QLabel:
    heading = QLabel(breakable(words), wordWrap=True, textFormat=Qt.TextFormat.PlainText)
    heading.setProperty("muted", True)
    return heading
