"""Views of patches and of regions for self-distillation: two of most of each, then some of small parts.

Of patches they differ in stain and focus too; of regions, which are grids of features, in the features that
are left out (as in HIPT; Chen et al., CVPR 2022).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from viewer.relevance.training.augmentation import between, blurred, either, placed, stained

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from viewer.relevance.training.pretraining.recipe import StageRecipe

_WHOLE_AREA = 0.4, 1.0
_PART_AREA = 0.05, 0.4
_MOST_SHRUNK = 2.0
"""Times: views are sampled without smoothing."""
_LEFT_OUT = 0.1


def patch_views(pixels: Tensor, recipe: StageRecipe, random: Generator) -> list[Tensor]:
    """Views (n, 3, side, side), from -1 to 1, of patches (n, 3, 256, 256) uint8."""
    pictures = pixels.float()
    return [
        _patch_view(pictures, side, area, random)
        for side, area, count in ((recipe.whole, _WHOLE_AREA, 2), (recipe.part, _PART_AREA, recipe.parts))
        for _ in range(count)
    ]


def _patch_view(pictures: Tensor, side_px: int, area: tuple[float, float], random: Generator) -> Tensor:
    count = len(pictures)
    most = min(area[1], (_MOST_SHRUNK * side_px / pictures.shape[-1]) ** 2)
    zoom = between(min(area[0], most), most, count, random).sqrt()
    angle = torch.randint(4, (count,), generator=random) * (math.pi / 2)
    across, down = (between(-1, 1, count, random) * (1 - zoom) for _ in range(2))
    mirror = either(count, random)
    view = placed(pictures, side_px, angle=angle, mirror=mirror, zoom=zoom, shift=(across, down))
    return blurred(stained(view, random), random) * 2 - 1


def region_views(grids: Tensor, recipe: StageRecipe, random: Generator) -> list[Tensor]:
    """Views (n, side, side, width) of grids of features (n, rows, columns, width)."""
    sides = [recipe.whole] * 2 + [recipe.part] * recipe.parts
    return [_region_view(grids, side, random) for side in sides]


def _region_view(grids: Tensor, side: int, random: Generator) -> Tensor:
    count, rows, columns, _ = grids.shape
    down = _along(count, rows, side, random)[:, :, None]
    across = _along(count, columns, side, random)[:, None, :]
    device = grids.device
    view = grids[torch.arange(count)[:, None, None].to(device), down.to(device), across.to(device)]
    turned = (either(count, random) < 0).to(device).view(-1, 1, 1, 1)
    view = torch.where(turned, view.transpose(1, 2), view)
    kept = torch.rand(view.shape, generator=random) >= _LEFT_OUT
    return view * kept.to(device) / (1 - _LEFT_OUT)


def _along(count: int, length: int, side: int, random: Generator) -> Tensor:
    """Indices (count, side) of neighbours, forwards or backwards."""
    first = torch.randint(length - side + 1, (count, 1), generator=random)
    steps = first + torch.arange(side)
    return torch.where(either(count, random)[:, None] < 0, steps.flip(1), steps)
