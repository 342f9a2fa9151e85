"""An engine at work in a thread of the test process, as the window sees it: for tests of the loop."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

from viewer.relevance.worker.engine import Engine
from viewer.relevance.worker.messages import Progress, Stop
from viewer.relevance.worker.shared_memory import SharedGrid

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.query.parsed import PhraseFinder

PATIENCE_S = 10.0


class Window:
    """The other side of the pipe: an engine at work in a thread, and all that it sent."""

    def __init__(
        self, analysis: Analysis, load_phrase_finder: Callable[[], PhraseFinder | None] = lambda: None
    ) -> None:
        self.analysis = analysis
        self._load_phrase_finder = load_phrase_finder
        self.memory = SharedGrid(analysis.grid.shape, analysis.encoder.card.attention_heads)
        self.events: list[Any] = []
        self.ended_by: BaseException | None = None
        self.connection, self.engine_connection = Pipe()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            engine = Engine(
                self.engine_connection,
                self.memory,
                self.analysis,
                threads=1,
                load_phrase_finder=self._load_phrase_finder,
            )
            with closing(engine):
                engine.run()
        except (EOFError, OSError) as error:
            self.ended_by = error
        finally:
            self.engine_connection.close()

    def send(self, *messages: object) -> None:
        for message in messages:
            self.connection.send(message)

    def wait_until(self, matches: Callable[[Any], bool]) -> Any:
        """The first event, from now on, that matches."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            if self.connection.poll(0.05):
                event = self.connection.recv()
                self.events.append(event)
                if matches(event):
                    return event
        raise AssertionError(f"not received among {self.events[-5:]}")

    def wait_for(self, kind: type) -> Any:
        return self.wait_until(lambda event: isinstance(event, kind))

    def wait_for_end(self) -> Any:
        return self.wait_until(lambda event: isinstance(event, Progress) and event.done == event.total)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.send(Stop())
            self._thread.join(PATIENCE_S)
        self.connection.close()

    def disconnect(self) -> None:
        self.connection.close()
        self._thread.join(PATIENCE_S)
