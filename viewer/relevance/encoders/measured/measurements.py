"""The 39 measurements of a patch, with names and units, as torch convolutions over blocks of patches.

All use optical density against the slide's own glass, in amounts of its own stains relative to a usual
slide's, at 1 µm per pixel. Scales are in µm. Nuclei: maxima of differences of Gaussians of haematoxylin
(Lindeberg, IJCV 30, 1998); direction: structure tensor (Bigün and Granlund, ICCV 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from gpu.compute.device import CPU
from gpu.compute.stain import patch_means
from viewer.relevance.encoders.measured.card import MEASUREMENTS
from viewer.relevance.encoders.measured.filters import blurred, doubled, halved, highest_around

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from gpu.compute.device import Processor
    from viewer.slide.tissue.stains import Stains

PATCH_PX = 128
PART_STEP_PX = 32
MARGIN_PX = 16
"""Context around a block, in pixels of 1 µm: the reach of all but the widest filters."""
CLEAR_DENSITY = 0.022
_PALE_DENSITY = 0.1
_CLEAR_CHROMA = 0.045
_THIN = 0.6
"""Clear share within 8 µm of thin structures; at the straight edge of a thick piece it is half."""
_WALL_DENSITY = 0.0015
"""Of thin walls, averaged over 16 µm: five times the noise of glass, a fifth of what fat has."""
NUCLEAR_CONTRAST = 0.035
_SMALLEST_RADIUS_UM = 2.2
NEXT_RADIUS = 1.44
"""Radii of the blobs at which the differences of Gaussians are largest: 2.2, 3.2, 4.6 and 6.5 µm."""
_TINY = 1e-6


def measure(
    block: NDArray[np.uint8], stains: Stains, *, parts: bool = False, processor: Processor = CPU
) -> NDArray[np.float32]:
    """All measurements of a block of patches: (rows, columns, len(MEASUREMENTS)) float32.

    ``block``: (rows · 128 + 32, columns · 128 + 32, 3) RGB at 1 µm per pixel, 16 px of context on each side.
    ``parts``: of squares of 64 px at every 32 px in place of patches, and so (rows · 4 - 1, columns · 4 - 1).
    """
    rgb = torch.from_numpy(np.ascontiguousarray(block.transpose(2, 0, 1))).to(processor.torch_device)
    maps = _Maps(rgb, stains, processor, parts=parts)
    values = {**maps.colours(), **maps.clear_space(), **maps.nuclei(), **maps.textures()}
    return torch.stack([values[one.id] for one in MEASUREMENTS], dim=-1).cpu().numpy()


@dataclass(frozen=True, slots=True)
class _Scale:
    """Reduces maps at 2ⁿ µm per pixel to patches, or to ``parts`` of them."""

    step: int
    parts: bool

    def mean(self, *maps: Tensor) -> Tensor:
        """Means over patches, (n, rows, columns), of maps (h, w) with their context."""
        margin = MARGIN_PX // self.step
        inner = torch.stack([one[margin:-margin, margin:-margin] for one in maps])
        if not self.parts:
            return patch_means(inner, PATCH_PX // self.step)
        return functional.avg_pool2d(patch_means(inner, PART_STEP_PX // self.step), 2, stride=1)


class _Maps:
    """The maps of one block that several measurements share."""

    def __init__(self, rgb: Tensor, stains: Stains, processor: Processor, *, parts: bool) -> None:
        self._at_1, self._at_2, self._at_4 = (_Scale(step, parts) for step in (1, 2, 4))
        glass, vectors = torch.tensor(stains.glass_rgb), torch.from_numpy(stains.matrix())
        density, amounts = processor.separate_stains(rgb, glass, vectors)
        self.red, self.green, self.blue = density
        self.haematoxylin = amounts[0] / stains.strengths[0]
        self.eosin = amounts[1] / stains.strengths[1]
        self.residual = amounts[2]
        self.density = density.mean(dim=0)
        self.strength = sum(stains.strengths) / 2
        chroma = blurred(self.green - self.red, 1.2)
        self.clear = (
            (self.density < CLEAR_DENSITY)
            | ((self.density < _PALE_DENSITY) & (chroma < _CLEAR_CHROMA * self.strength))
        ).float()
        self.tissue = 1 - self.clear
        self.share = self._at_1.mean(self.tissue)[0] + _TINY

    def colours(self) -> dict[str, Tensor]:
        """Amounts of stain, hues, and the pixels that only some things have."""
        red, green, blue, strength = self.red, self.green, self.blue, self.strength
        density, squared, h, hh, e, ee, rest = self._at_1.mean(
            self.density,
            self.density**2,
            self.haematoxylin,
            self.haematoxylin**2,
            self.eosin,
            self.eosin**2,
            self.residual,
        )
        in_red, in_green, in_blue = self._at_1.mean(
            red * self.tissue, green * self.tissue, blue * self.tissue
        )
        blood = (green > 0.33 * strength) & (red < 0.45 * green) & (blue > 0.55 * green)
        pale = (self.density < 0.22 * strength) & (self.tissue > 0)
        ink = (
            (green < 0.8 * torch.maximum(red, blue))
            & (self.density > 0.25)
            & ((red > 1.15 * green) | (blue > 1.6 * green))
        )
        black = (torch.minimum(torch.minimum(red, green), blue) > 0.75) & (self.density < 1.15 * red)
        brown = (
            (blue > red + 0.1)
            & (blue > 0.95 * green)
            & (self.density > 0.2 * strength)
            & (red > 0.35 * green)
        )
        shares = self._at_1.mean(
            *(one.float() for one in (blood, pale, pale & (red > 0.55 * green), ink | black, brown))
        )
        return {
            "density": density,
            "density_sd": _deviation(density, squared),
            "haematoxylin": h,
            "haematoxylin_sd": _deviation(h, hh),
            "eosin": e,
            "eosin_sd": _deviation(e, ee),
            "residual": rest,
            "redness": (in_green - in_red) / self.share,
            "red_to_green": in_red / (in_green + 1e-3),
            "blue_to_green": in_blue / (in_green + 1e-3),
            "blood_area": shares[0],
            "pale_area": shares[1],
            "pale_blue_area": shares[2],
            "ink_area": shares[3],
            "brown_area": shares[4],
        }

    def clear_space(self) -> dict[str, Tensor]:
        """Space without stain: how much, how deep, in how many compartments, between how thin walls."""
        at_4 = halved(halved(self.clear))
        around = blurred(at_4, 2.0)
        deep = (around > 0.97).float()
        solid = (around < 0.2).float()
        centres = ((around > 0.8) & (around == highest_around(around, 2))).float()
        thin = functional.interpolate(around[None, None], scale_factor=4.0, mode="nearest")[0, 0] > _THIN
        background = doubled(blurred(halved(self.density), 2.0))
        walls = (self.density - background).clamp_(min=0) * thin
        near_walls = (blurred(halved(halved(walls)), 4.0) > _WALL_DENSITY).float()
        area, wall = self._at_1.mean(self.clear, walls)
        depth, count, full, bounded = self._at_4.mean(deep, centres, solid, near_walls)
        return {
            "clear_area": area,
            "clear_depth": depth,
            "clear_walls": wall,
            "clear_count": count * (1e6 / 16),
            "wall_cover": bounded,
            "solid_area": full,
        }

    def nuclei(self) -> dict[str, Tensor]:
        """Blobs of haematoxylin: how many, how large, how dark, how they lie."""
        fine = blurred(self.haematoxylin, 1.56)
        next_ = blurred(fine, 1.63)
        at_2 = halved(next_)
        third = blurred(at_2, 1.2)
        fourth = blurred(third, 1.63)
        fifth = blurred(fourth, 2.3)
        steps = torch.stack(
            [fine - next_, next_ - doubled(third), doubled(third - fourth), doubled(fourth - fifth)]
        )
        best, which = steps.max(dim=0)
        peaks = ((best == highest_around(best, 2)) & (best > NUCLEAR_CONTRAST)).float()
        heights = best * peaks
        which = which.float()
        inside = nuclear_pixels(self.haematoxylin, fine).float()
        count, height, by_scale, small, large, area, dark = self._at_1.mean(
            peaks,
            heights,
            heights * which,
            heights * (which == 0),
            heights * (which >= 2),
            inside,
            self.haematoxylin * inside,
        )
        around = blurred(halved(halved(peaks)), 4.5)
        (crowd, crowd_squared) = self._at_4.mean(around, around**2)
        (clump, clump_squared) = self._at_2.mean(fifth, fifth**2)
        between = self.tissue * (1 - inside)
        share, eosin, eosin_squared, haematoxylin = self._at_1.mean(
            between, self.eosin * between, self.eosin**2 * between, self.haematoxylin * between
        )
        share = share + 1e-3
        return {
            "nuclear_density": count * 1e6,
            "nuclear_radius": _SMALLEST_RADIUS_UM
            * NEXT_RADIUS ** (by_scale / (height + _TINY))
            * (count > 0),
            "nuclear_small": small / (height + _TINY),
            "nuclear_large": large / (height + _TINY),
            "nuclear_contrast": height / (count + _TINY) * (count > 0),
            "nuclear_area": area,
            "nuclear_size": area / (count + 1 / PATCH_PX**2),
            "nuclear_darkness": dark / (area + 1e-3),
            "nuclear_unevenness": _deviation(crowd, crowd_squared) / (crowd + 1e-4),
            "haematoxylin_clumps": _deviation(clump, clump_squared),
            "eosin_between": eosin / share,
            "eosin_between_sd": _deviation(eosin / share, eosin_squared / share),
            "haematoxylin_between": haematoxylin / share,
        }

    def textures(self) -> dict[str, Tensor]:
        """Edges, their common direction, fine detail and focus."""
        smoothed = blurred(self.density, 1.5)
        smooth = halved(smoothed)
        across = functional.pad((smooth[:, 2:] - smooth[:, :-2]) / 2, (1, 1))
        down = functional.pad((smooth[2:] - smooth[:-2]) / 2, (0, 0, 1, 1))
        tensor = [halved(one) for one in (across * across, down * down, across * down)]
        xx, yy, xy = (blurred(one, 3.0) for one in tensor)
        trace = xx + yy
        coherence = torch.sqrt((xx - yy) ** 2 + 4 * xy**2) / (trace + 1e-5)
        strong, weight, all_xx, all_yy, all_xy = self._at_4.mean(coherence * trace, trace, *tensor)
        total = all_xx + all_yy
        finest = self.density - blurred(self.density, 0.8)
        fine = self.density - smoothed
        spread, squared, level, detail = self._at_1.mean(finest**2, self.density**2, self.density, fine.abs())
        return {
            "edges": torch.sqrt(total),
            "coherence": strong / (weight + 1e-7),
            "alignment": torch.sqrt((all_xx - all_yy) ** 2 + 4 * all_xy**2) / (total + 1e-7),
            "fine_detail": detail,
            "sharpness": torch.sqrt(spread) / (_deviation(level, squared) + 0.01),
        }


def nuclear_pixels(haematoxylin: Tensor, blurred: Tensor) -> Tensor:
    """Which pixels (h, w) are of nuclei, from the haematoxylin and from what is left of it under a blur."""
    return (haematoxylin > 0.22) & (blurred > 0.15)


def _deviation(mean: Tensor, mean_of_squares: Tensor) -> Tensor:
    return torch.sqrt((mean_of_squares - mean**2).clamp_(min=0))
