"""Calls from any thread into the GUI thread, run there in the order in which they were posted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class GuiThreadQueue(QObject):
    """Runs posted calls in the thread that created it, until it is closed.

    It has no Qt parent: threads that outlive the window may still refer to it, and their posts are refused.
    """

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._closed = False
        self._lock = threading.Lock()
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], object]) -> bool:
        """Run ``call`` in the GUI thread. Returns False where the queue is closed and it will never run."""
        with self._lock:
            if not self._closed:
                self._posted.emit(call)
            return not self._closed

    def close(self) -> None:
        """Refuse further posts. Calls posted before still run."""
        with self._lock:
            self._closed = True

    def _run(self, call: Callable[[], object]) -> None:
        call()
