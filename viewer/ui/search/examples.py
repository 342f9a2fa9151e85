"""Examples for "find similar": places like what is looked for and places unlike it, to add and remove."""

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

from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from viewer.ui.search.search_state import Examples

_HINT = (
    "Draw a frame on the slide with Pick. The upper buttons add the middle of the view, their keys the place "
    "under the pointer."
)


class ExamplesBox(QWidget):
    """Shows ``Examples``; who holds them adds, removes and asks."""

    add_pressed = Signal(bool)
    """Add the place that is pointed at: True as like, False as unlike."""
    pick_toggled = Signal(bool, bool)
    """Draw frames from now on or not, and whether they are like."""
    remove_pressed = Signal(int)
    clear_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        hint = QLabel(_HINT, wordWrap=True)
        hint.setProperty("muted", True)
        self._list = QListWidget()
        self._list.setAccessibleName("Examples")
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setMinimumHeight(em_px(3))
        self._list.currentRowChanged.connect(lambda _row: self._refresh())
        self.like = _button(
            "+ &Like this", "Add the patch in the middle of the view; the key adds the one under the pointer"
        )
        self.unlike = _button(
            "− &Unlike this",
            "Add it as one that is not meant; the key adds the one under the pointer",
        )
        self.pick_like = _button("Pick like…", "Draw a frame round tissue like what is looked for")
        self.pick_unlike = _button("Pick unlike…", "Draw a frame round tissue that is not meant")
        self.remove = _button("&Remove", "Take the marked example away")
        self.clear = _button("Remove &all", "Take all examples away and end this search")
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
        self.setAccessibleName("Find similar")
        self._refresh()

    @property
    def lines(self) -> list[str]:
        """What is listed."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def show_examples(self, examples: Examples) -> None:
        """Show these."""
        row = self._list.currentRow()
        self._list.clear()
        for item in examples.items:
            self._list.addItem(QListWidgetItem(item.words))
        self._list.setCurrentRow(min(row, len(examples.items) - 1))
        self._refresh()

    def end_picking(self) -> None:
        """Frames are no longer drawn."""
        self.pick_like.setChecked(False)
        self.pick_unlike.setChecked(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete takes the marked example away."""
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
