"""Keys and mouse gestures: the sheet that lists them (F1), and the preferences page that changes keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.canvas.hold_key import HIDE_KEY_NAME
from viewer.ui.shell import strings
from viewer.ui.shell.action_table import ACTIONS, MENUS
from viewer.ui.shell.actions import conflicts, keys_in_force, keys_in_words
from viewer.ui.widgets.dialogs import SearchDialog
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACTION_NAMES = {spec.id: spec.name for spec in ACTIONS}


class ShortcutEditor(QWidget):
    """A list of actions with their keys, and below it a field for the key of the selected one."""

    changed = Signal()

    def __init__(self, chosen: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = {action_id: key for action_id, key in chosen.items() if action_id in _ACTION_NAMES}
        self._tree = QTreeWidget()
        self._tree.setAccessibleName(strings.ACTIONS_AND_KEYS)
        self._tree.setHeaderLabels(strings.ACTIONS_AND_KEYS_COLUMNS)
        self._tree.setRootIsDecorated(False)
        self._tree.setAlternatingRowColors(True)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._items = {spec.id: QTreeWidgetItem(self._tree, [_ACTION_NAMES[spec.id]]) for spec in ACTIONS}
        for action_id, item in self._items.items():
            item.setData(0, Qt.ItemDataRole.UserRole, action_id)
        self._tree.currentItemChanged.connect(self._row_changed)
        self._field = QKeySequenceEdit()
        self._field.setMaximumSequenceLength(1)
        self._field.setAccessibleName(strings.KEY_OF_ACTION)
        self._field.setToolTip(strings.KEY_OF_ACTION_TOOLTIP)
        self._field.keySequenceChanged.connect(self._key_pressed)
        self._none = QPushButton(strings.NO_KEY)
        self._none.setToolTip(strings.NO_KEY_TOOLTIP)
        self._none.clicked.connect(lambda: self.set_key(self._current_id, ""))
        self._default = QPushButton(strings.DEFAULT_KEY)
        self._default.setToolTip(strings.DEFAULT_KEY_TOOLTIP)
        self._default.clicked.connect(lambda: self.set_key(self._current_id, None))
        row = QHBoxLayout()
        label = QLabel(strings.KEY)
        label.setBuddy(self._field)
        for widget in (label, self._field, self._none, self._default):
            row.addWidget(widget, 1 if widget is self._field else 0)
        self._problem = QLabel(wordWrap=True)
        self._problem.setAccessibleName(strings.KEYS_USED_TWICE)
        layout = QVBoxLayout(self)
        layout.addWidget(self._tree, 1)
        layout.addLayout(row)
        layout.addWidget(self._problem)
        self._show()
        self._tree.setCurrentItem(self._items[ACTIONS[0].id])

    @property
    def chosen(self) -> dict[str, str]:
        """Keys that differ from the default ones, by action, for the settings."""
        return dict(self._chosen)

    @property
    def problem(self) -> str:
        """Sentences about keys used twice; empty where every key is unique."""
        return self._problem.text()

    def set_key(self, action_id: str, key: str | None) -> None:
        """Give an action a key, "" for none, None for its default ones."""
        if key is None:
            self._chosen.pop(action_id, None)
        else:
            self._chosen[action_id] = key
        self._show()
        self._show_key(action_id)
        self.changed.emit()

    def reset(self) -> None:
        """Give all actions their default keys."""
        self._chosen.clear()
        self._show()
        self._show_key(self._current_id)
        self.changed.emit()

    @property
    def _current_id(self) -> str:
        item = self._tree.currentItem()
        assert item is not None, "a row is always selected"
        return str(item.data(0, Qt.ItemDataRole.UserRole))

    def _key_pressed(self, sequence: QKeySequence) -> None:
        if not sequence.isEmpty():
            self.set_key(self._current_id, sequence.toString(QKeySequence.SequenceFormat.PortableText))

    def _row_changed(self) -> None:
        self._show_key(self._current_id)

    def _show_key(self, action_id: str) -> None:
        keys = keys_in_force(self._chosen)[action_id]
        self._field.blockSignals(True)
        self._field.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())
        self._field.blockSignals(False)
        self._default.setEnabled(action_id in self._chosen)
        self._none.setEnabled(bool(keys))

    def _show(self) -> None:
        conflicting = conflicts(self._chosen)
        ids = {action_id for _, first, second in conflicting for action_id in (first, second)}
        for action_id, keys in keys_in_force(self._chosen).items():
            item = self._items[action_id]
            item.setText(1, keys_in_words(keys) or strings.WITHOUT_KEY)
            item.setText(2, strings.USED_TWICE if action_id in ids else "")
            font = item.font(1)
            font.setBold(action_id in self._chosen)
            item.setFont(1, font)
        sentences = [
            strings.KEY_CONFLICT.format(
                key=keys_in_words([key]), first=_ACTION_NAMES[first], second=_ACTION_NAMES[second]
            )
            for key, first, second in conflicting
        ]
        self._problem.setText("\n".join(sentences))


class ShortcutSheet(SearchDialog):
    """Keys and gestures with what they do, and a filter; stays open beside the window."""

    def __init__(self, chosen: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(strings.KEYS_AND_MOUSE)
        self._filter = QLineEdit(placeholderText=strings.FILTER, clearButtonEnabled=True)
        self._filter.setAccessibleName(strings.FILTER_KEYS)
        self._filter.setToolTip(strings.FILTER_KEYS_TOOLTIP)
        self._filter.textChanged.connect(self._apply_filter)
        self._sections: list[QTreeWidgetItem] = []
        self._tree = QTreeWidget()
        self._tree.setAccessibleName(strings.KEYS_AND_MOUSE_LIST)
        self._tree.setHeaderLabels(strings.KEYS_AND_MOUSE_COLUMNS)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._tree.setAlternatingRowColors(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        without_icons(buttons.buttons())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self._filter)
        layout.addWidget(self._tree, 1)
        layout.addWidget(buttons)
        self._fill(keys_in_force(chosen))
        self.resize(em_px(52), em_px(38))

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The visible lines, as (key, what it does)."""
        return [(item.text(0), item.text(1)) for item in self._items() if not item.isHidden()]

    def _fill(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        gestures = ((gesture.format(hide_key=HIDE_KEY_NAME), does) for gesture, does in strings.GESTURES)
        self._section(strings.MOUSE_AND_SLIDE, tuple(gestures))
        for menu in MENUS:
            rows = [
                (keys_in_words(keys[spec.id]), _sentence(spec.name, spec.tooltip))
                for spec in ACTIONS
                if spec.menu == menu
            ]
            self._section(menu, tuple(rows))
        self._tree.expandAll()

    def _section(self, title: str, rows: tuple[tuple[str, str], ...]) -> None:
        section = QTreeWidgetItem(self._tree, [title])
        self._sections.append(section)
        section.setFirstColumnSpanned(True)
        font = section.font(0)
        font.setBold(True)
        section.setFont(0, font)
        for row in rows:
            QTreeWidgetItem(section, list(row))

    def _items(self) -> list[QTreeWidgetItem]:
        return [item for section in self._sections for item in _children(section)]

    def _apply_filter(self, text: str) -> None:
        needle = text.casefold().strip()
        for item in self._items():
            item.setHidden(needle not in f"{item.text(0)} {item.text(1)}".casefold())
        for section in self._sections:
            section.setHidden(all(item.isHidden() for item in _children(section)))


def _children(section: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    children = (section.child(row) for row in range(section.childCount()))
    return [child for child in children if child is not None]


def _sentence(name: str, tooltip: str) -> str:
    return strings.KEY_AND_ACTION.format(action=name, does=f"{tooltip[0].lower()}{tooltip[1:]}")
