"""The page before the signature: what is open, what was not displayed, what was not analysed, who signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.review import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.review.findings.finding import Finding
    from viewer.review.reading.discordance import Discordance
    from viewer.review.reading.reading import Reading

    Place = tuple[str, float, float]
    """Content hash of a slide, and a point of it in level-0 px."""


class SignPage(QWidget):
    """``resolve_pressed``: the id of a discordance, and whether it is deferred. ``sign_pressed``: the
    name, and the reason of who adjudicates."""

    finding_chosen = Signal(object)
    place_chosen = Signal(object)
    resolve_pressed = Signal(str, bool)
    sign_pressed = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.SIGN)
        self._discordances: list[Discordance] = []
        self._heading = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.points = _list(strings.OPEN_POINTS)
        self.points.currentRowChanged.connect(lambda _row: self._refresh())
        self.points.itemClicked.connect(lambda _item: self._go_to_point())
        self.points.itemActivated.connect(lambda _item: self._go_to_point())
        self.settle = QPushButton(strings.RESOLVE)
        self.settle.setToolTip(strings.RESOLVE_TIP)
        self.settle.clicked.connect(lambda: self._resolve(deferred=False))
        self.defer = QPushButton(strings.DEFER)
        self.defer.setToolTip(strings.DEFER_TIP)
        self.defer.clicked.connect(lambda: self._resolve(deferred=True))
        buttons = QHBoxLayout()
        buttons.addWidget(self.settle)
        buttons.addWidget(self.defer)
        self._displayed = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.not_displayed = _list(strings.NOT_DISPLAYED)
        self.not_displayed.itemClicked.connect(self._go_to_place)
        self.not_displayed.itemActivated.connect(self._go_to_place)
        self.limits = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.limits.setProperty("muted", True)
        self._name = QLineEdit(placeholderText=strings.NAME_HINT)
        self._name.setAccessibleName(strings.NAME)
        self.others = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.reason = QLineEdit(placeholderText=strings.DECISION_HINT)
        self.reason.setAccessibleName(strings.DECISION_HINT)
        self.sign = QPushButton()
        self.sign.clicked.connect(lambda: self.sign_pressed.emit(self._name.text(), self.reason.text()))
        self._signed = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        layout = QVBoxLayout(self)
        layout.addWidget(self._heading)
        layout.addWidget(self.points, 2)
        layout.addLayout(buttons)
        layout.addWidget(self._displayed)
        layout.addWidget(self.not_displayed, 1)
        layout.addWidget(self.limits)
        layout.addWidget(self.others)
        layout.addWidget(self._name)
        layout.addWidget(self.reason)
        layout.addWidget(self.sign)
        layout.addWidget(self._signed)

    def show_reading(self, reading: Reading, discordances: list[Discordance]) -> None:
        """List the discordances, open ones first, and what was not analysed."""
        row = self.points.currentRow()
        order = {"open": 0, "deferred": 1, "resolved": 2}
        self._discordances = sorted(discordances, key=lambda one: order[one.state])
        self.points.clear()
        for one in self._discordances:
            self.points.addItem(strings.POINT_LINE.format(text=one.text, state=strings.STATES[one.state]))
        self.points.setCurrentRow(min(row, len(self._discordances) - 1))
        open_count = sum(one.state == "open" for one in discordances)
        self._heading.setText(
            strings.NO_OPEN_POINTS
            if not open_count
            else strings.OPEN_COUNT[open_count == 1].format(count=open_count)
        )
        self.points.setVisible(bool(discordances))
        self.settle.setVisible(bool(discordances))
        self.defer.setVisible(bool(discordances))
        lines = [strings.NOT_ANALYSED_LINE.format(what=what, why=why) for what, why in reading.not_analysed]
        self.limits.setText("\n".join(lines))
        self.limits.setVisible(bool(lines))
        signature = reading.signature
        for widget in (self._name, self.sign):
            widget.setVisible(signature is None)
        self._signed.setVisible(signature is not None)
        if signature is not None:
            self._signed.setText(
                strings.SIGNED_BY.format(name=signature.name, time=signature.utc[:16].replace("T", " "))
            )
        self._refresh()

    def show_others(self, opinions: Sequence[str], *, adjudicates: bool) -> None:
        """Show what other readers said, unnamed, to the one who decides between them."""
        shown = adjudicates and self.sign.isVisibleTo(self)
        self.others.setText("\n".join(opinions))
        self.others.setVisible(shown and bool(opinions))
        self.reason.setVisible(shown)
        self.sign.setText(strings.ADJUDICATE if adjudicates else strings.SIGN_BUTTON)
        self.sign.setToolTip(strings.ADJUDICATE_TIP if adjudicates else strings.SIGN_TIP)

    def show_displayed(self, sentence: str, places: Sequence[tuple[str, Place]]) -> None:
        """State what was displayed, and list places that were not: (in words, where)."""
        self._displayed.setText(sentence)
        self.not_displayed.clear()
        for text, place in places:
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, place)
            self.not_displayed.addItem(item)
        self.not_displayed.setVisible(bool(places))

    def focus_list(self) -> None:
        """Give the keyboard to what is open, or to the name."""
        target = self.points if self._discordances else self._name
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def propose_name(self, name: str) -> None:
        """Fill the empty line of the name."""
        if not self._name.text():
            self._name.setText(name)

    @property
    def _current(self) -> Discordance | None:
        row = self.points.currentRow()
        return self._discordances[row] if 0 <= row < len(self._discordances) else None

    def _resolve(self, *, deferred: bool) -> None:
        if self._current is not None:
            self.resolve_pressed.emit(self._current.id, deferred)

    def _go_to_point(self) -> None:
        finding: Finding | None = None if self._current is None else self._current.finding
        if finding is not None:
            self.finding_chosen.emit(finding)

    def _go_to_place(self, item: QListWidgetItem) -> None:
        self.place_chosen.emit(item.data(Qt.ItemDataRole.UserRole))

    def _refresh(self) -> None:
        for button in (self.settle, self.defer):
            button.setEnabled(self._current is not None)


def _list(name: str) -> QListWidget:
    made = QListWidget()
    made.setAccessibleName(name)
    made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    made.setWordWrap(True)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setMinimumHeight(em_px(4))
    return made
