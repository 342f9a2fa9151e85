"""The go-to dialog moves the view to the typed place, and shows what is wrong with an invalid one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QLineEdit, QRadioButton

from tests.messages import pattern
from viewer.ui.panels import strings
from viewer.ui.panels.go_to import GoTo
from viewer.view import strings as view_strings
from viewer.view.camera import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource


def opened(qtbot: QtBot, view: Any) -> tuple[GoTo, QLineEdit, QRadioButton]:
    dialog = GoTo(view)
    qtbot.addWidget(dialog)
    dialog.show()
    micrometres = dialog.findChildren(QRadioButton)[1]
    return dialog, dialog.findChild(QLineEdit), micrometres


def test_it_opens_with_the_current_place(qtbot: QtBot, open_view: Any) -> None:
    open_view.camera.jump(View(1200, 600, 2.0))
    _, field, micrometres = opened(qtbot, open_view)
    assert field.text() == "1200, 600 10x"
    assert field.selectedText() == field.text()
    micrometres.click()
    assert field.text() == "600.0, 300.0 10x"


def test_enter_goes_there(qtbot: QtBot, open_view: Any) -> None:
    dialog, field, _ = opened(qtbot, open_view)
    field.setText("300 200 5x")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert open_view.calls == [("go_to", 300, 200, 4.0, False)]
    assert not dialog.isVisible()


def test_micrometres_are_counted_by_the_pixel_size(qtbot: QtBot, open_view: Any) -> None:
    dialog, field, micrometres = opened(qtbot, open_view)
    micrometres.click()
    field.setText("300, 200")
    dialog.accept()
    assert open_view.calls == [("go_to", 600, 400, None, False)]


def test_what_is_wrong_is_shown_while_typing(qtbot: QtBot, open_view: Any) -> None:
    dialog, field, _ = opened(qtbot, open_view)
    go = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    field.setText("3000, 200")
    assert re.search(pattern(view_strings.OUTSIDE_THE_SLIDE, axis="x", end="2000 px"), dialog.problem)
    assert not go.isEnabled()
    dialog.accept()
    assert open_view.calls == []
    assert dialog.isVisible()
    field.setText("")
    assert dialog.problem == ""
    assert not go.isEnabled()
    field.setText("300, 200")
    assert dialog.problem == ""
    assert go.isEnabled()


def test_micrometres_are_greyed_until_the_pixel_size_is_known(
    qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    fake_view.show_source(make_source())
    _, field, micrometres = opened(qtbot, fake_view)
    assert field.text() == "1000, 500"
    assert not micrometres.isEnabled()
    assert micrometres.toolTip() == strings.NO_PIXEL_SIZE
    fake_view.set_mpp_um((0.5, 0.5))
    assert micrometres.isEnabled()
    micrometres.click()
    fake_view.set_mpp_um(None)
    assert not micrometres.isChecked()


@pytest.mark.parametrize("closing", [True, False])
def test_it_closes_with_its_slide(qtbot: QtBot, open_view: Any, closing: bool) -> None:
    dialog, _, _ = opened(qtbot, open_view)
    if closing:
        open_view.show_source(None)
    assert dialog.isVisible() is not closing
