"""The look of the overlay and kept layers: what goes in comes out, only changes by hand are signalled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QListWidget, QPushButton, QSlider

from tests.ui.children import child
from viewer.common.settings import Choice, Overlay, Settings
from viewer.overlay.layer import COLOUR_MAPS
from viewer.ui.overlays import strings
from viewer.ui.overlays.layer_list import LayerList, LayerRow
from viewer.ui.overlays.overlay_controls import OverlayControls

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

DEFAULT = Settings.default().overlay
OTHER = Overlay(
    colour_map="magma",
    opacity=0.8,
    threshold=0.25,
    low=0.1,
    high=0.9,
    fill=True,
    contours=True,
    smooth=False,
    flashlight=True,
    flashlight_px=300.0,
)


@pytest.fixture
def controls(qtbot: QtBot) -> OverlayControls:
    controls = OverlayControls(DEFAULT)
    qtbot.add_widget(controls)
    return controls


def slider(controls: OverlayControls, name: str) -> QSlider:
    label, _tip = strings.SLIDERS[name]
    return child(controls, QSlider, label)


def switch(controls: OverlayControls, name: str) -> QCheckBox:
    label, _tip = strings.SWITCHES[name]
    return child(controls, QCheckBox, label)


def test_a_look_chosen_elsewhere_is_shown_and_not_signalled(controls: OverlayControls) -> None:
    emitted: list[Overlay] = []
    controls.look_changed.connect(emitted.append)
    controls.show_look(OTHER)
    assert emitted == []
    assert controls.look == OTHER
    assert child(controls, QComboBox, strings.COLOURS_NAME).currentData() == "magma"
    assert slider(controls, "opacity").value() == 80
    assert slider(controls, "flashlight_px").isEnabled()
    assert switch(controls, "contours").isChecked()


@pytest.mark.parametrize(
    ("name", "step", "value"),
    [
        ("opacity", 75, 0.75),
        ("threshold", 30, 0.3),
        ("low", 20, 0.2),
        ("high", 70, 0.7),
        ("flashlight_px", 120, 120.0),
    ],
)
def test_each_slider_changes_its_own_value(
    controls: OverlayControls, name: str, step: int, value: float
) -> None:
    emitted: list[Overlay] = []
    controls.look_changed.connect(emitted.append)
    slider(controls, name).setValue(step)
    assert emitted == [replace(DEFAULT, **{name: value})]


@pytest.mark.parametrize("name", ["contours", "smooth", "flashlight"])
def test_each_switch_changes_its_own_value(controls: OverlayControls, name: str) -> None:
    emitted: list[Overlay] = []
    controls.look_changed.connect(emitted.append)
    switch(controls, name).click()
    assert emitted == [replace(DEFAULT, **{name: not getattr(DEFAULT, name)})]


def test_the_ends_of_the_range_push_each_other(controls: OverlayControls) -> None:
    slider(controls, "high").setValue(40)
    slider(controls, "low").setValue(60)
    assert (controls.look.low, controls.look.high) == (0.6, 0.65)
    assert slider(controls, "high").value() == 65
    slider(controls, "high").setValue(30)
    assert slider(controls, "low").value() == 25


def test_fill_and_contours_are_never_both_off(controls: OverlayControls) -> None:
    fill, contours = (switch(controls, name) for name in ("fill", "contours"))
    fill.click()
    assert (fill.isChecked(), contours.isChecked()) == (False, True)
    contours.click()
    assert (fill.isChecked(), contours.isChecked()) == (True, False)


def test_every_colour_map_can_be_chosen(controls: OverlayControls) -> None:
    emitted: list[Overlay] = []
    controls.look_changed.connect(emitted.append)
    colours = child(controls, QComboBox, strings.COLOURS_NAME)
    for row in range(colours.count()):
        colours.setCurrentIndex(row)
    assert [look.colour_map for look in emitted] == [
        colours.itemData(row) for row in range(1, colours.count())
    ]


def test_the_settings_allow_the_maps_that_there_are() -> None:
    rule = Overlay.rule("colour_map")
    assert isinstance(rule, Choice)
    assert rule.options == COLOUR_MAPS


def test_the_radius_only_counts_with_the_flashlight(controls: OverlayControls) -> None:
    assert not slider(controls, "flashlight_px").isEnabled()
    switch(controls, "flashlight").click()
    assert slider(controls, "flashlight_px").isEnabled()


def test_kept_layers_are_ticked_and_removed(qtbot: QtBot) -> None:
    layers = LayerList()
    qtbot.add_widget(layers)
    emitted: list[tuple[object, ...]] = []
    layers.shown_changed.connect(lambda *values: emitted.append(values))
    layers.remove_pressed.connect(lambda name: emitted.append(("remove", name)))
    layers.keep_pressed.connect(lambda: emitted.append(("keep",)))
    some = [LayerRow("kept-1", "fat", True), LayerRow("kept-2", "blood", False)]
    layers.show_layers([LayerRow("query", "nerve", True, kept=False), *some], can_keep=True)
    assert emitted == []
    rows = child(layers, QListWidget, strings.LAYERS_NAME)
    keep, remove = (child(layers, QPushButton, text) for text in (strings.KEEP, strings.REMOVE))
    rows.item(2).setCheckState(Qt.CheckState.Checked)
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    assert emitted == [("kept-2", True)], "the first is selected, and not one that was kept"
    rows.setCurrentRow(1)
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    keep.click()
    assert emitted == [("kept-2", True), ("remove", "kept-1"), ("keep",)]
    layers.show_layers(some[::-1], can_keep=True)
    assert layers.selected == some[0], "it stays selected where it comes to lie"
    attention = LayerRow("attention", "saliency", True, kept=False)
    layers.show_layers([attention, *some], can_keep=True)
    assert layers.selected == attention, "what has just been shown is selected"
    layers.show_layers([], can_keep=False)
    assert not keep.isEnabled()
    assert not remove.isEnabled()
