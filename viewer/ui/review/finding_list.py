"""The list of findings, and what a reader says about each: by buttons, or by keys while the list has them.

A, D, F and U agree, disagree, defer and leave it unsure; N and P step. Elsewhere in the window these keys
mean what the menus say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.review.reading.kinds import REASON_CODES, Answer
from viewer.ui.review import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QKeyEvent

    from viewer.review.findings.finding import Finding
    from viewer.review.reading.reading import AnsweredFinding, Reading

_KEYS = {
    Qt.Key.Key_A: Answer.AGREE,
    Qt.Key.Key_D: Answer.DISAGREE,
    Qt.Key.Key_F: Answer.DEFER,
    Qt.Key.Key_U: Answer.NOT_SURE,
}
_STEPS = {Qt.Key.Key_N: 1, Qt.Key.Key_P: -1}


class _Rows(QListWidget):
    """Keeps its keys from the window's shortcuts while it has the focus."""

    answered = Signal(object)
    stepped = Signal(int)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and _is_own(event):  # type: ignore[arg-type]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if _is_own(event) and key in _KEYS:
            self.answered.emit(_KEYS[key])
        elif _is_own(event) and key in _STEPS:
            self.stepped.emit(_STEPS[key])
        else:
            super().keyPressEvent(event)


def _is_own(event: QKeyEvent) -> bool:
    plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
    return plain and Qt.Key(event.key()) in {*_KEYS, *_STEPS}


class FindingList(QWidget):
    """``chosen``: a Finding to go to. ``answered``: its id, an Answer, a reason code and text."""

    chosen = Signal(object)
    answered = Signal(str, object, str, str)
    withdraw_pressed = Signal(str)
    mark_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.FINDINGS)
        self._findings: tuple[Finding, ...] = ()
        self._heading = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.rows = _Rows()
        self.rows.setAccessibleName(strings.FINDINGS)
        self.rows.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.rows.setWordWrap(True)
        self.rows.setUniformItemSizes(False)
        self.rows.setMinimumHeight(em_px(6))
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.currentRowChanged.connect(self._select)
        self.rows.itemClicked.connect(lambda _item: self._go())
        self.rows.itemActivated.connect(lambda _item: self._go())
        self.rows.answered.connect(self._answer)
        self.rows.stepped.connect(self.step)
        self._why = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._why.setProperty("muted", True)
        self._buttons = {answer: _button(answer) for answer in Answer}
        grid = QGridLayout()
        for place, (answer, button) in enumerate(self._buttons.items()):
            button.clicked.connect(lambda _on, answer=answer: self._answer(answer))
            grid.addWidget(button, place // 2, place % 2)
        self._code = QComboBox()
        self._code.setAccessibleName(strings.REASON_CODE)
        for code in REASON_CODES:
            self._code.addItem(strings.REASON_CODES[code], code)
        self._text = QLineEdit(placeholderText=strings.COMMENT_HINT)
        self._text.setAccessibleName(strings.COMMENT)
        self._mark = QPushButton(strings.MARK)
        self._mark.setToolTip(strings.MARK_TIP)
        self._mark.clicked.connect(self.mark_pressed)
        self.withdraw = QPushButton(strings.WITHDRAW)
        self.withdraw.setToolTip(strings.WITHDRAW_TIP)
        self.withdraw.clicked.connect(self._withdraw_current)
        self.label_box = QComboBox()
        self.label_box.setAccessibleName(strings.MARK_AS)
        self.label_box.setToolTip(strings.MARK_AS_TIP)
        own = QHBoxLayout()
        own.addWidget(self._mark)
        own.addWidget(self.label_box, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self._heading)
        layout.addWidget(self.rows, 1)
        layout.addWidget(self._why)
        layout.addLayout(grid)
        layout.addWidget(self._code)
        layout.addWidget(self._text)
        layout.addLayout(own)
        layout.addWidget(self.withdraw)
        self._select(-1)

    @property
    def current(self) -> Finding | None:
        row = self.rows.currentRow()
        return self._findings[row] if 0 <= row < len(self._findings) else None

    @property
    def lines(self) -> list[str]:
        """The texts of the list."""
        return [self.rows.item(row).text() for row in range(self.rows.count())]

    def show_labels(self, labels: Sequence[str]) -> None:
        """Offer these classes for what the reader marks."""
        self.label_box.clear()
        self.label_box.addItem(strings.NO_CLASS, "")
        for number, label in enumerate(labels, 1):
            self.label_box.addItem(f"{label}   Alt+{number}" if number <= 9 else label, label)

    def choose_label(self, number: int) -> bool:
        """Choose a class by its number, from 1; False where there is none."""
        if not 0 < number < self.label_box.count():
            return False
        self.label_box.setCurrentIndex(number)
        return True

    def show_findings(self, reading: Reading, heading: str, place: Callable[[Finding], str]) -> None:
        """List the findings that the reader may see. ``place``: in words."""
        current = self.current
        self._findings = reading.shown
        self._heading.setText(heading)
        self.rows.blockSignals(True)
        self.rows.clear()
        for number, finding in enumerate(self._findings, 1):
            item = QListWidgetItem(_line(number, finding, reading.answers.get(finding.id)))
            item.setToolTip(place(finding))
            self.rows.addItem(item)
        ids = [finding.id for finding in self._findings]
        row = ids.index(current.id) if current is not None and current.id in ids else -1
        self.rows.setCurrentRow(row)
        self.rows.blockSignals(False)
        signed = reading.signature is not None
        self._mark.setEnabled(not signed)
        self._is_signed = signed
        self._select(row)

    def step(self, step: int) -> None:
        """Go to the next finding (1) or the one before (−1), round the list."""
        count = len(self._findings)
        if count:
            here = self.rows.currentRow()
            self.rows.setCurrentRow((here + step) % count if here >= 0 else (0 if step > 0 else count - 1))
            self._go()

    def focus_list(self) -> None:
        """Give the keyboard to the list, and go to the first finding where none is chosen."""
        self.rows.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if self.rows.currentRow() < 0:
            self.step(1)

    def _go(self) -> None:
        if self.current is not None:
            self.chosen.emit(self.current)

    def _answer(self, answer: Answer) -> None:
        finding = self.current
        if finding is not None and self._buttons[answer].isEnabled():
            self.answered.emit(finding.id, answer, self._code.currentData(), self._text.text().strip())
            self._code.setCurrentIndex(0)
            self._text.clear()

    def _withdraw_current(self) -> None:
        if self.current is not None:
            self.withdraw_pressed.emit(self.current.id)

    def _select(self, _row: int) -> None:
        finding = self.current
        can_answer = finding is not None and not getattr(self, "_is_signed", False)
        for widget in (*self._buttons.values(), self._code, self._text):
            widget.setEnabled(can_answer)
        self.withdraw.setVisible(finding is not None and not finding.by_program)
        self.withdraw.setEnabled(can_answer)
        reasons = "" if finding is None else "; ".join(finding.reasons)
        self._why.setText(strings.BECAUSE.format(reasons=reasons) if reasons else "")
        self._why.setVisible(bool(reasons))

    def sizeHint(self) -> QSize:
        return QSize(em_px(18), em_px(26))


def _button(answer: Answer) -> QPushButton:
    button = QPushButton(strings.ANSWER_BUTTONS[answer])
    button.setToolTip(strings.ANSWER_TIPS[answer])
    button.setAccessibleName(answer.value)
    return button


def _line(number: int, finding: Finding, answered: AnsweredFinding | None) -> str:
    score = "" if finding.score is None else f" {finding.score:.2f}"
    by = "" if finding.by_program else strings.BY_YOU
    said = strings.NO_ANSWER if answered is None else answered.answer.value
    return strings.FINDING_LINE.format(
        number=number, label=finding.label or strings.NO_CLASS, score=score, by=by, said=said
    )
