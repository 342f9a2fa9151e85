"""Which patches a step of training sees: of regions, a class, then a slide, then a region at random, so that
no slide outweighs the others; and of slides free of tumour, any tissue, those often that were taken for
tumour.

A network that saw regions alone takes for tumour what nobody drew a region around: whole slides teach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.training.tissue.patches import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.training.tissue.patches import SlidePatches

OF_REGIONS, OF_FREE_SLIDES = 40, 24
_HARD_SHARE = 0.5
_MANY_SLIDES = 8
_CARCINOMA_TIMES = 2.5
"""How much more often than its slides say: what carcinoma is like varies most."""
_NOT_SAID = -1.0


class Batch(NamedTuple):
    """Cuts (n, 3, 160, 160) uint8; the class of each, ``UNLABELLED`` where it has none; whether it is tumour,
    1, 0, or negative where that is not said."""

    pixels: Tensor
    classes: Tensor
    tumour: Tensor


class Sampler:
    """Draws batches. ``hard``: by slide, indices of patches of tumour-free slides that looked most like
    tumour."""

    def __init__(self, slides: Sequence[SlidePatches]) -> None:
        self._slides = slides
        self.free = [
            number for number, one in enumerate(slides) if one.slide.tumour_free and len(one.of_tissue)
        ]
        self.hard: dict[int, NDArray[np.int64]] = {}
        self._regions: dict[int, dict[int, list[NDArray[np.int64]]]] = {}
        for number, one in enumerate(slides):
            for region in np.unique(one.regions[one.labels != UNLABELLED]).tolist():
                inside = np.flatnonzero(one.regions == region)
                of_class = self._regions.setdefault(int(one.labels[inside[0]]), {})
                of_class.setdefault(number, []).append(inside)
        self.classes = sorted(self._regions)
        weights = [min(len(self._regions[one]), _MANY_SLIDES) ** 0.5 for one in self.classes]
        times = [_CARCINOMA_TIMES if one == class_indices()["carcinoma"] else 1.0 for one in self.classes]
        self._weights = np.multiply(weights, times) / np.dot(weights, times)

    def batch(self, random: np.random.Generator) -> Batch:
        """The next patches."""
        pixels, labels, tumour = [], [], []
        known = tissue_classes()
        unsure = class_indices()["dysplasia_adenoma"]
        for label in random.choice(self.classes, OF_REGIONS, p=self._weights).tolist():
            slides = list(self._regions[label].items())
            number, regions = slides[random.integers(len(slides))]
            inside = regions[random.integers(len(regions))]
            pixels.append(self._slides[number].pixels[inside[random.integers(len(inside))]])
            labels.append(label)
            tumour.append(_NOT_SAID if label == unsure else float(known[label].tumour))
        for _ in range(OF_FREE_SLIDES if self.free else 0):
            number = self.free[random.integers(len(self.free))]
            one = self._slides[number]
            hard = self.hard.get(number)
            among = hard if hard is not None and random.random() < _HARD_SHARE else one.of_tissue
            pixels.append(one.pixels[among[random.integers(len(among))]])
            labels.append(UNLABELLED)
            tumour.append(0.0)
        return Batch(
            torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), torch.tensor(labels), torch.tensor(tumour)
        )
