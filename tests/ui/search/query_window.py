"""Asks in the window as a reader does, and answers as the worker does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow


def ask(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """As the reader does: the key, the words, Enter."""
    window.actions_["find"].trigger()
    box = window.query.panel.box
    qtbot.keyClicks(box, text)
    suggestions = QApplication.activePopupWidget()  # takes the keys while it is open
    qtbot.keyClick(suggestions or box, Qt.Key.Key_Return)


def answered(qtbot: QtBot, window: MainWindow, client: FakeClient, number: int = 1) -> None:
    with qtbot.wait_signal(window.query.session.hits_changed):
        client.publish(number)
