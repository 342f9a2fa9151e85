"""The page of the preferences that gives actions other keys, and points out keys that are used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.shell.action_table import ACTIONS
from viewer.ui.shell.actions import conflicts, keys_in_force, keys_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME_OF = {spec.id: spec.name for spec in ACTIONS}


class ShortcutEditor(QWidget):
    """A list of actions with their keys, and below it a field for the key of the marked one."""

    changed = Signal()

    def __init__(self, chosen: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = {action_id: key for action_id, key in chosen.items() if action_id in _NAME_OF}
        self._tree = QTreeWidget()
        self._tree.setAccessibleName("Actions and their keys")
        self._tree.setHeaderLabels(["Action", "Keys", ""])
        self._tree.setRootIsDecorated(False)
        self._tree.setAlternatingRowColors(True)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._items = {spec.id: QTreeWidgetItem(self._tree, [_NAME_OF[spec.id]]) for spec in ACTIONS}
        for action_id, item in self._items.items():
            item.setData(0, Qt.ItemDataRole.UserRole, action_id)
        self._tree.currentItemChanged.connect(self._row_changed)
        self._field = QKeySequenceEdit()
        self._field.setMaximumSequenceLength(1)
        self._field.setAccessibleName("Key of the marked action")
        self._field.setToolTip("Press the key that the marked action should have")
        self._field.keySequenceChanged.connect(self._key_pressed)
        self._none = QPushButton("No key")
        self._none.setToolTip("Take the key of the marked action away")
        self._none.clicked.connect(lambda: self.set_key(self._current_id, ""))
        self._usual = QPushButton("Usual key")
        self._usual.setToolTip("Give the marked action its usual keys back")
        self._usual.clicked.connect(lambda: self.set_key(self._current_id, None))
        row = QHBoxLayout()
        label = QLabel("&Key")
        label.setBuddy(self._field)
        for widget in (label, self._field, self._none, self._usual):
            row.addWidget(widget, 1 if widget is self._field else 0)
        self._problem = QLabel(wordWrap=True)
        self._problem.setAccessibleName("Keys used twice")
        layout = QVBoxLayout(self)
        layout.addWidget(self._tree, 1)
        layout.addLayout(row)
        layout.addWidget(self._problem)
        self._show()
        self._tree.setCurrentItem(self._items[ACTIONS[0].id])

    @property
    def chosen(self) -> dict[str, str]:
        """Keys that differ from the usual ones, for the settings."""
        return dict(self._chosen)

    @property
    def problem(self) -> str:
        """What clashes; empty where nothing does."""
        return self._problem.text()

    def set_key(self, action_id: str, key: str | None) -> None:
        """Give an action a key, "" for none, None for its usual ones."""
        if key is None:
            self._chosen.pop(action_id, None)
        else:
            self._chosen[action_id] = key
        self._show()
        self._show_key_of(action_id)
        self.changed.emit()

    def reset(self) -> None:
        """All actions get their usual keys back."""
        self._chosen.clear()
        self._show()
        self._show_key_of(self._current_id)
        self.changed.emit()

    @property
    def _current_id(self) -> str:
        item = self._tree.currentItem()
        assert item is not None, "a row is always marked"
        return str(item.data(0, Qt.ItemDataRole.UserRole))

    def _key_pressed(self, sequence: QKeySequence) -> None:
        if not sequence.isEmpty():
            self.set_key(self._current_id, sequence.toString(QKeySequence.SequenceFormat.PortableText))

    def _row_changed(self) -> None:
        self._show_key_of(self._current_id)

    def _show_key_of(self, action_id: str) -> None:
        keys = keys_in_force(self._chosen)[action_id]
        self._field.blockSignals(True)
        self._field.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())
        self._field.blockSignals(False)
        self._usual.setEnabled(action_id in self._chosen)
        self._none.setEnabled(bool(keys))

    def _show(self) -> None:
        clashes = conflicts(self._chosen)
        clashing = {action_id for _, first, second in clashes for action_id in (first, second)}
        for action_id, keys in keys_in_force(self._chosen).items():
            item = self._items[action_id]
            item.setText(1, keys_in_words(keys) or "none")
            item.setText(2, "⚠ used twice" if action_id in clashing else "")
            font = item.font(1)
            font.setBold(action_id in self._chosen)
            item.setFont(1, font)
        sentences = [
            f"{keys_in_words([key])} is the key of both “{_NAME_OF[first]}” and “{_NAME_OF[second]}”."
            for key, first, second in clashes
        ]
        self._problem.setText("\n".join(sentences))
