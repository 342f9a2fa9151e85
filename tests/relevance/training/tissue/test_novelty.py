"""What is unlike anything trained on: fitted on some slides, scaled on others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.relevance.training.tissue.made_logits import made_slide
from viewer.relevance.encoders.tissue.network import TissueNetwork
from viewer.relevance.training.tissue.novelty import fit_novelty, novel_share
from viewer.relevance.training.tissue.patches import CUT_PX, SlidePatches

PATCHES = 40


def stained(name: str, *, colour: tuple[int, int, int], seed: int) -> SlidePatches:
    """A slide of noise in one colour."""
    made = made_slide(name, "lymphoid")
    labels, regions = made.labels[-PATCHES:], made.regions[-PATCHES:]
    random = np.random.default_rng(seed)
    shade = random.normal(0, 12, (PATCHES, CUT_PX, CUT_PX, 1)) + np.array(colour)
    return SlidePatches(made.slide, shade.clip(0, 255).astype(np.uint8), labels, regions)


@pytest.fixture(scope="module")
def network() -> TissueNetwork:
    torch.manual_seed(0)
    made = TissueNetwork().eval()
    pink = [stained(f"pink {seed}", colour=(220, 150 + 3 * seed, 190), seed=seed) for seed in range(3)]
    fit_novelty(made, pink[:2], pink[2:], seed=0)
    return made


def test_the_like_is_known_and_another_stain_is_not(network: TissueNetwork) -> None:
    assert novel_share(network, stained("another", colour=(220, 153, 190), seed=9), seed=0) < 0.3
    assert novel_share(network, stained("brown", colour=(130, 90, 40), seed=9), seed=0) == 1


def test_without_other_slides_the_same_ones_are_the_measure() -> None:
    torch.manual_seed(0)
    network = TissueNetwork().eval()
    slides = [stained(f"pink {seed}", colour=(220, 150, 190), seed=seed) for seed in range(3)]
    fit_novelty(network, slides, [], seed=0)
    assert max(novel_share(network, one, seed=0) for one in slides) < 0.1


def test_half_precision_keeps_the_novelty(network: TissueNetwork) -> None:
    style = torch.rand(5, 80, 8, 8, generator=torch.Generator().manual_seed(2))
    before = network.novelty(style)
    after = network.half().float().novelty(style)
    assert torch.allclose(before, after, rtol=0.02)
