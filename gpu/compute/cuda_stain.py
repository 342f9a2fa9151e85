"""Launches kernels/stain.cu: stain separation on an NVIDIA card."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import torch

from gpu.compute.cuda import kernels
from gpu.compute.stain import optical_density

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 256
_MOST_BLOCKS = 4096


def density_table(glass_rgb: Tensor) -> Tensor:
    """Optical density float32 (3, 256) of every value in every channel: gpu.compute.stain.optical_density."""
    values = torch.arange(256, dtype=torch.uint8, device=glass_rgb.device)
    return optical_density(values.expand(3, 1, 256), glass_rgb).view(3, 256)


def separate_stains_on_cuda(
    rgb: Tensor, glass_rgb: Tensor, density_from_stains: Tensor
) -> tuple[Tensor, Tensor]:
    """As gpu.compute.stain.separate_stains, up to rounding, for ``rgb`` on the card.

    Raises gpu.compute.cuda.CudaUnavailableError and gpu.errors.GpuError as well.
    """
    rgb = rgb.contiguous()
    pixels = rgb[0].numel()
    density = density_table(glass_rgb).to(rgb.device)
    inverse = torch.linalg.inv(density_from_stains.to("cpu", torch.float32)).T.contiguous().to(rgb.device)
    densities, amounts = torch.empty((2, *rgb.shape), device=rgb.device)
    kernels("stain").launch(
        "separate_stains",
        blocks=max(1, min(-(-pixels // _BLOCK), _MOST_BLOCKS)),
        threads=_BLOCK,
        arguments=(rgb, density, inverse, (pixels, ctypes.c_longlong), densities, amounts),
    )
    return densities, amounts
