"""The measured encoder on slides: calibrates, encodes, scores and explains; says what it cannot do."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.encoders.made_source import MPP, slide
from viewer.common.errors import EncoderMemoryError, UnsupportedTermError
from viewer.relevance.encoders.card import MEASURED_ID, SALIENCY_ID, Reason
from viewer.relevance.encoders.measured import encoder as measured
from viewer.relevance.encoders.measured import strings
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.protocols import Dividing, NamedScores, Refining
from viewer.relevance.encoders.registry import cards, load_encoder
from viewer.relevance.encoders.strings import MEMORY_FULL
from viewer.relevance.patches.parts import PARTS
from viewer.relevance.query.tree import Term
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect, TileKey
from viewer.slide.source import TileError
from viewer.slide.tissue.mask import tissue_mask


@pytest.fixture
def pixels() -> np.ndarray:
    """2 mm of glass with a field of pink tissue and dark nuclei in it."""
    rng = np.random.default_rng(0)
    made = np.full((2048, 2048, 3), 243, np.uint8)
    made[300:1700, 300:1700] = rng.normal((225, 170, 200), 6, (1400, 1400, 3)).astype(np.uint8)
    for row, col in rng.integers(310, 1690, (3000, 2)):
        made[row - 5 : row + 5, col - 5 : col + 5] = (110, 70, 150)
    return made


def test_it_is_the_first_card_and_loads_by_its_id() -> None:
    assert cards()[0] is MEASURED
    encoder = load_encoder(MEASURED_ID)
    assert encoder.card is MEASURED
    assert "no diagnosis" in MEASURED.notes[0]


def test_a_slide_is_calibrated_encoded_scored_and_explained(pixels: np.ndarray) -> None:
    encoder = load_encoder(MEASURED_ID)
    with closing(slide(pixels)) as source:
        calibration = json.loads(json.dumps(encoder.calibrate(source, tissue_mask(source, MPP), MPP)))
    assert calibration["stains"]["is_he"]
    assert np.allclose(calibration["stains"]["glass_rgb"], 243, atol=1)
    block = pixels[400:1488:2, 400:1488:2]
    features = encoder.encode(block, calibration)
    assert features.shape == (4, 4, MEASURED.feature_count)
    flat = features.reshape(16, -1)
    term = Term("cells", (("lymphocytes", 1.0), ("stroma", 3.0)))
    scores = encoder.score(term, flat, calibration)
    parts = [encoder.score(Term("", ((name, 1.0),)), flat, calibration) for name in ("lymphocytes", "stroma")]
    assert np.allclose(scores, (parts[0] + 3 * parts[1]) / 4, atol=1e-6)
    assert len(encoder.explain(term, flat, 5, calibration)) == 3
    assert (encoder.encode(block, calibration) == features).all()


def test_parts_of_a_patch_are_ranked_among_the_patches_of_the_slide(pixels: np.ndarray) -> None:
    encoder = load_encoder(MEASURED_ID)
    assert isinstance(encoder, Dividing)
    with closing(slide(pixels)) as source:
        calibration = encoder.calibrate(source, tissue_mask(source, MPP), MPP)
    flat = encoder.encode(pixels[400:1488:2, 400:1488:2], calibration).reshape(16, -1)
    parts = encoder.encode_parts(pixels[464:1168:2, 464:1168:2], calibration)
    assert parts.shape == (2, 2, PARTS, MEASURED.part_features)
    term = Term("cells", (("lymphocytes", 1.0),))
    assert encoder.scores_parts(term)
    of_parts = encoder.score_parts(term, parts.reshape(-1, parts.shape[-1]), flat, calibration)
    assert of_parts.shape == (4 * PARTS,)
    assert (
        encoder.score_parts(term, flat, flat, calibration) == encoder.score(term, flat, calibration)
    ).all()


def test_a_refined_patch_has_its_nuclei_counted_again(pixels: np.ndarray) -> None:
    encoder = load_encoder(MEASURED_ID)
    assert isinstance(encoder, Refining)
    with closing(slide(pixels)) as source:
        calibration = encoder.calibrate(source, tissue_mask(source, MPP), MPP)
        reasons = (Reason("nuclear density", 1.0, "/mm²", 50.0, 1.0), Reason("eosin", 1.0, "OD", 50.0, 0.5))
        first, second = encoder.refine(reasons, source, Rect(768, 768, 1024, 1024), calibration)
        assert encoder.refine(reasons[1:], source, Rect(0, 0, 0, 0), calibration) == reasons[1:]
    planted_per_mm2 = 3000 / (1380 * 0.5e-3) ** 2
    assert first.refined == pytest.approx(planted_per_mm2, rel=0.3)
    assert second.refined is None


def test_terms_that_cannot_be_measured_are_refused(pixels: np.ndarray) -> None:
    encoder = load_encoder(MEASURED_ID)
    with closing(slide(pixels)) as source:
        calibration = encoder.calibrate(source, tissue_mask(source, MPP), MPP)
    features = np.zeros((3, MEASURED.feature_count), np.float32)
    for term in (Term("KRAS mutation"), Term("x", (("unheard of", 1.0),)), Term("x", (("blood", 0.0),))):
        with pytest.raises(UnsupportedTermError, match=pattern(strings.NOT_MEASURABLE)):
            encoder.score(term, features, calibration)


def test_on_other_stains_he_concepts_are_off_and_said(pixels: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    brown = pixels.copy()
    brown[300:1700, 300:1700] = rng.normal((200, 205, 225), 5, (1400, 1400, 3)).astype(np.uint8)
    brown[300:1700:3, 300:1700] = (150, 100, 60)
    encoder = load_encoder(MEASURED_ID)
    with closing(slide(brown)) as source:
        calibration = encoder.calibrate(source, tissue_mask(source, MPP), MPP)
        saliency = load_encoder(SALIENCY_ID).calibrate(source, tissue_mask(source, MPP), MPP)
    assert "brown" in calibration["stains"]["kind"]
    assert any("not H&E" in note and "smooth muscle" in note for note in calibration["notes"])
    (note,) = (note for note in saliency["notes"] if "not H&E" in note)
    assert "smooth muscle" not in note  # it names no concepts, so none is off
    assert "misled" in note
    features = encoder.encode(brown[400:1488:2, 400:1488:2], calibration).reshape(16, -1)
    assert isinstance(encoder, NamedScores)
    named = encoder.named_scores(features, calibration)
    assert "adipose_tissue" in named
    assert "smooth_muscle" not in named
    with pytest.raises(UnsupportedTermError, match=pattern(strings.NEEDS_HE)):
        encoder.score(Term("muscle", (("smooth_muscle", 1.0),)), features, calibration)
    assert encoder.score(Term("fat", (("adipose_tissue", 1.0),)), features, calibration).max() < 0.5
    assert encoder.score(Term("DAB", (("brown_stain", 1.0),)), features, calibration).min() > 0.5
    assert "brown_stain" in named
    assert "pigment" not in named


def test_a_chromogen_is_not_asked_for_on_he(pixels: np.ndarray) -> None:
    encoder = load_encoder(MEASURED_ID)
    with closing(slide(pixels)) as source:
        calibration = encoder.calibrate(source, tissue_mask(source, MPP), MPP)
    features = encoder.encode(pixels[400:1488:2, 400:1488:2], calibration).reshape(16, -1)
    with pytest.raises(UnsupportedTermError, match=pattern(strings.NEEDS_BROWN)):
        encoder.score(Term("DAB", (("brown_stain", 1.0),)), features, calibration)
    assert encoder.score(Term("pigment", (("pigment", 1.0),)), features, calibration).max() < 0.5


def test_an_empty_slide_and_unreadable_tiles_calibrate_with_averages(pixels: np.ndarray) -> None:
    class Broken(ArraySource):
        def read_tile(self, key: TileKey) -> np.ndarray:
            if key.row > 3:
                raise TileError("broken for the test")
            return super().read_tile(key)

    encoder = load_encoder(MEASURED_ID)
    empty = np.full((600, 600, 3), 240, np.uint8)
    with closing(slide(empty)) as source:
        calibration = encoder.calibrate(source, tissue_mask(source, MPP), MPP)
    assert calibration["stains"]["source"] == "Ruifrok"
    assert any(re.fullmatch(pattern(strings.AVERAGE_STAINS), note) for note in calibration["notes"])
    with closing(slide(pixels)) as whole, closing(slide(pixels, Broken)) as broken:
        tissue = tissue_mask(whole, MPP)
        assert encoder.calibrate(broken, tissue, MPP)["stains"]["is_he"]


def test_a_full_graphics_card_is_reported(monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray) -> None:
    encoder: Any = load_encoder(MEASURED_ID)
    with closing(slide(pixels)) as source:
        calibration = encoder.calibrate(source, replace(tissue_mask(source, MPP)), MPP)

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(measured, "measure", full)
    with pytest.raises(EncoderMemoryError, match=pattern(MEMORY_FULL, device="cpu")):
        encoder.encode(pixels[:160, :160], calibration)
