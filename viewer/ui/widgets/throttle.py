"""A limit on how often a widget follows signals that are sent every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

PANEL_INTERVAL_MS = 66
"""About 15 times a second: often enough for a panel beside a moving slide."""


class Throttle(QObject):
    """Calls ``call`` at most once per interval, however often it is requested, and after the last request.

    Connect signals to ``request``. Nothing is called while ``widget`` is hidden; it must refresh itself when
    it is shown.
    """

    def __init__(
        self, widget: QWidget, call: Callable[[], None], interval_ms: int = PANEL_INTERVAL_MS
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._timer = QTimer(self, singleShot=True, interval=interval_ms)
        self._timer.timeout.connect(call)
        widget.installEventFilter(self)

    def request(self, *_signal_arguments: object) -> None:
        """Have ``call`` called within one interval."""
        if not self._timer.isActive() and self._widget.isVisible():
            self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Drop the request when the widget is hidden."""
        if event.type() == QEvent.Type.Hide:
            self._timer.stop()
        return super().eventFilter(watched, event)
