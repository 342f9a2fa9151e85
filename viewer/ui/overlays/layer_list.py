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

from viewer.ui.overlays import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One kept layer. ``name`` identifies it and is not shown; ``title`` is."""

    name: str
    title: str
    visible: bool


class LayerList(QWidget):
    """Lists ``LayerRow``s; its signals request that layers are shown, hidden or removed."""

    keep_pressed = Signal()
    shown_changed = Signal(str, bool)
    remove_pressed = Signal(str)
    add_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.LAYERS_NAME)
        self._rows: list[LayerRow] = []
        heading = QLabel(strings.LAYERS)
        self._list = QListWidget()
        self._list.setAccessibleName(strings.LAYERS_NAME)
        self._list.setToolTip(strings.LAYERS_TIP)
        self._list.setMinimumHeight(em_px(3))
        heading.setBuddy(self._list)
        self._list.itemChanged.connect(self._ticked)
        self._list.currentRowChanged.connect(lambda _row: self._refresh())
        self._keep = QPushButton(strings.KEEP)
        self._keep.setToolTip(strings.KEEP_TIP)
        self._keep.clicked.connect(self.keep_pressed)
        self._remove = QPushButton(strings.REMOVE)
        self._remove.setToolTip(strings.REMOVE_TIP)
        self._remove.clicked.connect(self.remove_current)
        self._add = QPushButton(strings.ADD_MAP)
        self._add.setToolTip(strings.ADD_MAP_TIP)
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
    def list_widget(self) -> QListWidget:
        """The list without its buttons."""
        return self._list

    @property
    def selected(self) -> LayerRow | None:
        """The selected layer."""
        row = self._list.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) else None

    @property
    def lines(self) -> list[str]:
        """The titles that are listed."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def show_layers(self, rows: Sequence[LayerRow], *, can_keep: bool) -> None:
        """Show these. ``can_keep``: there is something that could be kept."""
        selected = self._list.currentRow()
        self._list.blockSignals(True)
        self._list.clear()
        self._rows = list(rows)
        for row in rows:
            item = QListWidgetItem(row.title)
            item.setCheckState(Qt.CheckState.Checked if row.visible else Qt.CheckState.Unchecked)
            self._list.addItem(item)
        self._list.setCurrentRow(min(selected, len(rows) - 1))
        self._list.blockSignals(False)
        self._keep.setEnabled(can_keep)
        self._refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes the selected layer."""
        if event.key() == Qt.Key.Key_Delete:
            self.remove_current()
        else:
            super().keyPressEvent(event)

    def _ticked(self, item: QListWidgetItem) -> None:
        on = item.checkState() == Qt.CheckState.Checked
        self.shown_changed.emit(self._rows[self._list.row(item)].name, on)

    def remove_current(self) -> None:
        """Request that the selected layer is removed, where there is one."""
        if self.selected is not None:
            self.remove_pressed.emit(self.selected.name)

    def _refresh(self) -> None:
        self._remove.setEnabled(self.selected is not None)
