"""Colours and icons of the light and the dark theme, on Qt's Fusion style.

A theme is a table of named colours in ``resources/themes``; palette, style sheet and icons are made from it.
Lengths follow the system font; no size is fixed in pixels.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontDatabase, QFontInfo, QFontMetricsF, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from PySide6.QtWidgets import QAbstractButton

THEME_NAMES = ("light", "dark")

_ROLES = {
    QPalette.ColorRole.Window: "window",
    QPalette.ColorRole.WindowText: "window_text",
    QPalette.ColorRole.Base: "base",
    QPalette.ColorRole.AlternateBase: "alternate_base",
    QPalette.ColorRole.Text: "text",
    QPalette.ColorRole.Button: "button",
    QPalette.ColorRole.ButtonText: "button_text",
    QPalette.ColorRole.BrightText: "accent_text",
    QPalette.ColorRole.PlaceholderText: "muted_text",
    QPalette.ColorRole.Highlight: "accent",
    QPalette.ColorRole.HighlightedText: "accent_text",
    QPalette.ColorRole.Accent: "accent",
    QPalette.ColorRole.Link: "link",
    QPalette.ColorRole.LinkVisited: "link",
    QPalette.ColorRole.ToolTipBase: "tooltip",
    QPalette.ColorRole.ToolTipText: "tooltip_text",
}
_FRAMED = (
    *("QCheckBox", "QRadioButton", "QLineEdit", "QPlainTextEdit", "QAbstractSpinBox"),
    *("QProgressBar", "QListView", "QTableView", "QSlider"),
)
"""Classes whose frame shows where to click, and which have no background of their own around it."""
_FUSION_DARKENS_PERCENT = 140
"""Fusion draws frames darker than the window colour by this factor: invisible on a dark window."""
_DISABLED_ROLES = (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText)


@dataclass(frozen=True, slots=True)
class Theme:
    """Named colours, as ``#rrggbb``."""

    name: str
    colours: Mapping[str, str]

    def colour(self, name: str) -> QColor:
        return QColor(self.colours[name])

    @property
    def palette(self) -> QPalette:
        """The palette; Qt derives bevels from the button colour."""
        palette = QPalette(self.colour("button"), self.colour("window"))
        for role, name in _ROLES.items():
            palette.setColor(role, self.colour(name))
        for role in _DISABLED_ROLES:
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.colour("disabled_text"))
        return palette

    @property
    def framed_palette(self) -> QPalette:
        """The palette of ``_FRAMED`` classes, with a frame of sufficient contrast."""
        palette = self.palette
        palette.setColor(QPalette.ColorRole.Window, self.colour("frame").lighter(_FUSION_DARKENS_PERCENT))
        return palette

    def surround(self, choice: str) -> QColor | None:
        """The colour around slides for a value of ``Display.surround``; None: the slide's own background."""
        if choice == "theme":
            return self.colour("base") if self.name == "dark" else None
        return None if choice == "slide" else QColor(choice)

    @property
    def style_sheet(self) -> str:
        text = resources.files("resources").joinpath("themes", "window.qss").read_text(encoding="utf-8")
        words = {**self.colours, "em_px": f"{em_px()}px"}  # Qt takes an icon's size in pixels only
        return re.sub(r"\{(\w+)\}", lambda match: words[match[1]], text)


def load_theme(name: str) -> Theme:
    """The theme of a name in ``THEME_NAMES``."""
    text = resources.files("resources").joinpath("themes", f"{name}.toml").read_text(encoding="utf-8")
    return Theme(name, tomllib.loads(text))


def em_px(widths: float = 1.0) -> int:
    """``widths`` times the height of the application's font, in logical pixels: the unit for all lengths."""
    return round(QFontMetricsF(QApplication.font()).height() * widths)


def without_icons(buttons: Iterable[QAbstractButton]) -> None:
    """Remove the style's icons from a dialog's buttons: they are made for light backgrounds only."""
    for button in buttons:
        button.setIcon(QIcon())


class ThemeKeeper(QObject):
    """Applies the chosen theme to the application; ``system`` follows the system's colour scheme."""

    changed = Signal()
    """Another theme or font size is applied: icons and painted widgets must be drawn again."""

    def __init__(self, choice: str, parent: QObject | None = None, *, font_percent: int = 100) -> None:
        super().__init__(parent)
        QApplication.setStyle("Fusion")
        self._choice = choice
        self.theme = load_theme(self._theme_name())
        self._apply()
        self.set_font_percent(font_percent)
        QApplication.styleHints().colorSchemeChanged.connect(self._follow)

    @property
    def choice(self) -> str:
        return self._choice

    def choose(self, choice: str) -> None:
        """``light``, ``dark`` or ``system``."""
        self._choice = choice
        self._follow()

    def set_font_percent(self, percent: int) -> None:
        """Show all text in the system's font, at so many percent of its size. Lengths of ``em_px`` follow as
        widgets are made anew."""
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        font.setPointSizeF(QFontInfo(font).pointSizeF() * percent / 100)
        if font.pointSizeF() != QApplication.font().pointSizeF():
            QApplication.setFont(font)
            self._apply()  # widgets with a style sheet keep their font otherwise
            self.changed.emit()

    def icon(self, name: str) -> QIcon:
        """An icon of ``resources/icons`` in the theme's text colours, for buttons and for menus."""
        svg = resources.files("resources").joinpath("icons", f"{name}.svg").read_text(encoding="utf-8")
        icon = QIcon()
        for mode, colour in ((QIcon.Mode.Normal, "button_text"), (QIcon.Mode.Disabled, "disabled_text")):
            for side_px in (em_px(1.0), em_px(1.5)):
                icon.addPixmap(_render_icon(svg, self.theme.colours[colour], side_px), mode)
        return icon

    def pixmap(self, name: str, colour: str, side_px: int) -> QPixmap:
        """One icon in one named colour of the theme, ``side_px`` logical pixels wide."""
        svg = resources.files("resources").joinpath("icons", f"{name}.svg").read_text(encoding="utf-8")
        return _render_icon(svg, self.theme.colours[colour], side_px)

    def _theme_name(self) -> str:
        if self._choice in THEME_NAMES:
            return self._choice
        dark = QApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return "dark" if dark else "light"

    def _follow(self) -> None:
        name = self._theme_name()
        if name != self.theme.name:
            self.theme = load_theme(name)
            self._apply()
            self.changed.emit()

    def _apply(self) -> None:
        QApplication.setPalette(self.theme.palette)
        for name in _FRAMED:
            QApplication.setPalette(self.theme.framed_palette, name)  # type: ignore[arg-type]  # str is accepted
        _application().setStyleSheet(self.theme.style_sheet)


def _render_icon(svg: str, colour: str, side_px: int) -> QPixmap:
    ratio = _application().devicePixelRatio()
    pixmap = QPixmap(QSize(side_px, side_px) * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", colour).encode()))
    renderer.render(painter, QRectF(0, 0, side_px, side_px))
    painter.end()
    return pixmap


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication), "themes need a QApplication"
    return application
