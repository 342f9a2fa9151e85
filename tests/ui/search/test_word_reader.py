"""The encoder of a search: picked for each word, a second one started only where a word needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.relevance.encoders.test_word_figures import folder
from tests.ui.search.query_window import ask
from viewer.ui.search import strings

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow

__all__ = ["folder"]


@pytest.fixture
def clients(folder: Path, clients: list[FakeClient]) -> list[FakeClient]:  # noqa: ARG001
    """With a shipped tissue encoder before the window opens."""
    return clients


def opened(clients: list[FakeClient]) -> list[str]:
    return [request[3] for client in clients for request in client.requests if request[0] == "open"]


def test_the_second_encoder_starts_when_a_word_needs_it_and_stays(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    panel = open_window.query.panel
    ask(qtbot, open_window, "fat")
    assert opened(clients) == ["measured"]
    assert panel.encoder.currentText() == strings.BEST_FOR_EACH
    assert "read by measured concepts" in panel.remarks.text()
    assert panel.empty.text == strings.SEARCHING

    panel.box.ask("stroma")
    assert opened(clients) == ["measured", "tissue"]
    assert clients[0].closed
    assert panel.empty.text == strings.SEARCHING_BY_SECOND
    assert "read by the tissue encoder" in panel.remarks.text()

    panel.box.ask("fat")
    assert opened(clients) == ["measured", "tissue"], "it measures, too"
    assert panel.empty.text == strings.SEARCHING, "it reads this no better"


def test_the_readers_choice_wins(qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]) -> None:
    open_window.query.open_panel()
    panel, session = open_window.query.panel, open_window.query.session
    ask(qtbot, open_window, "stroma")
    assert session.encoder_id == "tissue"

    panel.encoder_chosen.emit("measured")
    assert session.chosen_encoder == session.encoder_id == "measured"
    assert "would do better" in panel.remarks.text()
    assert opened(clients)[-1] == "measured"
    panel.box.ask("collagen")
    assert session.encoder_id == "measured"

    panel.encoder_chosen.emit("")
    assert session.encoder_id == "tissue"


def test_after_stop_another_choice_is_used_by_resume(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    query = open_window.query
    query.open_panel()
    query.panel.encoder_chosen.emit("measured")
    ask(qtbot, open_window, "stroma")
    query.session.stop()
    query.panel.encoder_chosen.emit("")
    assert query.session.encoder_id == "tissue"

    query.set_paused(False)
    assert opened(clients)[-1] == "tissue"
    assert clients[-1].queries == [query.session.question.query]
