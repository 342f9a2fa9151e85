"""A class with a threshold in the window: what its values meant, weak places, a clear overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.relevance.tissue_record import OF_VALUES, trained
from tests.ui.search.query_window import answered, ask
from viewer.overlay.strings import PROBABILITY_OF
from viewer.relevance.patches.field import PROBABILITY
from viewer.relevance.patches.progress import StageProgress
from viewer.relevance.worker.messages import Progress
from viewer.ui.overlays.field_layers import PRESENT
from viewer.ui.search import strings

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow


@pytest.fixture
def clients(clients: list[FakeClient]) -> list[FakeClient]:
    """With a tissue encoder trained before the window opens."""
    trained()
    return clients


def test_the_own_encoder_is_used_without_a_choice(open_window: MainWindow, qtbot: QtBot) -> None:
    ask(qtbot, open_window, "blood")

    assert open_window.query.session.encoder_id == "tissue"
    assert open_window.query.panel.encoder.currentData() == ""
    assert open_window.query.panel.empty.text == strings.SEARCHING, "it is the usual one"


def test_a_value_says_what_it_meant_on_test_slides(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "blood")
    with qtbot.wait_signal(open_window.query.session.hits_changed):
        clients[0].publish(1, 0.95, PROBABILITY)

    panel = open_window.query.panel
    (row,) = panel.hits.hits.rows
    assert row.title == "1. probability 0.95"
    assert row.meaning == OF_VALUES[1]
    assert panel.verdict.isHidden()
    (entry,) = open_window.overlays.active.layers.described.values()
    assert entry.title == PROBABILITY_OF.format(query="blood")
    assert OF_VALUES[1] in entry.facts
    assert open_window.overlays.active.layers.look_of(PRESENT).threshold == 0.62  # type: ignore[union-attr]
    panel.hits.step(1)
    assert OF_VALUES[1] in panel.why.text
    assert "probability 0.95" in panel.why.text


def test_where_nothing_reaches_the_threshold_that_is_the_answer(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "blood")
    with qtbot.wait_signal(open_window.query.session.hits_changed):
        clients[0].publish(1, 0.55)

    panel = open_window.query.panel
    (row,) = panel.hits.hits.rows
    assert row.title == strings.PLACE_WEAK.format(number=1, score=0.55)
    assert row.meaning == f"{OF_VALUES[0]}; weak: below 0.62"
    assert panel.verdict.text() == strings.NONE_ABOVE[False].format(threshold=0.62, title="blood")
    with qtbot.wait_signal(open_window.query.session.progressed):
        clients[0].send_event(Progress(4, 4, 0, None, paused=False, in_parts=StageProgress(1, 2)))
    assert panel.verdict.text() == strings.NONE_ABOVE[False].format(threshold=0.62, title="blood")
    with qtbot.wait_signal(open_window.query.session.progressed):
        clients[0].send_event(Progress(4, 4, 0, seconds_left=0.0, paused=False))
    assert panel.verdict.text() == strings.NONE_ABOVE[True].format(threshold=0.62, title="blood")


def test_a_weak_answer_says_nothing_of_the_next_question(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "blood")
    with qtbot.wait_signal(open_window.query.session.hits_changed):
        clients[0].publish(1, 0.55)
    assert not open_window.query.panel.verdict.isHidden()

    open_window.query.panel.box.ask("adipose tissue")  # which has no threshold

    assert open_window.query.panel.verdict.isHidden()
    assert not open_window.query.session.weak
    assert not open_window.query.panel.hits.hits.rows


def test_what_is_measured_is_as_before(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "adipose tissue")
    answered(qtbot, open_window, clients[0])

    (row,) = open_window.query.panel.hits.hits.rows
    assert row.title == "1. likeness 0.90"
    assert row.meaning == ""
    assert open_window.overlays.active.layers.look_of(PRESENT).threshold == 0.0  # type: ignore[union-attr]


def test_a_kept_layer_stays_without_its_weak_values(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "blood")
    answered(qtbot, open_window, clients[0])
    open_window.overlays.keep()

    fields = open_window.overlays.active.fields
    (kept,) = fields.kept
    assert fields.layer(kept.name).look.threshold == 0.62
