"""The window's actions, on real slides in the real window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu, QToolBar, QToolButton, QTreeWidget

from tests.messages import pattern
from tests.ui.slide_files import write_slide
from viewer.ui.shell import strings
from viewer.ui.shell.action_table import ACTIONS, MENUS
from viewer.ui.widgets.action_spec import Need
from viewer.view import strings as view_strings
from viewer.view.gaze import NoGaze

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


def messages(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.messages.messages]


@pytest.mark.parametrize(
    "spec", [spec for spec in ACTIONS if spec.need is Need.SLIDE], ids=lambda spec: spec.id
)
def test_slide_actions_are_disabled_without_a_slide(window: MainWindow, spec: object) -> None:
    action = window.actions_[spec.id]  # type: ignore[attr-defined]
    assert not action.isEnabled()
    assert Need.SLIDE.value in action.toolTip()


def test_micrometre_actions_wait_for_the_pixel_size(
    window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, write_slide(tmp_path / "plain.tif"))
    assert window.view.mpp_um is None
    assert not window.actions_["magnification_20x"].isEnabled()
    assert Need.MAGNIFICATION.value in window.actions_["magnification_20x"].toolTip()
    assert window.status.pixel_size.text() == strings.PIXEL_SIZE_UNKNOWN
    assert window.actions_["pixel_size"].isEnabled()
    window.view.set_mpp_um((0.5, 0.5), estimated=True)
    assert window.status.pixel_size.text() == strings.PIXEL_SIZE_ESTIMATED.format(size="0.5 µm/px")
    window.view.set_mpp_um((0.5, 0.5))
    assert window.status.pixel_size.text() == "0.5 µm/px"
    assert window.actions_["magnification_20x"].isEnabled()
    window.actions_["magnification_20x"].trigger()
    assert window.view.camera.target.downsample == pytest.approx(1.0)


def test_a_stated_pixel_size_is_overruled_only_where_the_reader_says_so(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.view.set_mpp_um((0.25, 0.25))
    assert window.view.mpp_um == (0.5, 0.5)
    window.view.set_mpp_um((0.25, 0.25), overrides=True, origin="entered today")
    assert window.view.mpp_um == (0.25, 0.25)
    assert window.status.pixel_size.text() == strings.PIXEL_SIZE_OVERRIDES.format(size="0.25 µm/px")
    assert "entered today" in window.status.pixel_size.toolTip()


@pytest.mark.parametrize(
    ("key", "downsample"),
    [(Qt.Key.Key_0, 1.0), (Qt.Key.Key_4, 2.0), (Qt.Key.Key_5, 1.0), (Qt.Key.Key_6, 0.5)],
)
def test_number_keys_set_the_magnification(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, key: Qt.Key, downsample: float
) -> None:
    open_in(window, slide_file)
    qtbot.keyClick(window.view.canvas.native, key)
    assert window.view.camera.target.downsample == pytest.approx(downsample)


def test_keys_zoom_turn_and_fit(qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn) -> None:
    open_in(window, slide_file)
    qtbot.wait_until(lambda: window.view.sharp)
    canvas, camera = window.view.canvas.native, window.view.camera
    fitted = camera.target
    qtbot.keyClick(canvas, "+")
    assert camera.target.downsample < fitted.downsample
    qtbot.keyClick(canvas, "R")
    qtbot.keyClick(canvas, "]")
    assert camera.target.rotation_rad == pytest.approx(105 / 180 * 3.14159265, abs=1e-6)
    qtbot.keyClick(canvas, "U")
    assert camera.target.rotation_rad == pytest.approx(0)
    qtbot.keyClick(canvas, "F")
    assert camera.target.downsample == pytest.approx(fitted.downsample)


@pytest.mark.parametrize("panel", ["folder", "attention", "navigator", "properties", "adjustments"])
def test_panels_are_shown_and_hidden(window: MainWindow, panel: str) -> None:
    action, dock = window.actions_[f"show_{panel}"], window.docks[panel]
    before = dock.isVisible()
    assert action.isChecked() == before
    action.trigger()
    assert dock.isVisible() != before
    assert action.isChecked() == dock.isVisible()
    dock.setVisible(before)
    assert action.isChecked() == before


def test_hiding_the_panel_in_use_goes_back_to_the_slide(window: MainWindow) -> None:
    window.actions_["show_attention"].trigger()
    encoder = window.attention.controls.encoder
    encoder.setFocus()
    assert window.focusWidget() is encoder
    window.actions_["show_attention"].trigger()
    assert window.focusWidget() is window.view.canvas.native


def test_scale_bar_and_engine_display(window: MainWindow) -> None:
    assert window.actions_["show_scale_bar"].isChecked()
    window.actions_["show_scale_bar"].trigger()
    assert not window.overlays.active.vectors.scale_bar.visible
    window.actions_["hud"].trigger()
    assert window.hud.on
    window.actions_["hud"].trigger()
    assert not window.hud.on


def test_the_colour_profile_switch_is_a_setting(window: MainWindow) -> None:
    assert window.actions_["icc"].isChecked()
    window.apply_settings(window.settings.replace("display", icc=False))
    assert not window.actions_["icc"].isChecked()


@pytest.mark.parametrize("action", ["go_to", "keyboard", "about", "pixel_size"])
def test_dialogs_open_beside_the_window(
    window: MainWindow, tmp_path: Path, open_in: OpenIn, action: str
) -> None:
    open_in(window, write_slide(tmp_path / "plain.tif"))
    window.actions_[action].trigger()
    dialogs = [
        widget
        for widget in QApplication.topLevelWidgets()
        if isinstance(widget, QDialog) and widget.isVisible()
    ]
    assert len(dialogs) == 1
    assert not dialogs[0].isModal()
    dialogs[0].close()


def test_preferences_change_the_window(window: MainWindow) -> None:
    from viewer.ui.shell.preferences import Preferences

    window.actions_["preferences"].trigger()
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, Preferences) and w.isVisible())
    assert dialog.isModal()  # else settings could change elsewhere under its fields
    dialog.set_value("display", "invert_wheel", True)
    dialog.apply()
    dialog.close()
    assert window.view.canvas.hand.invert_wheel


def test_diagnostics_name_no_folder(window: MainWindow, slide_file: Path, open_in: OpenIn) -> None:
    open_in(window, slide_file)
    window.actions_["diagnostics"].trigger()
    text = QGuiApplication.clipboard().text()
    assert "Foveola diagnostics" in text
    assert "Format" in text
    assert str(slide_file.parent) not in text


def test_every_button_of_the_toolbar_has_name_and_tooltip(window: MainWindow) -> None:
    (toolbar,) = window.findChildren(QToolBar)
    buttons = [toolbar.widgetForAction(action) for action in toolbar.actions() if not action.isSeparator()]
    assert all(isinstance(button, QToolButton) for button in buttons)
    assert all(button.accessibleName() and button.toolTip() for button in buttons)


def test_full_screen_and_back(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_["full_screen"].trigger()
    qtbot.wait_until(window.isFullScreen)
    assert not window.menuBar().isVisible()
    assert window.status.isVisible()
    window.actions_["full_screen"].trigger()
    qtbot.wait_until(lambda: not window.isFullScreen())
    assert window.menuBar().isVisible()


def test_copying_belongs_to_the_part_in_focus(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    qtbot.wait_until(lambda: window.view.sharp)
    clipboard = QGuiApplication.clipboard()
    qtbot.keyClick(window.view.canvas.native, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.image().width() == window.view.canvas.native.width()
    tree = window.docks["properties"].findChild(QTreeWidget)
    tree.setFocus()
    item = tree.topLevelItem(0).child(0)
    tree.setCurrentItem(item)
    qtbot.keyClick(tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text().startswith(item.text(0))


def test_saving_the_view(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in(window, slide_file)
    qtbot.wait_until(lambda: window.view.sharp)
    target = slide_file.with_name("view")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    window.actions_["save_view"].trigger()
    assert target.with_suffix(".png").exists()
    target.with_suffix(".png").unlink()
    target.with_suffix(".png").mkdir()
    window.actions_["save_view"].trigger()
    assert "not saved" in messages(window)[0]


def test_foveated_drawing_is_in_the_status_line_while_it_is_on(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    assert not window.status.foveated.isVisible()
    window.actions_["foveated"].trigger()
    assert window.status.foveated.isVisible()
    window.actions_["foveated"].trigger()
    assert not window.status.foveated.isVisible()


def test_without_the_chosen_gaze_a_message_is_shown_and_the_pointer_used(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.csv")
    message = re.compile(pattern(view_strings.FOLLOWING_POINTER))
    window.apply_settings(window.settings.replace("gaze", source="recording", recording=missing))
    qtbot.wait_until(lambda: any(message.search(text) for text in messages(window)))
    window.apply_settings(window.settings.replace("gaze", source="off"))
    assert isinstance(window.view.canvas.gaze, NoGaze)


def test_no_two_entries_of_a_menu_share_a_mnemonic(
    window: MainWindow, slide_file: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    open_in(window, write_slide(tmp_path / "slide &1.tif"))
    menus = [window.menuBar(), *window.findChildren(QMenu)]
    assert len(menus) > len(MENUS)
    for menu in menus:
        if isinstance(menu, QMenu):
            menu.aboutToShow.emit()  # some are filled now
        keys = [QKeySequence.mnemonic(action.text()).toString() for action in menu.actions()]
        keys = list(filter(None, keys))
        assert sorted(keys) == sorted(set(keys)), [action.text() for action in menu.actions()]
