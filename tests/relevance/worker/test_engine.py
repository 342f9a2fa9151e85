"""The loop of the worker, in this process: what it receives, what it analyses first, what it sends."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.messages import pattern
from tests.relevance.colours import (
    AttendingColours,
    ColourEncoder,
    DividingColours,
    MadeSlide,
    MagnifyingColours,
    open_store,
    picture,
)
from tests.relevance.engine_window import PATIENCE_S, Window
from viewer.common.errors import EncoderError
from viewer.relevance.analysis import strings as analysis_strings
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.patches.attention_codes import relative_of_codes
from viewer.relevance.patches.blocks import Block
from viewer.relevance.query.tree import Like, Term
from viewer.relevance.worker.messages import (
    Allocated,
    Attended,
    Explain,
    Explained,
    Note,
    Progress,
    Published,
    Refused,
    SetPaused,
    SetQuery,
    SetRelevance,
)
from viewer.relevance.worker.shared_memory import KNOWN, SharedGrid
from viewer.slide.geometry import Rect
from viewer.view.gaze import SlideGaze
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from viewer.relevance.analysis.block_reader import BlockReader

DARKNESS = Term("darkness")
EVERYTHING = Rect(0, 0, 960, 800)


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
    window.send(SetQuery(1, DARKNESS))
    window.start()
    first = window.wait_for(Published)
    assert first.number == 1
    assert first.provenance.query == "darkness"
    window.wait_for_end()
    found = window.memory.read_scores()
    assert found is not None
    assert found.number == 1
    assert found.scores[20, 45] > 0.5 > found.scores[20, 20] > found.scores[0, 0] == 0
    assert (found.states >= KNOWN).sum() == window.analysis.grid.patch_count - window.analysis.failed_count


def test_what_cannot_be_read_is_counted_and_not_known(window: Window) -> None:
    window.send(SetQuery(1, DARKNESS))
    window.start()
    end = window.wait_for_end()
    assert end.failed == window.analysis.failed_count > 0
    found = window.memory.read_scores()
    assert found is not None
    assert not (found.states[window.analysis.failed] >= KNOWN).any()


def test_without_a_question_it_analyses_ahead(window: Window, encoder: ColourEncoder) -> None:
    window.start()
    window.wait_for_end()
    assert encoder.encoded > 1000
    assert not any(isinstance(event, Published) for event in window.events)


def test_the_last_question_counts(window: Window) -> None:
    window.start()
    window.wait_for_end()
    window.send(SetQuery(1, DARKNESS), SetQuery(2, DARKNESS))
    window.wait_until(lambda event: isinstance(event, Published) and event.number == 2)


def test_an_example_is_analysed_first(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[Block] = []
    begin = window.analysis.begin

    def recorded(block: Block, reader: BlockReader) -> None:
        blocks.append(block)
        begin(block, reader)

    # Two blocks are under way at once, and those that are done come in any order.
    monkeypatch.setattr(window.analysis, "begin", recorded)
    window.send(SetPaused(True), SetQuery(1, Like(((30, 40),))), SetPaused(False))
    window.start()
    window.wait_for(Published)
    assert blocks[0] == Block(30, 40, 1, 1)


def test_a_term_that_the_encoder_does_not_have_is_refused_once(window: Window) -> None:
    window.start()
    window.wait_for_end()
    window.send(SetQuery(3, Term("taste")), SetQuery(4, Term("taste")))
    refused = window.wait_until(lambda event: isinstance(event, Refused) and event.number == 4)
    assert refused.reason == "“taste” is no colour"
    window.send(SetQuery(5, DARKNESS))
    window.wait_until(lambda event: isinstance(event, Published) and event.number == 5)
    assert sum(isinstance(event, Refused) for event in window.events) <= 2


def test_a_score_is_explained_for_the_question_that_stands(window: Window) -> None:
    window.send(SetQuery(1, DARKNESS))
    window.start()
    window.wait_for_end()
    window.send(Explain(0, 0, 20, 45), Explain(1, 7, 20, 45), Explain(1, 0, 20, 45), Explain(1, 0, 0, 0))
    beyond, explained, on_glass = (window.wait_for(Explained) for _ in range(3))
    assert (beyond.leaf, beyond.reasons) == (7, ())
    assert (explained.row, explained.col, explained.reasons[0].measurement) == (20, 45, "red")
    assert on_glass.reasons == ()


def test_a_pause_holds_until_it_is_lifted(window: Window, encoder: ColourEncoder) -> None:
    window.send(SetPaused(True))
    window.start()
    assert window.wait_for(Progress).paused
    time.sleep(0.1)
    assert encoder.encoded == 0
    window.send(SetPaused(False))
    window.wait_for_end()


def test_it_rests_while_the_view_moves_and_goes_on_by_itself(window: Window, encoder: ColourEncoder) -> None:
    window.send(Viewport(EVERYTHING, None, 4.0, moving=True))
    window.start()
    time.sleep(0.15)
    assert encoder.encoded == 0
    window.wait_for_end()


def test_weights_follow_the_viewport(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[np.ndarray] = []
    monkeypatch.setattr(window.analysis, "spend", spent.append)
    window.send(
        Viewport(Rect(640, 320, 800, 480), SlideGaze(720, 400, 0.02, 0.0), 1.0, moving=False),
        SetQuery(1, DARKNESS),
    )
    window.start()
    window.wait_for_end()
    assert any(isinstance(event, Allocated) for event in window.events)
    loads = window.memory.read_loads()
    assert loads is not None
    assert loads.weights[25, 45] > loads.weights[10, 45] > 1
    assert spent[-1][25, 45] > spent[-1][25, 20]


def test_notes_are_sent_once(window: Window) -> None:
    window.start()
    window.wait_for_end()
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
        end = window.wait_for_end()
        window.stop()
    assert end.failed == 0
    assert analysis.device == "cpu"
    continues = re.compile(pattern(analysis_strings.CPU_CONTINUES))
    assert any(isinstance(event, Note) and continues.fullmatch(event.text) for event in window.events)


@pytest.fixture
def dividing(tmp_path: Path) -> Iterator[Window]:
    source = MadeSlide(picture()[:400, :400])
    with open_store(tmp_path, source, DividingColours.card) as store:
        window = Window(Analysis(source, DividingColours(), store))
        yield window
        window.stop()


def test_each_question_has_patches_analysed_in_parts_at_the_end(dividing: Window) -> None:
    def parts_done(least: int) -> int:
        """How many patches are done in parts, once all that are to be, and more than so many, are."""
        end = dividing.wait_until(
            lambda event: (
                isinstance(event, Progress)
                and event.finished
                and event.in_parts is not None
                and event.in_parts.total > least
            )
        )
        return int(end.in_parts.done)

    dividing.start()
    unlike = parts_done(0)
    dividing.send(SetQuery(1, DARKNESS))
    more = parts_done(unlike)
    assert dividing.analysis.store.parts.count == more
    said = [event.provenance.normalisation for event in dividing.events if isinstance(event, Published)]
    assert f"{more} patches" in said[-1]
    assert f"{unlike} patches" in said[0]


def test_what_was_analysed_is_not_analysed_again(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    for turn in range(2):
        encoder = ColourEncoder()
        with open_store(tmp_path, source) as store:
            window = Window(Analysis(source, encoder, store))
            window.send(SetQuery(1, DARKNESS))
            window.start()
            window.wait_for_end()
            window.stop()
        assert (encoder.encoded == 0) == (turn == 1)


def test_the_window_is_gone(window: Window) -> None:
    window.start()
    window.wait_for(Progress)
    window.disconnect()
    assert isinstance(window.ended_by, EOFError | OSError)


def test_half_analysed_and_stopped_is_kept(tmp_path: Path) -> None:
    source = MadeSlide(np.tile(picture(), (2, 2, 1)))
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, ColourEncoder(), store))
        window.start()
        window.wait_until(lambda event: isinstance(event, Progress))
        deadline_s = time.monotonic() + PATIENCE_S
        while not store.count and time.monotonic() < deadline_s:
            time.sleep(0.005)
        window.stop()
        analysed = store.count
    assert analysed
    with open_store(tmp_path, source) as store:
        assert store.count == analysed


@pytest.fixture
def attending(tmp_path: Path) -> Iterator[Window]:
    source = MadeSlide(picture(), torn={(3, 2)})
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, AttendingColours(), store))
        yield window
        window.stop()


def test_attention_of_all_levels_lies_in_shared_memory_at_the_end(attending: Window) -> None:
    attending.start()
    assert attending.memory.attention is not None

    def all_known(event: Any) -> bool:
        known = attending.memory.attention.read().patches_known | attending.analysis.failed
        return isinstance(event, Attended) and known[attending.analysis.tissue].all()

    event = attending.wait_until(all_known)
    assert not any(isinstance(event, Progress) and event.finished for event in attending.events)
    assert event.levels == ("region", "patch", "token")
    attention = attending.memory.attention.read()
    tissue = attending.analysis.tissue
    assert (attention.tissue == tissue).all()
    assert attention.tokens_known.sum() == tissue.sum() - attending.analysis.failed_count
    assert not attention.patches_known[attending.analysis.failed].any()
    seen = relative_of_codes()[attention.patches[0]]
    assert seen[20, 44] > 1.5 * seen[20, 20] > 0
    assert relative_of_codes()[attention.regions][1, 2] > relative_of_codes()[attention.regions][1, 1]
    assert attention.tokens[0, 20, 20, 255] > attention.tokens[0, 20, 20, 7] == attention.tokens[1, 20, 20, 0]


class Waits:
    """A connection that counts how often it is waited for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.recv, self.send, self.close = connection.recv, connection.send, connection.close
        self.waited = 0

    def poll(self, timeout_s: float) -> bool:
        self.waited += timeout_s > 0
        return self._connection.poll(timeout_s)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Window]:
    """A slide whose features are all stored."""
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        Analysis(source, AttendingColours(), store).run_to_end(threads=1)
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, AttendingColours(), store))
        yield window
        window.stop()


def finished(event: Any) -> bool:
    return isinstance(event, Progress) and event.finished


def test_stored_features_are_scored_at_once_but_not_in_a_pause(stored: Window) -> None:
    waits = Waits(stored.engine_connection)
    stored.engine_connection = waits  # type: ignore[assignment]
    stored.send(SetPaused(True))
    stored.start()
    event = stored.wait_until(lambda event: isinstance(event, Progress) and event.paused)
    assert event.done == event.total
    assert not event.finished, "no region is done"
    assert (event.regions.done, event.regions.total > 1) == (0, True)
    time.sleep(0.1)
    memory = stored.memory.attention
    assert memory is not None
    assert not memory.read().patches_known.any()
    before = waits.waited
    stored.send(SetPaused(False))

    def all_known(event: Any) -> bool:
        return isinstance(event, Attended) and bool(memory.read().patches_known[stored.analysis.tissue].all())

    stored.wait_until(all_known)
    assert waits.waited - before < 6, "it waits for nothing while regions are left"
    assert not any(isinstance(event, Progress) and event.finished for event in stored.events)
    event = stored.wait_until(finished)
    assert event.regions.done == event.regions.total
    assert event.more_tokens


def test_tokens_of_the_field_are_encoded_again_where_only_features_are_stored(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        Analysis(source, AttendingColours(), store).run_to_end(threads=1)
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, AttendingColours(), store))
        window.start()
        window.wait_for(Attended)
        assert window.memory.attention is not None
        assert not window.memory.attention.read().tokens_known.any()
        event = window.wait_until(finished)
        assert (event.tokens, event.more_tokens) == ((0, 0, 0), True), (
            "the field of view is not magnified there"
        )
        window.send(SetPaused(True), Viewport(Rect(330, 330, 360, 360), None, 0.5, moving=False))
        event = window.wait_until(lambda event: isinstance(event, Progress) and event.tokens.total > 0)
        assert (event.tokens, event.finished) == ((0, 9, 0), False)
        assert event.done == event.total, "their features are known"
        window.send(SetPaused(False))

        def tokens_known(event: Any) -> bool:
            return isinstance(event, Attended) and window.memory.attention.read().tokens_known.any()

        window.wait_until(tokens_known)
        event = window.wait_until(finished)
        assert (event.tokens, event.more_tokens) == ((9, 9, 0), True)
        window.stop()
        rows, cols = np.nonzero(window.memory.attention.read().tokens_known)
        assert set(zip(rows.tolist(), cols.tolist(), strict=True)) <= {
            (r, c) for r in (20, 21, 22) for c in (20, 21, 22)
        }
        assert store.complete


def test_relevance_from_elsewhere_decides_how_finely_patches_are_encoded_first(tmp_path: Path) -> None:
    source, encoder = MadeSlide(picture()), MagnifyingColours()
    with open_store(tmp_path, source) as store:
        analysis = Analysis(source, encoder, store)
        window = Window(analysis)
        scores = np.zeros(analysis.grid.shape, np.float32)
        scores[:, 40:] = 0.9
        window.memory.write_relevance(scores)
        window.send(Viewport(Rect(330, 330, 360, 360), None, 16.0, moving=False), SetRelevance(True))
        window.start()
        window.wait_for_end()
        window.stop()
        assert store.complete
    patches = [side for side, count in encoder.sides for _ in range(count)]
    assert patches.count(8) > 500, "nothing speaks for the pale tissue"
    assert set(patches[-400:]) == {16}, "what was looked at with fewer tokens is looked at again"


def test_without_relevance_from_elsewhere_all_is_encoded_alike(tmp_path: Path) -> None:
    source, encoder = MadeSlide(picture()), MagnifyingColours()
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, encoder, store))
        window.memory.write_relevance(np.zeros(store.grid.shape, np.float32))
        look = Viewport(Rect(330, 330, 360, 360), None, 16.0, moving=False)
        window.send(look, SetRelevance(True), SetRelevance(False))
        window.start()
        window.wait_for_end()
        window.stop()
        assert store.complete
    assert {side for side, _ in encoder.sides} == {16}


def test_an_encoder_without_attention_is_refused(tmp_path: Path) -> None:
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        analysis = Analysis(source, ColourEncoder(), store)
        with pytest.raises(EncoderError, match=pattern(analysis_strings.NO_ATTENTION)):
            analysis.attend(SharedGrid(analysis.grid.shape, (1, 1)).attention.arrays())
