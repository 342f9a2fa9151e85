"""Stain separation: what was mixed comes apart again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gpu.compute.stain import optical_density, patch_means, separate

VECTORS = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])


def test_glass_and_what_is_brighter_has_no_density() -> None:
    rgb = torch.tensor([[[240, 255]], [[240, 250]], [[230, 255]]], dtype=torch.uint8)
    density = optical_density(rgb, torch.tensor([240.0, 240.0, 230.0]))
    assert density.dtype == torch.float32
    assert torch.equal(density, torch.zeros(3, 1, 2))


def test_black_is_finite_and_a_tenth_of_the_light_is_one() -> None:
    rgb = torch.tensor([0, 23, 239], dtype=torch.uint8).view(1, 1, 3).expand(3, 1, 3)
    density = optical_density(rgb, torch.full((3,), 239.0))
    assert density[0, 0].tolist() == pytest.approx([np.log10(240), 1.0, 0.0], abs=1e-6)


def test_what_was_mixed_comes_apart() -> None:
    amounts = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(1))
    mixed = torch.einsum("shw,sc->chw", amounts, VECTORS)
    torch.testing.assert_close(separate(mixed, VECTORS), amounts, atol=1e-5, rtol=1e-4)


def test_vectors_in_one_plane_cannot_be_separated() -> None:
    flat = torch.stack([VECTORS[0], VECTORS[1], VECTORS[0] + VECTORS[1]])
    with pytest.raises(torch.linalg.LinAlgError):
        separate(torch.ones(3, 2, 2), torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [1.0, 1.0, 0]]))
    assert torch.linalg.matrix_rank(flat) == 2


def test_means_are_those_of_each_patch() -> None:
    maps = torch.arange(2 * 4 * 6.0).view(2, 4, 6)
    means = patch_means(maps, 2)
    assert means.shape == (2, 2, 3)
    assert means[1, 1, 2] == maps[1, 2:4, 4:6].mean()
