"""The menu of saved queries, and the earlier queries, over ``viewer.relevance.query.history``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialogButtonBox, QInputDialog, QMenu, QWidget

from viewer.common.atomic_write import SaveError
from viewer.relevance.query.history import QueryHistory
from viewer.ui.search import strings
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.theme import without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.query.tree import Query
    from viewer.ui.search.search_state import Question

_LONGEST_IN_MENU = 60


class SavedQueries(QObject):
    """``present()``: the question that can be saved. The menu is filled anew each time it opens."""

    chosen = Signal(object)
    """A saved Query to search for."""
    failed = Signal(str)
    """Why a name was not taken."""
    not_saved = Signal(object, bool)
    """The SaveError of the file, which was not written, and whether the reader chose to have it written."""

    def __init__(self, present: Callable[[], Question], window: QWidget) -> None:
        super().__init__(window)
        self._present = present
        self._window = window
        self._history = QueryHistory.load()
        self.menu = QMenu()
        self.menu.setToolTipsVisible(True)
        self.menu.setAccessibleName(strings.SAVED_QUERIES)
        self.menu.aboutToShow.connect(self.fill)

    @property
    def notice(self) -> str | None:
        """A message about the file; None where it was read without a problem."""
        return self._history.notice

    def asked(self) -> tuple[str, ...]:
        """Earlier queries, newest first."""
        return self._history.asked

    def remember(self, text: str) -> None:
        """Put a text on top of the earlier queries."""
        self._history.remember(text)
        self._save(chosen=False)

    def keep(self, name: str) -> None:
        """Save the present query under a name."""
        query = self._present().query
        if query is not None:
            try:
                self._history.keep(name, query)
            except ValueError as error:
                self.failed.emit(str(error))
            else:
                self._save()

    def remove(self, name: str) -> None:
        """Remove a saved query."""
        self._history.remove(name)
        self._save()

    def fill(self) -> None:
        """Fill the menu with the saved queries."""
        self.menu.clear()
        question = self._present()
        save = self.menu.addAction(strings.SAVE_QUERY, self._open_name_dialog)
        save.setToolTip(strings.SAVE_QUERY_TIP)
        # Examples are patches of one slide and mean nothing on another.
        save.setEnabled(question.query is not None and not question.examples.items)
        self.menu.addSeparator()
        for name, query in self._history.saved:
            self.menu.addAction(_in_menu(name), partial(self._choose, query))
        if not self._history.saved:
            self.menu.addAction(strings.NO_SAVED_QUERIES).setEnabled(False)
        else:
            removal = self.menu.addMenu(strings.REMOVE_QUERY)
            for name, _query in self._history.saved:
                removal.addAction(_in_menu(name), partial(self.remove, name))
        self.menu.addSeparator()
        forget = self.menu.addAction(strings.FORGET_QUERIES, self._forget)
        forget.setEnabled(bool(self._history.asked))

    def _choose(self, query: Query) -> None:
        self.chosen.emit(query)

    def _open_name_dialog(self) -> None:
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle(strings.SAVE_QUERY_TITLE)
        dialog.setLabelText(strings.QUERY_NAME_LABEL)
        dialog.setTextValue(self._present().text)
        dialog.textValueSelected.connect(self.keep)
        show_dialog(dialog, modal=True)
        for buttons in dialog.findChildren(QDialogButtonBox):
            without_icons(buttons.buttons())

    def _forget(self) -> None:
        self._history.forget_asked()
        self._save()

    def _save(self, *, chosen: bool = True) -> None:
        try:
            self._history.save()
        except SaveError as error:
            self.not_saved.emit(error, chosen)


def _in_menu(name: str) -> str:
    short = name if len(name) <= _LONGEST_IN_MENU else f"{name[: _LONGEST_IN_MENU - 1]}…"
    return short.replace("&", "&&")
