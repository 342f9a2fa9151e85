"""The published heatmap of a whole slide: `region_heatmap` of every region, with its true neighbours."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.colours import AttendingColours, MadeSlide, open_store, picture
from tests.relevance.hipt_parity import region_heatmap
from tests.relevance.models.test_hipt import saved, small
from viewer.common.errors import EncoderDeviceError, EncoderError
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.attention import strings as attention_strings
from viewer.relevance.encoders.card import EncoderCard
from viewer.relevance.encoders.hipt_encoder import HiptEncoder
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.heatmap import strings
from viewer.relevance.heatmap.hipt_blend import published_blend
from viewer.relevance.models.hipt import load_hipt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

CARD = EncoderCard(
    id="hipt",
    title="Small HIPT",
    family="for tests",
    patch_px=256,
    mpp_um=0.5,
    margin_px=0,
    feature_count=128,
    normalisation="as it is",
    licence="none",
    commercial=True,
    attention_heads=(2, 6),
    attends="tokens",
    magnifies=True,
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    saved(folder / "patches.pth", small(1, 128))
    region = {name: value for name, value in small(1, 96).items() if "patch_embed" not in name}
    region["phi.0.weight"] = torch.randn(96, 128, generator=torch.Generator().manual_seed(5))
    region["phi.0.bias"] = torch.zeros(96)
    saved(folder / "regions.pth", region)
    return folder


@pytest.fixture
def encoder(weights: Path) -> HiptEncoder:
    return HiptEncoder(CARD, load_hipt(weights))


def pixels_of(rows: int, cols: int) -> NDArray[np.uint8]:
    """Of so many patches, each token of its own colour."""
    tokens = np.random.default_rng(1).integers(0, 256, (rows * 16, cols * 16, 3), np.uint8)
    return np.repeat(np.repeat(tokens, 16, 0), 16, 1)


@contextmanager
def analysed(
    folder: Path, pixels: NDArray[np.uint8], encoder: HiptEncoder, glass: tuple[int, int] | None = None
) -> Iterator[Analysis]:
    """An analysis of a slide where all is tissue but the patch ``glass``."""
    with closing(MadeSlide(pixels)) as slide:
        subject = StoreSubject("made", "made", pixels.shape[1::-1], (0.5, 0.5), False, None, encoder.card)
        with FeatureStore.open(subject, limit_bytes=1 << 28, folder=folder) as store:
            analysis = Analysis(slide, encoder, store)
            analysis.tissue[...] = True
            if glass is not None:
                analysis.tissue[glass] = False
            analysis.pending[...] = analysis.tissue
            yield analysis


def by_hand(
    encoder: HiptEncoder, canvas: NDArray[np.uint8], heads: tuple[int, int]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The blend of patches and tokens, and the ranks of patches, of the canvas's first region."""
    patches, tokens = [], []
    for shift in (0, 128, 256, 384):
        version = np.ascontiguousarray(canvas[shift : shift + 4096, shift : shift + 4096])
        features, attention = encoder.attend(version, {})
        of_patches, _ = encoder.attend_regions(features[None], np.ones((1, 16, 16), bool))
        patches.append(of_patches[0, heads[1]])
        tokens.append(attention[:, :, heads[0]].reshape(256, 16, 16))
    found = region_heatmap(np.stack(patches), np.stack(tokens[:2]))
    return found.blend, found.patches


def test_a_slide_of_one_region_gives_the_published_map(tmp_path: Path, encoder: HiptEncoder) -> None:
    pixels = pixels_of(16, 16)
    canvas = np.full((4096 + 384, 4096 + 384, 3), 255, np.uint8)
    canvas[:4096, :4096] = pixels
    reported: list[tuple[float, float]] = []
    with analysed(tmp_path, pixels, encoder) as analysis:
        found = published_blend(
            analysis, token_head=1, patch_head=3, progress=lambda done, total: reported.append((done, total))
        )
        assert analysis.store.complete
        assert analysis.store.known().all()
    assert found.known.all()
    assert reported[-1] == (512, 512)
    blend, _ = by_hand(encoder, canvas, (1, 3))
    apart = np.abs(found.scores - blend)
    assert apart.max() < 5e-3, "neighbours in rank may change places"
    assert (apart > 1e-4).mean() < 1e-3


def test_regions_see_their_true_neighbours_and_white_where_there_is_glass(
    tmp_path: Path, encoder: HiptEncoder
) -> None:
    pixels = pixels_of(18, 18)
    pixels[256 * 3 : 256 * 4, 256 * 2 : 256 * 3] = 255
    canvas = np.full((2 * 4096 + 384, 2 * 4096 + 384, 3), 255, np.uint8)
    canvas[: 18 * 256, : 18 * 256] = pixels
    with analysed(tmp_path, pixels, encoder, glass=(3, 2)) as analysis:
        found = published_blend(analysis, patch_head=2, tokens=False)
    glass = np.zeros((18, 18), bool)
    glass[3, 2] = True
    assert (found.scores[48:64, 32:48] == 0).all()
    assert found.known.all()
    drawn = ~np.kron(glass, np.ones((16, 16), bool))
    for row, col in ((0, 0), (16, 16)):
        _, patches = by_hand(encoder, canvas[256 * row :, 256 * col :], (0, 2))
        mine = found.scores[16 * row :, 16 * col :][:256, :256]
        here = drawn[16 * row :, 16 * col :][:256, :256]
        apart = np.abs(mine - patches[: mine.shape[0], : mine.shape[1]])[here]
        assert apart.max() < 5e-3
        assert (apart > 1e-4).mean() < 1e-2


def test_heads_are_joined_by_their_ranks(tmp_path: Path, encoder: HiptEncoder) -> None:
    pixels = pixels_of(3, 2)
    with analysed(tmp_path, pixels, encoder) as analysis:
        single = [
            published_blend(analysis, token_head=0, patch_head=at, tokens=False).scores for at in range(6)
        ]
        mean = published_blend(analysis, tokens=False).scores
        most = published_blend(analysis, patch_head="max").scores
        with pytest.raises(ValueError, match=pattern(attention_strings.NO_HEAD, head=7)):
            published_blend(analysis, patch_head=6)
        with pytest.raises(ValueError, match=pattern(attention_strings.NO_HEAD, head=3)):
            published_blend(analysis, token_head=2)
    assert mean == pytest.approx(np.mean(single, axis=0), abs=1e-6)
    assert most.mean() > mean.mean()


def test_what_cannot_be_read_is_not_known(tmp_path: Path, encoder: HiptEncoder) -> None:
    with analysed(tmp_path, pixels_of(6, 6), encoder) as analysis:
        assert isinstance(analysis.source, MadeSlide)
        analysis.source.torn = {(2, 2)}
        found = published_blend(analysis)
        assert analysis.failed[2, 2]
        assert not analysis.store.complete
    unknown = ~found.known[::16, ::16]
    assert unknown[2, 2]
    assert unknown[1:4, 1:4].all(), "patches between overlap them, and could not be read"
    assert not unknown[0].any()
    assert not unknown[:, 5].any()
    assert (found.scores[~found.known] == 0).all()


def test_a_slide_that_cannot_be_read_is_not_known_at_all(tmp_path: Path, encoder: HiptEncoder) -> None:
    with analysed(tmp_path, pixels_of(1, 1), encoder) as analysis:
        assert isinstance(analysis.source, MadeSlide)
        analysis.source.torn = {(0, 0)}
        assert not published_blend(analysis).known.any()


def test_regions_without_tissue_are_not_encoded(
    tmp_path: Path, encoder: HiptEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    attend = Mock(wraps=encoder.attend_regions)
    monkeypatch.setattr(encoder, "attend_regions", attend)
    with analysed(tmp_path, pixels_of(1, 33), encoder) as analysis:
        analysis.tissue[:, 2:32] = False
        found = published_blend(analysis)
    assert attend.call_count == 2
    assert found.known.all()
    assert (found.scores[:, 32:512] == 0).all()
    assert (found.scores[:, :32] > 0).all()
    assert (found.scores[:, 512:] > 0).all()


def test_a_card_that_is_lost_leaves_regions_to_the_cpu(
    tmp_path: Path, encoder: HiptEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = encoder.attend_regions, []

    def lost(features: NDArray[np.float32], tissue: NDArray[np.bool_]) -> object:
        calls.append(len(features))
        if len(calls) == 1:
            raise EncoderDeviceError("Small HIPT: the card is lost")
        return real(features, tissue)

    monkeypatch.setattr(encoder, "attend_regions", lost)
    with analysed(tmp_path, pixels_of(2, 2), encoder) as analysis:
        monkeypatch.setattr(analysis, "use_fastest", lambda: setattr(analysis, "device", "cuda"))
        published_blend(analysis)
        assert analysis.device == "cpu"
        calls.clear()
        monkeypatch.setattr(analysis, "use_fastest", lambda: None)
        with pytest.raises(EncoderDeviceError):
            published_blend(analysis)
    assert calls == [4]


def test_encoders_without_regions_make_none(tmp_path: Path, weights: Path) -> None:
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide) as store:
        analysis = Analysis(slide, AttendingColours(), store)
        with pytest.raises(EncoderError, match=pattern(strings.NO_REGIONS)):
            published_blend(analysis)
    without = HiptEncoder(CARD, replace(load_hipt(weights), region=None))
    with (
        analysed(tmp_path, pixels_of(1, 1), without) as analysis,
        pytest.raises(EncoderError, match=pattern(strings.NO_REGIONS)),
    ):
        published_blend(analysis)
