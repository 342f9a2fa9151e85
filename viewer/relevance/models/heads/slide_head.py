"""A slide as a bag: patch features with their grid cells going in, what a slide head says of them coming out.

Every head (``gated_attention``, ``transmil``, ``span``) is a ``SlideHead``; a bag is checked here, before any
of them sees it. Attention is where a head looks, not why it decides; contributions and single scores say more
(arXiv 2603.08328) and are given wherever they have a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from viewer.common.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor

MAX_CELL = 1 << 30
"""A cell's row or column beyond this is no place on a slide; products of two stay within 64 bits."""


class BagError(EncoderError):
    """Patches that a slide head cannot read: what is wrong with them, what fits."""


@dataclass(frozen=True, slots=True)
class BagReading:
    """What a head says of one bag of n patches; float32, patches in the order in which they were given."""

    attention: Tensor
    """(rows, n): of the slide, or a row for each class, branch or head. A row is a distribution over the
    patches, but for TransMIL, whose rows may be negative and need not sum to 1."""
    probabilities: Tensor | None
    """(classes,): of the slide; one class alone is the probability of "yes". None: the file has no
    classifier, or needs more than the bag."""
    contributions: Tensor | None
    """(classes, n): what each patch adds to a class's logit; their sum is the logit less its bias. None where
    no such sum exists."""
    single: Tensor | None
    """(classes, n): the probabilities of a bag of this patch alone. None where there is no closed form."""


class SlideHead(Protocol):
    """A model of a whole slide over its patches' features."""

    layout: str
    """Whose layout of weights it came in, in words."""
    feature_width: int
    classes: int
    """0 where it has no classifier."""

    def __call__(self, features: Tensor, cells: Tensor) -> Tensor:
        """(classes,) logits for (n, feature_width) features at (n, 2) cells, differentiable."""
        ...

    def read(self, features: Tensor, cells: Tensor) -> BagReading:
        """All that is said of a bag, without gradients. Raises BagError for a bag that does not fit."""
        ...


def check_bag(features: Tensor, cells: Tensor, *, feature_width: int) -> None:
    """Refuse what no head can read: raises BagError, with what it is and what fits.

    ``features`` (n, feature_width) floating point, ``cells`` (n, 2) integers (row, column).
    """
    if features.ndim != 2 or not features.is_floating_point():
        raise BagError(f"features are a table of patches × values, not {_shape(features)} {features.dtype}")
    count, width = features.shape
    if width != feature_width:
        raise BagError(
            f"the slide head reads {feature_width} values a patch and these features have {width}: "
            "use the features of the encoder that it was trained on"
        )
    if count == 0:
        raise BagError("the slide has no patches to read")
    if tuple(cells.shape) != (count, 2) or cells.is_floating_point():
        raise BagError(
            f"{count} patches need {count} cells of row and column as whole numbers, not {_shape(cells)}"
        )
    broken = int((~features.isfinite().all(1)).sum())
    if broken:
        raise BagError(
            f"{broken} of {count} patches hold values that are not numbers; "
            "leave them out or encode them again"
        )


def check_places(cells: Tensor) -> None:
    """For a head that reads the cells: raises BagError where two patches share one or a cell is absurd."""
    if int(cells.max()) > MAX_CELL or int(cells.min()) < -MAX_CELL:
        raise BagError("some patches lie where no slide reaches; their coordinates are damaged")
    shared = len(cells) - len(torch.unique(cells, dim=0))
    if shared:
        raise BagError(
            f"{shared} of {len(cells)} patches share a grid cell with another; "
            "cells are coordinates divided by the patch size of the same level"
        )


def probabilities_of(logits: Tensor) -> Tensor:
    """Softmax over (…, classes); of one class alone, its sigmoid."""
    return logits.softmax(-1) if logits.shape[-1] > 1 else logits.sigmoid()


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape))
