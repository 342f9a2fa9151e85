"""TissueEncoder: features, scores and reasons of classes beside measured concepts, and files of weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import resources
from tests.relevance.encoders.made_source import MPP, slide
from tests.relevance.tissue_record import MEANING, trained
from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.encoders.measured.card import INDEX, MEASURED, MEASUREMENTS
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.registry import cards, encoder_in_use, listing, load_encoder
from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.card import (
    FACTS,
    LOGITS,
    PAGE,
    VECTOR_WIDTH,
    WEIGHTS,
    TissueFacts,
    tissue_card,
    tissue_problems,
    trained_folder,
)
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.encoders.tissue.encoder import TissueEncoder
from viewer.relevance.encoders.tissue.network import Calibration, TissueNetwork
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.relevance.models.checkpoint import CheckpointError, read_tensors, sha256_of
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.tree import Term
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.stains import Stains, find_stains

if TYPE_CHECKING:
    from numpy.typing import NDArray

CARD = tissue_card(TissueFacts(Path("tissue.pt"), "0" * 64, (1.0, 1.0, 0.0), ()))
SIDE, MARGIN = CARD.patch_px, CARD.margin_px
CARCINOMA = Term("carcinoma", (("tissue/carcinoma", 1.0),))
FAT = Term("fat", (("adipose_tissue", 1.0),))


@pytest.fixture(scope="module")
def encoder() -> TissueEncoder:
    torch.manual_seed(0)
    network = TissueNetwork()
    network.projection.normal_()
    return TissueEncoder(CARD, network, Calibration())


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
    if measured is None:
        of_concepts[:, INDEX["sharpness"]] = 0.5  # in focus
    rest = np.zeros((count, 1 + VECTOR_WIDTH), np.float32)  # the novelty, and the vector
    return np.concatenate([of_concepts, logits, rest], axis=1)


def test_a_block_gives_measurements_logits_novelty_and_a_vector(
    encoder: TissueEncoder, block: NDArray[np.uint8], calibration: dict[str, Any]
) -> None:
    features = encoder.encode(block, calibration)

    assert features.shape == (2, 3, CARD.feature_count)
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


def test_a_patch_unlike_what_was_trained_on_has_no_class(
    encoder: TissueEncoder, calibration: dict[str, Any]
) -> None:
    logits = np.zeros((4, LOGITS), np.float32)
    logits[:, [class_indices()["carcinoma"], -1]] = 9.0
    features = features_of(logits)
    features[:, MEASURED.feature_count + LOGITS] = (0.5, 1.0, 1.25, 3.0)
    artefact = Term("artefact", (("tissue/artefact", 1.0),))

    scores = encoder.score(CARCINOMA, features, calibration)

    assert scores[0] == scores[1] > 0.99
    assert np.isnan(scores[2:]).all(), "not analysed, neither low nor, without it, high"
    assert np.isfinite(encoder.score(artefact, features, calibration)).all()
    named = encoder.named_scores(features, calibration)["tissue/carcinoma"]
    assert np.array_equal(named, scores, equal_nan=True)


def test_a_slide_unlike_what_was_trained_on_is_said(encoder: TissueEncoder) -> None:
    random = np.random.default_rng(0)
    source = slide(random.integers(0, 200, (512, 640, 3)).astype(np.uint8))
    tissue, said = tissue_mask(source, MPP), strings.UNLIKE_SLIDE.format(share=1.0)
    network = TissueNetwork()

    assert said not in encoder.calibrate(source, tissue, MPP)["notes"]  # never fitted, all is usual
    network.departure.fill_(1e6)
    assert said in TissueEncoder(CARD, network, Calibration()).calibrate(source, tissue, MPP)["notes"]


@pytest.mark.parametrize(
    ("measurement", "value"), [("ink_area", 0.5), ("density", 0.9), ("sharpness", 0.01)], ids=str
)
def test_ink_folds_and_blur_lower_classes_as_they_lower_concepts(
    encoder: TissueEncoder, calibration: dict[str, Any], measurement: str, value: float
) -> None:
    measured = np.full((2, MEASURED.feature_count), 0.2, np.float32)
    measured[:, INDEX["ink_area"]] = 0.0
    measured[1, INDEX[measurement]] = value
    logits = np.zeros((2, LOGITS), np.float32)
    logits[:, [class_indices()["carcinoma"], -1]] = 9.0
    features = features_of(logits, measured)

    clean, spoilt = encoder.score(CARCINOMA, features, calibration)
    reasons = encoder.explain(CARCINOMA, features, 1, calibration)

    assert clean > 0.99
    assert spoilt < 0.01
    assert reasons[0].measurement == MEASUREMENTS[INDEX[measurement]].title
    assert reasons[0].contribution < 0
    assert encoder.explain(CARCINOMA, features, 0, calibration)[0].contribution > 0
    artefact = Term("artefact", (("tissue/artefact", 1.0),))
    assert len(set(encoder.score(artefact, features, calibration).tolist())) == 1, "it is no tissue"
    named = encoder.named_scores(features, calibration)["tissue/carcinoma"]
    assert named.tolist() == [clean, spoilt]


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


def test_an_encoder_that_was_trained_here_is_offered() -> None:
    assert "tissue" not in [card.id for card in cards()]
    with pytest.raises(EncoderError, match="comes without a tissue encoder"):
        load_encoder("tissue")
    assert lexicon_of("tissue") is load_lexicon()
    trained()

    card = next(card for card in cards() if card.id == "tissue")
    encoder = load_encoder("tissue")

    assert encoder.card == card
    assert listing()[1] == ()


def test_words_stand_for_classes_whose_test_allows_it() -> None:
    trained()
    lexicon = lexicon_of("tissue")

    blood, mucin, liver = (lexicon.find(word) for word in ("haemorrhage", "mucin", "liver"))
    assert blood is not None
    assert blood.weights == (("tissue/blood", 1.0),)
    assert strings.RANKED[0].format(auc=0.99, slides=2) in blood.ranked_as("haemorrhage")
    assert mucin is not None
    assert mucin.weights == (("mucin", 1.0),)
    assert liver is not None
    assert not liver.measurable
    assert lexicon.find("nuclear density") is not None


def test_the_shipped_encoder_is_used_until_there_is_an_own_one(no_shipped_encoder: Path) -> None:
    assert encoder_in_use("") == "measured"
    trained(folder=no_shipped_encoder, calibration={"temperature": 2.0, "tumour_slope": 1, "tumour_shift": 0})
    shipped = load_encoder("tissue").card

    assert encoder_in_use("") == "measured", "it is for the reader to choose"
    assert encoder_in_use("tissue") == "tissue"
    assert shipped.page == str(no_shipped_encoder / PAGE)
    assert strings.SHIPPED in shipped.notes

    path = trained()
    own = load_encoder("tissue").card
    assert encoder_in_use("") == "tissue"
    assert strings.OWN.format(path=path.with_name(WEIGHTS)) in own.notes
    path.write_text("{}")
    assert encoder_in_use("") == "measured", "a damaged own one is not replaced unasked"
    assert listing()[1] == tissue_problems()
    assert str(path) in tissue_problems()[0]
    path.unlink()
    assert load_encoder("tissue").card == shipped


def test_a_damaged_shipped_record_is_no_fault_of_the_reader(no_shipped_encoder: Path) -> None:
    trained(folder=no_shipped_encoder, classes=[])

    assert "install Foveola again" in tissue_problems()[0]


def test_what_is_shipped_is_whole() -> None:
    folder = Path(resources.__path__[0]) / "encoders"
    there = [(folder / name).is_file() for name in (WEIGHTS, FACTS, PAGE)]
    assert all(there) or not any(there)
    if all(there):
        assert (folder / WEIGHTS).stat().st_size <= 8_000_000
        assert json.loads((folder / FACTS).read_text())["weights_sha256"] == sha256_of(folder / WEIGHTS)
        TissueNetwork().load_state_dict(read_tensors(folder / WEIGHTS))


TUMOUR = "carcinoma+neuroendocrine_tumour+other_tumour"


@pytest.mark.parametrize(
    ("auc", "recall", "named"), [(0.95, 0.3, True), (0.8, 0.3, False), (0.95, 0.0, False)]
)
def test_several_classes_are_named_as_one_by_their_own_test(
    auc: float, recall: float, *, named: bool
) -> None:
    meaning = MEANING | {"auc": auc, "patches": 50, "slides": 3, "recall": recall}
    trained(test={"meanings": {TUMOUR: meaning}})

    tumour, carcinoma = (lexicon_of("tissue").find(word) for word in ("tumour", "carcinoma"))
    assert tumour is not None
    assert carcinoma is not None
    assert all(name.startswith("tissue/") for name, _ in tumour.weights) is named
    assert ("AUROC 0.95 on 3 slides" in tumour.ranked_as("tumour")) is named
    assert not any(name.startswith("tissue/") for name, _ in carcinoma.weights)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["blood"]},
        {"calibration": {}},
        {"calibration": {"temperature": 0, "tumour_slope": 1, "tumour_shift": 0}},
        {"test": []},
        {"test": {"classes": {"by_class": {"blood": {}}}}},
        {"test": {"meanings": {"blood": {"title": "blood"}}}},
        {"test": {"meanings": {"blood": MEANING | {"threshold": 2}}}},
        {"calibration": {"temperature": 1, "tumour_slope": 1, "tumour_shift": 0, "bias": [1.0]}},
        {"classes": list(class_indices()), "filler": "x" * 6_000_000},
    ],
)
def test_a_damaged_record_is_named(change: dict[str, object]) -> None:
    path = trained(**change)

    assert "tissue" not in [card.id for card in cards()]
    assert str(path) in listing()[1][0]
    with pytest.raises(EncoderError, match="train the encoder again"):
        load_encoder("tissue")


def test_weights_that_are_not_those_of_the_record_are_refused() -> None:
    trained()
    weights = trained_folder() / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1000])
    with pytest.raises(CheckpointError, match=WEIGHTS):
        load_encoder("tissue")
    weights.unlink()
    with pytest.raises(CheckpointError, match=WEIGHTS):
        load_encoder("tissue")
    trained({"outputs.bias": torch.zeros(3)})
    with pytest.raises(CheckpointError, match="weights of another network"):
        load_encoder("tissue")


def test_weights_come_back_to_the_processor(
    encoder: TissueEncoder, block: NDArray[np.uint8], calibration: dict[str, Any]
) -> None:
    before = encoder.encode(block, calibration)

    encoder.use("cpu")

    assert np.array_equal(encoder.encode(block, calibration), before, equal_nan=True)
