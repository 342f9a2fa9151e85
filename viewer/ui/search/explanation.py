"""The "why" tab: the measurements behind the value of a patch, with units, to check against the tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from viewer.ui.search import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from viewer.ui.search.search_state import Explanation, LeafExplanation

_MOST_REASONS = 3


class ExplainCard(QFrame):
    """Text that can be selected and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.WHY_NAME)
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
        """Show the explanation of a patch; None: how to choose one."""
        if explanation is None:
            self._title.setText("")
            self._body.setText(strings.WHY_HINT)
        else:
            value = _value_in_words(explanation)
            self._title.setText(strings.WHY_TITLE.format(place=explanation.place, value=value))
            leaves = map(_leaf_in_words, explanation.leaves)
            self._body.setText("\n\n".join(filter(None, (explanation.meaning, *leaves))))
        self._title.setVisible(explanation is not None)


def _value_in_words(explanation: Explanation) -> str:
    if explanation.score is None:
        return strings.NOT_ANALYSED
    value = strings.VALUES[explanation.unit].format(score=explanation.score)
    return strings.ESTIMATED.format(value=value) if explanation.estimated else value


def _leaf_in_words(leaf: LeafExplanation) -> str:
    if leaf.reasons is None:
        return strings.REASONS_PENDING.format(term=leaf.term)
    if not leaf.reasons:
        return strings.NO_REASONS.format(term=leaf.term)
    lines = []
    for reason in leaf.reasons[:_MOST_REASONS]:
        template = strings.REASON_FOR if reason.contribution >= 0 else strings.REASON_AGAINST
        lines.append(template.format(reason=reason.in_words()))
    return "\n".join([leaf.term, *lines])


def _text_label() -> QLabel:
    label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
    flags = Qt.TextInteractionFlag
    label.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    return label
