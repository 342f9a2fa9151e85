"""New heads, and finished weights that read stored features as the scaled ones were read in training."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from tests.relevance.bags import bag, shaken
from viewer.relevance.models.heads.span import SpanShape
from viewer.relevance.training.cohort import Case
from viewer.relevance.training.model import (
    HeadKind,
    class_weights,
    finished_weights,
    new_head,
    scaling_of,
)


def case_of(features: np.ndarray) -> Case:
    wide = features.astype(np.float64)
    mean = wide.mean(0)
    return Case("s", 0, "p", "", Path("s"), len(wide), mean, ((wide - mean) ** 2).sum(0), "")


@pytest.fixture
def cases(rng: np.random.Generator) -> tuple[list[Case], np.ndarray]:
    """Slides of several sizes whose features are large, small, and one constant."""
    scale, shift = np.array([100, 1e-3, 1, 0]), np.array([7000, 0.02, -1, 0.3])
    parts = [
        (rng.normal(size=(n, 4)) * scale + shift + n / 50).astype(np.float32) * [1, 1, 1, 0] + [0, 0, 0, 0.3]
        for n in (30, 200, 5)
    ]
    return [case_of(part) for part in parts], np.concatenate(parts)


def test_scaling_makes_mean_0_and_deviation_1(cases: tuple[list[Case], np.ndarray]) -> None:
    scaled = scaling_of("gated", cases[0])(torch.from_numpy(cases[1])).numpy()
    assert np.allclose(scaled.mean(0), 0, atol=1e-3)
    assert np.allclose(scaled.std(0), [1, 1, 1, 0], atol=1e-3)


def test_scaling_without_a_bias_makes_the_mean_square_1(cases: tuple[list[Case], np.ndarray]) -> None:
    scaling = scaling_of("span", cases[0])
    assert not scaling.mean.any()
    scaled = scaling(torch.from_numpy(cases[1])).numpy()
    assert np.allclose((scaled**2).mean(0), [1, 1, 1, 0], atol=1e-3)


@pytest.mark.parametrize(("width", "embedding"), [(39, 64), (384, 384), (1024, 512), (1536, 512)])
def test_gated_heads_grow_with_the_features(width: int, embedding: int) -> None:
    head = new_head("gated", width, 3)
    assert (head.feature_width, head.classes) == (width, 3)
    assert head.attention_v.weight.shape == (embedding // 2, embedding)


def test_span_has_the_papers_size_where_there_is_one() -> None:
    assert new_head("span", 1024, 2).shape == SpanShape(1024, 2, 512, 8)
    assert new_head("span", 39, 2).shape == SpanShape(39, 2, 64, 1)
    assert new_head("span", 1000, 2).shape == SpanShape(1000, 2, 448, 7)


def test_rare_classes_count_more() -> None:
    weights = class_weights([0, 0, 0, 1], 2)
    assert weights.tolist() == pytest.approx([2 / 3, 2])


@pytest.mark.parametrize("kind", get_args(HeadKind))
def test_finished_weights_read_features_as_they_are_stored(
    cases: tuple[list[Case], np.ndarray], kind: HeadKind
) -> None:
    scaling = scaling_of(kind, cases[0])
    trained, finished = shaken(new_head(kind, 4, 2)), new_head(kind, 4, 2).eval()
    balance = class_weights([0, 0, 0, 1], 2)
    finished.load_state_dict(finished_weights(trained.state_dict(), scaling, balance, temperature=2.5))
    features = torch.from_numpy(cases[1][:40].astype(np.float32))
    cells = bag(40, 4)[1]
    expected = (trained(scaling(features), cells) - balance.log()) / 2.5
    assert torch.allclose(finished(features, cells), expected, atol=1e-3)
    assert trained.state_dict().keys() == finished.state_dict().keys()
