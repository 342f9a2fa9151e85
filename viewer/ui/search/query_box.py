"""The line in which a query is typed, with completions while typing and earlier queries at Down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QStringListModel, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCompleter, QLineEdit, QListView, QToolTip, QWidget

from viewer.relevance.query.tree import MAX_TEXT
from viewer.ui.search import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QKeyEvent

_ROWS = 10


class QueryBox(QLineEdit):
    """``completions(text)``: whole queries that begin like ``text``; ``history()``: earlier queries."""

    asked = Signal(str)
    """The query to search for; "" ends the present one."""
    leave_pressed = Signal()
    """Escape was pressed with nothing to undo: the focus goes back to the slide."""

    def __init__(
        self,
        completions: Callable[[str], Sequence[str]],
        history: Callable[[], Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._completions, self._history = completions, history
        self._asked_text = ""
        self.setMaxLength(MAX_TEXT)
        self.setPlaceholderText(strings.QUERY_PLACEHOLDER)
        self.setClearButtonEnabled(True)
        self.setAccessibleName(strings.QUERY_PLACEHOLDER)
        self.setAccessibleDescription(strings.QUERY_DESCRIPTION)
        self.setToolTip(strings.QUERY_TIP)
        self._rows = QStringListModel(self)
        self._popup = QCompleter(self._rows, self)
        self._list = QListView()
        self._list.setAccessibleName(strings.SUGGESTIONS_NAME)
        self._popup.setPopup(self._list)
        self._popup.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._popup.setMaxVisibleItems(_ROWS)
        self._popup.setWidget(self)
        # With this line as its proxy, a list that the window system activates late, when it is closed,
        # would take the keyboard back from the slide.
        self._list.setFocusProxy(None)  # type: ignore[arg-type]  # PySide's stub lacks None
        self._popup.activated.connect(self._take)
        self.textEdited.connect(self._complete)
        self.inputRejected.connect(self._too_long)
        clear = self.findChild(QAction, "_q_qlineeditclearaction")
        assert isinstance(clear, QAction)
        clear.triggered.connect(lambda: self.ask(""))

    @property
    def suggestions(self) -> list[str]:
        """The rows of the open list of suggestions; empty while it is closed."""
        return self._rows.stringList() if self._list.isVisible() else []

    def ask(self, text: str) -> None:
        """Put a query into the line and search for it."""
        self.show_asked(text.strip())
        self.asked.emit(self._asked_text)

    def show_asked(self, text: str) -> None:
        """Show the present query, without searching for it again."""
        self._list.hide()
        self._asked_text = text
        self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes to the selected row of the open list, Escape to the open list, all else to the line."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._list.isVisible() and self._list.currentIndex().isValid():
                event.ignore()
            else:
                self.ask(self.text())
        elif key == Qt.Key.Key_Escape:
            if self._list.isVisible():
                event.ignore()
            elif self.text() != self._asked_text:
                self.setText(self._asked_text)
            else:
                self.leave_pressed.emit()
        elif key == Qt.Key.Key_Down and not self._list.isVisible():
            self._offer(self._history())
        else:
            super().keyPressEvent(event)

    def _complete(self, text: str) -> None:
        self._offer(self._completions(text) if text.strip() else ())

    def _offer(self, texts: Sequence[str]) -> None:
        self._rows.setStringList(list(texts))
        if texts:
            self._popup.complete()
            self._list.setCurrentIndex(QModelIndex())  # Enter asks what was typed, not the first suggestion
        else:
            self._list.hide()

    def _too_long(self) -> None:
        if len(self.text()) >= MAX_TEXT:
            below = self.mapToGlobal(self.rect().bottomLeft())
            QToolTip.showText(below, strings.QUERY_TOO_LONG.format(most=MAX_TEXT), self)

    def _take(self, text: str) -> None:
        self.setText(text)
