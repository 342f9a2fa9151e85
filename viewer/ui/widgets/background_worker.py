"""A background thread for work that would hold up the window: pictures of places, ranking, estimates.

Requests in quick succession form a batch and run in their order; a newer batch runs before older ones.
Results arrive in the GUI thread. Queued work can be dropped; of work that runs then, the result is discarded.
"""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from viewer.common.errors import is_defect
from viewer.common.log import logger
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from collections.abc import Callable

log = logger("ui")
T = TypeVar("T")
_BATCH_GAP_S = 0.05
"""Requests less than this apart belong to one batch: a list requests all its visible rows at once."""


class _Job(Generic[T]):
    """Work, and the functions that receive its result or its error in the GUI thread."""

    def __init__(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        generation: int,
    ) -> None:
        self.work, self.done, self.failed, self.generation = work, done, failed, generation

    def run(self) -> Callable[[], None]:
        """Do the work; returns the call that is due in the GUI thread."""
        try:
            result = self.work()
        except Exception as error:  # a codec's bug must cost one picture, not the window
            log.info("background work failed: %s", error, exc_info=error if is_defect(error) else None)
            failure = error
            return lambda: self.failed(failure)
        return lambda: self.done(result)


class BackgroundWorker:
    """One thread: started by the first ``run``, ended by ``close``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._gui_queue = GuiThreadQueue()
        self._batches: list[list[_Job]] = []  # the newest last
        self._last_request_s = 0.0
        self._generation = 0
        self._paused = self._closed = False
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def run(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """Queue ``work``; ``done(result)`` or ``failed(error)`` is called in the GUI thread."""
        now_s = monotonic()
        with self._condition:
            if not self._batches or now_s - self._last_request_s > _BATCH_GAP_S:
                self._batches.append([])
            self._last_request_s = now_s
            self._batches[-1].append(_Job(work, done, failed, self._generation))
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=f"foveola-{self._name}", daemon=True)
            self._thread.start()

    def drop_all(self) -> None:
        """Drop queued work, and discard the result of work that runs."""
        with self._condition:
            self._batches.clear()
            self._generation += 1

    def set_paused(self, paused: bool) -> None:
        """Start no further work while ``paused``."""
        with self._condition:
            self._paused = paused
            self._condition.notify()

    def close(self, *, wait_s: float = 0.5) -> None:
        """Drop all work and wait at most ``wait_s`` seconds for the thread to end; 0: not at all."""
        self.drop_all()
        self._gui_queue.close()
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)
            if wait_s and self._thread.is_alive():
                log.warning("the thread %s did not end in time and is left behind", self._thread.name)

    def _loop(self) -> None:
        while True:
            with self._condition:
                while not self._closed and (self._paused or not self._batches):
                    self._condition.wait()
                if self._closed:
                    return
                job = self._batches[-1].pop(0)
                if not self._batches[-1]:
                    self._batches.pop()
            self._gui_queue.post(partial(self._deliver, job.generation, job.run()))

    def _deliver(self, generation: int, call: Callable[[], None]) -> None:
        if generation == self._generation:
            call()


class NewestWork:
    """One piece of work at a time, in a thread of its own: a newer one supersedes it, even where it hangs in
    a system call. ``close`` ends it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._worker = BackgroundWorker(name)

    def run(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """Drop the work before; ``done(result)`` or ``failed(error)`` is called in the GUI thread."""
        self.drop()
        self._worker = BackgroundWorker(self._name)
        self._worker.run(work, done, failed)

    def drop(self) -> None:
        """Discard the result of the work, and wait for nothing."""
        self._worker.close(wait_s=0)

    def close(self, *, wait_s: float) -> None:
        """Drop the work and wait at most ``wait_s`` seconds for its thread to end."""
        self._worker.close(wait_s=wait_s)


def raise_defect(error: Exception) -> None:
    """The ``failed`` of work that states its failures in its result: any other is a defect, shown as one."""
    raise error
