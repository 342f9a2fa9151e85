"""Patches as other laboratories, scanners and sections would have shown them: turned, scaled, of another
stain, slightly out of focus.

Stains vary in optical density (Tellez et al., Med. Image Anal. 2019), so densities are mixed and scaled, not
colours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from viewer.relevance.encoders.tissue.network import INPUT_PX
from viewer.relevance.training.tissue.patches import CUT_PX

if TYPE_CHECKING:
    from torch import Generator, Tensor

_STAIN_MIX, _STAIN_LOG_SCALE = 0.07, 0.3
_LOG_ZOOM, _SHIFT = 0.25, 0.1
_BLURRED, _LEAST_BLUR_PX, _MOST_BLUR_PX, _BLUR_REACH_PX = 0.2, 0.4, 1.6, 3
_NOISE = 0.01


def augmented(pixels: Tensor, random: Generator) -> Tensor:
    """Random views (n, 3, 128, 128) from 0 to 1 of cuts (n, 3, 160, 160) uint8."""
    views = _turned(_blurred(_stained(pixels, random), random), random)
    strength = _NOISE * torch.rand(len(views), 1, 1, 1, generator=random)
    return views + torch.randn(views.shape, generator=random) * strength


def middle(pixels: Tensor) -> Tensor:
    """The middle (n, 3, 128, 128) from 0 to 1 of cuts (n, 3, 160, 160) uint8."""
    start = (CUT_PX - INPUT_PX) // 2
    return pixels[:, :, start : start + INPUT_PX, start : start + INPUT_PX].float() / 255


def _stained(pixels: Tensor, random: Generator) -> Tensor:
    density = -torch.log((pixels.float() + 1) / 256)
    mix = torch.eye(3) + torch.randn(len(pixels), 3, 3, generator=random) * _STAIN_MIX
    scale = torch.exp(_between(-_STAIN_LOG_SCALE, _STAIN_LOG_SCALE, len(pixels), random))
    mixed = torch.einsum("nij,njhw->nihw", mix, density) * scale.view(-1, 1, 1, 1)
    return torch.exp(-mixed).clamp(0, 1)


def _blurred(pixels: Tensor, random: Generator) -> Tensor:
    """A share of them out of focus, all by the same amount."""
    chosen = torch.rand(len(pixels), generator=random) < _BLURRED
    radius_px = _between(_LEAST_BLUR_PX, _MOST_BLUR_PX, 1, random)
    if not bool(chosen.any()):
        return pixels
    away = torch.arange(-_BLUR_REACH_PX, _BLUR_REACH_PX + 1)
    weights = torch.exp(-(away**2) / (2 * radius_px**2))
    weights = weights / weights.sum()
    planes = pixels[chosen].flatten(0, 1)[:, None]
    reach = _BLUR_REACH_PX
    across = functional.conv2d(
        functional.pad(planes, (reach, reach, 0, 0), "reflect"), weights.view(1, 1, 1, -1)
    )
    down = functional.conv2d(
        functional.pad(across, (0, 0, reach, reach), "reflect"), weights.view(1, 1, -1, 1)
    )
    result = pixels.clone()
    result[chosen] = down.view(-1, *pixels.shape[1:])
    return result


def _turned(pixels: Tensor, random: Generator) -> Tensor:
    count = len(pixels)
    angle = _between(0, 2 * math.pi, count, random)
    mirror = torch.where(torch.rand(count, generator=random) < 0.5, 1.0, -1.0)
    zoom = INPUT_PX / CUT_PX * torch.exp(_between(-_LOG_ZOOM, _LOG_ZOOM, count, random))
    shift = [_between(-_SHIFT, _SHIFT, count, random) for _ in range(2)]
    matrix = torch.stack(
        [
            torch.stack([zoom * angle.cos() * mirror, -zoom * angle.sin(), shift[0]], dim=1),
            torch.stack([zoom * angle.sin() * mirror, zoom * angle.cos(), shift[1]], dim=1),
        ],
        dim=1,
    )
    places = functional.affine_grid(matrix, [count, 3, INPUT_PX, INPUT_PX], align_corners=False)
    return functional.grid_sample(pixels, places, padding_mode="reflection", align_corners=False)


def _between(low: float, high: float, count: int, random: Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=random)
