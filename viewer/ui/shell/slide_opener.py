"""Opening slides in worker threads, so that a slow share never stops the window.

One opening counts at a time: a newer one, or Cancel, makes the one before it worthless; its slide is closed
as soon as its thread comes back. A thread that hangs inside the system cannot be ended, only left behind.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.log import logger
from viewer.slide.formats.registry import open_for_viewing
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.slide.source import Source

    Progress = Callable[[float, float], None]
    Prepare = Callable[[Path, Progress], None]

log = logger("ui")


class OpeningCancelledError(Exception):
    """Raised out of a progress report to stop a preparation that nobody waits for any more."""


@dataclass(eq=False, slots=True)
class _Job:
    locator: Locator
    prepare: Prepare | None
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class SlideOpener(QObject):
    """Opens one slide at a time and says how it went. All signals come in the GUI thread."""

    started = Signal(object)
    """The locator of what is being opened."""
    progressed = Signal(float)
    """How much of the preparation is done, 0 to 1; never sent for a plain opening."""
    opened = Signal(object)
    """An open Source, which now belongs to the listener."""
    failed = Signal(object, str)
    """The locator, and why it could not be opened."""
    cancelled = Signal(object)

    def __init__(
        self, parent: QObject | None = None, *, open_source: Callable[[Locator], Source] = open_for_viewing
    ) -> None:
        super().__init__(parent)
        self._open_source = open_source
        self._outbox = GuiThreadQueue()
        self._job: _Job | None = None
        self._threads: list[threading.Thread] = []

    @property
    def opening(self) -> Locator | None:
        """What is being opened, None where nothing is."""
        return None if self._job is None else self._job.locator

    def open(self, where: Path | str | Locator, *, prepare: Prepare | None = None) -> None:
        """Begin to open a slide; ``prepare(path, progress)`` makes the file first, in the same thread."""
        self._drop()
        job = self._job = _Job(Locator.parse(where), prepare)
        job.thread = threading.Thread(target=self._work, args=(job,), name="foveola-open", daemon=True)
        self._threads = [thread for thread in self._threads if thread.is_alive()] + [job.thread]
        self.started.emit(job.locator)
        job.thread.start()

    def cancel(self) -> None:
        """Give up the opening under way, if any."""
        job = self._drop()
        if job is not None:
            self.cancelled.emit(job.locator)

    def close(self, *, wait_s: float = 1.0) -> None:
        """Give up and wait for the threads, at most ``wait_s`` seconds for all of them."""
        self._drop()
        self._outbox.close()
        deadline = monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
            if thread.is_alive():
                log.warning("an opening did not end in time and is left behind")

    def _drop(self) -> _Job | None:
        job, self._job = self._job, None
        if job is not None:
            job.cancelled.set()
        return job

    def _work(self, job: _Job) -> None:
        """Runs in the job's own thread."""
        source: Source | None = None
        reason = ""
        try:
            if job.prepare is not None:
                job.prepare(job.locator.path, lambda done, total: self._report(job, done / total))
            source = self._open_source(job.locator)
        except OpeningCancelledError:
            return
        except SlideError as error:
            reason = error.reason
        except Exception as error:  # whatever a reader does, the window must be told
            log.exception("opening %s failed unexpectedly", job.locator)
            reason = f"it cannot be read ({type(error).__name__}: {error})"
        arrived = self._outbox.post(lambda: self._finish(job, source, reason))
        if not arrived and source is not None:
            source.close()

    def _report(self, job: _Job, share: float) -> None:
        if job.cancelled.is_set():
            raise OpeningCancelledError
        self._outbox.post(lambda: self.progressed.emit(share) if job is self._job else None)

    def _finish(self, job: _Job, source: Source | None, reason: str) -> None:
        if job is not self._job:
            if source is not None:
                source.close()
            return
        self._job = None
        if source is not None:
            self.opened.emit(source)
        else:
            log.info("not opened: %s: %s", job.locator, reason)
            self.failed.emit(job.locator, reason)


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file's path and size, the size None where it could not be asked for."""

    path: Path
    size_bytes: int | None

    @classmethod
    def of(cls, path: Path) -> FileMark:
        """The file as it is now. One that cannot be asked has the size None."""
        return cls(path, _size_bytes(path))

    def trouble(self) -> str:
        """A sentence on why tiles of the file may fail now."""
        size_bytes = _size_bytes(self.path)
        if size_bytes is None:
            return "The file is gone, or can no longer be reached."
        if self.size_bytes is not None and size_bytes != self.size_bytes:
            sizes = f"it has {size_bytes:,} bytes, it had {self.size_bytes:,}"
            return f"The file changed while it was open: {sizes}."
        return "The file is damaged there, or its disk is; the log has the details."


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
