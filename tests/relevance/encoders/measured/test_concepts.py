"""Concepts: their file holds together, gates keep what is absent low, ranks and reasons hold."""

from __future__ import annotations

import tomllib
from importlib import resources

import numpy as np
import pytest

from viewer.relevance.encoders.measured import concepts
from viewer.relevance.encoders.measured.card import INDEX, MEASUREMENTS
from viewer.relevance.encoders.measured.concepts import Ranks, reasons, score
from viewer.relevance.encoders.strings import RANK
from viewer.relevance.query.lexicon import load_lexicon

ALL = concepts.concepts()


def reference_quantiles() -> np.ndarray:
    """(measurements, quantiles) from 0 to 100 %, as the file has them."""
    text = resources.files("resources").joinpath("reference_quantiles.toml").read_text(encoding="utf-8")
    quantiles = tomllib.loads(text)["quantiles"]
    return np.array([quantiles[measurement.id] for measurement in MEASUREMENTS], np.float32)


def patches(count: int = 400, *, seed: int = 0) -> np.ndarray:
    """Patches as varied as the reference slides': each measurement drawn from its reference quantiles."""
    rng = np.random.default_rng(seed)
    quantiles = reference_quantiles()
    shares = np.linspace(0, 1, quantiles.shape[1])
    return np.stack([np.interp(rng.random(count), shares, row) for row in quantiles], axis=1).astype(
        np.float32
    )


def with_values(features: np.ndarray, rows: slice, **values: float) -> np.ndarray:
    changed = features.copy()
    for name, value in values.items():
        changed[rows, INDEX[name]] = value
    return changed


FAT = {
    "sharpness": 0.3,
    "density": 0.03,
    "ink_area": 0.0,
    "clear_area": 0.9,
    "clear_walls": 0.007,
    "clear_depth": 0.5,
    "wall_cover": 0.9,
    "solid_area": 0.005,
    "eosin_between": 0.07,
    "edges": 0.022,
    "nuclear_density": 700.0,
    "eosin": 0.01,
    "pale_area": 0.05,
    "alignment": 0.15,
}
GLASS = {
    "clear_area": 1.0,
    "clear_walls": 0.0,
    "wall_cover": 0.0,
    "clear_depth": 1.0,
    "edges": 0.0005,
    "nuclear_density": 0.0,
}


@pytest.mark.parametrize("concept", ALL.values(), ids=ALL.keys())
def test_every_concept_names_measurements_that_there_are(concept: concepts.Concept) -> None:
    assert concept.weights
    assert set(concept.weights) <= set(INDEX)
    assert sum(weight**2 for weight in concept.weights.values()) == pytest.approx(1)
    assert 0 <= concept.reference_share <= 1
    assert concept.title
    assert concept.limits
    for key, threshold, width in concept.gates:
        assert key in INDEX
        assert threshold != 0
        assert width > 0


TISSUE = [name for name, concept in ALL.items() if ("ink_area", -0.12, 0.02) in concept.gates]


def test_all_concepts_of_tissue_share_the_gates_against_dirt_ink_and_folds() -> None:
    others = {"background", "pen_mark", "out_of_focus", "tissue_fold", "pigment", "brown_stain"}
    assert set(ALL) - set(TISSUE) == others


@pytest.mark.parametrize("name", TISSUE)
def test_black_dirt_and_folds_are_no_tissue(name: str) -> None:
    dirt = {"ink_area": 0.6, "density": 0.9, "nuclear_area": 0.6, "nuclear_size": 300.0, "haematoxylin": 0.8}
    features = with_values(patches(), slice(0, 20), **dirt)
    features = with_values(features, slice(20, 40), density=0.85, nuclear_area=0.5)
    assert score(ALL[name], Ranks(features))[:40].max() < 0.05


def test_a_patch_with_pigment_is_found_and_black_dirt_is_not() -> None:
    features = with_values(patches(), slice(None), ink_area=0.0, brown_area=0.0)
    features = with_values(features, slice(0, 10), brown_area=0.008)
    features = with_values(features, slice(10, 20), ink_area=0.03, density=0.4)
    features = with_values(features, slice(20, 30), ink_area=0.9, density=0.9)
    scores = score(ALL["pigment"], Ranks(features))
    assert scores[:20].min() > 0.5 > scores[20:].max()


def test_the_lexicon_names_no_other_concepts() -> None:
    named = {concept for entry in load_lexicon().entries for concept, _ in entry.weights}
    assert named <= set(ALL)


def test_reference_quantiles_rise_and_cover_every_measurement() -> None:
    quantiles = reference_quantiles()
    assert len(quantiles) == len(MEASUREMENTS)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()


@pytest.mark.parametrize("name", ALL)
def test_scores_lie_between_0_and_1_and_a_missing_measurement_is_no_score(name: str) -> None:
    features = patches()
    features[3] = np.nan
    scores = score(ALL[name], Ranks(features))
    assert scores.dtype == np.float32
    assert np.isnan(scores[3])
    rest = np.delete(scores, 3)
    assert ((rest >= 0) & (rest <= 1)).all()


def test_fat_on_a_slide_without_fat_is_low_everywhere() -> None:
    features = with_values(patches(), slice(None), clear_area=0.2)
    assert score(ALL["adipose_tissue"], Ranks(features)).max() < 0.1
    glass = with_values(patches(), slice(None), **GLASS)
    assert score(ALL["adipose_tissue"], Ranks(glass)).max() < 0.1


def test_a_slide_of_nothing_but_fat_is_high_everywhere() -> None:
    rng = np.random.default_rng(1)
    features = with_values(patches(), slice(None), **FAT)
    for name in FAT:
        features[:, INDEX[name]] *= rng.uniform(0.95, 1.05, len(features))
    features[:, INDEX["clear_area"]] = features[:, INDEX["clear_area"]].clip(0, 0.97)
    assert np.percentile(score(ALL["adipose_tissue"], Ranks(features)), 5) > 0.5


def test_fat_is_found_among_other_tissue() -> None:
    features = with_values(patches(), slice(0, 40), **FAT)
    features = with_values(features, slice(40, 80), **GLASS)
    scores = score(ALL["adipose_tissue"], Ranks(features))
    assert scores[:40].min() > 0.5 > scores[40:80].max()


def test_glass_beside_tissue_is_no_fat() -> None:
    beside = with_values(patches(), slice(0, 40), **FAT)
    no_walls = with_values(beside, slice(0, 20), wall_cover=0.25)
    solid = with_values(beside, slice(0, 20), solid_area=0.3)
    for features in (no_walls, solid):
        scores = score(ALL["adipose_tissue"], Ranks(features))
        assert scores[:20].max() < 0.1
        assert scores[20:40].min() > 0.5


def test_one_patch_alone_is_judged_by_the_reference() -> None:
    alone = with_values(patches(1), slice(None), **FAT)
    assert score(ALL["adipose_tissue"], Ranks(alone))[0] > 0.5


def test_a_score_has_its_three_strongest_reasons() -> None:
    features = with_values(patches(), slice(0, 1), nuclear_density=14_000.0, nuclear_area=0.5, eosin_sd=0.03)
    found = reasons(ALL["lymphocytes"], Ranks(features), 0)
    assert len(found) == 3
    sizes = [abs(reason.contribution) for reason in found]
    assert sizes == sorted(sizes, reverse=True)
    density = next(reason for reason in found if reason.measurement == "nuclear density")
    assert density.value == pytest.approx(14_000)
    assert density.percentile > 95
    assert density.contribution > 0
    assert density.in_words().startswith("nuclear density 14,000/mm², ")
    assert density.in_words().endswith(RANK.format(percentile=""))


def test_a_closed_gate_is_a_reason() -> None:
    features = with_values(patches(), slice(0, 1), **FAT | {"clear_area": 0.0})
    found = reasons(ALL["adipose_tissue"], Ranks(features), 0)
    clear = next(reason for reason in found if reason.measurement == "clear area")
    assert clear.contribution < -3
    assert clear.value == 0
    assert clear.unit == "%"


def test_ranks_put_ties_in_the_middle_and_ignore_what_is_missing() -> None:
    features = patches(5)
    features[:, 0] = [1, 2, 2, 3, np.nan]
    ranks = Ranks(features)
    assert ranks.percentile(0, 1) == pytest.approx(50)
    assert ranks.percentile(0, 3) == pytest.approx(87.5)
    normal = ranks.normal(0, 0.0)
    assert normal[1] == normal[2]
    assert np.isnan(normal[4])


def test_scores_do_not_depend_on_the_order_of_patches() -> None:
    features = patches()
    order = np.random.default_rng(2).permutation(len(features))
    there = score(ALL["stroma"], Ranks(features))[order]
    assert np.allclose(there, score(ALL["stroma"], Ranks(features[order])))
