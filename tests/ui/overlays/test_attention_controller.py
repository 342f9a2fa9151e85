"""Attention over a slide: what the legend says is what is drawn, and a model is used after its terms only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel

from tests.ui.fake_relevance import PROVENANCE, FakeClient
from tests.ui.fake_view import ONE_PATCH
from viewer.common.settings import Settings
from viewer.overlay.layer import OverlayLayer, OverlayLook
from viewer.relevance.encoders.measured.card import SALIENCY
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.worker.messages import Failed, Note, Progress, WorkerDied
from viewer.ui.overlays.attention_controller import AttentionController
from viewer.ui.overlays.attention_session import AttentionSession
from viewer.ui.overlays.encoder_dialog import EncoderDialog
from viewer.ui.overlays.encoder_menu import EncoderMenu
from viewer.ui.overlays.legend import Legend, LegendEntry
from viewer.ui.overlays.overlay_controller import OverlayController
from viewer.ui.widgets.theme import ThemeKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.slide.formats.array import ArraySource
    from viewer.ui.widgets.messages import MessageKind

MEASURED_TWO = replace(SALIENCY, attention_heads=(2, 2))
HIPT = replace(
    SALIENCY, id="hipt", title="HIPT", attention_heads=(2, 2), needs_weights=True, needs_terms=True
)
HEAD = replace(
    SALIENCY, id="head/t", title="Tumour or not", attention_heads=(2, 2), views=("Attention", "For tumour")
)


class Messages:
    """A message area that only remembers."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.buttons: list[dict[str, Callable[[], None]]] = []

    def show_message(
        self, _kind: MessageKind, text: str, *, buttons: dict[str, Callable[[], None]] | None = None
    ) -> None:
        self.texts.append(text)
        self.buttons.append(buttons or {})


@dataclass
class Stage:
    """The tools, and all that they speak with."""

    tools: AttentionController
    overlays: OverlayController
    encoders: EncoderMenu
    messages: Messages
    clients: list[FakeClient]
    drawn: dict[str, tuple[OverlayLayer, OverlayLook]]

    @property
    def legend(self) -> Legend:
        return self.overlays.active.legend

    def offer(self, monkeypatch: pytest.MonkeyPatch, *cards: EncoderCard) -> None:
        """The lists of models are others now."""
        monkeypatch.setattr("viewer.ui.overlays.encoder_menu.cards", lambda: cards)
        self.encoders.refresh()

    @property
    def remark(self) -> str:
        labels = self.tools.controls.findChildren(QLabel)
        return next(label.text() for label in labels if label.accessibleName() == "Notes of the analysis")

    @property
    def attention(self) -> tuple[OverlayLayer, OverlayLook]:
        return self.drawn["attention"]


@pytest.fixture
def stage(
    qtbot: QtBot, qapp: QApplication, open_view: FakeSlideView, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    clients: list[FakeClient] = []

    def make(on_event: Callable[[object], None]) -> FakeClient:
        clients.append(FakeClient(on_event))
        return clients[-1]

    view: Any = open_view
    messages: Any = Messages()
    settings = Settings.default()
    overlays = OverlayController(view, messages, settings.overlay)
    encoders = EncoderMenu(view, messages)
    monkeypatch.setattr("viewer.ui.overlays.encoder_menu.cards", lambda: (MEASURED_TWO, HIPT))
    monkeypatch.setattr("viewer.ui.overlays.attention_controller.head_cards", lambda: (HEAD,))
    lay = view, overlays, encoders, messages, ThemeKeeper("light", qapp), settings
    make_session: Any = partial(AttentionSession, make_client=make)
    tools = AttentionController(*lay, make_session=make_session)
    qtbot.add_widget(tools.controls)
    qtbot.add_widget(overlays.page)
    encoders.refresh()
    yield Stage(tools, overlays, encoders, messages, clients, view.overlays.layers)
    tools.close()
    overlays.close()


def dialog_of(view: FakeSlideView) -> EncoderDialog:
    (dialog,) = (one for one in view.window().findChildren(EncoderDialog) if one.isVisible())
    return dialog


def press(view: FakeSlideView, button: QDialogButtonBox.StandardButton) -> None:
    dialog_of(view).buttons.button(button).click()


def attend(qtbot: QtBot, stage: Stage) -> None:
    with qtbot.wait_signal(stage.tools.session.layer_made):
        stage.clients[-1].attend()


def show(stage: Stage, row: int) -> None:
    stage.tools.controls.encoder.setCurrentIndex(row)
    stage.tools.controls.shown.setChecked(True)


def test_measured_saliency_is_never_called_attention(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    assert stage.legend.text.startswith(
        "Measured saliency (region × patch × token, 0.5 µm/px), from 1/8 of average to 8 × average. "
    )
    assert "Attention" not in stage.legend.text
    assert "Dotted: known in part." in stage.legend.text
    stage.tools.controls.shown.setChecked(False)
    assert stage.drawn == {}
    assert stage.legend.text == ""


def test_a_model_is_used_after_its_terms_were_accepted_and_only_asks_once(
    stage: Stage, open_view: FakeSlideView
) -> None:
    chosen: list[Settings] = []
    stage.tools.settings_chosen.connect(chosen.append)
    show(stage, 1)
    assert stage.clients == []
    press(open_view, QDialogButtonBox.StandardButton.Ok)
    assert stage.clients[0].told[0][3] == "hipt"
    assert [one.relevance.accepted_encoders for one in chosen] == ["hipt"]
    stage.tools.controls.mode.setCurrentIndex(1)
    assert [one for one in open_view.window().findChildren(EncoderDialog) if one.isVisible()] == []
    assert len(chosen) == len(stage.clients) == 1


def test_who_asks_for_it_sees_it_though_all_layers_were_hidden(qtbot: QtBot, stage: Stage) -> None:
    entry = LegendEntry("Theirs", ((0, 0, 0), (9, 9, 9)), 0.0, "facts")
    stage.overlays.active.layers.put("theirs", ONE_PATCH, OverlayLook(), entry)
    stage.overlays.active.layers.set_visible(False)
    show(stage, 0)
    attend(qtbot, stage)
    assert stage.overlays.active.layers.visible
    assert "Measured saliency" in stage.legend.text
    stage.overlays.active.layers.set_visible(False)
    stage.tools.controls.mode.setCurrentIndex(1)
    assert not stage.overlays.active.layers.visible, "another mode is no such wish"


def test_a_head_is_used_after_the_terms_of_the_model_whose_features_it_reads(
    stage: Stage, open_view: FakeSlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_hipt = replace(HEAD, features_of="hipt")
    stage.offer(monkeypatch, SALIENCY, HIPT, over_hipt)
    show(stage, 2)
    assert dialog_of(open_view).card is HIPT
    assert stage.clients == []
    press(open_view, QDialogButtonBox.StandardButton.Ok)
    assert stage.clients[0].told[0][3] == over_hipt.id


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
    assert not controls.level.isEnabled()
    assert len(stage.clients) == 1
    assert not stage.clients[0].closed
    assert stage.legend.text.startswith("Tumour or not: for tumour (")


def test_an_encoder_that_leaves_the_list_is_told_and_no_other_takes_its_place(
    qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(stage, 2)
    attend(qtbot, stage)
    monkeypatch.setattr("viewer.ui.overlays.attention_controller.head_cards", lambda: ())
    stage.offer(monkeypatch, SALIENCY)
    assert stage.messages.texts == ["Tumour or not is no longer in the list of models and is not shown."]
    assert not stage.tools.controls.shown.isChecked()
    assert stage.drawn == {}
    assert len(stage.clients) == 1
    assert stage.clients[0].closed


def test_the_terms_can_be_read_again(stage: Stage, open_view: FakeSlideView) -> None:
    stage.tools.controls.facts.click()
    dialog = dialog_of(open_view)
    assert dialog.card is MEASURED_TWO
    dialog.close()


def test_a_layer_is_drawn_by_the_mode_that_it_was_made_for(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    modes = stage.tools.controls.mode
    with qtbot.wait_signal(stage.tools.session.layer_made):
        modes.setCurrentIndex(modes.findData("blend"))
        # Not made anew yet: what is there are logarithms, and no ranks.
        assert stage.attention[1].hierarchy.mode == "factorised"
        assert "8 × average" in stage.legend.text
    assert stage.attention[1].hierarchy.mode == "blend"
    assert "(mean of the ranks of patches and tokens, " in stage.legend.text
    assert "from lowest rank to highest" in stage.legend.text


def test_a_level_is_drawn_at_once_and_uploads_nothing(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    levels, layer = stage.tools.controls.level, stage.attention[0]
    levels.setCurrentIndex(levels.findData("token"))
    assert stage.attention[1].hierarchy.level == "token"
    assert "(region × patch × token, 0.5 µm/px)" in stage.legend.text
    levels.setCurrentIndex(levels.findData("patch"))
    assert "(region × patch, 0.5 µm/px)" in stage.legend.text
    assert stage.attention[0] is layer


def test_fast_changes_of_modes_and_heads_end_at_the_last(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    controls = stage.tools.controls
    for row in (1, 2, 0, 2, 1):
        controls.mode.setCurrentIndex(row)
        controls.patch_head.setCurrentIndex(row + 1)
    qtbot.wait_until(lambda: "lowest rank" in stage.legend.text and "patch: head 1" in stage.legend.text)
    assert stage.attention[1].hierarchy.mode == "blend"
    assert len(stage.clients) == 1


def test_the_legend_says_that_patches_overlap(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    assert "overlap" not in stage.legend.text
    stage.tools.controls.overlap.setCurrentIndex(1)
    qtbot.wait_until(lambda: "overlap: mean, where high" in stage.legend.text)


def test_a_slide_head_says_what_its_view_speaks_for(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 2)
    attend(qtbot, stage)
    assert stage.legend.text.startswith("Tumour or not: attention (patches of the whole slide, 0.5 µm/px)")
    with qtbot.wait_signal(stage.tools.session.layer_made):
        stage.tools.controls.patch_head.setCurrentIndex(1)
    assert stage.legend.text.startswith(
        "Tumour or not: for tumour (patches of the whole slide, 0.5 µm/px), "
        "from speaks against over 0 to speaks for."
    )
    assert stage.attention[1].hierarchy.level == "patch"


def test_it_stands_beside_the_search_in_other_colours(qtbot: QtBot, stage: Stage) -> None:
    grid = PatchGrid.over(2000, 1000, (0.5, 0.5))
    scores = np.ones(grid.shape, np.float32)
    stage.overlays.active.fields.show_field(RelevanceField.of(grid, scores, scores > 0, PROVENANCE), "fat")
    show(stage, 0)
    attend(qtbot, stage)
    assert list(stage.drawn) == ["query", "attention"]
    assert stage.drawn["query"][1].colour_map != stage.attention[1].colour_map
    assert "Measured likeness to: fat" in stage.legend.text
    assert "Measured saliency" in stage.legend.text
    assert stage.attention[1].colour_map == "ember"
    look = replace(Settings.default().overlay, colour_map="ember", opacity=0.9)
    stage.overlays.set_look(look)
    stage.tools.set_look(look)
    assert stage.attention[1].colour_map == "magma"
    assert stage.attention[1].opacity == 0.9
    assert stage.legend.text.startswith("Measured saliency")  # it was laid last and lies on top
    stage.overlays.active.fields.keep()
    attention, kept, query = stage.drawn
    assert (attention, query) == ("attention", "query")
    assert len({look.colour_map for _, look in stage.drawn.values()}) == 3
    said = [stage.legend.text.index(words) for words in ("Measured saliency", "Measured likeness")]
    assert said[0] > said[1]
    stage.overlays.active.fields.show_field(None, "")
    stage.overlays.active.fields.remove(kept)
    assert stage.legend.text.startswith("Measured saliency")


def test_another_slide_takes_layer_legend_and_notes_away(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView, make_source: Callable[..., ArraySource]
) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    stage.clients[0].tell(Note("no level of slides"))
    qtbot.wait_until(lambda: stage.remark == "no level of slides")
    stage.tools.controls.mode.setCurrentIndex(1)
    assert stage.remark == "no level of slides"
    open_view.show_source(make_source(mpp_um=(1.0, 1.0)))
    assert (stage.drawn, stage.legend.text, stage.remark) == ({}, "", "")
    open_view.set_mpp_um((0.25, 0.5), estimated=True)
    attend(qtbot, stage)
    assert "0.25 × 0.5 µm/px (estimated)" in stage.legend.text


def test_a_slide_without_a_pixel_size_is_said_to_wait_for_it(
    stage: Stage, open_view: FakeSlideView, make_source: Callable[..., ArraySource], qtbot: QtBot
) -> None:
    open_view.show_source(make_source())
    with qtbot.wait_signal(stage.tools.pixel_size_wanted):
        show(stage, 0)
    assert stage.remark.startswith("The pixel size of this slide is not known")
    open_view.set_mpp_um((0.5, 0.5))
    assert stage.remark == ""
    assert len(stage.clients) == 1


def test_progress_failure_and_stop(qtbot: QtBot, stage: Stage) -> None:
    controls = stage.tools.controls
    show(stage, 0)
    stage.clients[0].tell(Progress(1, 10, 0, 5.0, False))
    qtbot.wait_until(lambda: controls.bar.words != "")
    stage.clients[0].tell(Failed("the weights hold no numbers"))
    qtbot.wait_until(lambda: stage.messages.texts == ["the weights hold no numbers"])
    assert not controls.bar.isHidden()
    assert controls.bar.words == "the weights hold no numbers"
    stage.messages.buttons[0]["Begin again"]()
    assert len(stage.clients) == 2
    assert controls.bar.words == "Starting the analysis…"
    stage.clients[1].tell(WorkerDied("it died and starts again", restarting=True))
    qtbot.wait_until(lambda: len(stage.messages.texts) == 2)
    assert stage.messages.buttons[1] == {}
    stage.clients[1].tell(WorkerDied("it died again", restarting=False))
    qtbot.wait_until(lambda: len(stage.messages.texts) == 3)
    assert list(stage.messages.buttons[2]) == ["Begin again"]
    assert controls.bar.words == "it died again"
    controls.mode.setCurrentIndex(1)
    assert len(stage.clients) == 3
    assert controls.bar.words == "Starting the analysis…"
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
    assert bar.words == "Starting the analysis…"
    stage.clients[0].tell(Failed("the weights hold no numbers"))
    qtbot.wait_until(lambda: bar.words == "the weights hold no numbers")
    stage.tools.controls.shown.setChecked(False)
    assert bar.isHidden()


def test_the_legend_names_the_levels_that_are_drawn_at_this_zoom_and_hears_of_others_only(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    told: list[str] = []
    show_entries = stage.legend.show_entries

    def note(entries: Sequence[LegendEntry]) -> None:
        show_entries(entries)
        told.append(entries[0].facts)

    monkeypatch.setattr(stage.legend, "show_entries", note)
    for downsample in (1.0, 2.0, 20.0, 25.0, 200.0, 210.0, 2.0):
        open_view.go_to(500, 500, downsample=downsample)
    assert told == [
        "region × patch (tokens as one zooms in), 0.5 µm/px",
        "region within the slide (patches and tokens as one zooms in), 0.5 µm/px",
        "region × patch × token, 0.5 µm/px",
    ]
    stage.tools.controls.patch_head.setCurrentIndex(3)
    qtbot.wait_until(lambda: "patch: head 2" in stage.legend.text)
    open_view.go_to(500, 500, downsample=200.0)
    assert "patch: head 2" not in stage.legend.text, "patches are not drawn there"


def test_levels_that_the_encoder_does_not_tell_apart_are_named_and_greyed(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView
) -> None:
    controls = stage.tools.controls
    show(stage, 0)
    with qtbot.wait_signal(stage.tools.session.layer_made):
        stage.clients[0].attend(levels=("token",))
    assert "(token within its patch (regions and patches are not compared), 0.5 µm/px)" in stage.legend.text
    assert not controls.patch_head.isEnabled()
    assert "does not compare patches" in controls.patch_head.toolTip()
    assert controls.token_head.isEnabled()
    open_view.go_to(500, 500, downsample=200.0)
    said = "Regions are not compared, and the even colour says nothing (zoom in for tokens)"
    assert stage.legend.text.startswith(f"Measured saliency: {said}, 0.5 µm/px. Hatched")
    assert "average" not in stage.legend.text
    controls.encoder.setCurrentIndex(2)
    assert controls.patch_head.isEnabled(), "that was said of another encoder"
