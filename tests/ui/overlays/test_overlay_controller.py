"""Each layer has a look of its own: that of the selected one is shown and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QListWidget, QSlider

from tests.ui.children import child
from tests.ui.fake_relevance import PROVENANCE
from tests.ui.overlays.attention_stage import Stage, attend, show
from viewer.common.settings import Overlay, Settings
from viewer.overlay.strings import ALL_ANALYSED, AT_LEAST, AT_MOST, UNLIKE
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.ui.overlays import strings
from viewer.ui.overlays.field_layers import PRESENT

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from viewer.overlay.layer import OverlayLook

DEFAULT = Settings.default().overlay


def field() -> RelevanceField:
    grid = PatchGrid.over(2000, 1000, (0.5, 0.5))
    scores = np.ones(grid.shape, np.float32)
    return RelevanceField.of(grid, scores, scores > 0, PROVENANCE)


@pytest.fixture
def three(qtbot: QtBot, stage: Stage) -> Stage:
    """The answers to "fat", kept, and to "blood", and attention."""
    fields = stage.overlays.active.fields
    fields.show_field(field(), "fat")
    stage.overlays.keep()
    fields.show_field(field(), "blood")
    show(stage, 0)
    attend(qtbot, stage)
    return stage


def rows(stage: Stage) -> QListWidget:
    return child(stage.overlays.layer_list, QListWidget, strings.LAYERS_NAME)


def select(stage: Stage, name: str) -> None:
    titles = [line.split(" (")[0] for line in stage.overlays.layer_list.lines]
    rows(stage).setCurrentRow(titles.index("Measured saliency" if name == "attention" else name))


def slide(stage: Stage, name: str, value: int) -> None:
    child(stage.overlays.controls, QSlider, strings.SLIDERS[name][0]).setValue(value)


def switch(stage: Stage, name: str) -> QCheckBox:
    return child(stage.overlays.controls, QCheckBox, strings.SWITCHES[name][0])


def look(stage: Stage, name: str) -> OverlayLook:
    names = {"attention": "attention", "blood": PRESENT}
    kept = next(drawn for drawn in stage.drawn if drawn.startswith("kept"))
    return stage.drawn[names.get(name, kept)][1]


def test_layers_are_listed_as_they_lie_on_the_slide(three: Stage) -> None:
    layers = three.overlays.active.layers
    assert three.overlays.layer_list.lines == ["Measured saliency", "blood", "fat"]
    assert [entry.title for entry in layers.entries] == [entry.title for entry in layers.described.values()]
    assert list(layers.described) == list(reversed(three.drawn))


def test_what_is_chosen_is_for_the_selected_layer_only(three: Stage) -> None:
    saved: list[Overlay] = []
    three.overlays.look_changed.connect(saved.append)
    for row, name in enumerate(("blood", "attention", "fat")):
        select(three, name)
        slide(three, "opacity", 60 + 10 * row)
        slide(three, "low", 10 * row)
        slide(three, "threshold", 5 * row)
        colours = child(three.overlays.controls, QComboBox, strings.COLOURS_NAME)
        colours.setCurrentIndex(colours.findData(("teal", "magma", "cividis")[row]))
        chosen = look(three, name)
        assert (chosen.opacity, chosen.low, chosen.threshold) == (0.6 + 0.1 * row, 0.1 * row, 0.05 * row)
    assert [look(three, name).opacity for name in ("blood", "attention", "fat")] == [0.6, 0.7, 0.8]
    maps = [look(three, name).colour_map for name in ("blood", "attention", "fat")]
    assert maps == ["teal", "magma", "cividis"]
    assert {one.opacity for one in saved} == {0.6}, "only the answer's look is for the next"
    for name, value in (("blood", 60), ("attention", 70), ("fat", 80)):
        select(three, name)
        assert child(three.overlays.controls, QSlider, strings.SLIDERS["opacity"][0]).value() == value


def test_kept_layers_have_colours_of_their_own_while_there_are_some(stage: Stage) -> None:
    fields = stage.overlays.active.fields

    def keep(query: str) -> str:
        fields.show_field(field(), query)
        stage.overlays.keep()
        return fields.kept[-1].name

    kept = [keep(query) for query in ("fat", "blood", "nerve", "mucus")]
    assert stage.drawn[PRESENT][1].colour_map == DEFAULT.colour_map
    assert len({look.colour_map for _, look in stage.drawn.values()}) == 5
    hidden = next(row for row, layer in enumerate(fields.kept) if layer.name == kept[2])
    titles = stage.overlays.layer_list.lines
    item = rows(stage).item(titles.index(fields.kept[hidden].title))
    item.setCheckState(item.checkState().Unchecked)
    colours = [stage.drawn[name][1].colour_map for name in (kept[2], keep("bone"))]
    assert colours[0] == colours[1], "that of a layer which is not shown"
    again = stage.drawn[keep("muscle")][1].colour_map
    assert again not in (DEFAULT.colour_map, colours[0])


def test_it_is_said_which_layer_is_meant(three: Stage) -> None:
    def said() -> str:
        labels = three.overlays.controls.findChildren(QLabel)
        return " ".join(label.text() for label in labels)

    select(three, "fat")
    assert strings.LOOK_OF.format(title="fat") in said()
    three.overlays.active.fields.remove(next(name for name in three.drawn if name.startswith("kept")))
    assert strings.LOOK_OF.format(title="Measured saliency") in said()
    three.tools.controls.shown.setChecked(False)
    assert strings.LOOK_OF.format(title="blood") in said()
    three.overlays.active.fields.show_field(None, "")
    assert strings.LOOK_OF_NEXT in said()


def test_attention_has_no_contours_and_their_key_is_for_the_answer(three: Stage) -> None:
    select(three, "attention")
    assert not switch(three, "contours").isEnabled()
    assert not switch(three, "fill").isEnabled()
    three.overlays.change_look(contours=True)
    assert look(three, "blood").contours
    assert not look(three, "attention").contours
    assert three.overlays.switches["contours"]
    select(three, "fat")
    assert switch(three, "contours").isEnabled()
    assert not three.overlays.switches["contours"], "this layer has none"
    three.overlays.change_look(contours=True)
    assert look(three, "fat").contours


def test_the_flashlight_is_one_for_all(three: Stage) -> None:
    select(three, "fat")
    switch(three, "flashlight").click()
    assert {drawn[1].flashlight_px for drawn in three.drawn.values()} == {DEFAULT.flashlight_px}
    assert three.overlays.look.flashlight
    switch(three, "flashlight").click()
    assert {drawn[1].flashlight_px for drawn in three.drawn.values()} == {None}


def test_every_layer_is_hidden_by_its_tick_and_stays_so(three: Stage) -> None:
    for row, name in enumerate(("attention", "blood", "fat")):
        item = rows(three).item(row)
        item.setCheckState(item.checkState().Unchecked)
        assert not look(three, name).visible
    select(three, "blood")
    slide(three, "opacity", 90)
    assert not look(three, "blood").visible
    three.overlays.active.fields.show_field(field(), "blood")
    assert not look(three, "blood").visible, "more of the same answer"
    three.overlays.active.fields.show_field(field(), "nerve")
    assert look(three, "blood").visible, "another answer is shown"


def test_the_legend_has_the_numbers_of_the_range(three: Stage) -> None:
    select(three, "blood")
    slide(three, "high", 75)
    text = three.legend.text
    assert UNLIKE in text
    assert AT_LEAST.format(value="0.75") in text
    slide(three, "low", 25)
    assert AT_MOST.format(value="0.25") in three.legend.text
    select(three, "attention")
    slide(three, "low", 50)
    average = strings.MOST_OF_AVERAGE.format(most="1")
    assert AT_MOST.format(value=average) in three.legend.text


def test_the_list_says_which_layers_are_not_all_analysed(qtbot: QtBot, stage: Stage) -> None:
    fields, layers = stage.overlays.active.fields, stage.overlays.layer_list
    fields.show_field(field(), "fat", state="30 % analysed")
    stage.overlays.keep()
    fields.show_field(field(), "blood", state="42 % analysed")
    show(stage, 0)
    attend(qtbot, stage)
    rows(stage).setCurrentRow(2)
    fat = strings.TITLE_AND_STATE.format(title="fat", state="30 % analysed")
    blood = strings.TITLE_AND_STATE.format(title="blood", state="42 % analysed")
    assert layers.lines == ["Measured saliency", blood, fat]
    fields.set_state("63 % analysed")
    assert layers.lines[1] == strings.TITLE_AND_STATE.format(title="blood", state="63 % analysed")
    fields.set_state(ALL_ANALYSED)
    assert layers.lines[1:] == ["blood", fat]
    assert rows(stage).currentRow() == 2, "the selected layer stays so"
