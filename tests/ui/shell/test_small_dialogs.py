"""The sheet of keys, and the dialog for the pixel size."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QWidget,
)

from tests.ui.children import child, standard_button
from tests.ui.sources import MadeSource
from viewer.common.scale import whole_units
from viewer.slide.source import TileError
from viewer.slide.tissue.pixel_size import PixelSizeEstimate
from viewer.ui.panels import strings
from viewer.ui.panels.pixel_size_dialog import PixelSize
from viewer.ui.shell import strings as shell_strings
from viewer.ui.shell.action_table import ACTIONS
from viewer.ui.shell.shortcuts import ShortcutSheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from viewer.slide.given_scale import GivenScale


class _View(QWidget):
    """The part of a slide view that the pixel size dialog uses."""

    source_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.source = MadeSource(size=512, mpp_um=None)
        self.mpp_um: tuple[float, float] | None = None
        self.mpp_entered = self.mpp_estimated = self.overrides = False

    def set_mpp_um(
        self,
        mpp_um: tuple[float, float] | None,
        *,
        estimated: bool = False,
        overrides: bool = False,
        origin: str = "",
    ) -> None:
        self.mpp_um, self.mpp_estimated, self.overrides = mpp_um, estimated, overrides
        self.mpp_entered = mpp_um is not None


def no_estimate(_source: object) -> PixelSizeEstimate:
    return PixelSizeEstimate(None, 0, 0, "", "there are too few nuclei")


def estimate(_source: object) -> PixelSizeEstimate:
    return PixelSizeEstimate(0.38004, 0.27, 0.53, "nuclei", "estimated from the nuclei")


ESTIMATE = whole_units(
    strings.ESTIMATE.format(mpp_um=0.38, low_um=0.27, high_um=0.53, reason="estimated from the nuclei")
)


def no_estimate_because(reason: str) -> str:
    return strings.NO_ESTIMATE.format(reason=reason)


def estimate_text(dialog: PixelSize) -> str:
    return child(dialog, QLabel, strings.ESTIMATE_NAME).text()


def magnification(dialog: PixelSize) -> str:
    return child(dialog, QLabel, strings.MAGNIFICATION_LABEL).text()


def asking(view: _View, made: Callable[[object], PixelSizeEstimate] = no_estimate) -> PixelSize:
    """The dialog, without its parent's window."""
    return PixelSize(view, estimate=made)  # type: ignore[arg-type]


@pytest.fixture
def view(qtbot: QtBot) -> _View:
    view = _View()
    qtbot.add_widget(view)
    return view


def test_the_sheet_shows_every_action_and_gesture(qtbot: QtBot) -> None:
    sheet = ShortcutSheet({"fit": "X", "upright": ""})
    qtbot.add_widget(sheet)
    assert len(sheet.lines) == len(ACTIONS) + len(shell_strings.GESTURES)
    assert ("X", "Fit: show the whole slide") in sheet.lines
    assert ("", "Upright: undo all turning") in sheet.lines
    assert ("Ctrl+O", "Open slide: open a slide or image") in sheet.lines


def test_enter_in_the_filter_does_not_close_the_sheet(qtbot: QtBot) -> None:
    sheet = ShortcutSheet({})
    qtbot.add_widget(sheet)
    with qtbot.wait_active(sheet):
        sheet.show()
        sheet.activateWindow()
    qtbot.keyClick(child(sheet, QLineEdit, shell_strings.FILTER_KEYS), Qt.Key.Key_Return)
    assert sheet.isVisible()
    close = standard_button(sheet, QDialogButtonBox.StandardButton.Close)
    close.setFocus()
    qtbot.keyClick(close, Qt.Key.Key_Return)
    assert not sheet.isVisible()


def test_the_sheet_can_be_filtered(qtbot: QtBot) -> None:
    sheet = ShortcutSheet({})
    qtbot.add_widget(sheet)
    filter_line = child(sheet, QLineEdit, shell_strings.FILTER_KEYS)
    filter_line.setText("clockwise")
    assert {line.split(":")[0] for _, line in sheet.lines} == {
        "Rotate right",
        "Rotate left",
        "Quarter turn right",
        "Quarter turn left",
    }
    tree = child(sheet, QTreeWidget, shell_strings.KEYS_AND_MOUSE_LIST)
    (section,) = tree.findItems("File", Qt.MatchFlag.MatchExactly)
    assert section.isHidden()
    filter_line.clear()
    assert len(sheet.lines) == len(ACTIONS) + len(shell_strings.GESTURES)


def test_a_square_pixel_size_is_taken_over(view: _View) -> None:
    dialog = asking(view)
    dialog.set_mpp_um(0.5, 0.5)
    assert magnification(dialog) == "20x"
    dialog.accept()
    assert view.mpp_um == (0.5, 0.5)


@pytest.mark.parametrize("typed_before", ["", "0."])
def test_what_is_typed_at_once_is_taken_and_not_the_estimate(
    qtbot: QtBot, view: _View, typed_before: str
) -> None:
    may_answer = Event()

    def slow_estimate(source: object) -> PixelSizeEstimate:
        assert may_answer.wait(5)
        return estimate(source)

    dialog = asking(view, slow_estimate)
    qtbot.add_widget(dialog)
    with qtbot.wait_active(dialog):
        dialog.show()
        dialog.activateWindow()
    typed_into = dialog.focusWidget()
    assert typed_into is not None
    qtbot.keyClicks(typed_into, typed_before)
    may_answer.set()
    qtbot.wait_until(lambda: estimate_text(dialog) == ESTIMATE)
    qtbot.keyClicks(typed_into, "0.25".removeprefix(typed_before))
    qtbot.keyClick(typed_into, Qt.Key.Key_Return)
    assert view.mpp_um == (0.25, 0.25)
    assert not view.mpp_estimated


def test_pixels_need_not_be_square(view: _View) -> None:
    dialog = asking(view)
    assert not child(dialog, QDoubleSpinBox, strings.PIXEL_HEIGHT_NAME).isEnabled()
    dialog.set_mpp_um(0.5, 0.25)
    assert child(dialog, QDoubleSpinBox, strings.PIXEL_HEIGHT_NAME).isEnabled()
    dialog.accept()
    assert not view.mpp_estimated
    assert view.mpp_um == (0.5, 0.25)


def test_cancel_changes_nothing(view: _View) -> None:
    dialog = asking(view)
    dialog.set_mpp_um(0.5, 0.5)
    dialog.reject()
    assert view.mpp_um is None


def test_the_present_size_is_shown_again_and_it_closes_with_its_slide(view: _View) -> None:
    view.mpp_um = (0.3, 0.6)
    dialog = asking(view)
    dialog.show()
    assert dialog.mpp_um == (0.3, 0.6)
    view.source_changed.emit()
    assert not dialog.isVisible()


def test_the_estimate_is_proposed_with_its_range_and_marked_when_taken(qtbot: QtBot, view: _View) -> None:
    dialog = asking(view, estimate)
    qtbot.wait_until(lambda: estimate_text(dialog) == ESTIMATE)
    assert " µm" not in estimate_text(dialog), "a line may not end between the number and its unit"
    assert dialog.mpp_um == (0.38, 0.38)
    dialog.accept()
    assert view.mpp_um == (0.38, 0.38)
    assert view.mpp_estimated


def test_what_the_reader_entered_is_no_estimate_and_not_overwritten(qtbot: QtBot, view: _View) -> None:
    dialog = asking(view, estimate)
    dialog.set_mpp_um(0.5, 0.5)
    qtbot.wait_until(lambda: estimate_text(dialog) == ESTIMATE)
    assert dialog.mpp_um == (0.5, 0.5)
    dialog.accept()
    assert not view.mpp_estimated


def test_nothing_can_be_taken_over_before_something_is_entered_or_estimated(
    qtbot: QtBot, view: _View
) -> None:
    dialog = asking(view)
    qtbot.wait_until(lambda: estimate_text(dialog) == no_estimate_because("there are too few nuclei"))
    assert not standard_button(dialog, QDialogButtonBox.StandardButton.Ok).isEnabled()
    assert magnification(dialog) == "–"
    dialog.set_mpp_um(0.25, 0.25)
    assert standard_button(dialog, QDialogButtonBox.StandardButton.Ok).isEnabled()
    dialog.reject()


def test_without_an_estimate_the_reason_is_shown(qtbot: QtBot, view: _View) -> None:
    dialog = asking(view)
    qtbot.wait_until(lambda: estimate_text(dialog) == no_estimate_because("there are too few nuclei"))
    assert not child(dialog, QPushButton, strings.USE_ESTIMATE).isEnabled()
    dialog.reject()


def test_an_estimate_that_fails_is_shown_with_its_reason(qtbot: QtBot, view: _View) -> None:
    def fails(_source: object) -> PixelSizeEstimate:
        raise TileError("tile 3 is broken")

    dialog = asking(view, fails)
    qtbot.wait_until(lambda: estimate_text(dialog) == no_estimate_because("tile 3 is broken"))
    dialog.reject()


def given_by(dialog: PixelSize) -> list[GivenScale | None]:
    """What the dialog hands over to be kept, from now on."""
    handed: list[GivenScale | None] = []
    dialog.given.connect(handed.append)
    return handed


@pytest.mark.parametrize(
    ("objective", "mpp_um"),
    [("5x", 2.0), ("10x", 1.0), ("20x", 0.5), ("40x", 0.25), ("63x", 0.1587), ("100x", 0.1)],
)
def test_the_objective_of_the_scan_gives_the_size(view: _View, objective: str, mpp_um: float) -> None:
    dialog = asking(view)
    handed = given_by(dialog)
    box = child(dialog, QComboBox, strings.SCANNED_AT_NAME)
    box.setCurrentText(objective)
    box.activated.emit(box.currentIndex())
    assert dialog.mpp_um == (mpp_um, mpp_um)
    dialog.accept()
    (given,) = handed
    assert given is not None
    assert given.power == float(objective.removesuffix("x"))
    assert not given.estimated


@pytest.mark.parametrize("accepted_before", [False, True])
def test_the_objective_of_the_scan_is_no_estimate_though_the_size_is_the_same(
    qtbot: QtBot, view: _View, accepted_before: bool
) -> None:
    if accepted_before:
        view.set_mpp_um((0.5, 0.5), estimated=True)
    dialog = asking(view, lambda _source: PixelSizeEstimate(0.5, 0.34, 0.92, "nuclei", "estimated"))
    use = child_button(dialog, strings.USE_ESTIMATE)
    qtbot.wait_until(use.isEnabled)
    assert dialog.is_estimate
    handed = given_by(dialog)
    box = child(dialog, QComboBox, strings.SCANNED_AT_NAME)
    box.setCurrentText("20x")
    box.activated.emit(box.currentIndex())
    dialog.accept()
    assert not view.mpp_estimated
    assert [given.power for given in handed if given is not None] == [20.0]


@pytest.mark.parametrize("accepted_before", [False, True])
def test_a_typed_size_is_no_estimate_though_it_is_the_same_until_the_estimate_is_used(
    qtbot: QtBot, view: _View, accepted_before: bool
) -> None:
    if accepted_before:
        view.set_mpp_um((0.38, 0.38), estimated=True)
    dialog = asking(view, estimate)
    use = child_button(dialog, strings.USE_ESTIMATE)
    qtbot.wait_until(use.isEnabled)
    width = child(dialog, QDoubleSpinBox, strings.PIXEL_WIDTH_NAME)
    width.selectAll()
    qtbot.keyClicks(width, "0.38")
    assert not dialog.is_estimate
    use.click()
    assert dialog.is_estimate
    width.selectAll()
    qtbot.keyClicks(width, "0.38")
    handed = given_by(dialog)
    dialog.accept()
    assert not view.mpp_estimated
    assert [given.estimated for given in handed if given is not None] == [False]


def test_another_size_typed_is_not_that_of_the_objective(view: _View) -> None:
    dialog = asking(view)
    box = child(dialog, QComboBox, strings.SCANNED_AT_NAME)
    box.setCurrentText("40x")
    box.activated.emit(box.currentIndex())
    dialog.set_mpp_um(0.23, 0.23)
    assert box.currentText() == strings.OBJECTIVE_UNKNOWN
    dialog.reject()


def test_an_objective_in_place_of_oblong_pixels_is_kept_until_their_height_is_another(view: _View) -> None:
    view.mpp_um = (0.25, 0.26)
    dialog = asking(view)
    box = child(dialog, QComboBox, strings.SCANNED_AT_NAME)
    box.setCurrentText("40x")
    box.activated.emit(box.currentIndex())
    assert dialog.mpp_um == (0.25, 0.25)
    assert box.currentText() == "40x"
    child(dialog, QCheckBox, strings.SQUARE_PIXELS).setChecked(False)
    child(dialog, QDoubleSpinBox, strings.PIXEL_HEIGHT_NAME).setValue(0.3)
    assert box.currentText() == strings.OBJECTIVE_UNKNOWN
    dialog.reject()


def test_a_stated_size_is_replaced_only_where_another_is_entered(view: _View) -> None:
    view.source = MadeSource(size=512, mpp_um=(0.5, 0.5))
    view.mpp_um = (0.5, 0.5)
    dialog = asking(view, estimate)
    handed = given_by(dialog)
    labels = " ".join(label.text() for label in dialog.findChildren(QLabel))
    assert whole_units(strings.WHY_OTHER_PIXEL_SIZE.format(stated="0.5 µm/px")) in labels
    dialog.accept()
    assert not handed
    dialog = asking(view)
    dialog.set_mpp_um(0.25, 0.25)
    dialog.accept()
    assert view.overrides


def test_what_was_entered_can_be_forgotten(view: _View) -> None:
    fresh = asking(view)
    assert not child_button(fresh, strings.FORGET_SIZE).isEnabled()
    fresh.reject()
    view.set_mpp_um((0.25, 0.25))
    dialog = asking(view)
    handed = given_by(dialog)
    child_button(dialog, strings.FORGET_SIZE).click()
    assert handed == [None]
    assert view.mpp_um is None
    assert dialog.result() == PixelSize.DialogCode.Accepted


def test_an_accepted_estimate_stays_one_when_it_is_confirmed(view: _View) -> None:
    view.set_mpp_um((0.38, 0.38), estimated=True)
    dialog = asking(view)
    dialog.accept()
    assert view.mpp_estimated


def child_button(dialog: PixelSize, text: str) -> QPushButton:
    return next(button for button in dialog.findChildren(QPushButton) if button.text() == text)
