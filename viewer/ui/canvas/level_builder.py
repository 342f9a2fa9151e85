"""Builds the coarse levels that a slide lacks, in a thread of its own, while the slide is shown."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, SignalInstance

from viewer.common.atomic_write import SaveError
from viewer.common.log import logger
from viewer.ui.canvas import strings
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from viewer.slide.built_pyramid import BuiltPyramid

log = logger("ui")

_REPORT_EVERY_S = 0.1


class LevelBuilder(QObject):
    """Runs one build. Signals come in the GUI thread, ten times a second at most."""

    progressed = Signal(float)
    """How much is built, 0 to 1; 1 comes once, at the end."""
    failed = Signal(str)
    """Why the levels cannot be built or kept; the slide is shown without them."""

    def __init__(self, source: BuiltPyramid, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._outbox = GuiThreadQueue()
        self._cancelled = threading.Event()
        self._reported_s = 0.0
        self._thread = threading.Thread(target=self._work, name="foveola-levels", daemon=True)
        self._thread.start()

    def close(self, *, wait_s: float = 1.5) -> None:
        """Cancel what is not built yet; the build ends at its next tile."""
        self._outbox.close()
        self._cancelled.set()
        self._thread.join(wait_s)

    def _work(self) -> None:
        try:
            done = self._source.build(self._report, self._cancelled.is_set)
        except SaveError as error:
            log.warning("coarse levels: %s", error)
            self._emit(self.failed, strings.LEVELS_NOT_KEPT.format(error=error))
            return
        except Exception as error:  # whatever the file format raises, the slide stays usable
            log.exception("building coarse levels failed")
            reason = f"{type(error).__name__}: {error}"
            self._emit(self.failed, strings.LEVELS_NOT_BUILT.format(error=reason))
            return
        if done:
            self._emit(self.progressed, 1.0)

    def _report(self, done: float, total: float) -> None:
        now_s = monotonic()
        if now_s - self._reported_s >= _REPORT_EVERY_S:
            self._reported_s = now_s
            self._emit(self.progressed, min(done / total, 0.999))

    def _emit(self, signal: SignalInstance, value: float | str) -> None:
        self._outbox.post(lambda: signal.emit(value))
