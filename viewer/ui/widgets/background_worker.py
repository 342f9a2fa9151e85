"""One thread beside the window for work that takes a moment: pictures of places, ranking, estimates.

What one glance asks for is done in its order, newer glances before older ones. Answers come in the GUI
thread. Work that waits can be dropped; what runs is finished then, unheard.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from viewer.common.log import logger
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from collections.abc import Callable

log = logger("ui")
T = TypeVar("T")
_ONE_GLANCE_S = 0.05
"""Requests that follow each other quicker than this come from one look at a list."""


class _Job(Generic[T]):
    """Some work and who wants its answer."""

    def __init__(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None], era: int
    ) -> None:
        self.work, self.done, self.failed, self.era = work, done, failed, era

    def run(self) -> Callable[[], None]:
        """Do it; what is to be called in the GUI thread."""
        try:
            answer = self.work()
        except Exception as error:  # a codec's bug costs one picture, never the window
            log.info("work beside the window failed", exc_info=error)
            failure = error
            return lambda: self.failed(failure)
        return lambda: self.done(answer)


class SideThread:
    """Starts its thread with the first work, and ends it at ``close``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._outbox = GuiThreadQueue()
        self._waiting: list[list[_Job]] = []  # one list a glance, the newest glance last
        self._last_request_s = 0.0
        self._era = 0
        self._held = self._closed = False
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def run(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """Have ``work`` done; ``done(answer)`` or ``failed(error)`` follows in the GUI thread."""
        now_s = monotonic()
        with self._condition:
            if not self._waiting or now_s - self._last_request_s > _ONE_GLANCE_S:
                self._waiting.append([])
            self._last_request_s = now_s
            self._waiting[-1].append(_Job(work, done, failed, self._era))
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=f"foveola-{self._name}", daemon=True)
            self._thread.start()

    def drop_all(self) -> None:
        """Forget what waits; no answer comes any more, not even of what runs."""
        with self._condition:
            self._waiting.clear()
            self._era += 1

    def set_paused(self, paused: bool) -> None:
        """Begin no further work, or go on."""
        with self._condition:
            self._held = paused
            self._condition.notify()

    def close(self, *, wait_s: float = 0.5) -> None:
        """Drop everything, and wait for the thread, at most ``wait_s`` seconds."""
        self.drop_all()
        self._outbox.close()
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)
            if self._thread.is_alive():
                log.warning("the thread %s did not end in time and is left behind", self._thread.name)

    def _loop(self) -> None:
        while True:
            with self._condition:
                while not self._closed and (self._held or not self._waiting):
                    self._condition.wait()
                if self._closed:
                    return
                job = self._waiting[-1].pop(0)
                if not self._waiting[-1]:
                    self._waiting.pop()
            answer = job.run()
            self._outbox.post(lambda era=job.era, answer=answer: self._answer(era, answer))  # type: ignore[misc]

    def _answer(self, era: int, answer: Callable[[], None]) -> None:
        if era == self._era:
            answer()
