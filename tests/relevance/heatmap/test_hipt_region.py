"""The published map from attention, against the reference's numbers (named parity), and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.relevance import hipt_parity as fixture
from tests.relevance.hipt_parity import region_heatmap
from viewer.relevance.heatmap.hipt_region import flops_per_region, reference_flops_per_region

TOLERANCE = 1e-6


def tokens_of(head: int) -> np.ndarray:
    expected = fixture.expected()
    at = expected["r4096_heads256"].tolist().index(head)
    return np.stack([expected[f"r4096_attn256_off{offset}"][:, at] for offset in (0, 128)])


def test_parity_of_the_ranks_of_patches() -> None:
    expected = fixture.expected()
    for head in range(6):
        found = region_heatmap(expected["r4096_attn4k"][:, head], tokens_of(0), canvas_px=16)
        assert np.abs(found.patches - expected["r4096_score4k_s16"][head]).max() < TOLERANCE


def test_parity_of_the_ranks_of_tokens() -> None:
    expected = fixture.expected()
    for number, head in enumerate(expected["r4096_heads256"].tolist()):
        found = region_heatmap(expected["r4096_attn4k"][:, 0], tokens_of(head), canvas_px=16)
        assert np.abs(found.tokens - expected["r4096_score256_s16"][number]).max() < TOLERANCE


def test_parity_of_the_blend() -> None:
    expected = fixture.expected()
    for number, (patch_head, token_head) in enumerate(expected["r4096_blend_pairs"].tolist()):
        found = region_heatmap(expected["r4096_attn4k"][:, patch_head], tokens_of(token_head), canvas_px=16)
        assert np.abs(found.blend - expected["r4096_blend_s16"][number]).max() < TOLERANCE


def test_parity_at_the_published_scale() -> None:
    expected = fixture.expected()
    found = region_heatmap(expected["r4096_attn4k"][:, 0], tokens_of(2))
    for values, name in ((found.patches, "score4k"), (found.tokens, "score256"), (found.blend, "blend")):
        assert np.abs(values - expected[f"r4096_{name}_s4"][0]).max() < TOLERANCE


def test_ranks_are_those_of_ranking_every_pixel() -> None:
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 40, (4, 16, 16)).astype(float)
    tokens = rng.integers(0, 9, (2, 256, 16, 16)).astype(float)
    found = region_heatmap(patches, tokens, canvas_px=8)
    pixels = np.kron(tokens[0, 0], np.ones((2, 2))).ravel()
    by_hand = np.array(
        [((pixels < one).sum() + ((pixels == one).sum() + 1) / 2) / pixels.size for one in pixels]
    )
    assert found.tokens[:8, :8] == pytest.approx(by_hand.reshape(32, 32)[:16:2, :16:2])
    assert (found.blend >= 0).all()
    assert (found.blend <= 1).all()


def test_the_same_map_takes_less_than_a_quarter_of_the_work() -> None:
    assert reference_flops_per_region() == pytest.approx(25.2e12, rel=0.02)
    assert flops_per_region() / reference_flops_per_region() < 0.25
