"""An area as tall as what it holds, up to a limit, what is more being scrolled; and words that fit into it.

For words and sliders that stand above something more important and may be many.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QStyle, QWidget

from viewer.ui.widgets.theme import em_px

_LONG_PIECE = re.compile(r"\S{16}(?=\S)")


def breakable(text: str) -> str:
    """The text with places to break long words and paths at: labels break their lines at spaces only."""
    return _LONG_PIECE.sub("\\g<0>\u200b", text)


class LimitedHeightScrollArea(QScrollArea):
    """Holds one widget and asks for no more than ``most_px`` of height, whatever its width."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most_px = em_px(6)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(content.accessibleName())
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setWidget(content)

    def set_most(self, most_px: int) -> None:
        """Another limit of the height, in logical pixels."""
        if most_px != self._most_px:
            self._most_px = most_px
            self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """The height that the content wants at that width, up to the limit."""
        content = self.widget()
        assert content is not None
        wanted = content.heightForWidth(width) if content.hasHeightForWidth() else content.sizeHint().height()
        return min(wanted, self._most_px)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Two lines, so that no window need grow for the words in it."""
        return QSize(super().minimumSizeHint().width(), em_px(2))

    def viewportEvent(self, event: QEvent) -> bool:
        """Grow and shrink when the content has become other."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().viewportEvent(event)


_LEAST_EM = 6.0


class ScrollPage(QScrollArea):
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
