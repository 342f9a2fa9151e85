"""Analysis of where an encoder looks: tokens, budgets of tokens, regions, and devices that give up."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.colours import AttendingColours, MadeSlide, MagnifyingColours, open_store, picture
from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.attention.shared_memory import SharedAttention
from viewer.relevance.features import strings as feature_strings
from viewer.relevance.features.mixed_resolution import CHECKED_PATCHES
from viewer.relevance.patches.attention_codes import log_codes
from viewer.relevance.patches.blocks import Block
from viewer.relevance.query.tree import Term

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.features.store import FeatureStore

DARKNESS = Term("darkness")


@pytest.fixture
def slide() -> Iterator[MadeSlide]:
    with closing(MadeSlide(picture())) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, slide: MadeSlide) -> Iterator[FeatureStore]:
    with open_store(tmp_path, slide) as made:
        yield made


def test_tokens_are_read_once_and_those_torn_cost_no_features(slide: MadeSlide, store: FeatureStore) -> None:
    Analysis(slide, AttendingColours(), store).run_to_end(threads=1)
    slide.torn = {(0, 0)}
    analysis = Analysis(slide, AttendingColours(), store)
    memory = SharedAttention(analysis.grid.shape, (2, 1)).arrays()
    analysis.attend(memory)
    field = np.zeros(analysis.grid.shape, bool)
    field[14:18, 14:18] = analysis.tissue[14:18, 14:18]
    analysis.request_tokens(field)
    with analysis.reader(1) as reader:
        analysis.begin(Block(14, 14, 4, 4), reader)
        analysis.request_tokens(field)
        assert not analysis.pending.any(), "what is under way is not looked at a second time"
        for outcome in reader.collect(None):
            analysis.take(outcome)
    assert 0 < memory.tokens_known.sum() < field.sum()
    analysis.request_tokens(field)
    assert not analysis.pending.any(), "nor what could not be read"
    tokens, more = analysis.tokens
    assert tokens == (16, 16, 16 - memory.tokens_known.sum())
    assert more
    assert not analysis.failed.any()
    assert analysis.done == analysis.total


def encode_all(analysis: Analysis) -> None:
    """All that is pending, patch by patch."""
    with analysis.reader(1) as reader:
        while analysis.pending.any():
            for block in blocks_of(analysis.pending, 1):
                analysis.begin(block, reader)
            while reader.busy:
                for outcome in reader.collect(None):
                    analysis.take(outcome)


@pytest.mark.parametrize("astray", [(), (8, 20)])
def test_a_budget_of_tokens_decides_how_finely_patches_are_encoded_first(
    slide: MadeSlide, store: FeatureStore, astray: tuple[int, ...]
) -> None:
    encoder = MagnifyingColours(astray)
    analysis = Analysis(slide, encoder, store)
    memory = SharedAttention(analysis.grid.shape, (2, 1)).arrays()
    analysis.attend(memory)
    tokens = np.full(analysis.grid.shape, 64, np.uint16)
    tokens[:, 30:] = 400
    tokens[:, 40:] = 256
    analysis.spend(tokens)
    encode_all(analysis)
    assert analysis.done < analysis.total
    total = analysis.total
    counts: dict[int, int] = {}
    for side, patches in encoder.sides:
        counts[side] = counts.get(side, 0) + patches
    uniform = int(analysis.tissue[:, 40:].sum())
    assert counts[8] == analysis.tissue[:, :30].sum()
    assert counts[20] == analysis.tissue[:, 30:40].sum()
    twice = counts[16] - uniform
    assert 2 * CHECKED_PATCHES <= twice < 3 * CHECKED_PATCHES, "those of the checks are looked at twice"
    assert store.count == counts[16]
    left = 0.75 * (counts[8] - CHECKED_PATCHES) + 0.5 * (counts[20] - CHECKED_PATCHES)
    assert total - analysis.done == pytest.approx(left, abs=2 * CHECKED_PATCHES)
    assert not store.complete
    assert memory.tokens_known[analysis.tissue].all()
    while analysis.attend_regions(4):
        pass
    read = int(memory.patches_known[analysis.tissue].sum())
    assert (read == total) == (not astray), "regions are read from what agrees, and wait for the rest"
    assert analysis.regions is not None
    assert analysis.regions.done < analysis.regions.total, "those of stand-ins are to be read again"
    expected, other = feature_strings.AGREES, feature_strings.DISAGREES
    if astray:
        expected, other = other, expected
    assert sum(bool(re.fullmatch(pattern(expected), note)) for note in analysis.notes) == 2
    assert not any(re.fullmatch(pattern(other), note) for note in analysis.notes)
    before = memory.patches.copy()
    assert analysis.refine()
    encode_all(analysis)
    assert not analysis.refine()
    analysis.finish()
    assert store.complete
    assert analysis.done == total
    while analysis.attend_regions(4):
        pass
    assert memory.patches_known[analysis.tissue].all()
    assert analysis.regions.done == analysis.regions.total
    if not astray:
        change = np.abs(before.astype(int) - memory.patches)[0][analysis.tissue]
        assert change.max() <= 3, "an eighth of an octave and a half"
    # 400 tokens tell more than 256, and these more than 64.
    assert (memory.tokens[1, :, 30:40][analysis.tissue[:, 30:40]] == log_codes(np.float32(20))).mean() > 0.9
    assert (memory.tokens[1, :, :30][analysis.tissue[:, :30]] == log_codes(np.float32(1))).all()


def test_what_gives_no_tokens_is_not_waited_for(slide: MadeSlide, store: FeatureStore) -> None:
    class Astray(AttendingColours):
        def attend(self, *what: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            features, tokens = super().attend(*what)
            return features, tokens * np.float32(np.nan)

    analysis = Analysis(slide, Astray(), store)
    assert (analysis.regions, analysis.tokens) == (None, (None, False))
    analysis.attend(SharedAttention(analysis.grid.shape, (2, 1)).arrays())
    analysis.run_to_end(threads=1)
    analysis.request_tokens(analysis.tissue)
    assert not analysis.pending.any()
    assert analysis.tokens == ((analysis.total,) * 3, False)


def test_patches_of_many_tokens_are_not_done_before_they_were_encoded_uniformly(
    slide: MadeSlide, store: FeatureStore
) -> None:
    analysis = Analysis(slide, MagnifyingColours(), store)
    analysis.spend(np.full(analysis.grid.shape, 400, np.uint16))
    encode_all(analysis)
    assert 0 < analysis.done < analysis.total
    assert analysis.refine()
    encode_all(analysis)
    assert analysis.done == analysis.total


def test_the_field_of_view_is_encoded_with_all_its_tokens(slide: MadeSlide, store: FeatureStore) -> None:
    encoder = MagnifyingColours()
    analysis = Analysis(slide, encoder, store)
    analysis.attend(SharedAttention(analysis.grid.shape, (2, 1)).arrays())
    tokens = np.full(analysis.grid.shape, 64, np.uint16)
    tokens[20] = 400
    analysis.spend(tokens)
    field = np.zeros(analysis.grid.shape, bool)
    field[18:21, 20] = True
    analysis.request_tokens(field)
    analysis.pending &= field
    encode_all(analysis)
    assert sorted(side for side, _ in encoder.sides) == [16, 16, 16, 20], "one of 400 is checked"
    analysis.pending[22, 20:24] = True
    encode_all(analysis)
    field[22, 20:24] = True
    analysis.request_tokens(field)
    assert analysis.pending[22].sum() == 3, "one of 64 was checked; in view now, the others follow"
    analysis.spend(None)
    analysis.pending[24, 20] = True
    encode_all(analysis)
    assert encoder.sides[-1] == (16, 1)


def test_regions_wait_for_nothing_that_a_complete_store_does_not_have(
    slide: MadeSlide, store: FeatureStore
) -> None:
    Analysis(slide, AttendingColours(), store).run_to_end(threads=1)
    analysis = Analysis(slide, AttendingColours(), store)
    analysis.tissue[5, 5] = True  # found today, and not by the version that made the store
    memory = SharedAttention(analysis.grid.shape, (2, 1)).arrays()
    analysis.attend(memory)
    while analysis.attend_regions(4):
        pass
    assert memory.patches_known[store.known()].all()
    assert not memory.patches_known[5, 5]


def test_a_full_graphics_memory_sends_regions_to_the_cpu(slide: MadeSlide, store: FeatureStore) -> None:
    class Cramped(AttendingColours):
        def attend_regions(self, *given: NDArray[Any]) -> Any:
            if self._device != "cpu":
                raise EncoderMemoryError("Colours: too many regions")
            return super().attend_regions(*given)

    Analysis(slide, AttendingColours(), store).run_to_end(threads=1)
    analysis = Analysis(slide, Cramped(), store)
    analysis.use("cuda")
    memory = SharedAttention(analysis.grid.shape, (2, 1)).arrays()
    analysis.attend(memory)
    while analysis.attend_regions(4):
        pass
    assert memory.patches_known[analysis.tissue].all()
    assert analysis.device == "cpu"
    assert any(re.fullmatch(pattern(strings.CPU_CONTINUES), note) for note in analysis.notes)


def test_a_lost_card_leaves_it_to_the_cpu(slide: MadeSlide, store: FeatureStore) -> None:
    class Lost(AttendingColours):
        def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
            if self._device != "cpu" and self.encoded > 100:
                raise EncoderDeviceError("Colours: the card does not answer any more")
            return super().encode(block, calibration)

    analysis = Analysis(slide, Lost(), store)
    analysis.use("cuda")
    analysis.block_side = 4
    analysis.attend(SharedAttention(analysis.grid.shape, (2, 1)).arrays())
    analysis.run_to_end(threads=2)
    assert analysis.field(DARKNESS).known.all()
    assert not analysis.failed.any()
    note = strings.CPU_CONTINUES.format(error="Colours: the card does not answer any more")
    assert analysis.notes.count(note) == 1
    assert (analysis.device, analysis.block_side) == ("cpu", 4)


def test_an_encoder_of_one_magnification_has_no_budget(slide: MadeSlide, store: FeatureStore) -> None:
    analysis = Analysis(slide, AttendingColours(), store)
    analysis.attend(SharedAttention(analysis.grid.shape, (2, 1)).arrays())
    analysis.spend(np.full(analysis.grid.shape, 64, np.uint16))
    analysis.run_to_end(threads=1)
    assert store.complete
