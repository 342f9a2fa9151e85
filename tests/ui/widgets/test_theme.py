"""The themes: legible, complete, and applied to the whole application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QCheckBox, QLabel, QToolButton, QWidget

from viewer.ui.widgets.limited_scroll_area import YieldingArea
from viewer.ui.widgets.theme import THEME_NAMES, ThemeKeeper, em_px, load_theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

TEXT_ON_GROUND = (
    ("window_text", "window"),
    ("text", "base"),
    ("text", "alternate_base"),
    ("button_text", "button"),
    ("muted_text", "window"),
    ("muted_text", "base"),
    ("accent_text", "accent"),
    ("link", "window"),
    ("tooltip_text", "tooltip"),
    ("information_text", "information"),
    ("warning_text", "warning"),
    ("error_text", "error"),
)


def contrast(first: QColor, second: QColor) -> float:
    """The contrast ratio of WCAG 2.1, 1 to 21."""

    def luminance(colour: QColor) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours() -> None:
    assert contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", THEME_NAMES)
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_is_legible(name: str, text: str, ground: str) -> None:
    theme = load_theme(name)
    assert contrast(theme.colour(text), theme.colour(ground)) >= 4.5


@pytest.mark.parametrize("name", THEME_NAMES)
def test_disabled_text_and_shapes_are_visible(name: str) -> None:
    theme = load_theme(name)
    for text, ground in (
        ("disabled_text", "window"),
        ("disabled_text", "base"),
        ("frame", "window"),
        ("frame", "base"),
        ("sharp", "window"),
        ("accent", "window"),
    ):
        assert contrast(theme.colour(text), theme.colour(ground)) >= 3


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("name", THEME_NAMES)
def test_palette_is_legible(name: str) -> None:
    palette = load_theme(name).palette
    roles = QPalette.ColorRole
    for text, ground in (
        (roles.WindowText, roles.Window),
        (roles.Text, roles.Base),
        (roles.ButtonText, roles.Button),
        (roles.HighlightedText, roles.Highlight),
        (roles.ToolTipText, roles.ToolTipBase),
        (roles.PlaceholderText, roles.Base),
    ):
        assert contrast(palette.color(text), palette.color(ground)) >= 4.5, text


def test_both_themes_name_the_same_colours_and_fill_the_style_sheet() -> None:
    light, dark = (load_theme(name) for name in ("light", "dark"))
    assert light.colours.keys() == dark.colours.keys()
    assert light.style_sheet != dark.style_sheet
    assert all(QColor(value).isValid() for value in (*light.colours.values(), *dark.colours.values()))


@pytest.mark.parametrize("name", THEME_NAMES)
def test_frames_are_drawn_in_their_colour(qtbot: QtBot, themes: ThemeKeeper, name: str) -> None:
    themes.choose(name)
    box = QCheckBox()
    qtbot.add_widget(box)
    box.resize(box.sizeHint())
    picture = box.grab().toImage()
    frame = load_theme(name).colour("frame")
    nearest = min(
        sum(abs(a - b) for a, b in zip(picture.pixelColor(x, y).getRgb(), frame.getRgb(), strict=True))
        for x in range(picture.width())
        for y in range(picture.height())
    )
    assert nearest <= 60, "Fusion draws edges softly"


def test_choosing_applies_to_the_application(themes: ThemeKeeper) -> None:
    assert QGuiApplication.palette().color(QPalette.ColorRole.Window) == load_theme("light").colour("window")
    applied: list[str] = []
    themes.changed.connect(lambda: applied.append(themes.theme.name))
    themes.choose("dark")
    assert QGuiApplication.palette().color(QPalette.ColorRole.Window) == load_theme("dark").colour("window")
    themes.choose("dark")
    themes.choose("light")
    assert applied == ["dark", "light"]


def test_system_is_light_or_dark(themes: ThemeKeeper) -> None:
    themes.choose("system")
    assert themes.theme.name in THEME_NAMES
    assert themes.choice == "system"
    themes.choose("light")


def test_letters_grow_in_widgets_that_are_shown(qtbot: QtBot, themes: ThemeKeeper) -> None:
    label = QLabel("text", objectName="research")  # has a style of its own
    qtbot.add_widget(label)
    label.show()
    before, em_before = label.sizeHint().height(), em_px()
    with qtbot.wait_signal(themes.changed):
        themes.set_font_percent(200)
    assert label.sizeHint().height() > 1.7 * before
    assert em_px() > 1.7 * em_before
    themes.set_font_percent(100)
    assert (label.sizeHint().height(), em_px()) == (before, em_before)


def test_icons_have_the_colours_of_the_theme(themes: ThemeKeeper) -> None:
    side = em_px(1.5)
    icon = themes.icon("fit")
    for mode, colour in ((QIcon.Mode.Normal, "button_text"), (QIcon.Mode.Disabled, "disabled_text")):
        image = icon.pixmap(QSize(side, side), mode).toImage()
        solid = {
            image.pixelColor(x, y).name()
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() == 255
        }
        assert solid == {themes.theme.colours[colour]}


def test_a_panel_that_marks_its_focus_gets_no_frame_when_the_theme_changes(
    qtbot: QtBot, themes: ThemeKeeper
) -> None:
    panel = QWidget()
    panel.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    area = YieldingArea(panel)
    qtbot.add_widget(area)
    with qtbot.wait_active(area):
        area.show()
        area.activateWindow()
    panel.setFocus()
    themes.choose("dark")
    panel.clearFocus()
    assert area.viewport().size() == area.size()
    themes.choose("light")


def test_icons_of_buttons_grow_with_the_letters(qtbot: QtBot, themes: ThemeKeeper) -> None:
    button = QToolButton()
    qtbot.add_widget(button)
    themes.set_font_percent(250)
    try:
        button.ensurePolished()
        assert button.iconSize().width() == em_px()
    finally:
        themes.set_font_percent(100)
