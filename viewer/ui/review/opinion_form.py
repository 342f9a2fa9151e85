"""The form of an opinion: the protocol's questions, how sure the reader is, and why an opinion changes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.review import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.review.protocols import Question
    from viewer.review.reading.reading import Reading

_NOT_GIVEN = -1


class OpinionForm(QWidget):
    """``record_pressed``: the answers by question id, the confidence (None: not given), the reason."""

    record_pressed = Signal(object, object, str)
    reveal_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.OPINION)
        self._fields: dict[str, QWidget] = {}
        self._groups: dict[str, QButtonGroup] = {}
        self._questions = QVBoxLayout()
        self._state = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._confidence = QSpinBox(minimum=_NOT_GIVEN, maximum=100, value=_NOT_GIVEN, suffix=" %")
        self._confidence.setSpecialValueText(strings.NO_CONFIDENCE)
        self._confidence.setAccessibleName(strings.CONFIDENCE)
        self._confidence.setToolTip(strings.CONFIDENCE_TIP)
        sure = QHBoxLayout()
        label = QLabel(strings.CONFIDENCE)
        label.setBuddy(self._confidence)
        sure.addWidget(label)
        sure.addWidget(self._confidence)
        sure.addStretch(1)
        self.reason = QLineEdit(placeholderText=strings.REASON_HINT)
        self.reason.setAccessibleName(strings.REASON)
        self.record = QPushButton()
        self.record.clicked.connect(self._press)
        self.reveal = QPushButton(strings.REVEAL)
        self.reveal.setToolTip(strings.REVEAL_TIP)
        self.reveal.clicked.connect(self.reveal_pressed)
        layout = QVBoxLayout(self)
        layout.setSpacing(em_px(0.5))
        layout.addLayout(self._questions)
        layout.addLayout(sure)
        layout.addWidget(self.reason)
        layout.addWidget(self.record)
        layout.addWidget(self._state)
        layout.addWidget(self.reveal)
        layout.addStretch(1)

    def show_questions(self, questions: Sequence[Question]) -> None:
        """Ask these questions, none answered yet."""
        while (item := self._questions.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._fields.clear()
        self._groups.clear()
        for question in questions:
            label = QLabel(question.text, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
            field = self._field(question)
            field.setAccessibleName(question.text)
            self._fields[question.id] = field
            self._questions.addWidget(label)
            self._questions.addWidget(field)
        self._confidence.setValue(_NOT_GIVEN)
        self.reason.clear()

    def show_reading(self, reading: Reading, *, can_reveal: bool) -> None:
        """Show what was recorded, and what can be done next."""
        first, last = reading.first, reading.last
        if last is not None:
            self._show_answers(last.answers)
            self._confidence.setValue(_NOT_GIVEN if last.confidence is None else last.confidence)
        signed = reading.signature is not None
        for field in (*self._fields.values(), self._confidence, self.reason, self.record):
            field.setEnabled(not signed)
        self.reason.setVisible(first is not None)
        self.record.setText(strings.RECORD_FIRST if first is None else strings.RECORD_CHANGE)
        self.record.setToolTip(strings.RECORD_FIRST_TIP if first is None else strings.RECORD_CHANGE_TIP)
        self.reveal.setVisible(can_reveal)
        if first is None:
            self._state.setText(strings.MODE_SENTENCES[reading.mode] if reading.mode else "")
        elif last is first:
            self._state.setText(strings.FIRST_RECORDED.format(time=_time_of_day(first.utc)))
        else:
            self._state.setText(
                strings.CHANGED.format(count=len(reading.opinions) - 1, time=_time_of_day(first.utc))
            )

    def focus_first(self) -> None:
        """Give the keyboard to the first question, or to the button where there is none."""
        for question, field in self._fields.items():
            group = self._groups.get(question)
            (group.buttons()[0] if group is not None else field).setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        self.record.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @property
    def answers(self) -> dict[str, Any]:
        """By question id, those that are given."""
        found: dict[str, Any] = {}
        for question, field in self._fields.items():
            value: Any = None
            if question in self._groups:
                button = self._groups[question].checkedButton()
                value = None if button is None else button.property("value")
            elif isinstance(field, QComboBox):
                value = field.currentData()
            elif isinstance(field, QPlainTextEdit):
                value = field.toPlainText().strip() or None
            if value is not None:
                found[question] = value
        return found

    def _press(self) -> None:
        confidence = self._confidence.value()
        self.record_pressed.emit(
            self.answers, None if confidence == _NOT_GIVEN else confidence, self.reason.text()
        )

    def choose(self, question: str, answer: str) -> None:
        """Choose an answer to a question, by its id."""
        self._show_answers({question: answer})

    def _field(self, question: Question) -> QWidget:
        if question.kind == "yes/no":
            return self._yes_or_no(question)
        if question.kind == "text":
            text = QPlainTextEdit(tabChangesFocus=True)
            text.setFixedHeight(em_px(4))
            return text
        box = QComboBox()
        box.addItem(strings.NOT_ANSWERED, None)
        for option in question.options:
            box.addItem(option, option)
        return box

    def _yes_or_no(self, question: Question) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        group = QButtonGroup(row)
        for value, text in zip(question.answers, (strings.YES, strings.NO), strict=True):
            button = QRadioButton(text)
            button.setProperty("value", value)
            button.setAccessibleName(strings.ANSWER_NAME.format(question=question.text, answer=text))
            group.addButton(button)
            layout.addWidget(button)
        layout.addStretch(1)
        self._groups[question.id] = group
        return row

    def _show_answers(self, answers: Mapping[str, Any]) -> None:
        for question, value in answers.items():
            field = self._fields.get(question)
            if question in self._groups:
                for button in self._groups[question].buttons():
                    if button.property("value") == value:
                        button.setChecked(True)
            elif isinstance(field, QComboBox):
                field.setCurrentIndex(max(0, field.findData(value)))
            elif isinstance(field, QPlainTextEdit):
                field.setPlainText(str(value or ""))


def _time_of_day(utc: str) -> str:
    """Of an ISO 8601 time, hours and minutes where the computer stands."""
    return datetime.fromisoformat(utc).astimezone().strftime("%H:%M")
