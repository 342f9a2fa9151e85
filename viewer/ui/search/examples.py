"""The "find similar" tab: examples and counter-examples, with buttons to add and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.search import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from viewer.ui.search.search_state import Examples


class ExamplesBox(QWidget):
    """Shows ``Examples`` and emits what is to be changed; their owner changes them."""

    add_pressed = Signal(bool)
    """Add the place under the pointer: True as an example, False as a counter-example."""
    pick_toggled = Signal(bool, bool)
    """Whether frames are drawn from now on, and whether they are examples (not counter-examples)."""
    remove_pressed = Signal(int)
    clear_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        hint = QLabel(strings.EXAMPLES_HINT, wordWrap=True)
        hint.setProperty("muted", True)
        self._list = QListWidget()
        self._list.setAccessibleName(strings.EXAMPLES_NAME)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setMinimumHeight(em_px(3))
        self._list.currentRowChanged.connect(lambda _row: self._refresh())
        self.like = _button(strings.LIKE, strings.LIKE_TIP)
        self.unlike = _button(strings.UNLIKE, strings.UNLIKE_TIP)
        self.pick_like = _button(strings.PICK_LIKE, strings.PICK_LIKE_TIP)
        self.pick_unlike = _button(strings.PICK_UNLIKE, strings.PICK_UNLIKE_TIP)
        self.remove = _button(strings.REMOVE_EXAMPLE, strings.REMOVE_EXAMPLE_TIP)
        self.clear = _button(strings.REMOVE_ALL_EXAMPLES, strings.REMOVE_ALL_EXAMPLES_TIP)
        self.like.clicked.connect(lambda: self.add_pressed.emit(True))
        self.unlike.clicked.connect(lambda: self.add_pressed.emit(False))
        for button, like in ((self.pick_like, True), (self.pick_unlike, False)):
            button.setCheckable(True)
            button.toggled.connect(lambda on, like=like: self._pick(on, like))
        self.remove.clicked.connect(lambda: self.remove_pressed.emit(self._list.currentRow()))
        self.clear.clicked.connect(self.clear_pressed)
        buttons = QGridLayout()
        for place, button in enumerate(
            (self.like, self.unlike, self.pick_like, self.pick_unlike, self.remove, self.clear)
        ):
            buttons.addWidget(button, place // 2, place % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(hint)
        layout.addWidget(self._list, 1)
        layout.addLayout(buttons)
        self.setAccessibleName(strings.SIMILAR_NAME)
        self._refresh()

    @property
    def lines(self) -> list[str]:
        """The texts of the list."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def show_examples(self, examples: Examples) -> None:
        """List these examples."""
        row = self._list.currentRow()
        self._list.clear()
        for item in examples.items:
            self._list.addItem(QListWidgetItem(item.label))
        self._list.setCurrentRow(min(row, len(examples.items) - 1))
        self._refresh()

    def end_picking(self) -> None:
        """Release both Pick buttons."""
        self.pick_like.setChecked(False)
        self.pick_unlike.setChecked(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove the selected example at Delete."""
        if event.key() == Qt.Key.Key_Delete and self._list.currentRow() >= 0:
            self.remove_pressed.emit(self._list.currentRow())
        else:
            super().keyPressEvent(event)

    def _pick(self, on: bool, like: bool) -> None:
        other = self.pick_unlike if like else self.pick_like
        if on:
            other.setChecked(False)
        self.pick_toggled.emit(on, like)

    def _refresh(self) -> None:
        self.remove.setEnabled(self._list.currentRow() >= 0)
        self.clear.setEnabled(self._list.count() > 0)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text.replace("&", "").strip("…+− "))
    return button
