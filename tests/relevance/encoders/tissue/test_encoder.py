"""TissueEncoder: features, scores and reasons of classes beside measured concepts, and files of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from viewer.common.errors import UnsupportedTermError
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.registry import find_card, load_encoder
from viewer.relevance.encoders.tissue import card as tissue_card_module
from viewer.relevance.encoders.tissue import encoder as tissue_encoder_module
from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.card import (
    LOGITS,
    VECTOR_WIDTH,
    named_classes,
    tissue_card,
    tissue_facts,
)
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.encoders.tissue.encoder import TissueEncoder
from viewer.relevance.encoders.tissue.network import Calibration, TissueNetwork
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.query.tree import Term
from viewer.slide.tissue.stains import Stains, find_stains

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE, MARGIN = tissue_card().patch_px, tissue_card().margin_px
CARCINOMA = Term("carcinoma", (("tissue/carcinoma", 1.0),))
FAT = Term("fat", (("adipose_tissue", 1.0),))


@pytest.fixture(scope="module")
def encoder() -> TissueEncoder:
    torch.manual_seed(0)
    network = TissueNetwork()
    network.projection.normal_()
    return TissueEncoder(network, Calibration())


@pytest.fixture(scope="module")
def block() -> NDArray[np.uint8]:
    rows, columns = 2 * SIDE + 2 * MARGIN, 3 * SIDE + 2 * MARGIN
    density = np.random.default_rng(0).gamma(2, 0.2, (rows, columns, 1)) * (0.5, 0.8, 0.4)
    return np.rint(240 * np.exp(-density)).astype(np.uint8)


@pytest.fixture(scope="module")
def calibration(block: NDArray[np.uint8]) -> dict[str, Any]:
    stains = find_stains(block.reshape(-1, 3), np.array([240.0, 240.0, 240.0]), brightfield=True)
    return {"stains": {**stains.as_facts(), "kind": "H&E", "is_he": True}}


def features_of(
    logits: NDArray[np.float32], measured: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    count = len(logits)
    of_concepts = np.zeros((count, MEASURED.feature_count), np.float32) if measured is None else measured
    return np.concatenate([of_concepts, logits, np.zeros((count, VECTOR_WIDTH), np.float32)], axis=1)


def test_a_block_gives_measurements_logits_and_a_vector(
    encoder: TissueEncoder, block: NDArray[np.uint8], calibration: dict[str, Any]
) -> None:
    features = encoder.encode(block, calibration)

    assert features.shape == (2, 3, tissue_card().feature_count)
    measured = MeasuredEncoder().encode(block, calibration)
    assert np.array_equal(features[..., : MEASURED.feature_count], measured, equal_nan=True)
    assert np.allclose(np.linalg.norm(features[..., -VECTOR_WIDTH:], axis=2), 1, atol=1e-4)


def test_patches_keep_their_places(
    encoder: TissueEncoder, block: NDArray[np.uint8], calibration: dict[str, Any]
) -> None:
    whole = encoder.encode(block, calibration)

    lower = block[SIDE : 2 * SIDE + 2 * MARGIN, 2 * SIDE : 3 * SIDE + 2 * MARGIN]
    alone = encoder.encode(np.ascontiguousarray(lower), calibration)
    logits = slice(MEASURED.feature_count, None)
    assert np.allclose(alone[0, 0, logits], whole[1, 2, logits], atol=1e-4)


def test_a_class_scores_by_its_probability_and_has_reasons(
    encoder: TissueEncoder, calibration: dict[str, Any]
) -> None:
    logits = np.zeros((3, LOGITS), np.float32)
    logits[1, [class_indices()["carcinoma"], -1]] = 9.0
    features = features_of(logits)

    scores = encoder.score(CARCINOMA, features, calibration)
    reasons = encoder.explain(CARCINOMA, features, 1, calibration)

    assert scores.argmax() == 1
    assert scores[1] > 0.99
    assert reasons[0].measurement == strings.PROBABILITY.format(title="carcinoma")
    assert reasons[0].value > 99
    assert reasons[0].contribution > 0 > reasons[1].contribution


def test_any_of_several_classes(encoder: TissueEncoder, calibration: dict[str, Any]) -> None:
    logits = np.zeros((2, LOGITS), np.float32)
    logits[0, class_indices()["lymphoid"]] = logits[1, class_indices()["germinal_centre"]] = 12.0
    either = Term("lymphoid", (("tissue/lymphoid", 1.0), ("tissue/germinal_centre", 0.5)))

    logits[:, -1] = -9.0  # no tumour
    scores = encoder.score(either, features_of(logits), calibration)

    assert scores[0] == pytest.approx(2 * scores[1], rel=0.01)


def test_measured_concepts_are_those_of_the_measured_encoder(
    encoder: TissueEncoder, block: NDArray[np.uint8], calibration: dict[str, Any]
) -> None:
    features = encoder.encode(block, calibration).reshape(6, -1)
    measured = np.ascontiguousarray(features[:, : MEASURED.feature_count])
    alone = MeasuredEncoder()

    assert np.array_equal(encoder.score(FAT, features, calibration), alone.score(FAT, measured, calibration))
    assert encoder.explain(FAT, features, 2, calibration) == alone.explain(FAT, measured, 2, calibration)
    named = encoder.named_scores(features, calibration)
    assert {"adipose_tissue", "tissue/carcinoma"} <= named.keys()


def test_other_stains_than_he_have_no_classes(encoder: TissueEncoder, calibration: dict[str, Any]) -> None:
    stains = Stains.from_facts(calibration["stains"])
    other = {"stains": {**replace(stains, kind="PAS", is_he=False).as_facts()}}
    features = features_of(np.zeros((2, LOGITS), np.float32))

    with pytest.raises(UnsupportedTermError, match="H&E alone"):
        encoder.score(CARCINOMA, features, other)
    assert not any(name.startswith("tissue/") for name in encoder.named_scores(features, other))


def test_the_shipped_encoder_is_offered_and_names_what_its_test_supports() -> None:
    card = find_card("tissue")
    encoder = load_encoder("tissue")
    lexicon = lexicon_of("tissue")

    assert encoder.card == card
    named = {f"tissue/{name}" for name, _ in named_classes()}
    used = {one for entry in lexicon.entries for one, _ in entry.weights if one.startswith("tissue/")}
    assert used
    assert used <= named
    entry = next(entry for entry in lexicon.entries if any(one in named for one, _ in entry.weights))
    assert "kept out of training" in entry.limits
    assert lexicon.find("nuclear density") is not None


def test_weights_of_another_version_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "tissue.pt"
    torch.save({"outputs.bias": torch.zeros(3)}, other)
    monkeypatch.setattr(tissue_encoder_module, "weights_path", lambda: other)

    with pytest.raises(CheckpointError, match="tissue"):
        TissueEncoder.load()
    from viewer.relevance.models.checkpoint import sha256_of

    facts = replace(tissue_facts(), weights_sha256=sha256_of(other))
    monkeypatch.setattr(tissue_encoder_module, "tissue_facts", lambda: facts)
    with pytest.raises(CheckpointError, match="weights of another network"):
        TissueEncoder.load()
    monkeypatch.setattr(tissue_encoder_module, "weights_path", lambda: tmp_path / "lost.pt")
    with pytest.raises(CheckpointError, match="lost"):
        TissueEncoder.load()


def test_classes_without_a_good_test_are_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = {
        name: {"auc": auc, "slides": 2} for name, auc in (("blood", 0.99), ("mucin", 0.7), ("lung", None))
    }
    monkeypatch.setattr(
        tissue_card_module, "tissue_facts", lambda: replace(tissue_facts.__wrapped__(), classes=weak)
    )

    assert [name for name, _ in named_classes.__wrapped__()] == ["blood"]
