"""A slide as a bag: patch features with their grid cells as input, the output of a slide head.

Every head (``gated_attention``, ``transmil``, ``span``) is a ``SlideHead``; bags are checked here before any
of them reads one. Attention weights do not explain a decision; contributions and single scores do so better
(arXiv 2603.08328) and are given wherever they have a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from viewer.common.errors import EncoderError
from viewer.relevance.models.heads import strings

if TYPE_CHECKING:
    from torch import Tensor

MAX_CELL = 1 << 30
"""The largest row or column of a cell; products of two stay within 64 bits."""


class BagError(EncoderError):
    """Patches that a slide head cannot read: the fault, and what would fit."""


@dataclass(frozen=True, slots=True)
class BagReading:
    """The output of a head for a bag of n patches; float32, patches in the order of the bag."""

    attention: Tensor
    """(rows, n): of the slide, or a row for each class, branch or head. A row is a distribution over the
    patches, but for TransMIL, whose rows may be negative and need not sum to 1."""
    probabilities: Tensor | None
    """(classes,): of the slide; one class alone is the probability of "yes". None: the file has no
    classifier, or needs more than the bag."""
    contributions: Tensor | None
    """(classes, n): the part of each patch in a class's logit; their sum is the logit less its bias. None
    where no such sum exists."""
    single: Tensor | None
    """(classes, n): the probabilities of a bag of this patch alone. None where there is no closed form."""


class SlideHead(Protocol):
    """A model of a whole slide over its patches' features."""

    layout: str
    """The name of its layout of weights."""
    feature_width: int
    classes: int
    """0 where it has no classifier."""

    def __call__(self, features: Tensor, cells: Tensor) -> Tensor:
        """(classes,) logits for (n, feature_width) features at (n, 2) cells, differentiable."""
        ...

    def read(self, features: Tensor, cells: Tensor) -> BagReading:
        """The output for a bag, without gradients. Raises BagError for a bag that does not fit."""
        ...


def check_bag(features: Tensor, cells: Tensor, *, feature_width: int) -> None:
    """Raises BagError for a bag that no head can read.

    ``features`` (n, feature_width) floating point, ``cells`` (n, 2) integers (row, column).
    """
    if features.ndim != 2 or not features.is_floating_point():
        raise BagError(strings.NOT_A_TABLE.format(shape=_shape(features), dtype=features.dtype))
    count, width = features.shape
    if width != feature_width:
        raise BagError(strings.FEATURE_WIDTH.format(expected=feature_width, found=width))
    if count == 0:
        raise BagError(strings.NO_PATCHES)
    if tuple(cells.shape) != (count, 2) or cells.is_floating_point():
        raise BagError(strings.CELL_COUNT.format(count=count, shape=_shape(cells)))
    invalid = int((~features.isfinite().all(1)).sum())
    if invalid:
        raise BagError(strings.INVALID_VALUES.format(invalid=invalid, count=count))


def check_places(cells: Tensor) -> None:
    """For a head that reads the cells: raises BagError where two patches share one or a cell is
    impossible."""
    if int(cells.max()) > MAX_CELL or int(cells.min()) < -MAX_CELL:
        raise BagError(strings.IMPOSSIBLE_PLACES)
    shared = len(cells) - len(torch.unique(cells, dim=0))
    if shared:
        raise BagError(strings.SHARED_CELLS.format(shared=shared, count=len(cells)))


def probabilities_of(logits: Tensor) -> Tensor:
    """Softmax over (…, classes); of one class alone, its sigmoid."""
    return logits.softmax(-1) if logits.shape[-1] > 1 else logits.sigmoid()


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape))
