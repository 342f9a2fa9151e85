"""Launches kernels/stain.cu: stain separation and per-patch statistics on an NVIDIA card."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import torch

from gpu.compute.cuda import kernels
from gpu.compute.stain import optical_density

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 256
_INT = ctypes.c_int


def density_table(glass_rgb: Tensor) -> Tensor:
    """Optical density float32 (3, 256) of every value in every channel: gpu.compute.stain.optical_density."""
    values = torch.arange(256, dtype=torch.uint8, device=glass_rgb.device)
    return optical_density(values.expand(3, 1, 256), glass_rgb).view(3, 256)


def separate_patches_on_cuda(
    rgb: Tensor, glass_rgb: Tensor, density_from_stains: Tensor, patch_px: int
) -> tuple[Tensor, Tensor]:
    """Amounts (3, h, w) of stains in RGB (3, h, w) uint8, and per patch (6, rows, columns) their means and
    mean squares.

    The same, up to rounding, as gpu.compute.stain: separate(optical_density(…)) and patch_means of that
    and of its square. ``rgb`` lies on the card, its sides are multiples of ``patch_px``.

    Raises ValueError for other sides, torch.linalg.LinAlgError for vectors in one plane, and
    gpu.compute.cuda.CudaUnavailableError and gpu.errors.GpuError.
    """
    _, height_px, width_px = rgb.shape
    if patch_px < 1 or height_px % patch_px or width_px % patch_px or not rgb.numel():
        raise ValueError(f"{width_px} × {height_px} pixels are not whole patches of {patch_px}")
    rows, columns = height_px // patch_px, width_px // patch_px
    rgb = rgb.contiguous()
    density = density_table(glass_rgb.to(rgb.device))
    inverse = torch.linalg.inv(density_from_stains.to(rgb.device, torch.float32)).T.contiguous()
    amounts = torch.empty((3, height_px, width_px), device=rgb.device)
    statistics = torch.empty((6, rows, columns), device=rgb.device)
    sides = ((width_px, _INT), (height_px, _INT), (patch_px, _INT))
    kernels("stain").launch(
        "stain_patches",
        blocks=rows * columns,
        threads=_BLOCK,
        arguments=(rgb, density, inverse, *sides, amounts, statistics),
    )
    return amounts, statistics
