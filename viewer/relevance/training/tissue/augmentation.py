"""Views of a patch for the tissue encoder: another laboratory's and scanner's, of the same tissue."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from viewer.relevance.encoders.tissue.network import INPUT_PX, normalised
from viewer.relevance.training.augmentation import between, blurred, either, placed, stained
from viewer.relevance.training.tissue.patches import CUT_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Generator, Tensor

_LOG_ZOOM, _SHIFT = 0.25, 0.1
_NOISE = 0.01


def augmented(pixels: Tensor, random: Generator) -> Tensor:
    """Random views (n, 3, 128, 128) from 0 to 1 of cuts (n, 3, 160, 160) uint8."""
    views = _turned(blurred(stained(pixels, random), random), random)
    strength = _NOISE * torch.rand(len(views), 1, 1, 1, generator=random)
    return views + torch.randn(views.shape, generator=random) * strength


def middle(pixels: Tensor) -> Tensor:
    """The middle (n, 3, 128, 128) from 0 to 1 of cuts (n, 3, 160, 160) uint8."""
    start = (CUT_PX - INPUT_PX) // 2
    return pixels[:, :, start : start + INPUT_PX, start : start + INPUT_PX].float() / 255


def as_input(cuts: NDArray[np.uint8]) -> Tensor:
    """What the network takes (n, 3, 128, 128), of the middle of cuts (n, 160, 160, 3)."""
    return normalised(middle(torch.from_numpy(np.array(cuts)).permute(0, 3, 1, 2)))


def _turned(pixels: Tensor, random: Generator) -> Tensor:
    count = len(pixels)
    angle = between(0, 2 * math.pi, count, random)
    mirror = either(count, random)
    zoom = INPUT_PX / CUT_PX * torch.exp(between(-_LOG_ZOOM, _LOG_ZOOM, count, random))
    across, down = (between(-_SHIFT, _SHIFT, count, random) for _ in range(2))
    return placed(pixels, INPUT_PX, angle=angle, mirror=mirror, zoom=zoom, shift=(across, down))
