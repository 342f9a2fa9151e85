"""Words that the lexicon lacks: read beside the worker's loop, which hears the window meanwhile."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torch")

from tests.relevance.colours import ColourEncoder, MadeSlide, open_store, picture
from tests.relevance.engine_window import PATIENCE_S, Window
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.query.tree import Term
from viewer.relevance.worker.messages import (
    MatchTerms,
    Note,
    Progress,
    Published,
    Refused,
    SetPaused,
    SetQuery,
    TermsMatched,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.relevance.query.parsed import PhraseFinder

    Start = Callable[[Callable[[], PhraseFinder | None]], Window]

DARKNESS = Term("darkness")
FAT = "fat"


@pytest.fixture
def start_matching(tmp_path: Path) -> Iterator[Start]:
    """A window that is answered by a sentence model of the test's; nothing is analysed."""
    windows: list[Window] = []
    with open_store(tmp_path, MadeSlide(picture())) as store:

        def start(load_phrase_finder: Callable[[], PhraseFinder | None]) -> Window:
            analysis = Analysis(MadeSlide(picture()), ColourEncoder(), store)
            windows.append(Window(analysis, load_phrase_finder))
            windows[-1].send(SetPaused(True))
            windows[-1].start()
            return windows[-1]

        yield start
        for window in windows:
            window.stop()


def test_words_are_read_by_a_model_that_is_loaded_once(
    start_matching: Start,
) -> None:
    loaded = []

    def load() -> PhraseFinder:
        loaded.append(True)
        return {"greasy stuff": FAT}.get

    window = start_matching(load)
    window.wait_for(Progress)
    assert not loaded
    window.send(MatchTerms(1, ("greasy stuff", "flurb")))
    assert window.wait_for(TermsMatched) == TermsMatched(1, (("greasy stuff", FAT),))
    window.send(MatchTerms(2, ("flurb",)))
    assert window.wait_for(TermsMatched) == TermsMatched(2, ())
    assert len(loaded) == 1


def test_without_a_model_no_words_are_read(
    start_matching: Start,
) -> None:
    window = start_matching(lambda: None)
    window.send(MatchTerms(1, ("greasy stuff",)))
    assert window.wait_for(TermsMatched) == TermsMatched(1, ())
    assert not any(isinstance(event, Note) and "meaning" in event.text for event in window.events)


def test_while_a_model_is_loaded_messages_are_received_and_only_the_last_words_wait(
    start_matching: Start,
) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load() -> PhraseFinder:
        loading.set()
        assert go_on.wait(PATIENCE_S)
        return {"greasy stuff": FAT}.get

    window = start_matching(load)
    try:
        window.send(MatchTerms(1, ("flurb",)))
        assert loading.wait(PATIENCE_S)
        window.send(SetPaused(False), SetQuery(2, DARKNESS))
        window.wait_for_end()
        assert any(isinstance(event, Published) for event in window.events)
        window.send(MatchTerms(3, ("stuff",)), MatchTerms(4, ("greasy stuff",)), SetQuery(5, Term("taste")))
        window.wait_for(Refused)
    finally:
        go_on.set()
    window.wait_until(lambda event: event == TermsMatched(4, (("greasy stuff", FAT),)))
    matched = [event.number for event in window.events if isinstance(event, TermsMatched)]
    assert matched == [1, 4]


def test_a_model_that_cannot_be_loaded_is_reported_once_and_the_analysis_goes_on(
    start_matching: Start, tmp_path: Path
) -> None:
    def load() -> PhraseFinder:
        raise CheckpointError(tmp_path / "model.safetensors", "its content is not the one expected")

    window = start_matching(load)
    window.send(MatchTerms(1, ("flurb",)))
    assert window.wait_for(TermsMatched) == TermsMatched(1, ())
    window.send(MatchTerms(2, ("flurb",)), SetPaused(False))
    window.wait_until(lambda event: event == TermsMatched(2, ()))
    window.wait_for_end()
    notes = [event.text for event in window.events if isinstance(event, Note)]
    assert sum("model.safetensors" in note for note in notes) == 1


def test_a_stop_does_not_wait_for_a_model_that_is_being_loaded(
    start_matching: Start,
) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load() -> PhraseFinder | None:
        loading.set()
        go_on.wait(PATIENCE_S)
        return None

    window = start_matching(load)
    try:
        window.send(MatchTerms(1, ("flurb",)))
        assert loading.wait(PATIENCE_S)
        started_s = time.monotonic()
        window.stop()
        assert time.monotonic() - started_s < PATIENCE_S / 2
    finally:
        go_on.set()


# Attention
