"""Patches half-way between others: read where they lie, encoded as the others, merged with them."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.colours import (
    AttendingColours,
    ColourEncoder,
    MadeSlide,
    TokenColours,
    open_store,
    picture,
)
from viewer.common.errors import EncoderError, EncoderMemoryError
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.heatmap import strings
from viewer.relevance.heatmap.overlap import encode_shifted, run_overlap_pass
from viewer.relevance.heatmap.whole_slide import attention_of
from viewer.relevance.patches.attention_codes import log_codes, relative_of_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention


@pytest.fixture
def slide() -> Iterator[MadeSlide]:
    with closing(MadeSlide(picture())) as made:
        yield made


@contextmanager
def analysed(
    folder: Path, slide: MadeSlide, encoder: AttendingColours
) -> Iterator[tuple[Analysis, Attention]]:
    with open_store(folder, slide) as store:
        analysis = Analysis(slide, encoder, store)
        yield analysis, attention_of(analysis)


@contextmanager
def calibrated(folder: Path, slide: MadeSlide, encoder: AttendingColours) -> Iterator[Analysis]:
    """What reading needs; nothing is encoded yet."""
    with open_store(folder, slide) as store:
        analysis = Analysis(slide, encoder, store)
        analysis.reader(1).close()
        yield analysis


def codes_at(corner: tuple[int, int]) -> NDArray[np.uint8]:
    """The attention of ``TokenColours`` to the shifted patch there: a token is a pixel."""
    row, col = corner
    dark = 256 - picture()[8 * row : 8 * row + 16, 8 * col : 8 * col + 16].mean(-1).astype(np.float32)
    return log_codes(dark / dark.mean()).ravel()


def test_shifted_patches_are_read_where_they_lie(slide: MadeSlide, tmp_path: Path) -> None:
    corners = [(20, 15), (20, 17), (21, 16), (23, 75), (61, 75), (98, 117)]
    seen: list[tuple[float, float]] = []
    with calibrated(tmp_path, slide, TokenColours()) as analysis:
        shifted = encode_shifted(analysis, np.array(corners), lambda done, total: seen.append((done, total)))
    assert shifted.failed == 0
    assert sorted(map(tuple, shifted.corners.tolist())) == corners
    for index, (row, col) in enumerate(shifted.corners.tolist()):
        assert (shifted.tokens[0, index] == codes_at((row, col))).all()
        assert (shifted.tokens[1, index] == log_codes(np.ones(1))).all()
    assert seen[-1] == (6, 6)


@pytest.mark.parametrize("merge", ["mean", "max"])
def test_where_attention_is_highest_all_shifted_count(slide: MadeSlide, tmp_path: Path, merge: str) -> None:
    """The dark patches are a quarter of the tissue, and the others stay as they were."""
    with analysed(tmp_path, slide, TokenColours()) as (analysis, attention):
        attention.regions[...] = attention.patches[..., :38] = 128
        attention.patches[..., 38:] = 160
        before = attention.tokens.copy()
        shifted = run_overlap_pass(analysis, attention, merge, share=0.25)
        assert len(shifted.corners) > 900
        changed = (attention.tokens != before).any(axis=(0, 3))
    assert changed[8:38, 38].all(), "at the edge of the pale ones all shifted differ"
    assert not changed[:, :36].any()
    own = before[0, 20, 38].reshape(16, 16)[:8, :8]
    around = [
        codes_at((39, 75)).reshape(16, 16)[8:, 8:],
        codes_at((39, 76)).reshape(16, 16)[8:, :8],
        codes_at((40, 75)).reshape(16, 16)[:8, 8:],
    ]
    all_codes = np.stack([own, *around])
    joined = log_codes(relative_of_codes()[all_codes].mean(0)) if merge == "mean" else all_codes.max(0)
    assert (joined != own).any()
    assert (attention.tokens[0, 20, 38].reshape(16, 16)[:8, :8] == joined).all()


def test_what_cannot_be_read_is_left_out_and_counted(slide: MadeSlide, tmp_path: Path) -> None:
    with calibrated(tmp_path, slide, TokenColours()) as analysis:
        slide.torn = {(1, 1)}
        shifted = encode_shifted(analysis, np.array([(20, 15), (41, 41), (40, 43), (21, 20)]))
        assert shifted.failed == 2
        assert sorted(shifted.corners.tolist()) == [[20, 15], [21, 20]]
        shifted = encode_shifted(analysis, np.array([(41, 41)]))
    assert shifted.failed == 1
    assert (shifted.corners.shape, shifted.tokens.shape) == ((0, 2), (2, 0, 256))


def test_attention_that_is_no_number_is_left_out_and_counted(slide: MadeSlide, tmp_path: Path) -> None:
    class Astray(TokenColours):
        astray = False

        def attend(
            self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
        ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            features, tokens = super().attend(block, calibration)
            return features, tokens * np.float32(np.nan) if self.astray else tokens

    encoder = Astray()
    with analysed(tmp_path, slide, encoder) as (analysis, attention):
        before = attention.tokens.copy()
        encoder.astray = True
        shifted = run_overlap_pass(analysis, attention, "max", share=0.01)
        assert shifted.failed > 0
        assert not len(shifted.corners)
        assert (attention.tokens == before).all()


def test_a_full_memory_makes_blocks_smaller_and_at_last_the_cpu_goes_on(
    slide: MadeSlide, tmp_path: Path
) -> None:
    corners = np.array([(2 * row + 1, 2 * col + 1) for row in range(10, 16) for col in range(10, 16)])
    encoder = TokenColours()
    with calibrated(tmp_path, slide, encoder) as analysis:
        encoder.most["cpu"] = 2
        analysis.use("cuda")
        encoder.most["cuda"] = 2
        encoder.blocks.clear()
        assert len(encode_shifted(analysis, corners).corners) == 36
        assert set(encoder.blocks) == {(2, 2)}
        assert analysis.device == "cuda"
        encoder.most["cuda"] = 0
        assert len(encode_shifted(analysis, corners).corners) == 36
        assert analysis.device == "cpu"
        encoder.most["cpu"] = 0
        with pytest.raises(EncoderMemoryError, match="too large"):
            encode_shifted(analysis, corners)


def test_torch_has_its_threads_again(slide: MadeSlide, tmp_path: Path) -> None:
    with calibrated(tmp_path, slide, TokenColours()) as analysis:
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            encode_shifted(analysis, np.array([(20, 15)]))
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)


def test_an_encoder_without_tokens_is_refused(slide: MadeSlide, tmp_path: Path) -> None:
    with open_store(tmp_path, slide) as store, pytest.raises(EncoderError, match=pattern(strings.NO_TOKENS)):
        encode_shifted(Analysis(slide, ColourEncoder(), store), np.array([(20, 15)]))
