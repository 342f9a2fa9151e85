"""When a patch is unlike anything trained on: the Mahalanobis distance of its style from that of the training
patches, in the directions in which these vary most (after Lee et al., NeurIPS 2018).

The first blocks respond to stain, scanner and texture, whatever the tissue. They separate other stains,
cytology and satellite pictures from H&E; the features behind the last block were trained to ignore them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from viewer.relevance.encoders.tissue.network import STYLE_DIRECTIONS, style_of
from viewer.relevance.training.tissue.augmentation import as_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.encoders.tissue.network import TissueNetwork
    from viewer.relevance.training.tissue.patches import SlidePatches

_OF_A_SLIDE = 40
_USUAL_SHARE = 0.99
_LEAST_SPREAD = 1e-3
"""Of the first direction's: of fewer patches than directions the last ones are noise."""


@torch.inference_mode()
def fit_novelty(
    network: TissueNetwork, slides: Sequence[SlidePatches], held_out: Sequence[SlidePatches], seed: int
) -> None:
    """Fit ``usual`` and ``departure`` to the tissue of the training slides, and scale them by that of slides
    kept out of training; by the same slides where there are none."""
    network.eval()
    styles = _styles(network, slides, seed)
    centre, deviation = styles.mean(dim=0), styles.std(dim=0).clamp_min(_LEAST_SPREAD)
    _, spread, directions = torch.linalg.svd((styles - centre) / deviation, full_matrices=False)
    used = int((spread[:STYLE_DIRECTIONS] > _LEAST_SPREAD * spread[0]).sum())
    departure = (directions[:used] / spread[:used, None] * len(styles) ** 0.5).T / deviation[:, None]
    distances = ((_styles(network, held_out or slides, seed) - centre) @ departure).norm(dim=1)
    network.usual.copy_(centre)
    network.departure.zero_()[:, :used].copy_(departure / distances.quantile(_USUAL_SHARE))


@torch.inference_mode()
def novel_share(network: TissueNetwork, one: SlidePatches, seed: int) -> float:
    """Which share of a sample of a slide's tissue is unlike anything trained on."""
    network.eval()
    return float((network.novelty(network.trunk.early(_sample(one, seed))) > 1).float().mean())


def _styles(network: TissueNetwork, slides: Sequence[SlidePatches], seed: int) -> Tensor:
    """(n, 160), double."""
    return torch.cat([style_of(network.trunk.early(_sample(one, seed))) for one in slides]).double()


def _sample(one: SlidePatches, seed: int) -> Tensor:
    """Some of the slide's tissue as input; of its regions where there is none."""
    random = np.random.default_rng([seed, 4, *one.slide.name.encode()])
    among: NDArray[np.int64] = one.of_tissue if len(one.of_tissue) else np.arange(len(one.labels))
    return as_input(one.pixels[np.sort(random.permutation(among)[:_OF_A_SLIDE])])
