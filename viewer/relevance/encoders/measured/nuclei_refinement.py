"""Nuclei of one patch counted at 0.5 µm per pixel, for the explanation of its score.

At 1 µm per pixel crowded nuclei merge: of round ones 4.7 µm apart one in seven is missed. Scores and ranks
stay those of 1 µm, which all patches have; the finer count is shown beside them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu.compute.stain import optical_density, separate
from viewer.relevance.encoders.measured.card import INDEX, MEASUREMENTS
from viewer.relevance.encoders.measured.filters import blurred, highest_around
from viewer.relevance.encoders.measured.measurements import NEXT_RADIUS, NUCLEAR_CONTRAST, nuclear_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import Reason
    from viewer.slide.tissue.stains import Stains

REFINED_MPP_UM = 0.5
REFINED_PX = 256
REFINED_MARGIN_PX = 40
_SIGMA_UM = 1.2
_SCALES = 5
"""Differences of Gaussians, largest at radii of 1.7, 2.4, 3.5, 5.1 and 7.3 µm."""
_REACH_UM = 2.0


def refinable(reasons: Iterable[Reason]) -> bool:
    """Whether any of the reasons can be refined."""
    return any(reason.measurement in _TITLES.values() for reason in reasons)


def refined(reasons: Iterable[Reason], block: NDArray[np.uint8], stains: Stains) -> tuple[Reason, ...]:
    """The reasons, those about nuclei with the values of ``refined_nuclei``."""
    values = refined_nuclei(block, stains)
    found = {title: values[name] * MEASUREMENTS[INDEX[name]].per_unit for name, title in _TITLES.items()}
    return tuple(replace(reason, refined=found.get(reason.measurement)) for reason in reasons)


def refined_nuclei(block: NDArray[np.uint8], stains: Stains) -> dict[str, float]:
    """Density (per mm²), radius (µm), area (share) and area per nucleus (µm²), by measurement.

    ``block``: (336, 336, 3) RGB at 0.5 µm per pixel, a patch with 40 px of context on each side.
    """
    rgb = torch.from_numpy(np.ascontiguousarray(block.transpose(2, 0, 1)))
    density = optical_density(rgb, torch.tensor(stains.glass_rgb))
    haematoxylin = separate(density, torch.from_numpy(stains.matrix()))[0] / stains.strengths[0]
    levels = [blurred(haematoxylin, _SIGMA_UM / REFINED_MPP_UM)]
    sigma_um = _SIGMA_UM
    for _ in range(_SCALES):
        step_um = sigma_um * (NEXT_RADIUS**2 - 1) ** 0.5
        levels.append(blurred(levels[-1], step_um / REFINED_MPP_UM))
        sigma_um *= NEXT_RADIUS
    best, which = torch.stack([a - b for a, b in pairwise(levels)]).max(dim=0)
    peaks = (best == highest_around(best, round(_REACH_UM / REFINED_MPP_UM))) & (best > NUCLEAR_CONTRAST)
    margin = REFINED_MARGIN_PX
    inner = slice(margin, -margin)
    peaks, which = peaks[inner, inner], which[inner, inner]
    count = int(peaks.sum())
    area = float(nuclear_pixels(haematoxylin, levels[0])[inner, inner].float().mean())
    side_um = REFINED_PX * REFINED_MPP_UM
    smallest_um = _SIGMA_UM * 2**0.5  # the radius of the disc at which a difference of Gaussians is largest
    return {
        "nuclear_density": count / side_um**2 * 1e6,
        "nuclear_radius": smallest_um * NEXT_RADIUS ** float(which[peaks].float().mean()) if count else 0.0,
        "nuclear_area": area,
        "nuclear_size": area * side_um**2 / max(count, 1),
    }


_TITLES = {
    name: MEASUREMENTS[INDEX[name]].title
    for name in ("nuclear_density", "nuclear_radius", "nuclear_area", "nuclear_size")
}
