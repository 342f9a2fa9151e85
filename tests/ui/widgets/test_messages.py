"""Messages in the window: few, dismissable, their kind named; progress only for a slow opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton

from tests.ui.children import child
from viewer.ui.widgets import strings
from viewer.ui.widgets.messages import (
    MAX_MESSAGES,
    SHOW_PROGRESS_AFTER_MS,
    MessageArea,
    MessageBar,
    MessageKind,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from viewer.ui.widgets.theme import ThemeKeeper


@pytest.fixture
def area(qtbot: QtBot, themes: ThemeKeeper) -> MessageArea:
    area = MessageArea(themes)
    qtbot.add_widget(area)
    area.resize(600, 200)
    with qtbot.wait_exposed(area):
        area.show()
    return area


def button(bar: MessageBar, text: str) -> QPushButton:
    return next(button for button in bar.findChildren(QPushButton) if button.text() == text)


def texts(area: MessageArea) -> list[str]:
    return [bar.text for bar in area.messages]


@pytest.mark.parametrize("kind", MessageKind)
def test_the_kind_is_a_word_too(area: MessageArea, kind: MessageKind) -> None:
    bar = area.show_message(kind, "something")
    assert bar.accessibleName() == strings.MESSAGE_NAME.format(kind=kind.label, text="something")
    assert bar.isVisible()


def test_buttons_act_and_dismiss(qtbot: QtBot, area: MessageArea) -> None:
    pressed: list[str] = []
    bar = area.show_message(MessageKind.ERROR, "no", buttons={"Try again": lambda: pressed.append("again")})
    qtbot.mouseClick(button(bar, "Try again"), Qt.MouseButton.LeftButton)
    assert pressed == ["again"]
    assert texts(area) == []


def test_dismiss(qtbot: QtBot, area: MessageArea) -> None:
    bar = area.show_message(MessageKind.INFORMATION, "hello")
    qtbot.mouseClick(button(bar, strings.DISMISS), Qt.MouseButton.LeftButton)
    assert texts(area) == []


def test_the_same_message_is_shown_once(area: MessageArea) -> None:
    for text in ("a", "b", "a"):
        area.show_message(MessageKind.WARNING, text)
    assert texts(area) == ["b", "a"]


def test_names_of_files_are_not_taken_for_mark_up(area: MessageArea) -> None:
    plain = area.show_message(MessageKind.ERROR, "(h1)broken(/h1).svs").sizeHint().height()
    bar = area.show_message(MessageKind.ERROR, "<h1>broken</h1>.svs")
    assert bar.sizeHint().height() == plain


def test_the_oldest_makes_room(area: MessageArea) -> None:
    for number in range(MAX_MESSAGES + 2):
        area.show_message(MessageKind.WARNING, str(number))
    assert texts(area) == ["2", "3", "4"]
    area.clear()
    assert texts(area) == []


def test_icons_follow_the_theme(area: MessageArea, themes: ThemeKeeper) -> None:
    bar = area.show_message(MessageKind.ERROR, "no")
    icon = child(bar, QLabel, MessageKind.ERROR.label)
    light = icon.pixmap().toImage()
    themes.choose("dark")
    assert icon.pixmap().toImage() != light
    themes.choose("light")


def test_a_quick_opening_shows_no_progress(qtbot: QtBot, area: MessageArea) -> None:
    area.opening.begin("a.svs")
    area.opening.end()
    qtbot.wait(SHOW_PROGRESS_AFTER_MS + 50)
    assert not area.opening.isVisible()


def test_a_slow_opening_shows_progress_and_can_be_cancelled(qtbot: QtBot, area: MessageArea) -> None:
    area.opening.begin("a.svs")
    qtbot.wait_until(area.opening.isVisible)
    assert area.opening.accessibleName() == strings.OPENING.format(name="a.svs")
    area.opening.set_progress(0.5)
    assert child(area.opening, QProgressBar, strings.OPENING_PROGRESS).value() == 500
    with qtbot.wait_signal(area.opening.cancel_pressed):
        qtbot.mouseClick(child(area.opening, QPushButton, strings.CANCEL), Qt.MouseButton.LeftButton)
    area.opening.end()
    assert not area.opening.isVisible()
