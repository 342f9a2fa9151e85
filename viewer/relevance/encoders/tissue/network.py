"""The network of the tissue encoder: one output a tissue class, one for tumour against all other tissue, how
far a patch departs from all that it was trained on, and a short vector by which patches are compared.

Tumour has an output of its own because kinds of tumour that compete with each other each stay below a
threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from viewer.relevance.encoders.tissue.card import LOGITS, VECTOR_WIDTH
from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.models.efficientnet_lite import EARLY_WIDTH, WIDTH, EfficientNetLite
from viewer.relevance.models.normalisation import STATISTICS

if TYPE_CHECKING:
    from torch import Tensor

INPUT_PX = 128
MPP_UM = 1.0
STYLE_WIDTH, STYLE_DIRECTIONS = 2 * EARLY_WIDTH, 40
_DROPOUT = 0.3


class TissueNetwork(nn.Module):
    """See the module. ``projection`` (1280, 64) and ``centre`` (1280,) make the vector, ``departure`` (160,
    40) and ``usual`` (160,) the novelty; they are fitted after the rest was trained."""

    projection: Tensor
    centre: Tensor
    departure: Tensor
    usual: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = EfficientNetLite()
        self.outputs = nn.Linear(WIDTH, LOGITS)
        self.register_buffer("projection", torch.zeros(WIDTH, VECTOR_WIDTH))
        self.register_buffer("centre", torch.zeros(WIDTH))
        self.register_buffer("departure", torch.zeros(STYLE_WIDTH, STYLE_DIRECTIONS))
        self.register_buffer("usual", torch.zeros(STYLE_WIDTH))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (n, classes + 1), tumour last, of normalised patches (n, 3, 128, 128)."""
        logits: Tensor = self.outputs(functional.dropout(self.trunk(pixels), _DROPOUT, self.training))
        return logits

    def features(self, pixels: Tensor) -> Tensor:
        """Logits, novelty and vector (n, classes + 1 + 1 + 64) of normalised patches; the vectors have unit
        length."""
        early = self.trunk.early(pixels)
        inside = self.trunk.late(early)
        vector = functional.normalize((inside - self.centre) @ self.projection, dim=1)
        return torch.cat([self.outputs(inside), self.novelty(early)[:, None], vector], dim=1)

    def novelty(self, early: Tensor) -> Tensor:
        """How far (n,) the style of patches departs from that of those trained on, from what the trunk's
        first blocks respond; 99 % of the tissue of slides kept out of training lie below 1."""
        return ((style_of(early) - self.usual) @ self.departure).norm(dim=1)


def style_of(early: Tensor) -> Tensor:
    """Mean and deviation (n, 160) of the trunk's early activations: stain, scanner and texture, not what is
    shown where."""
    return torch.cat([early.mean((2, 3)), early.std((2, 3))], dim=1)


def normalised(pixels: Tensor) -> Tensor:
    """Patches (n, 3, height, width) of RGB from 0 to 1 as the network takes them."""
    mean, deviation = (
        torch.tensor(values, device=pixels.device).view(1, 3, 1, 1) for values in STATISTICS["imagenet"]
    )
    return ((pixels - mean) / deviation).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns logits into probabilities that hold on slides kept out of training (Platt scaling for tumour, a
    temperature and what is added to each class for the classes: Guo et al., ICML 2017). ``bias`` (): 0."""

    temperature: float = 1.0
    tumour_slope: float = 1.0
    tumour_shift: float = 0.0
    bias: tuple[float, ...] = ()

    def probabilities(self, logits: Tensor) -> Tensor:
        """(n, classes), each row adding up to 1: tumour or not first, then the classes among their own
        kind."""
        tumour = torch.tensor([one.tumour for one in tissue_classes()], device=logits.device)
        is_tumour = torch.sigmoid(logits[:, -1:] * self.tumour_slope + self.tumour_shift)
        classes = logits[:, :-1] / self.temperature
        if self.bias:
            classes = classes + torch.tensor(self.bias, device=logits.device, dtype=logits.dtype)
        kinds = classes.masked_fill(~tumour, -torch.inf).softmax(dim=1) * is_tumour
        return kinds + classes.masked_fill(tumour, -torch.inf).softmax(dim=1) * (1 - is_tumour)
