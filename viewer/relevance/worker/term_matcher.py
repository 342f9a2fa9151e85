"""TermMatcher: reads words that the lexicon lacks on a thread of its own; the worker's loop never waits.

The sentence model is loaded with the first words, which takes some seconds; later ones are read at once.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.worker.messages import Guessed, Note

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.query.parser import Guess
    from viewer.relevance.worker.messages import GuessWords

    Told = tuple[Note | Guessed, ...]


class TermMatcher:
    """Used by one thread. ``load`` gives the model's guess, or None where there is no model."""

    def __init__(self, load: Callable[[], Guess | None]) -> None:
        self._load = load
        self._loaded = False
        self._guess: Guess | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="guessing")
        self._running: list[Future[Told]] = []

    @property
    def busy(self) -> bool:
        """Whether words are being read."""
        return bool(self._running)

    def begin(self, wanted: GuessWords) -> None:
        """Have words read. What waits from before is no longer wanted."""
        self._running = [earlier for earlier in self._running if not earlier.cancel()]
        self._running.append(self._pool.submit(self._read, wanted))

    def collect(self) -> Told:
        """What is to be told by now. Raises what a model raised, other than that it cannot be loaded."""
        done = [reading for reading in self._running if reading.done()]
        self._running = [reading for reading in self._running if reading not in done]
        return tuple(event for reading in done for event in reading.result())

    def close(self) -> None:
        """Drop what waits. A model that is being loaded is not waited for: it may take seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._running = []

    def _read(self, wanted: GuessWords) -> Told:
        if not self._loaded:
            self._loaded = True  # one that cannot be loaded is told of once
            try:
                self._guess = self._load()
            except CheckpointError as error:
                note = Note(f"Words that the lexicon lacks are not compared by their meaning: {error}.")
                return note, Guessed(wanted.number, ())
        if self._guess is None:
            return (Guessed(wanted.number, ()),)
        nearest = ((words, self._guess(words)) for words in wanted.words)
        return (Guessed(wanted.number, tuple((words, phrase) for words, phrase in nearest if phrase)),)
