"""Scroll areas: one as tall as its content up to a limit, one as wide as it, one that gives way.

For text, controls and panels of varying size beside something more important.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QStyle, QWidget

from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_LONG_WORD = re.compile(r"\S{16}(?=\S)")


def breakable(text: str) -> str:
    """The text with zero-width spaces in long words and paths, as labels break lines at spaces only."""
    return _LONG_WORD.sub("\\g<0>\u200b", text)


def scrolled(content: QWidget) -> QScrollArea:
    """A scroll area without a frame that is no stop of the keyboard."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(content)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setAccessibleName(content.accessibleName())
    return area


class LimitedHeightScrollArea(QScrollArea):
    """Holds one widget and takes the height that it needs at the present width, up to a limit."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._max_px = em_px(6)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(content.accessibleName())
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setWidget(content)

    def set_max_height(self, max_px: int) -> None:
        """Limit the height, in logical pixels."""
        if max_px != self._max_px:
            self._max_px = max_px
            self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """The height that the content needs at that width, up to the limit, in logical pixels."""
        return min(self.needed_px(width), self._max_px)

    def needed_px(self, width: int) -> int:
        """The height that the content needs at that width, in logical pixels."""
        content = self.widget()
        assert content is not None
        return content.heightForWidth(width) if content.hasHeightForWidth() else content.sizeHint().height()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """At most two lines: a long text must not enlarge the window."""
        return QSize(super().minimumSizeHint().width(), min(em_px(2), self.heightForWidth(self.width())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Without a scroll bar where all is seen: one that was needed would take the width that needs it."""
        fits = self.needed_px(self.width()) <= self.height()
        bar = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(bar)
        super().resizeEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Adapt the height when the content changes."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().viewportEvent(event)


_MIN_HEIGHT_EM = 6.0
_LEAST_WIDTH_EM, _LEAST_HEIGHT_EM = 2.5, 1.5
"""Of an area that gives way."""


class ScrollPage(QScrollArea):
    """Holds one widget at its minimum width and scrolls vertically; it takes no keyboard focus itself. Where
    it has to be narrower, it scrolls sideways: nothing is cut off."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
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


class YieldingArea(QScrollArea):
    """Holds one widget at its own size; where that is less than the widget needs, it scrolls."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusProxy(content)
        self.setAccessibleName(content.accessibleName())
        self.setSizePolicy(content.sizePolicy())
        self._content = content
        self.setWidget(content)

    @property
    def content(self) -> QWidget:
        return self._content

    @property
    def content_size(self) -> QSize:
        """What the widget is to have where other panels can give way. A widget with a minimum size of less
        scrolls later."""
        least, chosen = self._content.minimumSizeHint(), self._content.minimumSize()
        return least.expandedTo(chosen)

    def sizeHint(self) -> QSize:
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self.content_size.boundedTo(QSize(em_px(_LEAST_WIDTH_EM), em_px(_LEAST_HEIGHT_EM)))
