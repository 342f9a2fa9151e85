"""The badge on the slide that marks a picture whose colours are not as stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QLabel

from viewer.render.frame import Adjustment
from viewer.ui.canvas import strings

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView

_BADGE_MARGIN_PX = 12


class AdjustedBadge(QLabel):
    """At the top right of a slide view; hidden while the picture is not adjusted."""

    def __init__(self, slide_view: SlideView) -> None:
        super().__init__(strings.ADJUSTED, slide_view)
        self._slide_view = slide_view
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(strings.ADJUSTED_NAME)
        self.setStyleSheet(
            "background: rgba(16, 18, 24, 208); color: rgb(245, 246, 248);"
            "border-radius: 6px; padding: 4px 8px;"
        )
        slide_view.installEventFilter(self)
        slide_view.colour.changed.connect(self._refresh)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when the slide's widget changes its size."""
        if event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    def place(self) -> None:
        """Move to the top right corner."""
        self.adjustSize()
        self.move(self._slide_view.width() - self.width() - _BADGE_MARGIN_PX, _BADGE_MARGIN_PX)
        self.raise_()

    def _refresh(self) -> None:
        adjusted = self._slide_view.colour.adjustment != Adjustment()
        if adjusted != self.isVisibleTo(self._slide_view):
            self.setVisible(adjusted)
            self.place()
