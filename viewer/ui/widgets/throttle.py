"""A brake between signals that fire every frame and listeners that need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

PANEL_INTERVAL_MS = 66
"""About 15 times a second: as often as a panel beside a moving slide is worth repainting."""


class Throttle(QObject):
    """Calls ``call`` at most once an interval, however often it is asked; the last ask is never lost.

    Connect signals to ``ask``. Nothing is called while ``widget`` is hidden: it brings itself
    up to date when it is shown.
    """

    def __init__(
        self, widget: QWidget, call: Callable[[], None], interval_ms: int = PANEL_INTERVAL_MS
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._timer = QTimer(self, singleShot=True, interval=interval_ms)
        self._timer.timeout.connect(call)
        widget.installEventFilter(self)

    def ask(self, *_signal_arguments: object) -> None:
        """Have it called within an interval from now."""
        if not self._timer.isActive() and self._widget.isVisible():
            self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Forget what was asked when the widget is hidden."""
        if event.type() == QEvent.Type.Hide:
            self._timer.stop()
        return super().eventFilter(watched, event)
