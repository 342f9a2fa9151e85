"""Examples for "find similar": places like what is looked for and places unlike it, to add and remove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
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
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent

    from viewer.relevance.patches.grid import PatchGrid

Cell = tuple[int, int]
"""(row, column) of a patch."""
MAX_EXAMPLES = 500
_HINT = (
    "Draw a frame on the slide with Pick. The upper buttons add the middle of the view, their keys the place "
    "under the pointer."
)


@dataclass(frozen=True, slots=True)
class Example:
    """Some patches that were added together: a click adds one, a drawn frame those within it."""

    cells: frozenset[Cell]
    like: bool
    place: str

    @property
    def words(self) -> str:
        sign = "+ like" if self.like else "− unlike"
        count = f", {len(self.cells)} patches" if len(self.cells) > 1 else ""
        return f"{sign} {self.place}{count}"


@dataclass(frozen=True, slots=True)
class Examples:
    """All examples of one search. A later one overrules an earlier one on patches that both hold."""

    items: tuple[Example, ...] = ()

    @property
    def positives(self) -> tuple[Cell, ...]:
        return self._cells(like=True)

    @property
    def negatives(self) -> tuple[Cell, ...]:
        return self._cells(like=False)

    def added(self, example: Example) -> Examples:
        """With one more. Raises ValueError where it would be more patches than are taken."""
        grown = replace(self, items=(*self.items, example))
        if len(grown.positives) + len(grown.negatives) > MAX_EXAMPLES:
            raise ValueError(f"examples may hold {MAX_EXAMPLES} patches in all; draw a smaller frame")
        return grown

    def without(self, number: int) -> Examples:
        """Without the example of that number."""
        return replace(self, items=self.items[:number] + self.items[number + 1 :])

    def _cells(self, *, like: bool) -> tuple[Cell, ...]:
        kind: dict[Cell, bool] = {}
        for item in self.items:
            kind.update(dict.fromkeys(item.cells, item.like))
        return tuple(sorted(cell for cell, is_like in kind.items() if is_like == like))


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


def cells_in_frame(grid: PatchGrid, corners: Sequence[tuple[float, float]]) -> frozenset[Cell]:
    """The patches whose centres lie within a convex outline of slide points, wound either way."""
    x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
    y = (np.arange(grid.rows)[:, None] + 0.5) * grid.patch_height_px
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    turns = np.stack([(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in sides])
    within = (turns >= 0).all(axis=0) | (turns <= 0).all(axis=0)
    return frozenset((int(row), int(col)) for row, col in np.argwhere(within))


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text.replace("&", "").strip("…+− "))
    return button
