"""The action table: complete, without key conflicts; unavailable actions give a reason."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QKeySequence

from viewer.ui.shell.action_table import ACTIONS, MENUS, TOOLBAR
from viewer.ui.shell.actions import ActionSet, conflicts, keys_in_force, keys_in_words
from viewer.ui.shell.commands import Commands
from viewer.ui.widgets.action_spec import ActionSpec, Need

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


class _Recorder(QObject):
    """Handlers that record their calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> object:
        if name not in {spec.handler for spec in ACTIONS}:
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.fixture
def recorder(qapp: QApplication) -> _Recorder:
    recorder = _Recorder()
    recorder.setParent(qapp)
    return recorder


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_every_action_is_complete(spec: ActionSpec, recorder: _Recorder) -> None:
    action = ActionSet(recorder, recorder)[spec.id]
    assert spec.menu in MENUS
    assert spec.name
    assert not spec.tooltip.endswith(".")
    assert spec.keys
    assert all(not QKeySequence(key).isEmpty() for key in spec.keys)
    assert action.text() == spec.text
    assert QKeySequence(spec.keys[0]).toString(QKeySequence.SequenceFormat.NativeText) in action.toolTip()
    assert resources.files("resources").joinpath("icons", f"{spec.icon}.svg").is_file()
    assert callable(getattr(Commands, spec.handler))


def test_ids_texts_and_keys_are_unique() -> None:
    assert len({spec.id for spec in ACTIONS}) == len(ACTIONS)
    assert len({spec.text for spec in ACTIONS}) == len(ACTIONS)
    assert conflicts({}) == []


def test_toolbar_names_actions_once() -> None:
    shown = [action_id for group in TOOLBAR for action_id in group]
    assert len(set(shown)) == len(shown)
    assert set(shown) <= {spec.id for spec in ACTIONS}


def test_a_chosen_key_replaces_the_default_ones() -> None:
    keys = keys_in_force({"fit": "X", "one_to_one": ""})
    assert keys["fit"] == ("X",)
    assert keys["one_to_one"] == ()
    assert keys["hud"] == ("H", "F2")


def test_conflicts_are_found_however_they_are_written() -> None:
    assert conflicts({"fit": "ctrl+o"}) == [("Ctrl+O", "open_slide", "fit")]


@pytest.mark.usefixtures("qapp")
def test_keys_in_words() -> None:
    assert keys_in_words(["F", "Home"]) == "F, Home"


def test_triggering_calls_the_handler(recorder: _Recorder) -> None:
    actions = ActionSet(recorder, recorder)
    actions["fit"].trigger()
    actions["rotate_left"].trigger()
    actions["hud"].trigger()
    called = [(name, *arguments) for name, *arguments in recorder.calls]
    assert called[0][0] == "fit"
    assert called[1:] == [("rotate_by", -15.0), ("hud", True)]


def test_unmet_needs_disable_with_a_reason(recorder: _Recorder) -> None:
    actions = ActionSet(recorder, recorder)
    actions.refresh([Need.MAGNIFICATION])
    assert not actions["magnification_10x"].isEnabled()
    assert Need.MAGNIFICATION.value in actions["magnification_10x"].toolTip()
    assert actions["fit"].isEnabled()
    actions.refresh([Need.SLIDE, Need.MAGNIFICATION])
    assert Need.SLIDE.value in actions["magnification_10x"].toolTip()
    assert actions["open_slide"].isEnabled()
    actions.refresh([])
    assert actions["magnification_10x"].isEnabled()
    assert "\n" not in actions["magnification_10x"].toolTip()


def test_keys_can_be_changed_and_taken_away(recorder: _Recorder) -> None:
    actions = ActionSet(recorder, recorder)
    actions.set_keys({"fit": "Ctrl+F", "upright": ""})
    assert actions["fit"].shortcut() == QKeySequence("Ctrl+F")
    assert actions["fit"].toolTip().endswith("(Ctrl+F)")
    assert actions["upright"].shortcuts() == []
    assert "(" not in actions["upright"].toolTip()
