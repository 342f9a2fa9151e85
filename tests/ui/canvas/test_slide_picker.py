"""Clicks, drags and frames on the slide are distinguished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QApplication

from tests.ui.sources import MadeSource
from viewer.ui.canvas.hold_key import HoldKey
from viewer.ui.canvas.slide_picker import SlidePicker
from viewer.view.camera import View

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from viewer.ui.canvas.slide_view import SlideView

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def picker(slide_view: SlideView) -> SlidePicker:
    slide_view.set_source(MadeSource(size=1024))
    slide_view.restore(View(512, 512, 2.0))
    return SlidePicker(slide_view)


def drag(qtbot: QtBot, view: SlideView, start: QPoint, end: QPoint) -> None:
    native = view.canvas.native
    qtbot.mousePress(native, LEFT, pos=start)
    qtbot.mouseMove(native, (start + end) / 2)
    qtbot.mouseMove(native, end)
    qtbot.mouseRelease(native, LEFT, pos=end)


def middle(view: SlideView) -> QPoint:
    width, height = view.canvas.size_px
    return QPoint(round(width / 2), round(height / 2))


def test_a_click_reports_the_slide_point(qtbot: QtBot, slide_view: SlideView, picker: SlidePicker) -> None:
    clicked: list[tuple[float, float]] = []
    picker.clicked.connect(lambda x, y: clicked.append((x, y)))
    qtbot.mouseClick(slide_view.canvas.native, LEFT, pos=middle(slide_view) + QPoint(10, 0))
    assert clicked == [pytest.approx((532, 512), abs=2)]


def test_a_drag_moves_the_slide_and_is_no_click(
    qtbot: QtBot, slide_view: SlideView, picker: SlidePicker
) -> None:
    clicked: list[object] = []
    picker.clicked.connect(lambda *at: clicked.append(at))
    drag(qtbot, slide_view, middle(slide_view), middle(slide_view) + QPoint(60, 40))
    assert clicked == []
    assert slide_view.camera.target.centre_x != 512


def test_while_picking_a_drag_draws_a_frame_and_the_slide_stays(
    qtbot: QtBot, slide_view: SlideView, picker: SlidePicker
) -> None:
    frames: list[tuple[tuple[float, float], ...]] = []
    picker.framed.connect(frames.append)
    picker.set_picking(True)
    at = middle(slide_view)
    drag(qtbot, slide_view, at + QPoint(50, 30), at + QPoint(-50, -30))  # from bottom right to top left
    assert slide_view.camera.target.centre_x == 512
    assert len(frames) == 1
    corners = [(412, 452), (612, 452), (612, 572), (412, 572)]
    for corner, expected in zip(frames[0], corners, strict=True):
        assert corner == pytest.approx(expected, abs=2)


def test_escape_and_another_slide_end_picking(
    qtbot: QtBot, slide_view: SlideView, picker: SlidePicker
) -> None:
    picker.set_picking(True)
    slide_view.canvas.native.setFocus()
    qtbot.keyClick(slide_view.canvas.native, Qt.Key.Key_Escape)
    assert not picker.picking
    picker.set_picking(True)
    slide_view.set_source(MadeSource(size=1024))
    assert not picker.picking


def test_a_held_key_counts_until_it_is_let_go_or_the_focus_leaves(
    qtbot: QtBot, slide_view: SlideView
) -> None:
    native = slide_view.canvas.native
    hold = HoldKey()
    hold.watch(native)
    held: list[bool] = []
    hold.held_changed.connect(held.append)
    qtbot.keyPress(native, Qt.Key.Key_X)
    assert held == [True]
    qtbot.keyRelease(native, Qt.Key.Key_X)
    qtbot.keyPress(native, Qt.Key.Key_X, Qt.KeyboardModifier.ControlModifier)
    assert held == [True, False]
    qtbot.keyPress(native, Qt.Key.Key_X)
    QApplication.sendEvent(native, QFocusEvent(QEvent.Type.FocusOut))
    assert held == [True, False, True, False]
