"""The magnification at which a patch is encoded with the tokens of its budget. Pure.

A network of 16-px tokens covers 128 µm with side × side tokens at 8 / side µm per pixel: 64 tokens are 1 µm,
256 are 0.5 µm, at which HIPT was trained, 400 are 0.4 µm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = (8, 10, 12, 14, 16, 18, 20)
"""Tokens along a patch; 16 is the uniform one, whose features the store keeps."""


def sides_for(tokens: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The largest of ``SIDES`` with at most so many tokens, in their shape; the smallest where none has."""
    sides = np.array(SIDES, np.uint8)
    index = np.searchsorted(sides.astype(np.int64) ** 2, tokens, side="right") - 1
    chosen: NDArray[np.uint8] = sides[np.maximum(index, 0)]
    return chosen


def share_of_uniform(side: int) -> float:
    """Tokens of a patch over those of a uniform one, at most 1."""
    return min(1.0, (side / TOKENS_A_SIDE) ** 2)


def resampled(attention: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Attention relative to even (..., side · side) as that of 16 × 16 tokens (..., 256).

    Each of these gets the mean over the area it covers: the mean over the patch stays as it is.
    """
    if side == TOKENS_A_SIDE:
        return attention
    edges = np.arange(TOKENS_A_SIDE + 1) * (side / TOKENS_A_SIDE)
    cells = np.arange(side)
    begins, ends = edges[:-1, None], edges[1:, None]
    overlap = np.clip(np.minimum(ends, cells + 1) - np.maximum(begins, cells), 0, None)
    weights = (overlap / overlap.sum(1, keepdims=True)).astype(np.float32)
    square = attention.reshape(*attention.shape[:-1], side, side)
    return (weights @ square @ weights.T).reshape(*attention.shape[:-1], TOKENS_A_SIDE**2)
