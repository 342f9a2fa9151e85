"""Measured saliency: what stands out does so at its own level, and nothing pretends to be a model."""

from __future__ import annotations

import numpy as np
import pytest

from tests.messages import pattern
from viewer.common.errors import UnsupportedTermError
from viewer.relevance.encoders.card import SALIENCY_ID
from viewer.relevance.encoders.measured import strings
from viewer.relevance.encoders.measured.card import INDEX, SALIENCY
from viewer.relevance.encoders.measured.measurements import MARGIN_PX
from viewer.relevance.encoders.protocols import Attending
from viewer.relevance.encoders.registry import cards, load_encoder
from viewer.relevance.query.tree import Term
from viewer.slide.tissue.stains import RUIFROK, Stains

GLASS = 245.0
STAINS = Stains(
    tuple(tuple(row / np.linalg.norm(row)) for row in RUIFROK),  # type: ignore[arg-type]
    (1.0, 1.0),
    (GLASS, GLASS, GLASS),
    "made",
    "",
    "H&E",
    True,
)
CALIBRATION = {"stains": STAINS.as_facts()}


def tissue(haematoxylin: np.ndarray) -> np.ndarray:
    """Eosin with this haematoxylin, 1 µm per pixel."""
    amounts = np.stack([haematoxylin, np.full_like(haematoxylin, 0.2)], axis=-1)
    density = amounts @ np.array(STAINS.vectors)
    return np.clip(np.rint((GLASS + 1) * 10**-density - 1), 0, 255).astype(np.uint8)


def test_it_is_no_model_and_says_so() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert SALIENCY in cards()
    assert encoder.card is SALIENCY
    assert isinstance(encoder, Attending)
    assert encoder.levels == ("region", "patch", "token")
    assert "no attention of a model" in SALIENCY.notes[0]
    assert "attention" not in SALIENCY.title.lower()
    with pytest.raises(UnsupportedTermError, match=pattern(strings.NO_TEXT_QUERIES)):
        encoder.score(Term("fat"), np.zeros((1, 39), np.float32), CALIBRATION)


def test_the_token_that_differs_from_its_patch_gets_the_most() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert isinstance(encoder, Attending)
    haematoxylin = np.full((128 + 2 * MARGIN_PX, 256 + 2 * MARGIN_PX), 0.1)
    at = MARGIN_PX + 5 * 8, MARGIN_PX + 128 + 11 * 8
    haematoxylin[at[0] : at[0] + 8, at[1] : at[1] + 8] = 0.7
    features, tokens = encoder.attend(tissue(haematoxylin), CALIBRATION)
    assert features.shape == (1, 2, 39)
    assert tokens.shape == (1, 2, 1, 256)
    assert tokens.mean(-1) == pytest.approx(1)
    assert tokens[0, 0].std() < 0.2
    assert tokens[0, 1, 0].argmax() == 5 * 16 + 11
    assert tokens[0, 1, 0].max() > 8


def test_the_patch_and_the_region_that_differ_get_the_most() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert isinstance(encoder, Attending)
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (5, 16, 16, 39)).astype(np.float32)
    features[2] += 3
    features[4, 3, 9] += 9
    features[..., INDEX["clear_area"]] = 0
    inside = np.ones((5, 16, 16), bool)
    inside[1, 8:] = False
    inside[3] = False
    patches, regions = encoder.attend_regions(features, inside)
    assert (patches[1, 0, 8:] == 0).all()
    assert patches[1, 0, :8].mean() == pytest.approx(1)
    assert patches[4, 0].argmax() == 3 * 16 + 9
    seen = encoder.attend_slide(regions[[0, 1, 2, 4]])
    assert seen.argmax() == 2
    assert seen.mean() == pytest.approx(1)
    assert encoder.attend_slide(regions[:1]).tolist() == [1]


def test_what_this_stain_does_not_show_says_nothing_of_a_region() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert isinstance(encoder, Attending)
    features = np.random.default_rng(0).normal(0, 1, (2, 16, 16, 39)).astype(np.float32)
    features[..., 7] = features[0, 3, 3] = np.nan
    patches, regions = encoder.attend_regions(features, np.ones((2, 16, 16), bool))
    assert np.isfinite(patches).all()
    assert np.isnan(regions).sum(axis=1).tolist() == [1, 1]
    assert np.isfinite(encoder.attend_slide(regions)).all()


def fat(side: int) -> np.ndarray:
    """Amounts of eosin of fat cells of 60 µm with walls of 2 µm, 1 µm per pixel."""
    y, x = np.mgrid[:side, :side]
    return np.where((x % 60 < 2) | (y % 60 < 2), 0.25, 0.0)


def test_fat_does_not_stand_out_from_tissue_nor_its_walls_from_those_of_others() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert isinstance(encoder, Attending)
    side, rng = 6 * 128 + 2 * MARGIN_PX, np.random.default_rng(2)
    amounts = np.full((side, side, 2), 0.2)
    amounts[..., 0] = rng.choice([0.1, 0.1, 0.1, 0.6], (side // 8, side // 8)).repeat(8, 0).repeat(8, 1)
    area = slice(MARGIN_PX + 2 * 128, MARGIN_PX + 4 * 128)
    amounts[area, area, 0] = 0
    amounts[area, area, 1] = fat(2 * 128)
    density = amounts @ np.array(STAINS.vectors)
    block = np.clip(np.rint((GLASS + 1) * 10**-density - 1), 0, 255).astype(np.uint8)
    features, tokens = encoder.attend(block, CALIBRATION)
    patches, _ = encoder.attend_regions(features[None], np.ones((1, 6, 6), bool))
    is_fat = np.zeros((6, 6), bool)
    is_fat[2:4, 2:4] = True
    assert features[is_fat][:, INDEX["clear_area"]].min() > 0.8
    assert patches[0, 0][is_fat].max() < 0.5 * np.median(patches[0, 0][~is_fat])
    shown = patches[0, 0][..., None] * tokens[:, :, 0]
    assert np.quantile(shown[is_fat], 0.75) < np.quantile(shown[~is_fat], 0.25)


def test_glass_and_fat_between_tissue_do_not_stand_out() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert isinstance(encoder, Attending)
    rng = np.random.default_rng(1)
    features = rng.normal(0, 1, (1, 16, 16, 39)).astype(np.float32)
    clear, walls = INDEX["clear_area"], INDEX["wall_cover"]
    features[..., clear] = features[..., walls] = 0
    features[0, 4, 4:8] += 5
    features[0, 4, 4:8, clear] = 0, 0.8, 0.8, 1
    features[0, 4, 4:8, walls] = 0, 0, 1, 0
    patches, _ = encoder.attend_regions(features, np.ones((1, 16, 16), bool))
    whole, edge, walled, glass = patches[0, 0, 4, 4:8]
    assert edge < 0.3 * whole
    assert walled < 0.3 * whole
    assert glass == 0
    _, regions = encoder.attend_regions(features, features[..., clear] > 0.9)
    assert encoder.attend_slide(np.concatenate([regions, features[0, 0, :3]]))[0] == 0
    features[..., clear] = 1
    patches, _ = encoder.attend_regions(features, features[..., walls] == 0)
    assert set(patches[0, 0][features[0, ..., walls] == 0]) == {1}, "where there is glass alone"


def test_a_token_of_glass_does_not_stand_out_from_tissue() -> None:
    encoder = load_encoder(SALIENCY_ID)
    assert isinstance(encoder, Attending)
    block = tissue(np.full((128 + 2 * MARGIN_PX, 256 + 2 * MARGIN_PX), 0.3))
    block[MARGIN_PX + 40 : MARGIN_PX + 48, MARGIN_PX + 16 : MARGIN_PX + 32] = round(GLASS)
    block[:, MARGIN_PX + 128 :] = round(GLASS)
    _, tokens = encoder.attend(block, CALIBRATION)
    assert tokens[0, 0, 0, 5 * 16 + 2 : 5 * 16 + 4].max() == 0
    assert tokens[0, 0, 0].sum() == pytest.approx(256 - 2, rel=0.01)
    assert (tokens[0, 1] == 0).all()
