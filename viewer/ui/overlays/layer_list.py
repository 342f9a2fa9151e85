"""The layers that were kept: shown or hidden each, and removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One kept layer. ``name`` tells it from the others and is not shown."""

    name: str
    words: str
    visible: bool


class LayerList(QWidget):
    """Shows ``LayerRow``s; who holds the layers shows, hides and removes them."""

    keep_pressed = Signal()
    shown_changed = Signal(str, bool)
    remove_pressed = Signal(str)
    add_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Kept layers")
        heading = QLabel("&Layers")
        self._list = QListWidget()
        self._list.setAccessibleName("Kept layers")
        self._list.setToolTip("A tick shows a layer; Delete removes the marked one")
        self._list.setMinimumHeight(em_px(3))
        heading.setBuddy(self._list)
        self._list.itemChanged.connect(self._ticked)
        self._list.currentRowChanged.connect(lambda _row: self._refresh())
        self._keep = QPushButton("&Keep as layer")
        self._keep.setToolTip("Keep what is shown as a layer of its own, beside the next query")
        self._keep.clicked.connect(self.keep_pressed)
        self._remove = QPushButton("Re&move layer")
        self._remove.setToolTip("Take the marked layer away")
        self._remove.clicked.connect(self._remove_current)
        self._add = QPushButton("&Add a map…")
        self._add.setToolTip("Lay a map of another program over the slide")
        self._add.clicked.connect(self.add_pressed)
        buttons = QHBoxLayout()
        buttons.addWidget(self._keep)
        buttons.addWidget(self._remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(heading)
        layout.addWidget(self._list, 1)
        layout.addLayout(buttons)
        layout.addWidget(self._add)
        self._refresh()

    @property
    def lines(self) -> list[str]:
        """What is listed."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def show_layers(self, rows: Sequence[LayerRow], *, can_keep: bool) -> None:
        """Show these. ``can_keep``: there is something that could be kept."""
        marked = self._list.currentRow()
        self._list.blockSignals(True)
        self._list.clear()
        for row in rows:
            item = QListWidgetItem(row.words)
            item.setData(Qt.ItemDataRole.UserRole, row.name)
            item.setCheckState(Qt.CheckState.Checked if row.visible else Qt.CheckState.Unchecked)
            self._list.addItem(item)
        self._list.setCurrentRow(min(marked, len(rows) - 1))
        self._list.blockSignals(False)
        self._keep.setEnabled(can_keep)
        self._refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes the marked layer."""
        if event.key() == Qt.Key.Key_Delete:
            self._remove_current()
        else:
            super().keyPressEvent(event)

    def _ticked(self, item: QListWidgetItem) -> None:
        on = item.checkState() == Qt.CheckState.Checked
        self.shown_changed.emit(item.data(Qt.ItemDataRole.UserRole), on)

    def _remove_current(self) -> None:
        item = self._list.currentItem()
        if item is not None:
            self.remove_pressed.emit(item.data(Qt.ItemDataRole.UserRole))

    def _refresh(self) -> None:
        self._remove.setEnabled(self._list.currentRow() >= 0)
