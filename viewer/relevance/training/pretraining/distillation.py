"""Self-distillation without labels (DINO; Caron et al., ICCV 2021): a student learns to say of a small part
of a picture what a teacher, the running mean of the student, says of most of it.

The teacher's outputs are centred, so that it does not say the same of everything, and sharpened, so that it
does not say everything of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from viewer.relevance.models.hipt import TOKEN_PX, RegionTransformer
from viewer.relevance.models.vit import VisionTransformer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.relevance.training.pretraining.recipe import StageRecipe

Backbone = VisionTransformer | RegionTransformer
_STUDENT_TEMPERATURE = 0.1
_CENTRE_KEPT = 0.9
_DEVIATION = 0.02


class ProjectionHead(nn.Module):
    """Features to outputs: three layers, then cosines with ``prototypes`` (weight norm with a gain of 1)."""

    def __init__(self, width: int, recipe: StageRecipe) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, recipe.hidden),
            nn.GELU(),
            nn.Linear(recipe.hidden, recipe.hidden),
            nn.GELU(),
            nn.Linear(recipe.hidden, recipe.bottleneck),
        )
        self.prototypes = nn.Parameter(torch.empty(recipe.outputs, recipe.bottleneck))

    def forward(self, features: Tensor) -> Tensor:
        inside = functional.normalize(self.layers(features), dim=-1)
        return functional.linear(inside, functional.normalize(self.prototypes, dim=-1))


class Learner(nn.Module):
    """A network with its projection head, at random weights. ``dtype``: of most of its multiplications."""

    def __init__(self, backbone: Backbone, recipe: StageRecipe, dtype: torch.dtype) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = ProjectionHead(recipe.shape.width, recipe)
        self._dtype = dtype
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim > 1:
                nn.init.trunc_normal_(parameter, std=_DEVIATION)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Outputs (views, n, outputs) of views of n pictures; those of one size go through together."""
        found = []
        first = 0
        while first < len(views):
            alike = [view for view in views[first:] if view.shape == views[first].shape]
            features, _ = self.backbone.attend(torch.cat(alike), self._dtype)
            found.append(features.unflatten(0, (len(alike), -1)))
            first += len(alike)
        features = torch.cat(found)
        with torch.autocast(features.device.type, self._dtype, enabled=self._dtype != torch.float32):
            outputs: Tensor = self.head(features)
        return outputs.float()


def patch_network(recipe: StageRecipe) -> VisionTransformer:
    """ViT-256, at zero."""
    return VisionTransformer(recipe.shape, image_px=recipe.whole, patch_px=TOKEN_PX)


def region_network(recipe: StageRecipe, feature_width: int) -> RegionTransformer:
    """ViT-4K for patch features of this width, at zero."""
    return RegionTransformer(recipe.shape, feature_width, recipe.whole**2 + 1)


def distillation_loss(student: Tensor, teacher: Tensor, centre: Tensor, temperature: float) -> Tensor:
    """The cross-entropy of the student's outputs (views, n, outputs) under the teacher's of the first views,
    each of these against all other views; ``temperature``: the teacher's."""
    targets = functional.softmax((teacher - centre) / temperature, dim=-1)
    logs = functional.log_softmax(student / _STUDENT_TEMPERATURE, dim=-1)
    pairs = [
        -(target * log).sum(dim=-1).mean()
        for number, target in enumerate(targets)
        for other, log in enumerate(logs)
        if other != number
    ]
    return torch.stack(pairs).mean()


def moved_centre(centre: Tensor, teacher: Tensor) -> Tensor:
    """The centre (outputs,) after a step with these outputs of the teacher."""
    return centre * _CENTRE_KEPT + mean_output(teacher) * (1 - _CENTRE_KEPT)


def mean_output(teacher: Tensor) -> Tensor:
    """Of outputs (views, n, outputs): (outputs,)."""
    return teacher.flatten(0, 1).mean(dim=0)


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, kept: float) -> None:
    """Move the teacher's weights towards the student's."""
    for mean, value in zip(teacher.parameters(), student.parameters(), strict=True):
        mean.mul_(kept).add_(value, alpha=1 - kept)


def parameter_groups(learner: nn.Module) -> list[dict[str, Any]]:
    """Of the optimiser: matrices, which decay, then biases and norms, which do not."""
    matrices = [one for name, one in learner.named_parameters() if one.ndim > 1 and not name.endswith("bias")]
    others = [one for name, one in learner.named_parameters() if one.ndim <= 1 or name.endswith("bias")]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
