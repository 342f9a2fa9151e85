"""HIPT as an encoder: registered by its folder, looked through at every level, honest about missing ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.attention.test_slide_attention import Store
from tests.relevance.models.test_hipt import saved, small
from viewer.common.errors import EncoderDeviceError, EncoderError, EncoderMemoryError, UnsupportedTermError
from viewer.relevance.attention import strings as attention_strings
from viewer.relevance.attention.region_attention import AttentionBuilder
from viewer.relevance.attention.shared_memory import SharedAttention
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.hipt_encoder import HiptEncoder
from viewer.relevance.encoders.model_registry import read_registry, registry_file
from viewer.relevance.encoders.protocols import Attending
from viewer.relevance.encoders.registry import cards, load_encoder
from viewer.relevance.features.mixed_resolution import MixedFeatures
from viewer.relevance.models.hipt import RegionTransformer, load_hipt
from viewer.relevance.models.vit import VisionTransformer
from viewer.relevance.query.tree import Term

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with small weights of two levels: 2 heads for tokens, 6 for patches."""
    made = tmp_path / "weights"
    made.mkdir()
    saved(made / "patches.pth", small(2, 128))
    region = {name: value for name, value in small(1, 96).items() if "patch_embed" not in name}
    generator = torch.Generator().manual_seed(5)
    region["phi.0.weight"] = torch.randn(96, 128, generator=generator)
    region["phi.0.bias"] = torch.zeros(96)
    saved(made / "regions.pth", region)
    return made


def register(folder: Path, more: str = "heads = [2, 6]") -> None:
    registry_file().parent.mkdir(parents=True, exist_ok=True)
    registry_file().write_text(f'[hipt]\nfolder = "{folder}"\n{more}\n', encoding="utf-8")


def test_the_registry_lists_it_by_its_folder_and_states_its_terms(folder: Path) -> None:
    register(folder)
    card = next(card for card in cards() if card.id == "hipt")
    assert (card.attention_heads, card.patch_px, card.mpp_um, card.commercial) == ((2, 6), 256, 0.5, False)
    assert "Commons Clause" in card.licence
    before = card.version
    saved(folder / "regions.pth", {**torch.load(folder / "regions.pth"), "norm.bias": torch.ones(96)})
    assert next(card for card in cards() if card.id == "hipt").version != before


def test_it_attends_at_every_level_and_accepts_no_words(folder: Path) -> None:
    register(folder)
    encoder = load_encoder("hipt")
    assert isinstance(encoder, Attending)
    rng = np.random.default_rng(0)
    block = rng.integers(0, 256, (256, 512, 3), np.uint8)
    features, tokens = encoder.attend(block, {})
    assert features.shape == (1, 2, 128)
    assert tokens.shape == (1, 2, 2, 256)
    assert 0.5 < tokens.mean() <= 1, "relative to even, less what the class token gives itself"
    assert (encoder.encode(block, {}) == features).all()
    given = np.zeros((1, 16, 16, 128), np.float32)
    tissue = np.zeros((1, 16, 16), bool)
    given[0, 3, 4:6], tissue[0, 3, 4:6] = features[0], True
    patches, regions = encoder.attend_regions(given, tissue)
    assert patches.shape == (1, 6, 16, 16)
    assert regions.shape == (1, 96)
    glass = patches[0, 0][~tissue[0]]
    assert glass.std() > 0, "glass is seen at its place"
    assert encoder.attend_slide(np.ones((3, 96), np.float32)).tolist() == [1, 1, 1]
    assert encoder.levels == ("patch", "token"), "the folder has no level of slides"
    held = replace(load_hipt(folder), slide=object())  # type: ignore[arg-type]
    assert HiptEncoder(encoder.card, held).levels == ("region", "patch", "token")
    with pytest.raises(UnsupportedTermError, match=pattern(strings.NO_TEXT_QUERIES)):
        encoder.score(Term("fat"), features[0], {})
    assert encoder.explain(Term("fat"), features[0], 0, {}) == ()


def test_without_a_level_of_regions_patches_are_even_and_that_is_said(folder: Path) -> None:
    (folder / "regions.pth").unlink()
    register(folder)
    encoder = load_encoder("hipt")
    assert isinstance(encoder, Attending)
    tissue = np.zeros((2, 16, 16), bool)
    tissue[0, :2] = True
    patches, _ = encoder.attend_regions(np.zeros((2, 16, 16, 128), np.float32), tissue)
    assert (patches[0, :, :2] == 1).all()
    assert patches.sum() == 6 * 32
    assert encoder.levels == ("token",)
    notes = encoder.calibrate(None, None, (0.5, 0.5))["notes"]  # type: ignore[arg-type]
    assert any("no level of regions" in note for note in notes)


def test_heads_that_the_file_does_not_have_are_refused(folder: Path) -> None:
    register(folder, "heads = [12, 6]")
    with pytest.raises(EncoderError, match=r"its heads are \[2, 6\]"):
        load_encoder("hipt")
    register(folder, "heads = [0, 6]")
    assert strings.HEADS in read_registry().problems[0]
    with pytest.raises(EncoderError, match=pattern(strings.HEADS)):
        load_encoder("hipt")


def test_a_digest_of_one_file_is_refused_where_there_are_several(folder: Path) -> None:
    register(folder, f'heads = [2, 6]\nsha256 = "{"0" * 64}"')
    assert strings.HIPT_HAS_NO_SHA256 in read_registry().problems[0]
    with pytest.raises(EncoderError, match=pattern(strings.HIPT_HAS_NO_SHA256)):
        load_encoder("hipt")


@pytest.mark.parametrize("regions", [True, False])
def test_features_that_are_no_numbers_cost_their_patch_alone(folder: Path, *, regions: bool) -> None:
    if not regions:
        (folder / "regions.pth").unlink()
    register(folder)
    encoder = load_encoder("hipt")
    assert isinstance(encoder, Attending)
    features = np.ones((16, 16, 128), np.float32)
    features[3, 4, 5] = np.nan
    tissue = np.ones((16, 16), bool)
    memory = SharedAttention(tissue.shape, (2, 6))
    store = Store(features, tissue)
    builder = AttentionBuilder(encoder, store, MixedFeatures(tissue.shape), tissue, memory.arrays())  # type: ignore[arg-type]
    assert builder.note == ""
    assert builder.update(np.zeros(tissue.shape, bool), 9, np.zeros(tissue.shape, np.float32))
    assert builder.note == attention_strings.ONE_PATCH_SKIPPED
    tokens = np.ones((2, 2, 256), np.float32)
    tokens[1, 0, 9] = np.nan
    builder.take(np.array([[0, 0], [3, 4]]), tokens, 16)
    attention = memory.arrays()
    assert np.argwhere(~attention.patches_known).tolist() == [[3, 4]]
    assert (attention.patches[:, attention.patches_known] > 0).all()
    assert attention.regions.tolist() == [[128]]
    assert np.argwhere(attention.tokens_known).tolist() == [[0, 0]]


@pytest.mark.parametrize("squares", ["field_px = 128\nmpp_um = 1.0", "field_px = 400"])
def test_it_reads_no_other_squares_than_its_own(folder: Path, squares: str) -> None:
    register(folder, f"heads = [2, 6]\n{squares}")
    with pytest.raises(EncoderError, match=pattern(strings.HIPT_FIELD_SIZE)):
        load_encoder("hipt")


def test_another_vit_is_shown_colours_as_it_was_trained(folder: Path) -> None:
    block = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    features = []
    for statistics in ("half", "imagenet"):
        registry_file().parent.mkdir(parents=True, exist_ok=True)
        registry_file().write_text(
            f"""
            [kaiko]
            folder = "{folder}"
            title = "Another ViT"
            architecture = "hipt"
            field_px = 256
            mpp_um = 0.5
            statistics = "{statistics}"
            heads = [2, 6]
            licence = "its own"
            """
        )
        encoder = load_encoder("kaiko")
        assert encoder.card.attention_heads == (2, 6)
        features.append(encoder.encode(block, {}))
    assert not np.allclose(*features, atol=1e-3)


def test_trouble_of_the_card_is_said_at_every_level(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(folder)
    encoder = load_encoder("hipt")
    assert isinstance(encoder, HiptEncoder)
    block = np.zeros((256, 256, 3), np.uint8)
    features, tissue = np.zeros((1, 16, 16, 128), np.float32), np.ones((1, 16, 16), bool)
    assert encoder.attend_regions(features, tissue)[0].shape == (1, 6, 16, 16)

    for trouble, meaning in (
        (torch.OutOfMemoryError("CUDA out of memory"), EncoderMemoryError),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), EncoderDeviceError),
    ):
        for network in (VisionTransformer, RegionTransformer):
            monkeypatch.setattr(network, "attend", Mock(side_effect=trouble))
        with pytest.raises(meaning):
            encoder.attend(block, {})
        with pytest.raises(meaning):
            encoder.attend_regions(features, tissue)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA graphics card")
def test_a_card_gives_what_the_cpu_gives_and_the_cpu_keeps_its_weights(folder: Path) -> None:
    register(folder)
    encoder = load_encoder("hipt")
    assert isinstance(encoder, HiptEncoder)
    block = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    before, _ = encoder.attend(block, {})
    encoder.use("cuda")
    there, tokens = encoder.attend(block, {})
    assert tokens.shape == (2, 2, 2, 256)
    cosines = (before * there).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(there, axis=-1)
    assert cosines.min() >= 0.9998
    encoder.use("cpu")
    assert (encoder.attend(block, {})[0] == before).all()
