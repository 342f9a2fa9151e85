"""Attention over a slide: the legend names what is drawn, at each level, mode and head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tests.ui.fake_relevance import PROVENANCE
from tests.ui.fake_view import ONE_PATCH
from tests.ui.overlays.attention_stage import EVEN_HIGH, EVEN_LOW, PRODUCT, Stage, attend, show
from tests.ui.overlays.legend_texts import entry, listed, no_meaning, noted, patch_head, product
from viewer.common.settings import Settings
from viewer.overlay.layer import OverlayLook
from viewer.overlay.legend_entry import LegendEntry
from viewer.overlay.strings import (
    DOTTED,
    ENTRY_WITH_MIDDLE,
    ENTRY_WITHOUT_SCALE,
    HATCHED,
    LIKENESS_TO,
    NOT_ANALYSED,
    PARTLY_KNOWN,
)
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.ui.overlays import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView


def test_measured_saliency_is_never_called_attention(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    assert stage.legend.text.startswith(
        entry("Measured saliency", f"{PRODUCT}, 0.5 µm/px", EVEN_LOW, EVEN_HIGH) + " "
    )
    assert "Attention" not in stage.legend.text
    assert DOTTED.format(meaning=PARTLY_KNOWN) in stage.legend.text
    stage.tools.controls.shown.setChecked(False)
    assert stage.drawn == {}
    assert stage.legend.text == ""


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


def test_a_layer_is_drawn_by_the_mode_that_it_was_made_for(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    modes = stage.tools.controls.mode
    with qtbot.wait_signal(stage.tools.session.layer_made):
        modes.setCurrentIndex(modes.findData("blend"))
        # Not made anew yet: what is there are logarithms, and no ranks.
        assert stage.attention[1].hierarchy.mode == "factorised"
        assert EVEN_HIGH in stage.legend.text
    assert stage.attention[1].hierarchy.mode == "blend"
    ranks = strings.MEAN_RANKS_OF.format(levels=listed("patch", "token"))
    assert stage.legend.text.startswith(
        entry("Measured saliency", f"{ranks}, 0.5 µm/px", strings.LOWEST_RANK, strings.HIGHEST_RANK)
    )


def test_a_level_is_drawn_at_once_and_uploads_nothing(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    levels, layer = stage.tools.controls.level, stage.attention[0]
    levels.setCurrentIndex(levels.findData("token"))
    assert stage.attention[1].hierarchy.level == "token"
    assert f"({PRODUCT}, 0.5 µm/px)" in stage.legend.text
    levels.setCurrentIndex(levels.findData("patch"))
    assert f"({product('region', 'patch')}, 0.5 µm/px)" in stage.legend.text
    assert stage.attention[0] is layer


def test_fast_changes_of_modes_and_heads_end_at_the_last(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    controls = stage.tools.controls
    for row in (1, 2, 0, 2, 1):
        controls.mode.setCurrentIndex(row)
        controls.patch_head.setCurrentIndex(row + 1)
    qtbot.wait_until(lambda: strings.LOWEST_RANK in stage.legend.text and patch_head(1) in stage.legend.text)
    assert stage.attention[1].hierarchy.mode == "blend"
    assert len(stage.clients) == 1


def test_the_legend_says_that_patches_overlap(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    merged = strings.MERGED_OVERLAP.format(merge=strings.OVERLAPS["mean"][0].lower())
    assert merged not in stage.legend.text
    stage.tools.controls.overlap.setCurrentIndex(1)
    qtbot.wait_until(lambda: merged in stage.legend.text)


def test_the_legend_of_a_slide_head_names_its_view(qtbot: QtBot, stage: Stage) -> None:
    show(stage, 2)
    attend(qtbot, stage)
    facts = f"{strings.OF_THE_WHOLE_SLIDE}, 0.5 µm/px"
    title = strings.TITLE_AND_VIEW.format(title="Tumour or not", view="attention")
    assert stage.legend.text.startswith(entry(title, facts, EVEN_LOW, EVEN_HIGH))
    with qtbot.wait_signal(stage.tools.session.layer_made):
        stage.tools.controls.patch_head.setCurrentIndex(1)
    title = strings.TITLE_AND_VIEW.format(title="Tumour or not", view="for tumour")
    ends = {"low": strings.AGAINST, "middle": strings.ZERO, "high": strings.FOR}
    facts = f"{strings.OF_THE_WHOLE_SLIDE}, {strings.LARGEST_IS_ONE}, 0.5 µm/px"
    assert stage.legend.text.startswith(ENTRY_WITH_MIDDLE.format(title=title, facts=facts, **ends))
    assert stage.attention[1].hierarchy.level == "patch"


def test_it_stands_beside_the_search_in_other_colours(qtbot: QtBot, stage: Stage) -> None:
    grid = PatchGrid.over(2000, 1000, (0.5, 0.5))
    scores = np.ones(grid.shape, np.float32)
    stage.overlays.active.fields.show_field(RelevanceField.of(grid, scores, scores > 0, PROVENANCE), "fat")
    show(stage, 0)
    attend(qtbot, stage)
    assert list(stage.drawn) == ["query", "attention"]
    assert stage.drawn["query"][1].colour_map != stage.attention[1].colour_map
    assert LIKENESS_TO.format(query="fat") in stage.legend.text
    assert "Measured saliency" in stage.legend.text
    assert stage.attention[1].colour_map == "ember"
    look = replace(Settings.default().overlay, colour_map="ember", opacity=0.9)
    stage.overlays.set_look(look)
    stage.tools.set_look(look)
    assert stage.attention[1].colour_map == "magma"
    assert stage.attention[1].opacity == Settings.default().overlay.opacity, "that is its own"
    assert stage.legend.text.startswith("Measured saliency")  # it was laid last and lies on top
    stage.overlays.active.fields.keep()
    attention, kept, query = stage.drawn
    assert (attention, query) == ("attention", "query")
    assert len({look.colour_map for _, look in stage.drawn.values()}) == 3
    likeness = LIKENESS_TO.format(query="fat")
    assert stage.legend.text.index("Measured saliency") > stage.legend.text.index(likeness)
    stage.overlays.active.fields.show_field(None, "")
    stage.overlays.active.fields.remove(kept)
    assert stage.legend.text.startswith("Measured saliency")


def test_the_legend_names_the_levels_that_are_drawn_at_this_zoom_and_changes_with_them_only(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(stage, 0)
    attend(qtbot, stage)
    facts: list[str] = []
    show_entries = stage.legend.show_entries

    def note(entries: Sequence[LegendEntry]) -> None:
        show_entries(entries)
        facts.append(entries[0].facts)

    monkeypatch.setattr(stage.legend, "show_entries", note)
    for downsample in (1.0, 2.0, 20.0, 25.0, 200.0, 210.0, 2.0):
        open_view.go_to(500, 500, downsample=downsample)
    assert facts == [
        f"{noted(product('region', 'patch'), strings.FINER_LEVELS, 'token')}, 0.5 µm/px",
        f"{noted(strings.WITHIN['region'], strings.FINER_LEVELS, 'patch', 'token')}, 0.5 µm/px",
        f"{PRODUCT}, 0.5 µm/px",
    ]
    stage.tools.controls.patch_head.setCurrentIndex(3)
    qtbot.wait_until(lambda: patch_head(2) in stage.legend.text)
    open_view.go_to(500, 500, downsample=200.0)
    assert patch_head(2) not in stage.legend.text, "patches are not drawn there"


def test_levels_that_the_encoder_does_not_compare_are_named_and_not_offered(
    qtbot: QtBot, stage: Stage, open_view: FakeSlideView
) -> None:
    controls = stage.tools.controls
    show(stage, 0)
    with qtbot.wait_signal(stage.tools.session.layer_made):
        stage.clients[0].attend(levels=("token",))
    tokens = noted(strings.WITHIN["token"], strings.NOT_COMPARED, "region", "patch")
    assert f"({tokens}, 0.5 µm/px)" in stage.legend.text
    assert controls.level.findText(strings.LEVELS["patch"][0]) < 0
    open_view.go_to(500, 500, downsample=200.0)
    facts = no_meaning(strings.ZOOM_IN.format(levels=listed("token")), "region")
    hatched = HATCHED.format(meaning=NOT_ANALYSED)
    saliency = ENTRY_WITHOUT_SCALE.format(title="Measured saliency", facts=f"{facts}, 0.5 µm/px")
    assert stage.legend.text.startswith(f"{saliency} {hatched}")
    assert EVEN_HIGH not in stage.legend.text
    controls.encoder.setCurrentIndex(2)
    assert not controls.patch_head.isHidden(), "those were levels of another encoder"
