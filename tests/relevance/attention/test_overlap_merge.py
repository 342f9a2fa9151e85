"""Patches half-way between others while the reader watches: as the command merges them, and as it is sent."""

from __future__ import annotations

import re
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.messages import pattern
from tests.relevance.colours import ColourEncoder, MadeSlide, TokenColours, open_store, picture
from tests.relevance.engine_window import PATIENCE_S, Window
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.attention.overlap_grid import overlapping_patches
from viewer.relevance.attention.overlap_merge import OverlapBuilder
from viewer.relevance.attention.slide_attention import MEAN, patch_attention
from viewer.relevance.heatmap.overlap import run_overlap_pass
from viewer.relevance.heatmap.whole_slide import attention_of
from viewer.relevance.worker.messages import Note, Overlap, Progress, SetPaused
from viewer.slide.geometry import Rect
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.progress import StageProgress


@pytest.fixture
def slide() -> Iterator[MadeSlide]:
    with closing(MadeSlide(picture())) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, slide: MadeSlide) -> Iterator[FeatureStore]:
    with open_store(tmp_path / "store", slide) as opened:
        yield opened


@pytest.fixture
def encoder() -> TokenColours:
    return TokenColours()


@pytest.fixture
def window(slide: MadeSlide, store: FeatureStore, encoder: TokenColours) -> Iterator[Window]:
    window = Window(Analysis(slide, encoder, store))
    yield window
    window.stop()


def tokens(window: Window) -> NDArray[np.uint8]:
    assert window.memory.attention is not None
    return window.memory.attention.read().tokens


def wait_for_merged(window: Window) -> StageProgress:
    """The progress of overlaps when all is done, which is not sent before."""
    end = window.wait_until(lambda event: isinstance(event, Progress) and event.finished)
    assert end.between is not None
    return end.between


def _all_done(event: Any) -> bool:
    between = event.between if isinstance(event, Progress) else None
    return between is not None and between.done == between.total > 0


def becomes(window: Window, expected: NDArray[np.uint8]) -> bool:
    """Whether the tokens do so, soon."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if (tokens(window) == expected).all():
            return True
        time.sleep(0.02)
    return False


def as_the_command(folder: Path, slide: MadeSlide, merge: str | None) -> NDArray[np.uint8]:
    with open_store(folder, slide) as store:
        analysis = Analysis(slide, TokenColours(), store)
        attention = attention_of(analysis)
        if merge is not None:
            run_overlap_pass(analysis, attention, merge)
        return attention.tokens


def test_each_merge_is_that_of_the_command_and_another_encodes_nothing(
    window: Window, slide: MadeSlide, encoder: TokenColours, tmp_path: Path
) -> None:
    expected = {merge: as_the_command(tmp_path / str(merge), slide, merge) for merge in (None, "mean", "max")}
    assert (expected["mean"] != expected[None]).any()
    window.send(Overlap("mean"))
    window.start()
    between = wait_for_merged(window)
    assert between.total > 300
    assert between.failed == 0
    assert (tokens(window) == expected["mean"]).all(), "the last is done when all is merged"
    encoded = encoder.encoded
    for merge in ("max", None, "mean", None):
        window.send(Overlap(merge))
        assert becomes(window, expected[merge]), merge
    assert encoder.encoded == encoded


def test_nothing_is_encoded_twice_without_a_request(window: Window, encoder: TokenColours) -> None:
    window.start()
    end = window.wait_for_end()
    before = encoder.encoded
    time.sleep(0.3)
    assert encoder.encoded == before
    assert end.between is None


def test_a_pause_holds_the_overlaps(window: Window, slide: MadeSlide, tmp_path: Path) -> None:
    plain = as_the_command(tmp_path / "none", slide, None)
    window.start()
    window.wait_for_end()
    assert becomes(window, plain)
    window.send(SetPaused(True), Overlap("max"))
    window.wait_until(lambda event: isinstance(event, Progress) and event.paused)
    time.sleep(0.1)
    assert (tokens(window) == plain).all()
    window.send(SetPaused(False))
    wait_for_merged(window)


def test_the_highest_priority_comes_first(slide: MadeSlide, store: FeatureStore) -> None:
    attention = attention_of(Analysis(slide, TokenColours(), store))
    builder = OverlapBuilder(attention)
    builder.set_merge("mean")
    builder.choose()
    builder.set_merge("mean")  # the same again begins nothing anew
    assert builder.pending
    first = np.zeros(store.grid.shape, np.float32)
    corners = overlapping_patches(patch_attention(attention, MEAN), attention.tissue)
    row, col = (corners[-1] // 2).tolist()
    first[row, col] = 1
    block, wanted, half = builder.next(first, 4)
    assert block.row <= row < block.row + block.rows
    assert block.col <= col < block.col + block.cols
    assert wanted[row - block.row, col - block.col]
    assert half != (0, 0)
    assert max(wanted.shape) <= 4


def test_what_cannot_be_read_is_counted_and_not_tried_again(
    window: Window, slide: MadeSlide, encoder: TokenColours
) -> None:
    window.start()
    window.wait_for_end()
    slide.torn = {(col, row) for row in range(4) for col in range(4)}
    before = encoder.encoded
    window.send(Overlap("mean"))
    between = wait_for_merged(window)
    assert between.failed == between.total
    time.sleep(0.1)
    assert encoder.encoded == before


def test_a_full_device_leaves_them_to_the_processor(slide: MadeSlide, store: FeatureStore) -> None:
    encoder = TokenColours()
    analysis = Analysis(slide, encoder, store)
    analysis.use("cuda")
    window = Window(analysis)
    window.start()
    window.wait_for_end()
    encoder.most["cuda"] = 0
    window.send(Overlap("max"))
    between = wait_for_merged(window)
    window.stop()
    assert (between.failed, analysis.device) == (0, "cpu")


def test_where_only_features_are_stored_only_what_was_in_view_is_encoded_again(
    slide: MadeSlide, tmp_path: Path
) -> None:
    with open_store(tmp_path, slide) as store:
        attention = attention_of(Analysis(slide, TokenColours(), store))
        corners = overlapping_patches(patch_attention(attention, MEAN), attention.tissue)
    with open_store(tmp_path, slide) as store:
        window = Window(Analysis(slide, TokenColours(), store))
        row, col = (corners[len(corners) // 2] // 2).tolist()
        x, y = 16 * col + 4, 16 * row + 4
        window.send(Overlap("max"), Viewport(Rect(x, y, x + 8, y + 8), None, 0.1, moving=False))
        window.start()
        assert 0 < wait_for_merged(window).total < 9
        window.send(Viewport(Rect(0, 0, 960, 800), None, 0.1, moving=False))
        window.wait_until(lambda event: _all_done(event) and event.between.total == len(corners))
        window.stop()


class Even(TokenColours):
    """Finds all patches of a region the same."""

    def attend_regions(
        self, features: NDArray[np.float32], tissue: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        patches, regions = super().attend_regions(features, tissue)
        return np.ones_like(patches), np.ones_like(regions)


@pytest.mark.parametrize(
    ("encoder_of", "expected"),
    [(Even, pattern(strings.EVEN_ATTENTION)), (ColourEncoder, pattern(strings.NO_OVERLAPS))],
)
def test_a_note_says_why_no_overlap_pass_was_run(
    slide: MadeSlide, store: FeatureStore, encoder_of: type[Encoder], expected: str
) -> None:
    encoder = encoder_of()
    window = Window(Analysis(slide, encoder, store))
    window.start()
    window.wait_for_end()
    before = encoder.encoded  # type: ignore[attr-defined]
    note = re.compile(expected)
    assert not any(note.fullmatch(event.text) for event in window.events if isinstance(event, Note))
    window.send(Overlap("mean"))
    window.wait_until(lambda event: isinstance(event, Note) and note.fullmatch(event.text))
    window.send(Overlap(None), Overlap("mean"))
    time.sleep(0.1)
    window.stop()
    assert encoder.encoded == before  # type: ignore[attr-defined]


def test_a_slide_smaller_than_a_patch_has_no_overlap_pass(tmp_path: Path) -> None:
    with closing(MadeSlide(picture()[300:310, 700:712])) as slide, open_store(tmp_path, slide) as store:
        window = Window(Analysis(slide, TokenColours(), store))
        window.send(Overlap("max"))
        window.start()
        window.wait_until(lambda event: isinstance(event, Note) and event.text == strings.EVEN_ATTENTION)
        window.stop()
