"""What a pretraining is made of: shapes of networks, sizes of views, and how its rates change with the steps.

Rates, temperatures and shares are those of DINO (Caron et al., ICCV 2021) and, for regions, of HIPT (Chen et
al., CVPR 2022). A small batch wants a slower teacher, and a short training a quicker one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from viewer.relevance.models.vit import Shape

ShapeName = Literal["small", "full"]
_WARM_UP = 0.1
"""Of the steps: until the full learning rate."""
_TEMPERATURE_WARM_UP = 0.3
_FIRST_TEMPERATURE, _TEMPERATURE = 0.04, 0.07
"""Of the teacher."""
_FIRST_DECAY, _LAST_DECAY = 0.04, 0.4
_LAST_RATE = 1e-6
_RATE_BATCH = 256
"""The batch for which the learning rate is stated; it is proportional to the batch."""


@dataclass(frozen=True, slots=True)
class StageRecipe:
    """One stage. ``whole`` and ``part``: sides of the two large views and of the ``parts`` small ones, in
    pixels of a patch, or in patches of a region. ``hidden``, ``bottleneck`` and ``outputs``: widths of the
    projection head. ``momentum``: of the teacher, at first. ``per_slide``: how many patches, or regions, at
    most. ``save_every``: steps between two states on disk.
    """

    shape: Shape
    whole: int
    part: int
    parts: int
    hidden: int
    bottleneck: int
    outputs: int
    batch: int
    momentum: float
    per_slide: int
    steps: int
    save_every: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Both stages of one shape."""

    patches: StageRecipe
    regions: StageRecipe


RECIPES: dict[ShapeName, Recipe] = {
    "small": Recipe(
        patches=StageRecipe(
            shape=Shape(width=192, depth=4, heads=3, mlp_width=768),
            whole=160,
            part=64,
            parts=4,
            hidden=512,
            bottleneck=128,
            outputs=2048,
            batch=32,
            momentum=0.99,
            per_slide=500,
            steps=2000,
            save_every=50,
        ),
        regions=StageRecipe(
            shape=Shape(width=96, depth=2, heads=6, mlp_width=384),
            whole=14,
            part=6,
            parts=4,
            hidden=512,
            bottleneck=128,
            outputs=2048,
            batch=16,
            momentum=0.99,
            per_slide=16,
            steps=2000,
            save_every=50,
        ),
    ),
    "full": Recipe(
        patches=StageRecipe(
            shape=Shape(width=384, depth=12, heads=6, mlp_width=1536),
            whole=224,
            part=96,
            parts=8,
            hidden=2048,
            bottleneck=256,
            outputs=65_536,
            batch=256,
            momentum=0.996,
            per_slide=2000,
            steps=100_000,
            save_every=500,
        ),
        regions=StageRecipe(
            shape=Shape(width=192, depth=6, heads=6, mlp_width=768),
            whole=14,
            part=6,
            parts=8,
            hidden=2048,
            bottleneck=256,
            outputs=65_536,
            batch=256,
            momentum=0.996,
            per_slide=64,
            steps=100_000,
            save_every=500,
        ),
    ),
}
"""Widths and heads are those that the loader of models reads from weights: 64 a head of patches, 6 heads of
regions."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one step: ``temperature`` is the teacher's."""

    learning_rate: float
    weight_decay: float
    momentum: float
    temperature: float


def rates_at(step: int, steps: int, recipe: StageRecipe, learning_rate: float) -> Rates:
    """The rates of a step of so many, by cosines; ``learning_rate`` for a batch of 256, at its highest."""
    highest = learning_rate * recipe.batch / _RATE_BATCH
    warm = min(1.0, (step + 1) / max(1.0, _WARM_UP * steps))
    sharp = min(1.0, step / max(1.0, _TEMPERATURE_WARM_UP * steps))
    return Rates(
        warm * _cosine(highest, min(_LAST_RATE, highest), step / steps),
        _cosine(_FIRST_DECAY, _LAST_DECAY, step / steps),
        _cosine(recipe.momentum, 1.0, step / steps),
        _FIRST_TEMPERATURE + (_TEMPERATURE - _FIRST_TEMPERATURE) * sharp,
    )


def frozen_steps(steps: int, steps_an_epoch: int) -> int:
    """For how many first steps the last layer of the head rests: the first epoch, as far as the learning rate
    rises."""
    return min(steps_an_epoch, int(_WARM_UP * steps))


def _cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (0.5 + 0.5 * math.cos(math.pi * share))
