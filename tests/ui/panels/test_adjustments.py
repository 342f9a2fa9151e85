"""Sliders change the picture at once, and the slide says that it is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QSlider

from viewer.render.frame import Adjustment
from viewer.ui.canvas.adjusted_badge import AdjustedBadge
from viewer.ui.panels import strings
from viewer.ui.panels.adjustments import AdjustmentsPanel, factor_from_step, step_from_factor

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource


@pytest.fixture
def panel(qtbot: QtBot, open_view: Any) -> AdjustmentsPanel:
    panel = AdjustmentsPanel(open_view)
    qtbot.addWidget(panel)
    panel.show()
    open_view.show()
    return panel


def slider(panel: AdjustmentsPanel, key: str) -> QSlider:
    return next(s for s in panel.findChildren(QSlider) if s.accessibleName() == strings.SLIDERS[key])


def test_factors_are_even_in_their_logarithm() -> None:
    assert [factor_from_step(step) for step in (-100, -50, 0, 50, 100)] == pytest.approx([0.25, 0.5, 1, 2, 4])
    assert all(step_from_factor(factor_from_step(step)) == step for step in range(-100, 101))


def test_each_slider_is_live(panel: AdjustmentsPanel, open_view: Any) -> None:
    slider(panel, "brightness").setValue(25)
    assert open_view.colour.adjustment == Adjustment(brightness=0.25)
    slider(panel, "contrast").setValue(50)
    slider(panel, "gamma").setValue(-50)
    assert open_view.colour.adjustment == Adjustment(0.25, pytest.approx(2.0), pytest.approx(0.5))
    texts = [label.text() for label in panel.findChildren(QLabel)]
    assert {"0.25", "2.00", "0.50"} <= set(texts)
    slider(panel, "brightness").setValue(-25)
    assert "−0.25" in {label.text() for label in panel.findChildren(QLabel)}


def test_keys_move_a_slider(panel: AdjustmentsPanel, open_view: Any, qtbot: QtBot) -> None:
    brightness = slider(panel, "brightness")
    qtbot.keyClick(brightness, Qt.Key.Key_Right)
    qtbot.keyClick(brightness, Qt.Key.Key_PageUp)
    assert open_view.colour.adjustment.brightness == pytest.approx(0.11)


def test_reset_and_double_click_set_back(panel: AdjustmentsPanel, open_view: Any, qtbot: QtBot) -> None:
    reset = panel.findChild(QPushButton)
    assert not reset.isEnabled()
    slider(panel, "gamma").setValue(40)
    slider(panel, "contrast").setValue(40)
    qtbot.mouseDClick(slider(panel, "contrast"), Qt.MouseButton.LeftButton)
    assert open_view.colour.adjustment == Adjustment(gamma=factor_from_step(40))
    reset.click()
    assert open_view.colour.adjustment == Adjustment()


def test_the_slide_carries_a_badge_while_it_is_adjusted(
    panel: AdjustmentsPanel, open_view: Any, qtbot: QtBot
) -> None:
    badge = AdjustedBadge(open_view)
    assert not badge.isVisible()
    slider(panel, "brightness").setValue(-10)
    assert badge.isVisible()
    assert "adjusted" in badge.text()
    open_view.resize(500, 400)
    qtbot.waitUntil(lambda: badge.geometry().right() == 500 - 13)
    panel.reset()
    assert not badge.isVisible()
    open_view.colour.set_adjustment(Adjustment(-0.3, 2.0, 0.5))
    assert badge.isVisible()


def test_icc_is_greyed_with_the_reason_where_there_is_no_profile(
    panel: AdjustmentsPanel, open_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    switch = panel.findChild(QCheckBox)
    assert not switch.isEnabled()
    assert switch.toolTip() == strings.NO_COLOUR_PROFILE
    open_view.show_source(make_source(icc_profile=b"x"), has_icc=True)
    assert switch.isEnabled()
    assert switch.isChecked()
    switch.click()
    assert open_view.colour.icc is False


def test_controls_follow_what_is_changed_elsewhere(
    panel: AdjustmentsPanel, open_view: Any, make_source: Callable[..., ArraySource], qtbot: QtBot
) -> None:
    open_view.show_source(make_source(icc_profile=b"x"), has_icc=True)
    open_view.colour.set_icc(False)
    open_view.colour.set_adjustment(Adjustment(gamma=2.0))
    qtbot.waitUntil(lambda: slider(panel, "gamma").value() == 50)
    assert not panel.findChild(QCheckBox).isChecked()
    assert open_view.colour.icc is False


def test_sliders_take_over_what_the_view_holds(
    panel: AdjustmentsPanel, open_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    open_view.colour.set_adjustment(Adjustment(-0.3, 2.0, 0.5))
    open_view.show_source(make_source())
    assert [slider(panel, name).value() for name in ("brightness", "contrast", "gamma")] == [-30, 50, -50]
