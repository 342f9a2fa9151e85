"""New slide heads for training, and the finished weights, which read features as they are stored.

Features are scaled for training. What scaling, the balance of classes and the temperature do to a head is
written into its first and last layer in the end, so that the file needs nothing beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.models.heads.span import SpanHead, SpanShape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from viewer.relevance.training.cohort import Case

HeadKind = Literal["gated", "span"]
_DROPOUT = 0.25
_EMBEDDING = (64, 512)
_SPAN_HEAD = 64
_CONSTANT = 1e-6
"""A feature that varies less, in parts of its size, is the same everywhere but for rounding."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What features (…, width) become before the head: (features − mean) · scale, both (width,) float32."""

    mean: Tensor
    scale: Tensor

    def to(self, device: str) -> Scaling:
        """The same, with tensors on ``device``."""
        return Scaling(self.mean.to(device), self.scale.to(device))

    def __call__(self, features: Tensor) -> Tensor:
        return (features - self.mean) * self.scale


def new_head(kind: HeadKind, feature_width: int, classes: int) -> GatedAttentionHead | SpanHead:
    """A head with random weights (torch's default), on the CPU: CLAM's sizes or the paper's of SPAN for
    features of 1,024 values, smaller ones for fewer.
    """
    if kind == "span":
        width = max(_SPAN_HEAD, feature_width // 2 // _SPAN_HEAD * _SPAN_HEAD)
        return SpanHead(SpanShape(feature_width, classes, width, width // _SPAN_HEAD))
    least, most = _EMBEDDING
    width = min(max(feature_width, least), most)
    shape = GatedShape(feature_width, classes, (width,), width // 2, dropout=_DROPOUT)
    return GatedAttentionHead(shape)


def scaling_of(kind: HeadKind, cases: Sequence[Case]) -> Scaling:
    """Mean 0 and deviation 1 over all patches of these slides. SPAN's first layer has no bias to take the
    mean into: there the mean square becomes 1. A feature that is the same everywhere counts for nothing.
    """
    patches = np.array([case.patches for case in cases], np.float64)[:, None]
    means = np.stack([case.mean for case in cases])
    mean = (patches * means).sum(0) / patches.sum()
    spread = np.stack([case.spread for case in cases]).sum(0) + (patches * (means - mean) ** 2).sum(0)
    variance = spread / patches.sum()
    varies = variance > (_CONSTANT * np.maximum(np.abs(mean), _CONSTANT)) ** 2
    size = np.sqrt(variance if kind == "gated" else variance + mean**2)
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=varies)
    shift = mean if kind == "gated" else np.zeros_like(mean)
    return Scaling(torch.from_numpy(shift.astype(np.float32)), torch.from_numpy(scale.astype(np.float32)))


def class_weights(labels: Sequence[int], classes: int) -> Tensor:
    """(classes,) float32: what a slide counts in training, so that every class counts the same; 1 on average
    over the slides.
    """
    counts = np.bincount(labels, minlength=classes)
    return torch.from_numpy((len(labels) / (classes * counts)).astype(np.float32))


def finished_weights(
    weights: Mapping[str, Tensor], scaling: Scaling, balance: Tensor, *, temperature: float
) -> dict[str, Tensor]:
    """A trained head's weights for features as they are stored, with calibrated probabilities.

    ``balance``: the class weights it was trained with. Such a head assumes equal class
    frequencies; subtracting the logarithm of each weight restores the frequencies of the training slides.
    """
    done = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
    first = "embedding.0" if "embedding.0.weight" in done else "embed"
    scaled = done[f"{first}.weight"].double() * scaling.scale.double()
    done[f"{first}.weight"] = scaled.float()
    if f"{first}.bias" in done:
        done[f"{first}.bias"] = (done[f"{first}.bias"].double() - scaled @ scaling.mean.double()).float()
    done["classifier.weight"] = done["classifier.weight"] / temperature
    done["classifier.bias"] = (done["classifier.bias"] - balance.log()) / temperature
    return done
