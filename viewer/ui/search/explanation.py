"""Why a patch scored as it did: its measurements, with units, for a person to check against the tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from viewer.ui.search.search_state import Explanation, LeafExplanation

HINT = "Click the slide, or choose a place of the list, to see which measurements made the value there."
_MOST_REASONS = 3


class ExplainCard(QFrame):
    """Text only, which can be marked and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Why here")
        self._title = _text_label()
        font = self._title.font()
        font.setBold(True)
        self._title.setFont(font)
        self._body = _text_label()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(self._title)
        layout.addWidget(self._body)
        layout.addStretch(1)
        self.show_explanation(None)

    @property
    def text(self) -> str:
        """Everything that is shown."""
        return f"{self._title.text()}\n{self._body.text()}".strip()

    def show_explanation(self, explanation: Explanation | None) -> None:
        """Show another patch, or how to choose one."""
        if explanation is None:
            self._title.setText("")
            self._body.setText(HINT)
        else:
            self._title.setText(f"{explanation.place}: {_value_in_words(explanation)}")
            self._body.setText("\n\n".join(_leaf_in_words(leaf) for leaf in explanation.leaves))
        self._title.setVisible(explanation is not None)


def _value_in_words(explanation: Explanation) -> str:
    if explanation.score is None:
        return "not analysed"
    value = f"likeness {explanation.score:.2f}"
    return f"{value}, estimated from near by; not analysed itself yet" if explanation.estimated else value


def _leaf_in_words(leaf: LeafExplanation) -> str:
    if leaf.reasons is None:
        return f"{leaf.term}: asking…"
    if not leaf.reasons:
        return f"{leaf.term}: no tissue to measure, or an encoder without named measurements."
    lines = []
    for reason in leaf.reasons[:_MOST_REASONS]:
        sign = "▲ for" if reason.contribution >= 0 else "▼ against"
        lines.append(f"{sign}: {reason.in_words()}")
    return "\n".join([f"{leaf.term}", *lines])


def _text_label() -> QLabel:
    label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
    flags = Qt.TextInteractionFlag
    label.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    return label
