"""The layers over a slide: each shown or hidden, one selected, kept ones removed."""

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
    """One layer. ``name`` identifies it and is not shown; ``title`` is. Only what is ``kept`` can be removed:
    the others go with what made them. ``unfinished``: how much is analysed; "" where that is all."""

    name: str
    title: str
    visible: bool
    kept: bool = True
    unfinished: str = ""

    @property
    def line(self) -> str:
        """The title, and how much is analysed where that is not all."""
        if not self.unfinished:
            return self.title
        return strings.TITLE_AND_STATE.format(title=self.title, state=self.unfinished)


class LayerList(QWidget):
    """Lists ``LayerRow``s, of which one is selected while there are any; its signals request that layers are
    shown, hidden or removed."""

    selected_changed = Signal()
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
        self._list.setMaximumHeight(em_px(9))  # the look of the selected layer stays near
        heading.setBuddy(self._list)
        self._list.itemChanged.connect(self._ticked)
        self._list.currentRowChanged.connect(self._select)
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
        self._remove.setEnabled(False)

    @property
    def list_widget(self) -> QListWidget:
        """The list without its buttons."""
        return self._list

    @property
    def lines(self) -> list[str]:
        """What is listed."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    @property
    def selected(self) -> LayerRow | None:
        """The selected layer, None only where there is none."""
        row = self._list.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def show_layers(self, rows: Sequence[LayerRow], *, can_keep: bool) -> None:
        """Show these. The selected one stays so, unless something else has come to be shown. ``can_keep``:
        there is something that could be kept."""
        self._keep.setEnabled(can_keep)
        if self._rows == list(rows):
            return
        before, known = self.selected, {row.name for row in self._rows}
        self._list.blockSignals(True)
        if [row.name for row in rows] == [row.name for row in self._rows]:  # what is chosen and seen stays
            self._rows = list(rows)
            for number, row in enumerate(rows):
                self._show(self._list.item(number), row)
            self._list.blockSignals(False)
            return
        self._list.clear()
        self._rows = list(rows)
        for row in rows:
            item = QListWidgetItem()
            self._show(item, row)
            self._list.addItem(item)
        names = [row.name for row in rows]
        new = [row.name for row in rows if not row.kept and row.name not in known]
        chosen = new or [name for name in names if before is not None and name == before.name]
        self._list.setCurrentRow(names.index(chosen[0]) if chosen else 0)
        self._list.blockSignals(False)
        self._select()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes the selected layer."""
        if event.key() == Qt.Key.Key_Delete:
            self.remove_current()
        else:
            super().keyPressEvent(event)

    @staticmethod
    def _show(item: QListWidgetItem, row: LayerRow) -> None:
        item.setText(row.line)
        item.setCheckState(Qt.CheckState.Checked if row.visible else Qt.CheckState.Unchecked)

    def _ticked(self, item: QListWidgetItem) -> None:
        on = item.checkState() == Qt.CheckState.Checked
        self.shown_changed.emit(self._rows[self._list.row(item)].name, on)

    def remove_current(self) -> None:
        """Request that the selected layer is removed, where it is a kept one."""
        if self.selected is not None and self.selected.kept:
            self.remove_pressed.emit(self.selected.name)

    def _select(self) -> None:
        self._remove.setEnabled(self.selected is not None and self.selected.kept)
        self.selected_changed.emit()
