"""Views of patches and of regions."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.relevance.pretraining_run import TINY
from viewer.relevance.training.pretraining.views import patch_views, region_views


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_patches_are_seen_in_two_large_and_some_small_views() -> None:
    pixels = torch.randint(256, (2, 3, 256, 256), dtype=torch.uint8, generator=drawn(0))

    one, same, other = (patch_views(pixels, TINY.patches, drawn(seed)) for seed in (1, 1, 2))

    assert [tuple(view.shape) for view in one] == [(2, 3, 64, 64)] * 2 + [(2, 3, 32, 32)] * 2
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])
    assert all(-1 <= float(view.min()) <= float(view.max()) <= 1 for view in one)


def test_large_views_hold_more_of_the_patch_than_small_ones() -> None:
    pixels = torch.full((64, 3, 256, 256), 230, dtype=torch.uint8)
    pixels[:, :, 96:160, 96:160] = 40  # a dark square in the middle

    views = patch_views(pixels, replace(TINY.patches, part=64), drawn(3))

    dark = [(view.mean(dim=1) < 0).float().mean(dim=(1, 2)) for view in views]
    assert float(dark[0].max()) < 0.35  # never enlarged much
    assert float(dark[-1].max()) > 0.5
    assert float(dark[-1].min()) == 0.0


def test_views_of_regions_are_neighbours_turned_and_with_gaps() -> None:
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    grids = torch.stack([rows + 1, columns + 1], dim=-1).repeat(32, 1, 1, 20)

    views = region_views(grids, TINY.regions, drawn(4))

    assert [tuple(view.shape[1:]) for view in views] == [(14, 14, 40)] * 2 + [(6, 6, 40)] * 2
    part = views[-1] * 0.9
    gaps = float((part == 0).float().mean())
    assert 0.05 < gaps < 0.15
    places = part.unflatten(-1, (20, 2)).amax(dim=3)  # what is left out here is there in another channel
    down = (places[:, 1:, :] - places[:, :-1, :]).round()
    assert set(down.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert {tuple(one[0, 0].tolist()) for one in down} == {(1, 0), (-1, 0), (0, 1), (0, -1)}
