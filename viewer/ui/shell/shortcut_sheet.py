"""The sheet of keys and mouse gestures (F1), made from the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.canvas.hold_key import HIDE_KEY_NAME
from viewer.ui.shell.action_table import ACTIONS, MENUS
from viewer.ui.shell.actions import keys_in_force, keys_in_words
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Mapping

GESTURES = (
    ("Wheel", "Zoom about the cursor"),
    ("Shift + wheel", "Turn the slide about the cursor"),
    ("Drag", "Move the slide; let go while moving and it glides on"),
    ("Double click", "Zoom in twice on that point"),
    ("Arrow keys", "Move by a fifth of the view (with the slide in focus)"),
    (HIDE_KEY_NAME, "Hide the overlay while the key is down, to see the tissue under it"),
    ("Click, with a query", "Show the measurements behind the value of that place"),
    ("Tab, Shift + Tab", "From part to part of the window"),
    ("Drop files or a folder", "Open the first slide and list the rest"),
)


class ShortcutSheet(QDialog):
    """Two columns, what and how, with a filter; stays open beside the window."""

    def __init__(self, chosen: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self._filter = QLineEdit(placeholderText="Filter", clearButtonEnabled=True)
        self._filter.setAccessibleName("Filter keys")
        self._filter.setToolTip("Show only lines that contain this text")
        self._filter.textChanged.connect(self._apply_filter)
        self._sections: list[QTreeWidgetItem] = []
        self._tree = QTreeWidget()
        self._tree.setAccessibleName("Keys and mouse gestures")
        self._tree.setHeaderLabels(["Key", "What it does"])
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
        """What is shown, as (key, what it does)."""
        return [(item.text(0), item.text(1)) for item in self._items() if not item.isHidden()]

    def _fill(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        self._section("Mouse and slide", GESTURES)
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
        wanted = text.casefold().strip()
        for item in self._items():
            item.setHidden(wanted not in f"{item.text(0)} {item.text(1)}".casefold())
        for section in self._sections:
            section.setHidden(all(item.isHidden() for item in _children(section)))


def _children(section: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    children = (section.child(row) for row in range(section.childCount()))
    return [child for child in children if child is not None]


def _sentence(name: str, tooltip: str) -> str:
    return f"{name}: {tooltip[0].lower()}{tooltip[1:]}"
