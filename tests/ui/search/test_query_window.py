"""The search in the real window, with a client that has no worker: keys, panel, overlay, places, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QListWidget, QPushButton, QSlider, QWidget

from tests.ui.children import child
from tests.ui.fake_view import ONE_PATCH
from tests.ui.search.query_window import answered, ask
from tests.ui.slide_files import write_slide
from viewer.common.settings import Settings
from viewer.overlay.layer import OverlayLook
from viewer.overlay.legend_entry import LegendEntry
from viewer.overlay.strings import LIKENESS_TO
from viewer.relevance.encoders.model_registry import registry_file
from viewer.relevance.models.strings import NO_FOLDER
from viewer.relevance.patches.field import UNIT
from viewer.relevance.patches.progress import StageProgress
from viewer.relevance.query.tree import Like
from viewer.relevance.worker.messages import Note, Progress
from viewer.ui.overlays import strings as overlay_strings
from viewer.ui.overlays.encoder_dialog import EncoderDialog
from viewer.ui.panels.pixel_size_dialog import PixelSize
from viewer.ui.search import strings
from viewer.ui.widgets.action_spec import Need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


pytestmark = pytest.mark.usefixtures("clients")


def opacity_slider(window: MainWindow) -> QSlider:
    label, _tip = overlay_strings.SLIDERS["opacity"]
    return child(window.overlays.controls, QSlider, label)


def lay_theirs(window: MainWindow, title: str) -> None:
    """Another producer lays something over the slide."""
    entry = LegendEntry(title, ((0, 0, 0), (9, 9, 9)), 0.0, "facts")
    window.overlays.active.layers.put("theirs", ONE_PATCH, OverlayLook(), entry)


def test_no_worker_without_panel_or_question(open_window: MainWindow, clients: list[FakeClient]) -> None:
    assert clients == []
    assert open_window.docks["query"].isHidden()
    for action in ("next_hit", "why", "overlay", "pause"):
        assert not open_window.actions_[action].isEnabled()
    assert Need.QUERY.value in open_window.actions_["why"].toolTip()
    assert Need.OVERLAY.value in open_window.actions_["overlay"].toolTip()


def test_the_panel_begins_early_where_the_reader_lets_it(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    open_window.actions_["show_query"].trigger()
    qtbot.wait_until(lambda: len(clients) == 1)
    assert clients[0].queries == []


def test_the_panel_waits_where_the_reader_wants_it_to(
    open_window: MainWindow, clients: list[FakeClient]
) -> None:
    open_window.apply_settings(open_window.settings.replace("relevance", analyse_ahead=False))
    open_window.actions_["show_query"].trigger()
    assert open_window.query.panel.isVisible()
    assert clients == []


def test_a_query_brings_places_overlay_and_legend(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    tools = open_window.query
    assert open_window.overlays.active.fields.has_present
    assert LIKENESS_TO.format(query="fat") in open_window.overlays.active.legend.text
    assert len(tools.panel.hits.hits.rows) == 1
    before = open_window.view.camera.target
    open_window.actions_["next_hit"].trigger()
    assert open_window.view.camera.target != before
    assert tools.panel.why.text.startswith(
        strings.WHY_TITLE.format(place="64.0, 64.0 µm", value=strings.VALUES[UNIT].format(score=0.9))
    )
    open_window.actions_["overlay"].trigger()
    assert open_window.overlays.active.legend.text == ""
    assert open_window.view.overlays.drawn == ()
    open_window.actions_["overlay"].trigger()
    assert open_window.overlays.active.legend.text != ""
    assert len(open_window.view.overlays.drawn) == 1


def test_what_lies_over_the_slide_can_be_hidden_without_a_question(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    lay_theirs(open_window, "Theirs")
    for action in ("overlay", "flashlight"):
        assert open_window.actions_[action].isEnabled()
    qtbot.keyClick(open_window.view.canvas.native, Qt.Key.Key_O)
    assert open_window.overlays.active.legend.text == ""
    qtbot.keyPress(open_window.view.canvas.native, Qt.Key.Key_X)
    qtbot.keyRelease(open_window.view.canvas.native, Qt.Key.Key_X)
    assert open_window.overlays.active.legend.text == ""
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    assert open_window.overlays.active.layers.visible, "a new query shows its overlay"
    assert "Theirs" in open_window.overlays.active.legend.text
    assert len(open_window.view.overlays.drawn) == 2
    open_window.actions_["overlay"].trigger()
    open_window.overlays.active.layers.remove("theirs")
    open_window.query.session.clear()
    assert not open_window.actions_["overlay"].isEnabled()
    lay_theirs(open_window, "Later")
    assert "Later" in open_window.overlays.active.legend.text


def test_what_is_asked_lies_over_what_was_kept_each_in_colours_of_its_own(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    for number, text in enumerate(("fat", "blood", "mucin"), start=1):
        ask(qtbot, open_window, text)
        answered(qtbot, open_window, clients[0], number)
        open_window.actions_["pin"].trigger()
    overlays = open_window.view.overlays.drawn
    assert overlays[-1].name == "query"
    assert len(overlays) == 4
    assert len({overlay.look.colour_map for overlay in overlays}) == 4


def test_another_question_takes_the_outline_of_the_place_away(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    outlined: list[list[object]] = []
    vectors = open_window.overlays.active.vectors
    monkeypatch.setattr(vectors, "set_shapes", lambda _producer, shapes: outlined.append(shapes))
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    open_window.actions_["next_hit"].trigger()
    assert outlined[-1]
    ask(qtbot, open_window, "blood")
    assert outlined[-1] == []


def test_why_there_are_no_places_follows_the_analysis(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    empty, client = open_window.query.panel.empty, clients[0]
    assert strings.SEARCHING in empty.text
    client.send_event(Progress(1, 9, 0, 5.0, False))
    with qtbot.wait_signal(open_window.query.session.hits_changed):
        client.publish(1, score=0.0)
    assert strings.NO_PLACE_YET in empty.text
    with qtbot.wait_signal(open_window.query.session.progressed):
        client.send_event(Progress(9, 9, 0, None, False, in_parts=StageProgress(1, 2)))
    assert strings.NO_PLACE_YET in empty.text, "a part of a patch may still stand out"
    client.send_event(Progress(9, 9, 0, None, False, in_parts=StageProgress(2, 2)))
    qtbot.wait_until(lambda: strings.NO_PLACE in empty.text)
    field = open_window.query.session.field
    assert field is not None
    assert (strings.CHECK_HATCHED in empty.text) is field.has_gaps
    open_window.query.session.stop()
    assert strings.STOPPED_WITHOUT_PLACE in empty.text
    ask(qtbot, open_window, "blood")
    assert len(clients) == 2
    assert strings.NO_PLACE_YET in empty.text


def test_a_search_that_ended_before_any_answer_is_not_shown_as_searching(
    qtbot: QtBot, open_window: MainWindow
) -> None:
    ask(qtbot, open_window, "fat")
    open_window.query.session.stop()
    assert strings.STOPPED_WITHOUT_ANSWER in open_window.query.panel.empty.text


def test_escape_goes_back_to_the_slide_and_the_key_hides_the_overlay(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    open_window.actions_["find"].trigger()
    qtbot.keyClick(open_window.query.panel.box, Qt.Key.Key_Escape)
    native = open_window.view.canvas.native
    assert native.hasFocus()
    assert len(open_window.view.overlays.drawn) == 1
    qtbot.keyPress(native, Qt.Key.Key_X)
    assert open_window.view.overlays.drawn == ()
    assert open_window.overlays.active.legend.text == ""
    qtbot.keyRelease(native, Qt.Key.Key_X)
    assert len(open_window.view.overlays.drawn) == 1
    assert open_window.overlays.active.legend.text != ""


def test_a_kept_layer_stays_beside_the_next_query(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    answered(qtbot, open_window, clients[0])
    open_window.actions_["pin"].trigger()
    ask(qtbot, open_window, "blood")
    answered(qtbot, open_window, clients[0], 2)
    tools = open_window.query
    assert "likeness to: fat" in open_window.overlays.active.legend.text
    assert "likeness to: blood" in open_window.overlays.active.legend.text
    assert open_window.overlays.layer_list.lines == ["blood", "fat"]
    layers = open_window.overlays.layer_list
    rows = child(layers, QListWidget, overlay_strings.LAYERS_NAME)
    remove = child(layers, QPushButton, overlay_strings.REMOVE)
    assert not remove.isEnabled(), "the present answer goes with its query"
    rows.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert "fat" not in open_window.overlays.active.legend.text
    rows.setCurrentRow(1)
    remove.click()
    assert open_window.overlays.layer_list.lines == ["blood"]
    tools.session.clear()
    assert open_window.overlays.active.legend.text == ""


def test_a_slide_without_pixel_size_asks_for_it(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn, clients: list[FakeClient]
) -> None:
    open_in(window, write_slide(tmp_path / "plain.tif"))
    ask(qtbot, window, "fat")
    dialog = window.findChild(PixelSize)
    assert isinstance(dialog, PixelSize)
    assert child(window.query.panel.empty, QPushButton, strings.SET_PIXEL_SIZE).isEnabled()
    dialog.set_mpp_um(0.5, 0.5)
    dialog.accept()
    assert len(clients[0].queries) == 1
    assert window.focusWidget() is window.view.canvas.native


def test_examples_come_from_keys_clicks_and_frames(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    tools, native = open_window.query, open_window.view.canvas.native
    open_window.actions_["like"].trigger()
    assert clients[0].queries[-1] == Like(((0, 1),))  # the middle of the view
    assert tools.panel.box.text() == ""
    tools.panel.examples.pick_unlike.click()
    assert tools.picker.picking
    qtbot.mouseClick(native, Qt.MouseButton.LeftButton, pos=native.rect().center())
    assert clients[0].requests[-1][0] != "explain"
    assert tools.session.question.examples.negatives == ((0, 1),)
    tools.panel.examples.pick_unlike.click()
    assert not tools.picker.picking
    tools.panel.examples.clear.click()
    assert tools.panel.examples.lines == []
    assert not tools.has_query


def test_look_switches_are_remembered_with_the_state(
    qtbot: QtBot,
    make_window: Callable[[], MainWindow],
    slide_file: Path,
    open_in: OpenIn,
    clients: list[FakeClient],
) -> None:
    window = make_window()
    open_in(window, slide_file)
    ask(qtbot, window, "fat")
    answered(qtbot, window, clients[0])
    window.actions_["contours"].trigger()
    assert window.overlays.controls.look.contours
    opacity_slider(window).setValue(80)
    window.close()
    assert clients[0].closed
    again = make_window()
    assert again.settings.overlay.contours
    assert again.settings.overlay.opacity == 0.8


def test_another_encoder_leaves_the_look_as_it_was_chosen(open_window: MainWindow) -> None:
    opacity_slider(open_window).setValue(80)
    chosen = Settings.default().replace("relevance", accepted_encoders="plip")
    open_window.query.settings_chosen.emit(chosen)
    assert open_window.settings.relevance.accepted_encoders == "plip"
    assert open_window.settings.overlay.opacity == 0.8
    assert open_window.overlays.controls.look.opacity == 0.8


def test_notes_of_the_worker_are_shown(
    qtbot: QtBot, open_window: MainWindow, clients: list[FakeClient]
) -> None:
    ask(qtbot, open_window, "fat")
    note = "lymphocytes are off: this stain is not H&E"
    clients[0].send_event(Note(note))
    remarks = open_window.query.panel.remarks
    qtbot.wait_until(lambda: strings.NOTE.format(text=note) in remarks.text())
    assert remarks.isVisible()


def test_everything_in_the_panel_has_a_name(open_window: MainWindow) -> None:
    open_window.actions_["find"].trigger()
    panel = open_window.query.panel
    for number in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(number)
        for widget in panel.findChildren(QWidget):
            if widget.isVisibleTo(panel) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                assert widget.accessibleName() or named_by_text(widget), widget


def test_tab_goes_from_top_to_bottom(qtbot: QtBot, open_window: MainWindow) -> None:
    ask(qtbot, open_window, "lymphocytes without blood")
    panel = open_window.query.panel
    weights = panel.weights
    weights.set_weight(0, "lymphocytes", 0.5)
    panel.show_why()
    open_window.actions_["find"].trigger()
    seen = [panel.box]
    for _ in range(14):
        qtbot.keyClick(open_window.focusWidget(), Qt.Key.Key_Tab)
        seen.append(open_window.focusWidget())
    wanted = [
        panel.box,
        panel.saved,
        panel.askable,
        panel.encoder,
        panel.tabs.tabBar(),
        *weights.in_tab_order,
    ]
    assert [widget for widget in seen if widget in wanted] == wanted


def named_by_text(widget: Any) -> bool:
    return bool(getattr(widget, "text", str)())


def test_closing_the_window_closes_its_dialogs(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, write_slide(tmp_path / "plain.tif"))
    ask(qtbot, window, "fat")
    window.close()
    assert not any(dialog.isVisible() for dialog in window.findChildren(QDialog))


def test_dialogs_of_the_search_do_not_pile_up(qtbot: QtBot, open_window: MainWindow) -> None:
    open_window.actions_["show_query"].trigger()
    for _ in range(3):
        open_window.query.panel.encoder_facts.click()
    standing = open_window.findChildren(EncoderDialog)
    assert sum(dialog.isVisible() for dialog in standing) == 1
    for dialog in standing:
        dialog.close()
    qtbot.wait_until(lambda: not open_window.findChildren(EncoderDialog))


def test_what_is_wrong_with_the_lists_of_models_is_said_over_every_slide(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    def reported() -> bool:
        return any(NO_FOLDER in message.text for message in window.messages.messages)

    registry_file().parent.mkdir(parents=True, exist_ok=True)
    registry_file().write_text('[hipt]\nfolder = "/nowhere"\n', encoding="utf-8")
    open_in(window, slide_file)
    window.actions_["show_attention"].trigger()
    assert reported()
    open_in(window, slide_file)
    assert reported()
