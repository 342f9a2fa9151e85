"""The preferences: fields round-trip, values out of range are refused, keys are never used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialogButtonBox,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QTabWidget,
    QTreeWidget,
)

from tests.ui.children import child, standard_button
from viewer.common.settings import MIB, Settings
from viewer.ui.shell import strings
from viewer.ui.shell.preferences import Preferences

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def applied() -> list[Settings]:
    return []


@pytest.fixture
def dialog(qtbot: QtBot, applied: list[Settings]) -> Preferences:
    dialog = Preferences(Settings.default())
    dialog.applied.connect(applied.append)
    qtbot.add_widget(dialog)
    return dialog


def test_unchanged_settings_come_out_unchanged(dialog: Preferences, applied: list[Settings]) -> None:
    assert dialog.apply()
    assert applied == [Settings.default()]


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("memory", "cpu_cache_bytes", 512 * MIB),
        ("memory", "gpu_cache_bytes", 1024 * MIB),
        ("memory", "plain_image_max_px", 400_000_000),
        ("streaming", "upload_budget_moving_ms", 5.5),
        ("streaming", "upload_budget_rest_ms", 20.0),
        ("streaming", "fade_ms", 0.0),
        ("streaming", "decode_threads", 3),
        ("streaming", "prefetch", False),
        ("display", "theme", "dark"),
        ("display", "icc", False),
        ("display", "screen_diagonal_inch", 31.5),
        ("display", "screen_distance_cm", 75.0),
        ("display", "invert_wheel", True),
        ("display", "kinetic_pan", False),
        ("relevance", "analyse_ahead", False),
        ("display", "font_percent", 150),
        ("display", "surround", "grey"),
        ("relevance", "steers_loading", False),
        ("relevance", "store_bytes", 1024 * MIB),
        ("relevance", "worker_threads", 2),
        ("gaze", "source", "tracker"),
        ("gaze", "recording", "/tmp/gaze.csv"),
        ("gaze", "pointer_radius_deg", 3.5),
        ("gaze", "tracker_radius_deg", 2.0),
    ],
)
def test_every_field_round_trips(
    dialog: Preferences, applied: list[Settings], group: str, name: str, value: object
) -> None:
    dialog.set_value(group, name, value)
    assert dialog.value(group, name) == value
    assert dialog.apply()
    assert applied == [Settings.default().replace(group, **{name: value})]


def test_settings_without_a_field_are_kept(qtbot: QtBot, applied: list[Settings]) -> None:
    settings = Settings.default().replace("viewing", last_folder="/slides")
    dialog = Preferences(settings)
    qtbot.add_widget(dialog)
    dialog.applied.connect(applied.append)
    dialog.set_value("display", "theme", "light")
    dialog.apply()
    assert applied[0].viewing.last_folder == "/slides"


def test_fields_cannot_leave_the_allowed_range(dialog: Preferences, applied: list[Settings]) -> None:
    dialog.set_value("memory", "cpu_cache_bytes", 1)
    dialog.set_value("display", "screen_distance_cm", 1e9)
    assert dialog.apply()
    assert applied[0].memory.cpu_cache_bytes == 32 * MIB
    assert applied[0].display.screen_distance_cm == 1000


def test_every_field_has_name_and_tooltip(dialog: Preferences) -> None:
    from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QLineEdit, QWidget

    kinds = (QAbstractSpinBox, QComboBox, QCheckBox)
    fields: list[QWidget] = [field for kind in kinds for field in dialog.findChildren(kind)]
    recording = strings.FIELDS["gaze", "recording"].replace("&", "")
    fields += [field for field in dialog.findChildren(QLineEdit) if field.accessibleName() == recording]
    assert len(fields) == len(strings.FIELDS)
    for field in fields:
        assert field.toolTip()
        assert field.accessibleName() or field.property("text")


def test_no_two_parts_of_a_page_share_a_mnemonic(dialog: Preferences) -> None:
    (tabs,) = dialog.findChildren(QTabWidget)
    always = [tabs.tabText(index) for index in range(tabs.count())]
    always += [button.text() for button in dialog.findChildren(QDialogButtonBox)[0].buttons()]
    for index in range(tabs.count()):
        page = tabs.widget(index)
        texts = [part.text() for kind in (QLabel, QAbstractButton) for part in page.findChildren(kind)]
        keys = [key for text in (*always, *texts) if (key := QKeySequence.mnemonic(text).toString())]
        assert sorted(keys) == sorted(set(keys)), tabs.tabText(index)


def test_defaults_are_shown_and_count_when_applied(qtbot: QtBot, applied: list[Settings]) -> None:
    changed = Settings.default().replace("display", theme="dark").replace("shortcuts", fit="X")
    dialog = Preferences(changed)
    qtbot.add_widget(dialog)
    dialog.applied.connect(applied.append)
    standard_button(dialog, QDialogButtonBox.StandardButton.RestoreDefaults).click()
    assert applied == []
    assert dialog.apply()
    assert applied == [Settings.default()]


def test_ok_applies_and_closes(dialog: Preferences, applied: list[Settings]) -> None:
    dialog.show()
    standard_button(dialog, QDialogButtonBox.StandardButton.Ok).click()
    assert len(applied) == 1
    assert not dialog.isVisible()


def test_a_key_used_twice_is_pointed_out_and_not_applied(
    dialog: Preferences, applied: list[Settings]
) -> None:
    dialog.shortcuts.set_key("fit", "Ctrl+O")
    assert strings.KEY_CONFLICT.format(key="Ctrl+O", first="Open slide", second="Fit") in dialog.problem
    assert not standard_button(dialog, QDialogButtonBox.StandardButton.Ok).isEnabled()
    assert not dialog.apply()
    assert applied == []
    dialog.shortcuts.set_key("fit", None)
    assert dialog.problem == ""
    assert dialog.apply()


def test_a_pressed_key_becomes_the_key_of_the_selected_action(dialog: Preferences) -> None:
    editor = dialog.shortcuts
    tree = child(editor, QTreeWidget, strings.ACTIONS_AND_KEYS)
    (upright,) = tree.findItems("Upright", Qt.MatchFlag.MatchExactly)
    tree.setCurrentItem(upright)
    child(editor, QKeySequenceEdit, strings.KEY_OF_ACTION).setKeySequence(QKeySequence("Ctrl+U"))
    assert editor.chosen == {"upright": "Ctrl+U"}
    assert upright.text(1) == "Ctrl+U"
    child(editor, QPushButton, strings.NO_KEY).click()
    assert editor.chosen == {"upright": ""}
    assert upright.text(1) == strings.WITHOUT_KEY
    child(editor, QPushButton, strings.DEFAULT_KEY).click()
    assert editor.chosen == {}
    assert upright.text(1) == "U"


def test_keys_of_actions_that_do_not_exist_are_dropped(qtbot: QtBot) -> None:
    dialog = Preferences(Settings.default().replace("shortcuts", long_gone="X"))
    qtbot.add_widget(dialog)
    assert dialog.shortcuts.chosen == {}
