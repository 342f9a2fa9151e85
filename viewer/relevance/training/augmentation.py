"""Pictures of tissue as other laboratories, scanners and sections would have shown them: of another stain,
slightly out of focus, turned, scaled and shifted.

Stains vary in optical density (Tellez et al., Med. Image Anal. 2019), so densities are mixed and scaled, not
colours. Random numbers are drawn on the CPU, so that they are the same wherever the pictures are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Generator, Tensor

_STAIN_MIX, _STAIN_LOG_SCALE = 0.07, 0.3
_BLURRED, _LEAST_BLUR_PX, _MOST_BLUR_PX, _BLUR_REACH_PX = 0.2, 0.4, 1.6, 3


def stained(pixels: Tensor, random: Generator) -> Tensor:
    """Pictures (n, 3, h, w), from 0 to 255, in other stains, from 0 to 1."""
    density = -torch.log((pixels.float() + 1) / 256)
    mix = torch.eye(3) + torch.randn(len(pixels), 3, 3, generator=random) * _STAIN_MIX
    scale = torch.exp(between(-_STAIN_LOG_SCALE, _STAIN_LOG_SCALE, len(pixels), random))
    mixed = torch.einsum("nij,njhw->nihw", mix.to(density.device), density)
    return torch.exp(-mixed * scale.view(-1, 1, 1, 1).to(density.device)).clamp(0, 1)


def blurred(pixels: Tensor, random: Generator) -> Tensor:
    """A share of them out of focus, all by the same amount."""
    chosen = torch.rand(len(pixels), generator=random) < _BLURRED
    radius_px = between(_LEAST_BLUR_PX, _MOST_BLUR_PX, 1, random)
    if not bool(chosen.any()):
        return pixels
    away = torch.arange(-_BLUR_REACH_PX, _BLUR_REACH_PX + 1)
    weights = torch.exp(-(away**2) / (2 * radius_px**2))
    weights = (weights / weights.sum()).to(pixels.device)
    chosen = chosen.to(pixels.device)
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


def placed(
    pixels: Tensor, side_px: int, *, angle: Tensor, mirror: Tensor, zoom: Tensor, shift: tuple[Tensor, Tensor]
) -> Tensor:
    """Squares (n, 3, side_px, side_px) of pictures: ``zoom`` as large as the picture, ``shift`` of half its
    side away from its middle, turned by ``angle`` (radians), mirrored where ``mirror`` is -1; all (n,)."""
    count = len(pixels)
    matrix = torch.stack(
        [
            torch.stack([zoom * angle.cos() * mirror, -zoom * angle.sin(), shift[0]], dim=1),
            torch.stack([zoom * angle.sin() * mirror, zoom * angle.cos(), shift[1]], dim=1),
        ],
        dim=1,
    ).to(pixels.device)
    places = functional.affine_grid(matrix, [count, 3, side_px, side_px], align_corners=False)
    return functional.grid_sample(pixels, places, padding_mode="reflection", align_corners=False)


def either(count: int, random: Generator) -> Tensor:
    """(count,) of 1 or -1, each as often."""
    return torch.where(torch.rand(count, generator=random) < 0.5, 1.0, -1.0)


def between(low: float, high: float, count: int, random: Generator) -> Tensor:
    """(count,) even between two numbers."""
    return low + (high - low) * torch.rand(count, generator=random)
