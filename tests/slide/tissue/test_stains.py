"""The stains of a slide: found where they are plain, replaced where not, named when they are not H&E."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.messages import pattern
from viewer.slide.tissue import strings
from viewer.slide.tissue.stains import RUIFROK, Stains, find_stains

GLASS = np.array([245.0, 243.0, 244.0])
DAB = [[0.65, 0.70, 0.29], [0.27, 0.57, 0.78]]
HAEMATOXYLIN, PAS = [0.65, 0.66, 0.38], [0.45, 0.87, 0.22]
METHYLENE_BLUE, GIEMSA_EOSIN = [0.83, 0.51, 0.20], [0.09, 0.95, 0.28]
METHYL_BLUE, PONCEAU, LIGHT_GREEN = [0.80, 0.59, 0.11], [0.10, 0.74, 0.67], [0.95, 0.25, 0.20]
"""Colours of stains in optical density, as published or as on a slide."""


def pixels(vectors: object, *, count: int = 40_000, strength: float = 0.12, noise: float = 2.0) -> np.ndarray:
    """Pixels of two stains, half of them mostly of one, half mostly of the other."""
    rng = np.random.default_rng(1)
    amounts = rng.gamma(2, strength, (count, 2))
    amounts[: count // 2, 0] *= 0.1
    amounts[count // 2 :, 1] *= 0.1
    rgb = (GLASS + 1) * 10 ** -(amounts @ np.asarray(vectors, float)) - 1 + rng.normal(0, noise, (count, 3))
    clipped: np.ndarray = np.clip(rgb, 0, 255).astype(np.uint8)
    return clipped


def angle_deg(a: object, b: object) -> float:
    x, y = np.asarray(a, float), np.asarray(b, float)
    return float(np.degrees(np.arccos(np.clip(x @ y / np.linalg.norm(x) / np.linalg.norm(y), -1, 1))))


def test_the_slides_own_vectors_are_found_and_halved_with_the_usual() -> None:
    own = [[0.55, 0.75, 0.37], [0.20, 0.90, 0.38]]
    stains = find_stains(pixels(own), GLASS, brightfield=True)
    assert (stains.source, stains.reason, stains.kind, stains.is_he) == ("Macenko", "", "H&E", True)
    for found, one, usual in zip(stains.vectors, own, RUIFROK, strict=True):
        assert angle_deg(found, one) < angle_deg(usual, one)
        assert np.linalg.norm(found) == pytest.approx(1)
    assert stains.vectors[0][0] > stains.vectors[1][0]


def test_strength_follows_the_slide_and_is_bounded() -> None:
    weak, usual, strong = (
        find_stains(pixels(RUIFROK, strength=value), GLASS, brightfield=True).strengths
        for value in (0.06, 0.12, 2.0)
    )
    assert weak[0] < usual[0] < strong[0]
    assert weak[1] < usual[1] < strong[1]
    assert max(strong) <= 2
    assert min(weak) >= 0.5


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (pixels(RUIFROK, count=500), strings.LITTLE_TISSUE),
        (np.empty((0, 3), np.uint8), strings.LITTLE_TISSUE),
        (pixels([RUIFROK[1], RUIFROK[1] * 1.01]), strings.STAIN_ANGLE),
    ],
    ids=["few pixels", "no pixels", "one colour"],
)
def test_the_average_laboratory_stands_in_and_the_reason_is_said(sample: np.ndarray, why: str) -> None:
    stains = find_stains(sample, GLASS, brightfield=True)
    assert stains.source == "Ruifrok"
    assert re.fullmatch(pattern(why), stains.reason)
    usual = RUIFROK / np.linalg.norm(RUIFROK, axis=1, keepdims=True)
    assert np.allclose(stains.vectors, usual)


def test_colours_that_two_stains_do_not_explain_are_not_trusted() -> None:
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 255, (40_000, 3)).astype(np.uint8)
    assert find_stains(noise, GLASS, brightfield=True).source == "Ruifrok"


@pytest.mark.parametrize(
    ("vectors", "kind"),
    [
        (RUIFROK, "H&E"),
        (DAB, strings.BROWN_STAIN),
        ([[0.57, 0.57, 0.59], [0.55, 0.60, 0.57]], strings.GREY_STAIN),
        ([[0.80, 0.55, 0.26], [0.78, 0.57, 0.27]], strings.BLUE_STAIN),
        ([METHYLENE_BLUE, GIEMSA_EOSIN], strings.BLUE_STAIN),
        ([[0.70, 0.66, 0.25], [0.68, 0.70, 0.20]], strings.BLUE_STAIN),
        ([METHYL_BLUE, PONCEAU], strings.TRICHROME_STAIN),
        ([LIGHT_GREEN, PONCEAU], strings.GREEN_STAIN),
        ([HAEMATOXYLIN, PAS], strings.PAS_STAIN),
        ([HAEMATOXYLIN, [0.58, 0.61, 0.54]], strings.NO_EOSIN_STAIN),
    ],
    ids=[
        "H&E",
        "DAB",
        "silver",
        "blue",
        "Giemsa",
        "Giemsa on a smear",
        "Masson",
        "Goldner",
        "PAS",
        "Congo red",
    ],
)
def test_stains_that_are_not_he_are_named(vectors: object, kind: str) -> None:
    stains = find_stains(pixels(vectors), GLASS, brightfield=True)
    assert stains.kind == kind
    assert stains.is_he == (kind == "H&E")


def test_papanicolaou_is_not_he() -> None:
    cyan, pink, orange = [0.75, 0.45, 0.48], [0.15, 0.90, 0.40], [0.12, 0.55, 0.83]
    cells = [pixels([HAEMATOXYLIN, cyan]), pixels([pink, orange], count=20_000)]
    assert find_stains(np.concatenate(cells), GLASS, brightfield=True).kind == strings.GREEN_STAIN


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_brown_is_a_pigment_beside_eosin_and_a_chromogen_beside_haematoxylin_alone(share: float) -> None:
    melanin = [[0.35, 0.55, 0.76], [0.40, 0.56, 0.73]]
    count = round(40_000 * share / (1 - share))
    pigmented = np.concatenate([pixels(RUIFROK), pixels(melanin, count=count)])
    assert find_stains(pigmented, GLASS, brightfield=True).is_he
    nuclei = pixels([HAEMATOXYLIN, [0.62, 0.68, 0.38]])
    positive = np.concatenate([nuclei, pixels([DAB[1], melanin[0]], count=count)])
    assert find_stains(positive, GLASS, brightfield=True).kind == strings.BROWN_STAIN


def test_a_little_blue_is_still_he() -> None:
    dyed = np.concatenate([pixels(RUIFROK), pixels([METHYL_BLUE, METHYL_BLUE], count=1_500)])
    assert find_stains(dyed, GLASS, brightfield=True).is_he


def test_brown_blood_does_not_make_pink_tissue_another_stain() -> None:
    blood = (GLASS + 1) * 10 ** -np.array([0.25, 0.6, 0.75]) - 1
    mixed = pixels(RUIFROK)[:28_000]  # most of it of eosin
    mixed[::10] = np.rint(blood)
    assert find_stains(mixed, GLASS, brightfield=True).is_he


def test_fluorescence_is_not_he() -> None:
    assert not find_stains(pixels(RUIFROK), GLASS, brightfield=False).is_he


def test_facts_survive_a_file_and_nonsense_is_refused() -> None:
    stains = find_stains(pixels(RUIFROK), GLASS, brightfield=True)
    facts = json.loads(json.dumps(stains.as_facts()))
    assert Stains.from_facts(facts) == stains
    for change in (
        {"vectors": [[1, 2], [3, 4]]},
        {"strengths": [0, 1]},
        {"glass_rgb": ["x", 1, 2]},
        {"strengths": 3},
    ):
        with pytest.raises((ValueError, TypeError)):
            Stains.from_facts(facts | change)


def test_the_matrix_is_invertible_and_its_third_row_is_neither_stain() -> None:
    matrix = find_stains(pixels(RUIFROK), GLASS, brightfield=True).matrix()
    assert matrix.dtype == np.float32
    assert abs(np.linalg.det(matrix)) > 0.1
    assert np.allclose(matrix[:2] @ matrix[2], 0, atol=1e-6)
