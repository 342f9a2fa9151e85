"""A scroll area as wide as its content, and text that breaks within long words."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QStyle, QWidget

from viewer.ui.widgets.theme import em_px

_LONG_WORD = re.compile(r"\S{16}(?=\S)")


def breakable(text: str) -> str:
    """The text with zero-width spaces in long words and paths, as labels break lines at spaces only."""
    return _LONG_WORD.sub("\\g<0>\u200b", text)


_MIN_HEIGHT_EM = 6.0


class ScrollPage(QScrollArea):
    """Holds one widget at its minimum width and scrolls vertically; it takes no keyboard focus itself."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content = content
        self.setWidget(content)

    def sizeHint(self) -> QSize:
        return QSize(self._width_px, self._content.sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._width_px, em_px(_MIN_HEIGHT_EM))

    @property
    def _width_px(self) -> int:
        bar_px = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return max(self._content.minimumSizeHint().width(), self._content.minimumWidth()) + bar_px
