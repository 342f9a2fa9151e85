"""The loop of the worker, in this process: what it hears, what it does first, what it says."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.relevance.colours import AttendingColours, ColourEncoder, MadeSlide, open_store, picture
from viewer.relevance.analysis import Analysis
from viewer.relevance.checkpoint import CheckpointError
from viewer.relevance.encoders import EncoderError
from viewer.relevance.engine import Engine
from viewer.relevance.messages import (
    Allocated,
    Ask,
    Attended,
    Explain,
    Explained,
    Guessed,
    GuessWords,
    Look,
    Note,
    Progress,
    Published,
    Refused,
    SetPaused,
    Stop,
)
from viewer.relevance.query import Like, Term
from viewer.relevance.shared_grid import KNOWN, SharedGrid
from viewer.relevance.text import NearestPhrase
from viewer.slide.geometry import Rect
from viewer.view.gaze import SlideGaze
from viewer.view.hierarchy import relative_of_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.relevance.text import Guess

PATIENCE_S = 10.0
DARKNESS = Term("darkness")
EVERYTHING = Rect(0, 0, 960, 800)


class Window:
    """The other side of the pipe: an engine at work in a thread, and all that it said."""

    def __init__(self, analysis: Analysis, load_guess: Callable[[], Guess | None] = lambda: None) -> None:
        self.analysis = analysis
        self._load_guess = load_guess
        self.memory = SharedGrid(analysis.grid.shape, analysis.encoder.card.attention_heads)
        self.events: list[Any] = []
        self.ended_by: BaseException | None = None
        self.connection, self._theirs = Pipe()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            engine = Engine(self._theirs, self.memory, self.analysis, threads=1, load_guess=self._load_guess)
            with closing(engine):
                engine.run()
        except (EOFError, OSError) as error:
            self.ended_by = error
        finally:
            self._theirs.close()

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.connection.send(message)

    def hear_until(self, wanted: Callable[[Any], bool]) -> Any:
        """The first event, from now on, that is wanted."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            if self.connection.poll(0.05):
                event = self.connection.recv()
                self.events.append(event)
                if wanted(event):
                    return event
        raise AssertionError(f"not heard among {self.events[-5:]}")

    def hear(self, kind: type) -> Any:
        return self.hear_until(lambda event: isinstance(event, kind))

    def hear_end(self) -> Any:
        return self.hear_until(lambda event: isinstance(event, Progress) and event.done == event.total)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.tell(Stop())
            self._thread.join(PATIENCE_S)
        self.connection.close()

    def hang_up(self) -> None:
        self.connection.close()
        self._thread.join(PATIENCE_S)


@pytest.fixture
def encoder() -> ColourEncoder:
    return ColourEncoder()


@pytest.fixture
def window(tmp_path: Path, encoder: ColourEncoder) -> Iterator[Window]:
    source = MadeSlide(picture(), torn={(3, 2)})
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, encoder, store))
        yield window
        window.stop()


def test_a_question_is_answered_until_all_is_known(window: Window) -> None:
    window.tell(Ask(1, DARKNESS))
    window.start()
    first = window.hear(Published)
    assert first.number == 1
    assert first.provenance.query == "darkness"
    window.hear_end()
    found = window.memory.read_scores()
    assert found is not None
    assert found.number == 1
    assert found.scores[20, 45] > 0.5 > found.scores[20, 20] > found.scores[0, 0] == 0
    assert (found.states == KNOWN).sum() == window.analysis.grid.patch_count - window.analysis.failed_count


def test_what_cannot_be_read_is_counted_and_not_known(window: Window) -> None:
    window.tell(Ask(1, DARKNESS))
    window.start()
    end = window.hear_end()
    assert end.failed == window.analysis.failed_count > 0
    found = window.memory.read_scores()
    assert found is not None
    assert not (found.states[window.analysis.failed] == KNOWN).any()


def test_without_a_question_it_analyses_ahead(window: Window, encoder: ColourEncoder) -> None:
    window.start()
    window.hear_end()
    assert encoder.encoded > 1000
    assert not any(isinstance(event, Published) for event in window.events)


def test_the_last_question_counts(window: Window) -> None:
    window.start()
    window.hear_end()
    window.tell(Ask(1, DARKNESS), Ask(2, DARKNESS))
    window.hear_until(lambda event: isinstance(event, Published) and event.number == 2)


def test_an_example_is_looked_at_first(window: Window) -> None:
    window.tell(SetPaused(True), Ask(1, Like(((30, 40),))), SetPaused(False))
    window.start()
    window.hear(Published)
    cells, _ = window.analysis.store.load()
    assert tuple(cells[0]) == (30, 40)


def test_a_term_that_the_encoder_does_not_know_is_refused_once(window: Window) -> None:
    window.start()
    window.hear_end()
    window.tell(Ask(3, Term("taste")), Ask(4, Term("taste")))
    refused = window.hear_until(lambda event: isinstance(event, Refused) and event.number == 4)
    assert refused.reason == "“taste” is no colour"
    window.tell(Ask(5, DARKNESS))
    window.hear_until(lambda event: isinstance(event, Published) and event.number == 5)
    assert sum(isinstance(event, Refused) for event in window.events) <= 2


def test_a_score_is_explained_for_the_question_that_stands(window: Window) -> None:
    window.tell(Ask(1, DARKNESS))
    window.start()
    window.hear_end()
    window.tell(Explain(0, 0, 20, 45), Explain(1, 7, 20, 45), Explain(1, 0, 20, 45), Explain(1, 0, 0, 0))
    beyond, told, on_glass = (window.hear(Explained) for _ in range(3))
    assert (beyond.leaf, beyond.reasons) == (7, ())
    assert (told.row, told.col, told.reasons[0].measurement) == (20, 45, "red")
    assert on_glass.reasons == ()


def test_a_pause_holds_until_it_is_lifted(window: Window, encoder: ColourEncoder) -> None:
    window.tell(SetPaused(True))
    window.start()
    assert window.hear(Progress).paused
    time.sleep(0.1)
    assert encoder.encoded == 0
    window.tell(SetPaused(False))
    window.hear_end()


def test_it_rests_while_the_view_moves_and_goes_on_by_itself(window: Window, encoder: ColourEncoder) -> None:
    window.tell(Look(EVERYTHING, None, 4.0, moving=True))
    window.start()
    time.sleep(0.15)
    assert encoder.encoded == 0
    window.hear_end()


def test_weights_follow_where_the_reader_looks(window: Window) -> None:
    window.tell(
        Look(Rect(640, 320, 800, 480), SlideGaze(720, 400, 0.02, 0.0), 1.0, moving=False), Ask(1, DARKNESS)
    )
    window.start()
    window.hear_end()
    assert any(isinstance(event, Allocated) for event in window.events)
    loads = window.memory.read_loads()
    assert loads is not None
    assert loads.weights[25, 45] > loads.weights[10, 45] > 1
    assert loads.tokens[25, 45] > loads.tokens[25, 20]


def test_notes_are_told_once(window: Window) -> None:
    window.start()
    window.hear_end()
    notes = [event.text for event in window.events if isinstance(event, Note)]
    assert "Colours are as the scanner made them." in notes
    assert len(notes) == len(set(notes))


def test_a_full_device_gives_way_to_the_processor(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        analysis = Analysis(source, ColourEncoder(most=0), store)
        analysis.use("cuda")
        window = Window(analysis)
        window.start()
        end = window.hear_end()
        window.stop()
    assert end.failed == 0
    assert analysis.device == "cpu"
    assert any(isinstance(event, Note) and "the CPU goes on" in event.text for event in window.events)


def test_what_was_analysed_is_not_analysed_again(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    for turn in range(2):
        encoder = ColourEncoder()
        with open_store(tmp_path, source) as store:
            window = Window(Analysis(source, encoder, store))
            window.tell(Ask(1, DARKNESS))
            window.start()
            window.hear_end()
            window.stop()
        assert (encoder.encoded == 0) == (turn == 1)


def test_the_window_is_gone(window: Window) -> None:
    window.start()
    window.hear(Progress)
    window.hang_up()
    assert isinstance(window.ended_by, EOFError | OSError)


def test_half_analysed_and_stopped_is_kept(tmp_path: Path) -> None:
    source = MadeSlide(np.tile(picture(), (2, 2, 1)))
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, ColourEncoder(), store))
        window.start()
        window.hear_until(lambda event: isinstance(event, Progress))
        deadline_s = time.monotonic() + PATIENCE_S
        while not store.count and time.monotonic() < deadline_s:
            time.sleep(0.005)
        window.stop()
        analysed = store.count
    assert analysed
    with open_store(tmp_path, source) as store:
        assert store.count == analysed


FAT = NearestPhrase("fat", 0.61)


@pytest.fixture
def guessing(tmp_path: Path) -> Iterator[Callable[[Callable[[], Guess | None]], Window]]:
    """A window that is answered by a sentence model of the test's; nothing is analysed."""
    windows: list[Window] = []
    with open_store(tmp_path, MadeSlide(picture())) as store:

        def start(load_guess: Callable[[], Guess | None]) -> Window:
            analysis = Analysis(MadeSlide(picture()), ColourEncoder(), store)
            windows.append(Window(analysis, load_guess))
            windows[-1].tell(SetPaused(True))
            windows[-1].start()
            return windows[-1]

        yield start
        for window in windows:
            window.stop()


def test_words_are_read_by_a_model_that_is_loaded_once(
    guessing: Callable[[Callable[[], Guess | None]], Window],
) -> None:
    loaded = []

    def load() -> Guess:
        loaded.append(True)
        return {"greasy stuff": FAT}.get

    window = guessing(load)
    window.hear(Progress)
    assert not loaded
    window.tell(GuessWords(1, ("greasy stuff", "flurb")))
    assert window.hear(Guessed) == Guessed(1, (("greasy stuff", FAT),))
    window.tell(GuessWords(2, ("flurb",)))
    assert window.hear(Guessed) == Guessed(2, ())
    assert len(loaded) == 1


def test_without_a_model_no_words_are_read(
    guessing: Callable[[Callable[[], Guess | None]], Window],
) -> None:
    window = guessing(lambda: None)
    window.tell(GuessWords(1, ("greasy stuff",)))
    assert window.hear(Guessed) == Guessed(1, ())
    assert not any(isinstance(event, Note) and "meaning" in event.text for event in window.events)


def test_while_a_model_is_loaded_the_window_is_heard_and_only_the_last_words_wait(
    guessing: Callable[[Callable[[], Guess | None]], Window],
) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load() -> Guess:
        loading.set()
        assert go_on.wait(PATIENCE_S)
        return {"greasy stuff": FAT}.get

    window = guessing(load)
    try:
        window.tell(GuessWords(1, ("flurb",)))
        assert loading.wait(PATIENCE_S)
        window.tell(SetPaused(False), Ask(2, DARKNESS))
        window.hear_end()
        assert any(isinstance(event, Published) for event in window.events)
        window.tell(GuessWords(3, ("stuff",)), GuessWords(4, ("greasy stuff",)), Ask(5, Term("taste")))
        window.hear(Refused)
    finally:
        go_on.set()
    window.hear_until(lambda event: event == Guessed(4, (("greasy stuff", FAT),)))
    guessed = [event.number for event in window.events if isinstance(event, Guessed)]
    assert guessed == [1, 4]


def test_a_model_that_cannot_be_loaded_is_told_of_once_and_the_analysis_goes_on(
    guessing: Callable[[Callable[[], Guess | None]], Window], tmp_path: Path
) -> None:
    def load() -> Guess:
        raise CheckpointError(tmp_path / "model.safetensors", "its content is not the one expected")

    window = guessing(load)
    window.tell(GuessWords(1, ("flurb",)))
    assert window.hear(Guessed) == Guessed(1, ())
    window.tell(GuessWords(2, ("flurb",)), SetPaused(False))
    window.hear_until(lambda event: event == Guessed(2, ()))
    window.hear_end()
    notes = [event.text for event in window.events if isinstance(event, Note)]
    assert sum("model.safetensors" in note for note in notes) == 1


def test_a_stop_does_not_wait_for_a_model_that_is_being_loaded(
    guessing: Callable[[Callable[[], Guess | None]], Window],
) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load() -> Guess | None:
        loading.set()
        go_on.wait(PATIENCE_S)
        return None

    window = guessing(load)
    try:
        window.tell(GuessWords(1, ("flurb",)))
        assert loading.wait(PATIENCE_S)
        started_s = time.monotonic()
        window.stop()
        assert time.monotonic() - started_s < PATIENCE_S / 2
    finally:
        go_on.set()


# Attention


@pytest.fixture
def attending(tmp_path: Path) -> Iterator[Window]:
    source = MadeSlide(picture(), torn={(3, 2)})
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, AttendingColours(), store))
        yield window
        window.stop()


def test_attention_of_all_levels_lies_in_shared_memory_at_the_end(attending: Window) -> None:
    attending.start()
    failed = attending.hear_end().failed
    assert attending.memory.attention is not None

    def all_known(event: Any) -> bool:
        known = attending.memory.attention.read().patches_known | attending.analysis.failed
        return isinstance(event, Attended) and known[attending.analysis.tissue].all()

    attending.hear_until(all_known)
    attention = attending.memory.attention.read()
    tissue = attending.analysis.tissue
    assert (attention.tissue == tissue).all()
    assert attention.tokens_known.sum() == tissue.sum() - failed
    assert not attention.patches_known[attending.analysis.failed].any()
    seen = relative_of_codes()[attention.patches[0]]
    assert seen[20, 44] > 2 * seen[20, 20] > 0
    assert relative_of_codes()[attention.regions][1, 2] > relative_of_codes()[attention.regions][1, 1]
    assert attention.tokens[0, 20, 20, 255] > attention.tokens[0, 20, 20, 7] == attention.tokens[1, 20, 20, 0]


def test_tokens_of_the_field_are_looked_at_again_where_only_features_are_stored(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        Analysis(source, AttendingColours(), store).run_to_end(threads=1)
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, AttendingColours(), store))
        window.start()
        window.hear(Attended)
        assert window.memory.attention is not None
        assert not window.memory.attention.read().tokens_known.any()
        window.tell(Look(Rect(330, 330, 360, 360), None, 0.5, moving=False))

        def tokens_known(event: Any) -> bool:
            return isinstance(event, Attended) and window.memory.attention.read().tokens_known.any()

        window.hear_until(tokens_known)
        window.stop()
        rows, cols = np.nonzero(window.memory.attention.read().tokens_known)
        assert set(zip(rows.tolist(), cols.tolist(), strict=True)) <= {
            (r, c) for r in (20, 21, 22) for c in (20, 21, 22)
        }
        assert store.complete


def test_an_encoder_that_says_nothing_of_where_it_looks_is_refused(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        analysis = Analysis(source, ColourEncoder(), store)
        with pytest.raises(EncoderError, match="does not say where it looks"):
            analysis.attend(SharedGrid(analysis.grid.shape, (1, 1)).attention.arrays())
