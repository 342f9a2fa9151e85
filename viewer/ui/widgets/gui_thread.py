"""The way from any thread to the GUI thread: calls are posted, and run there one after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class GuiThreadQueue(QObject):
    """Runs posted calls in the thread that made it, until it is closed.

    It has no Qt parent: threads that outlive the window may still hold it, and their posts are refused.
    """

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._closed = False
        self._lock = threading.Lock()
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], object]) -> bool:
        """Have ``call`` run in the GUI thread. False where the outbox is closed and it will never run."""
        with self._lock:
            if not self._closed:
                self._posted.emit(call)
            return not self._closed

    def close(self) -> None:
        """Refuse posts from now on. What was posted before still runs."""
        with self._lock:
            self._closed = True

    def _run(self, call: Callable[[], object]) -> None:
        call()
