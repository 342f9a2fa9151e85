"""Analysis: all tissue is looked at once, what cannot be read fails, and a later one goes on from there."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.colours import (
    ColourEncoder,
    MadeSlide,
    open_store,
    picture,
)
from viewer.common.atomic_write import SaveError
from viewer.common.errors import EncoderError, EncoderMemoryError
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.patches.blocks import Block
from viewer.relevance.query.tree import Term
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

DARKNESS = Term("darkness")


@pytest.fixture
def slide() -> Iterator[MadeSlide]:
    with closing(MadeSlide(picture())) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, slide: MadeSlide) -> Iterator[FeatureStore]:
    with open_store(tmp_path, slide) as made:
        yield made


def means(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The darkness of all patches, computed at once."""
    return 1 - (pixels.reshape(50, 16, 60, 16, 3) / 255).mean(axis=(1, 3, 4))


def test_all_tissue_is_analysed_and_glass_is_known(slide: MadeSlide, store: FeatureStore) -> None:
    analysis = Analysis(slide, ColourEncoder(), store)
    progress: list[tuple[float, float]] = []
    analysis.run_to_end(lambda done, total: progress.append((done, total)), threads=2)
    field = analysis.field(DARKNESS)
    assert field.known.all()
    assert not field.estimated.any()
    assert analysis.tissue[8:38, 8:48].all()
    expected = np.where(analysis.tissue, means(picture()), 0)
    np.testing.assert_allclose(field.scores, expected, atol=1e-5)
    assert (field.scores[~analysis.tissue] == 0).all()
    assert progress == sorted(progress)
    assert progress[-1] == (analysis.total, analysis.total)
    assert store.complete
    assert store.file.exists()
    assert analysis.notes == ("Colours are as the scanner made them.",)
    assert (field.provenance.encoder, field.provenance.query) == ("Colours", "darkness")


def test_torch_has_its_threads_again(slide: MadeSlide, store: FeatureStore) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Analysis(slide, ColourEncoder(), store).run_to_end()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_complete_slide_is_not_encoded_again(tmp_path: Path, slide: MadeSlide) -> None:
    with open_store(tmp_path, slide) as store:
        Analysis(slide, ColourEncoder(), store).run_to_end(threads=1)
    encoder = ColourEncoder()
    with open_store(tmp_path, slide) as store:
        analysis = Analysis(slide, encoder, store)
        analysis.run_to_end(threads=1)
        assert analysis.field(DARKNESS).known.all()
        assert analysis.done == analysis.total
    assert encoder.encoded == encoder.calibrated == 0


def test_it_goes_on_where_it_was_left(tmp_path: Path, slide: MadeSlide) -> None:
    with open_store(tmp_path, slide) as store:
        analysis = Analysis(slide, ColourEncoder(), store)
        with analysis.reader(1) as reader:
            for block in blocks_of(analysis.pending, 4)[:20]:
                analysis.begin(block, reader)
            while reader.busy:
                for outcome in reader.collect(None):
                    analysis.take(outcome)
        known = store.count
    encoder = ColourEncoder()
    with open_store(tmp_path, slide) as store:
        analysis = Analysis(slide, encoder, store)
        assert store.count == known > 100
        analysis.run_to_end(threads=1)
        assert store.complete
        # Blocks hold a few patches beyond the tissue.
        assert analysis.total - known <= encoder.encoded <= analysis.total - known + 100
    assert encoder.calibrated == 0


def test_what_cannot_be_read_is_not_analysed_and_tried_again(tmp_path: Path) -> None:
    with closing(MadeSlide(picture(), torn={(1, 1)})) as slide:
        with open_store(tmp_path, slide) as store:
            analysis = Analysis(slide, ColourEncoder(), store)
            analysis.run_to_end(threads=2)
            field = analysis.field(DARKNESS)
            torn = np.zeros(field.grid.shape, bool)
            # The tile, and the neighbours whose margin reaches into it.
            torn[15:33, 15:33] = True
            assert np.array_equal(~field.known, torn)
            assert np.array_equal(analysis.failed, torn)
            assert not field.estimated.any()
            assert (field.scores[torn] == 0).all()
            assert analysis.failed_count == torn.sum()
            assert analysis.done == analysis.total
            assert not store.complete
        slide.torn = ()
        with open_store(tmp_path, slide) as store:
            analysis = Analysis(slide, ColourEncoder(), store)
            assert np.array_equal(analysis.pending, torn)
            analysis.run_to_end(threads=1)
            assert analysis.field(DARKNESS).known.all()
            assert store.complete


def test_blocks_and_single_patches_give_the_same(slide: MadeSlide, store: FeatureStore) -> None:
    analysis = Analysis(slide, ColourEncoder(), store)
    pending = analysis.pending.copy()
    found = {}
    for side in (1, 4):
        analysis.pending[:] = pending
        with analysis.reader(1) as reader:
            for block in blocks_of(pending, side)[:40]:
                analysis.begin(block, reader)
            while reader.busy:
                for outcome in reader.collect(0.05):
                    for cell, features in zip(outcome.cells.tolist(), outcome.features, strict=True):
                        found.setdefault(tuple(cell), []).append(features)
    pairs = [both for both in found.values() if len(both) == 2]
    assert len(pairs) > 30
    for alone, in_block in pairs:
        np.testing.assert_allclose(alone, in_block, rtol=1e-6)


def test_a_full_memory_makes_blocks_smaller_and_then_takes_the_cpu(
    slide: MadeSlide, store: FeatureStore
) -> None:
    smaller = ColourEncoder(most=2)
    analysis = Analysis(slide, smaller, store)
    analysis.use("cuda")
    analysis.run_to_end(threads=2)
    assert analysis.done == analysis.total
    assert analysis.device == "cuda"
    assert max(max(block) for block in smaller.blocks) == 2
    assert any("smaller blocks" in note for note in analysis.notes)


@pytest.mark.parametrize("torn", [(), {(1, 1)}])
def test_a_card_that_takes_nothing_leaves_it_to_the_cpu(
    torn: Collection[tuple[int, int]], slide: MadeSlide, store: FeatureStore
) -> None:
    slide.torn = torn
    analysis = Analysis(slide, ColourEncoder(most=0), store)
    analysis.use("cuda")
    analysis.run_to_end(threads=2)
    assert analysis.done == analysis.total
    assert analysis.device == "cpu"
    assert any(re.fullmatch(pattern(strings.CPU_CONTINUES), note) for note in analysis.notes)


def test_a_graphics_processor_is_used_where_the_weights_fit(
    slide: MadeSlide, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = ColourEncoder()
    analysis = Analysis(slide, encoder, store)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    analysis.use_fastest()
    assert analysis.device == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    analysis.use_fastest()
    assert analysis.device == "cuda"
    assert analysis.notes == ()

    def too_large(device: str) -> None:
        if device == "cuda":
            raise EncoderMemoryError("Colours do not fit the memory of cuda")

    monkeypatch.setattr(encoder, "use", too_large)
    analysis.use_fastest()
    assert analysis.device == "cpu"
    assert analysis.notes == (strings.CPU_USED.format(error="Colours do not fit the memory of cuda"),)


def test_a_cpu_that_takes_nothing_fails(slide: MadeSlide, store: FeatureStore) -> None:
    analysis = Analysis(slide, ColourEncoder(most_on_cpu=0), store)
    with pytest.raises(EncoderMemoryError):
        analysis.run_to_end(threads=2)


def test_what_an_encoder_raises_ends_the_analysis(
    slide: MadeSlide, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise EncoderError("Colours: its weights are damaged")

    encoder = ColourEncoder()
    monkeypatch.setattr(encoder, "encode", broken)
    with pytest.raises(EncoderError, match="weights are damaged"):
        Analysis(slide, encoder, store).run_to_end(threads=2)


def test_a_full_disk_is_noted_and_stops_nothing(
    slide: MadeSlide, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: int) -> None:
        raise SaveError(store.file, "the disk is full")

    monkeypatch.setattr(store, "finish", full)
    analysis = Analysis(slide, ColourEncoder(), store)
    analysis.run_to_end(threads=1)
    assert analysis.field(DARKNESS).known.all()
    error = SaveError(store.file, "the disk is full")
    assert strings.NOT_SAVED.format(error=error) in analysis.notes


def test_features_from_elsewhere_are_not_added_to(slide: MadeSlide, store: FeatureStore) -> None:
    cells = np.argwhere(np.ones((4, 4), bool)) + 20
    elsewhere = FeatureStore.in_memory(store.subject, cells, np.full((16, 3), 0.25, np.float32))
    encoder = ColourEncoder()
    analysis = Analysis(slide, encoder, elsewhere, notes=("From a file.",))
    analysis.run_to_end(threads=1)
    field = analysis.field(DARKNESS)
    assert encoder.encoded == 0
    assert field.known[20:24, 20:24].all()
    assert (field.scores[20:24, 20:24] == 0.75).all()
    assert not field.known[10, 10]
    assert field.known[0, 0]
    assert analysis.notes[0] == "From a file."


def test_a_slide_of_glass_is_known_and_says_so(tmp_path: Path) -> None:
    glass = MadeSlide(np.full((320, 320, 3), 243, np.uint8))
    with closing(glass) as slide, open_store(tmp_path, slide) as store:
        analysis = Analysis(slide, ColourEncoder(), store)
        analysis.run_to_end(threads=1)
        assert analysis.field(DARKNESS).known.all()
        assert any("No tissue" in note for note in analysis.notes)


def test_a_patch_is_taken_once(slide: MadeSlide, store: FeatureStore) -> None:
    encoder = ColourEncoder()
    analysis = Analysis(slide, encoder, store)
    with analysis.reader(2) as reader:
        analysis.begin(Block(20, 20, 4, 4), reader)
        assert not analysis.pending[20:24, 20:24].any()
        assert reader.busy == 1
        while not (done := reader.collect(0.05)):
            pass
        assert not analysis.done
        analysis.take(done[0])
        assert analysis.done == 16


class NamingEncoder(ColourEncoder):
    """Knows darkness by name."""

    card = replace(ColourEncoder.card, names_scores=True)

    def named_scores(self, features, calibration):  # type: ignore[no-untyped-def]
        return {"darkness": self.score(DARKNESS, features, calibration)}


def test_what_the_encoder_names_lies_beside_the_features(slide: MadeSlide, store: FeatureStore) -> None:
    analysis = Analysis(slide, NamingEncoder(), store)
    analysis.run_to_end(threads=1)
    cells, _ = store.load()
    with h5py.File(store.file) as file:
        scores = file["scores/darkness"][()]
    rows, cols = cells.T
    np.testing.assert_allclose(scores, analysis.field(DARKNESS).scores[rows, cols], atol=1e-3)


class CloserEncoder(ColourEncoder):
    """Says how large a patch it was shown."""

    card = replace(ColourEncoder.card, refines=True)

    def refine(self, reasons, source, patch, calibration):  # type: ignore[no-untyped-def]
        if patch.x0 == 0:
            raise TileError("broken for the test")
        return tuple(replace(reason, refined=patch.width) for reason in reasons)


@pytest.mark.parametrize(("mpp_um", "col", "refined"), [(0.5, 20, True), (0.5, 0, False), (8.0, 20, False)])
def test_reasons_are_refined_where_the_slide_has_the_pixels_and_they_can_be_read(
    slide: MadeSlide, mpp_um: float, col: int, refined: bool
) -> None:
    encoder = CloserEncoder()
    subject = StoreSubject("made", "made", (960, 800), (mpp_um, mpp_um), False, None, encoder.card)
    cells = np.argwhere(np.ones(subject.grid.shape, bool))
    store = FeatureStore.in_memory(subject, cells, np.full((len(cells), 3), 0.5, np.float32))
    analysis = Analysis(slide, encoder, store)
    col = min(col, subject.grid.columns - 1)
    (reason,) = analysis.explain(DARKNESS, 0, col)
    assert reason.refined == (pytest.approx(subject.grid.patch_width_px) if refined else None)
