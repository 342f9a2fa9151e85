"""TermMatcher: compares words that the lexicon lacks by their meaning, on a thread of its own.

The sentence model is loaded with the first words, which takes some seconds.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.worker import strings
from viewer.relevance.worker.messages import Note, TermsMatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.worker.messages import MatchTerms

    Events = tuple[Note | TermsMatched, ...]


class TermMatcher:
    """Used by one thread. ``load`` returns the model's phrase finder, or None where there is no model."""

    def __init__(self, load: Callable[[], PhraseFinder | None]) -> None:
        self._load = load
        self._loaded = False
        self._find_phrase: PhraseFinder | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="term-matching")
        self._running: list[Future[Events]] = []

    @property
    def busy(self) -> bool:
        """Whether words are being compared."""
        return bool(self._running)

    def begin(self, request: MatchTerms) -> None:
        """Compare words. Earlier requests that still wait are dropped."""
        self._running = [earlier for earlier in self._running if not earlier.cancel()]
        self._running.append(self._pool.submit(self._match, request))

    def collect(self) -> Events:
        """The events of requests that are done. Raises what a model raised, but not that it cannot load."""
        done = [request for request in self._running if request.done()]
        self._running = [request for request in self._running if request not in done]
        return tuple(event for request in done for event in request.result())

    def close(self) -> None:
        """Drop waiting requests. A model that is being loaded is not waited for: it may take seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._running = []

    def _match(self, request: MatchTerms) -> Events:
        if not self._loaded:
            self._loaded = True  # one that cannot be loaded is reported once
            try:
                self._find_phrase = self._load()
            except CheckpointError as error:
                note = Note(strings.NO_SENTENCE_MODEL.format(error=error))
                return note, TermsMatched(request.number, ())
        if self._find_phrase is None:
            return (TermsMatched(request.number, ()),)
        nearest = ((words, self._find_phrase(words)) for words in request.words)
        return (TermsMatched(request.number, tuple((words, phrase) for words, phrase in nearest if phrase)),)
