"""Stain separation in torch, on the CPU or a graphics card: from RGB to the amount of each stain in a pixel.

Beer–Lambert: the optical density of a pixel is the sum of its stains' vectors times their amounts (Ruifrok
and Johnston, Anal. Quant. Cytol. Histol. 23, 2001). The caller gives the vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def optical_density(rgb: Tensor, glass_rgb: Tensor) -> Tensor:
    """Optical density, base 10, of (3, h, w) uint8 pixels against glass (3,) of 1 to 255; brighter than glass
    is 0.

    (v + 1) keeps black finite. float32 (3, h, w) on the device of ``rgb``.
    """
    glass = torch.log10(glass_rgb.to(rgb.device, torch.float32) + 1).view(3, 1, 1)
    return (glass - torch.log10_(rgb.float().add_(1))).clamp_(min=0)


def separate_stains(rgb: Tensor, glass_rgb: Tensor, density_from_stains: Tensor) -> tuple[Tensor, Tensor]:
    """``optical_density`` of pixels and what ``separate`` makes of it: the twin of kernels/stain.cu."""
    density = optical_density(rgb, glass_rgb)
    return density, separate(density, density_from_stains)


def separate(density: Tensor, density_from_stains: Tensor) -> Tensor:
    """Amounts (3, h, w) of three stains whose vectors are the rows of ``density_from_stains`` (3, 3).

    Amounts may be negative: the vectors are a model. Raises torch.linalg.LinAlgError for vectors in one
    plane.
    """
    stains_from_density = torch.linalg.inv(density_from_stains.to(density)).T
    return (stains_from_density @ density.flatten(1)).view_as(density)


def patch_means(maps: Tensor, patch_px: int) -> Tensor:
    """Means (n, rows, columns) over squares of ``patch_px`` of maps (n, rows · px, columns · px)."""
    count, height, width = maps.shape
    return maps.reshape(count, height // patch_px, patch_px, width // patch_px, patch_px).mean(dim=(2, 4))
