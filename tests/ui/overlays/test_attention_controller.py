"""Attention in a window: a model is used after its terms only, and what happens to it is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialogButtonBox

from tests.ui.overlays.attention_stage import HEAD, HIPT, MEASURED_TWO, Stage, attend, show
from viewer.common.strings import PIXEL_SIZE_ESTIMATED
from viewer.relevance.encoders.measured.card import SALIENCY
from viewer.relevance.worker.messages import Failed, Note, Progress, WorkerDied
from viewer.ui.overlays import strings
from viewer.ui.overlays.encoder_dialog import EncoderDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView
    from viewer.common.settings import Settings
    from viewer.slide.formats.array import ArraySource


def dialog_of(view: FakeSlideView) -> EncoderDialog:
    (dialog,) = (one for one in view.window().findChildren(EncoderDialog) if one.isVisible())
    return dialog


def press(view: FakeSlideView, button: QDialogButtonBox.StandardButton) -> None:
    dialog_of(view).buttons.button(button).click()


def test_a_model_is_used_after_its_terms_were_accepted_once(stage: Stage, open_view: FakeSlideView) -> None:
    chosen: list[Settings] = []
    stage.tools.settings_chosen.connect(chosen.append)
    show(stage, 1)
    assert stage.clients == []
    press(open_view, QDialogButtonBox.StandardButton.Ok)
    assert stage.clients[0].requests[0][3] == "hipt"
    assert [one.relevance.accepted_encoders for one in chosen] == ["hipt"]
    stage.tools.controls.mode.setCurrentIndex(1)
    assert [one for one in open_view.window().findChildren(EncoderDialog) if one.isVisible()] == []
    assert len(chosen) == len(stage.clients) == 1


def test_a_head_is_used_after_the_terms_of_the_model_whose_features_it_reads(
    stage: Stage, open_view: FakeSlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_hipt = replace(HEAD, features_of="hipt")
    stage.offer(monkeypatch, SALIENCY, HIPT, over_hipt)
    show(stage, 2)
    assert dialog_of(open_view).card is HIPT
    assert stage.clients == []
    press(open_view, QDialogButtonBox.StandardButton.Ok)
    assert stage.clients[0].requests[0][3] == over_hipt.id


def test_refused_terms_show_nothing(stage: Stage, open_view: FakeSlideView) -> None:
    show(stage, 1)
    press(open_view, QDialogButtonBox.StandardButton.Cancel)
    assert not stage.tools.controls.shown.isChecked()
    assert stage.clients == []
    stage.tools.controls.shown.setChecked(True)
    assert dialog_of(open_view).card is HIPT  # who asks again is asked again
    press(open_view, QDialogButtonBox.StandardButton.Cancel)


def test_what_is_drawn_keeps_its_name_while_the_terms_of_another_are_read(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView
) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    stage.tools.controls.encoder.setCurrentIndex(1)
    attend(qtbot, stage)
    assert stage.legend.text.startswith("Measured saliency (")
    press(open_view, QDialogButtonBox.StandardButton.Cancel)


def test_refused_terms_leave_what_was_shown_before(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView
) -> None:
    controls = stage.tools.controls
    show(stage, 2)
    controls.patch_head.setCurrentIndex(1)
    attend(qtbot, stage)
    controls.encoder.setCurrentIndex(1)
    press(open_view, QDialogButtonBox.StandardButton.Cancel)
    assert (controls.card, controls.patch_head.currentText()) == (HEAD, "For tumour")
    assert controls.shown.isChecked()
    assert controls.level.isHidden()
    assert len(stage.clients) == 1
    assert not stage.clients[0].closed
    title = strings.TITLE_AND_VIEW.format(title="Tumour or not", view="for tumour")
    assert stage.legend.text.startswith(f"{title} (")


def test_an_encoder_that_leaves_the_list_is_reported_and_no_other_takes_its_place(
    qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(stage, 2)
    attend(qtbot, stage)
    stage.offer(monkeypatch, SALIENCY)
    assert stage.messages.texts == [strings.MODEL_GONE.format(title="Tumour or not")]
    assert not stage.tools.controls.shown.isChecked()
    assert stage.drawn == {}
    assert len(stage.clients) == 1
    assert stage.clients[0].closed


def test_the_terms_can_be_read_again(stage: Stage, open_view: FakeSlideView) -> None:
    stage.tools.controls.facts.click()
    dialog = dialog_of(open_view)
    assert dialog.card is MEASURED_TWO
    dialog.close()


def test_another_slide_takes_layer_legend_and_notes_away(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    stage.clients[0].send_event(Note("no level of slides"))
    qtbot.wait_until(lambda: stage.remark == "no level of slides")
    stage.tools.controls.mode.setCurrentIndex(1)
    assert stage.remark == "no level of slides"
    open_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    assert (stage.drawn, stage.legend.text, stage.remark) == ({}, "", "")
    open_view.set_mpp_um((0.25, 0.5), estimated=True)
    attend(qtbot, stage)
    assert PIXEL_SIZE_ESTIMATED.format(size="0.25 × 0.5") in stage.legend.text


def test_a_slide_without_a_pixel_size_is_said_to_wait_for_it(
    stage: Stage, open_view: FakeSlideView, make_source: Callable[..., ArraySource], qtbot: QtBot
) -> None:
    open_view.show_source(make_source())
    with qtbot.wait_signal(stage.tools.pixel_size_missing):
        show(stage, 0)
    assert stage.remark == strings.NO_PIXEL_SIZE
    open_view.set_mpp_um((0.5, 0.5))
    assert stage.remark == ""
    assert len(stage.clients) == 1


def test_progress_failure_and_stop(qtbot: QtBot, stage: Stage) -> None:
    controls = stage.tools.controls
    show(stage, 0)
    stage.clients[0].send_event(Progress(1, 10, 0, 5.0, False))
    qtbot.wait_until(lambda: controls.bar.words != "")
    stage.clients[0].send_event(Failed("the weights hold no numbers"))
    qtbot.wait_until(lambda: stage.messages.texts == ["the weights hold no numbers"])
    assert not controls.bar.isHidden()
    assert controls.bar.words == "the weights hold no numbers"
    stage.messages.buttons[0][strings.BEGIN_AGAIN]()
    assert len(stage.clients) == 2
    assert controls.bar.words == strings.STARTING
    stage.clients[1].send_event(WorkerDied("it died and starts again", restarting=True))
    qtbot.wait_until(lambda: len(stage.messages.texts) == 2)
    assert stage.messages.buttons[1] == {}
    stage.clients[1].send_event(WorkerDied("it died again", restarting=False))
    qtbot.wait_until(lambda: len(stage.messages.texts) == 3)
    assert list(stage.messages.buttons[2]) == [strings.BEGIN_AGAIN]
    assert controls.bar.words == "it died again"
    controls.mode.setCurrentIndex(1)
    assert len(stage.clients) == 3
    assert controls.bar.words == strings.STARTING
    controls.bar.stop_pressed.emit()
    assert not controls.shown.isChecked()
    assert stage.clients[2].closed
    assert controls.bar.isHidden()


def test_the_page_says_at_once_that_an_analysis_begins_and_after_a_failure_nothing_once_it_is_not_wanted(
    qtbot: QtBot, stage: Stage
) -> None:
    bar = stage.tools.controls.bar
    show(stage, 0)
    assert not bar.isHidden()
    assert bar.words == strings.STARTING
    stage.clients[0].send_event(Failed("the weights hold no numbers"))
    qtbot.wait_until(lambda: bar.words == "the weights hold no numbers")
    stage.tools.controls.shown.setChecked(False)
    assert bar.isHidden()
