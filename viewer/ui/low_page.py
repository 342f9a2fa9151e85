"""A page of controls that scrolls where the window is too low for it, instead of making the window grow."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QStyle, QWidget

from viewer.ui.theme import em_px

_LEAST_EM = 6.0


class LowPage(QScrollArea):
    """Holds one widget, as wide as that must be; the keyboard moves from control to control as without it."""

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
        return QSize(self._width_px, em_px(_LEAST_EM))

    @property
    def _width_px(self) -> int:
        bar_px = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return max(self._content.minimumSizeHint().width(), self._content.minimumWidth()) + bar_px
