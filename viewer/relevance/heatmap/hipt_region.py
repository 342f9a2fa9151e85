"""The published heatmap of a HIPT region: ranks of patches and of tokens, averaged over shifted versions.

At 16 px per canvas pixel, the side of a token, without loss: the published map is constant on tokens. Of
the four versions (shifts of 0, 128, 256 and 384 px, white beyond the region) the last two show the patches of
the first two, so two passes over the patches give all of them, each with the attention of the class token
alone in the last block, where the published procedure makes eight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.relevance.models.hipt import PATCH_PX, PATCH_WIDTH, TOKEN_PX
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE, TOKENS_A_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating]

SHIFTS_PX = (0, 128, 256, 384)
_SIDE = PATCHES_A_SIDE * TOKENS_A_SIDE


class RegionHeatmap(NamedTuple):
    """(256, 256) each, a pixel a token, 0 to 1: ranks of patches, of tokens in their patch, and blended."""

    patches: Values
    tokens: Values
    blend: Values


def patch_ranks(patches: Values, *, canvas_px: int = 4) -> Values:
    """The rank of each patch among those of its region (..., 16, 16), 0 to 1.

    ``canvas_px``: slide pixels per pixel of the published canvas, on which ranks of repeated values depend
    slightly.
    """
    shares = _shares(patches.reshape(*patches.shape[:-2], -1), (PATCH_PX // canvas_px) ** 2)
    return shares.reshape(patches.shape)


def token_ranks(tokens: Values, *, canvas_px: int = 4) -> Values:
    """The rank of each token among those of its patch (..., 16, 16), 0 to 1."""
    shares = _shares(tokens.reshape(*tokens.shape[:-2], -1), (TOKEN_PX // canvas_px) ** 2)
    return shares.reshape(tokens.shape)


def blended(patches: Values, tokens: Values) -> RegionHeatmap:
    """The map from ranks of patches (4, 16, 16) and tokens (2, 256, 16, 16), of the versions each."""
    of_patches, votes_4k = _averaged([_enlarged(one) for one in patches])
    of_tokens, votes_256 = _averaged([_joined(one) for one in tokens])
    # The published blend counts a token's vote twice.
    weights = votes_4k + 2 * votes_256
    blend = (votes_4k * of_patches + 2 * votes_256 * of_tokens) / weights
    return RegionHeatmap(of_patches, of_tokens, blend)


def flops_per_region(*, blocks: int = 12, region_blocks: int = 6) -> float:
    """Floating-point operations (two a multiplication and addition) for the map of a region as made here: two
    passes over 256 patches and one more white one, whose last block is for the class token alone.
    """
    one = _network_flops(_TOKENS, PATCH_WIDTH, blocks, class_row=True) + _embedding_flops()
    return 513 * one + 4 * _network_flops(PATCHES_A_SIDE**2 + 1, 192, region_blocks, class_row=True)


def reference_flops_per_region(*, blocks: int = 12, region_blocks: int = 6) -> float:
    """The same for the published procedure: eight whole passes, features and attention each on its own."""
    one = _network_flops(_TOKENS, PATCH_WIDTH, blocks, class_row=False) + _embedding_flops()
    return 8 * 256 * one + 8 * _network_flops(PATCHES_A_SIDE**2 + 1, 192, region_blocks, class_row=False)


_TOKENS = TOKENS_A_SIDE**2 + 1


def _network_flops(tokens: int, width: int, blocks: int, *, class_row: bool) -> float:
    """Of ``blocks`` blocks: projections and MLP 24 n w², attention 4 n² w. For the class token alone the last
    takes keys and values 4 n w², attention 4 n w, and its own query, projection and MLP 20 w²."""
    block = 24.0 * tokens * width**2 + 4.0 * tokens**2 * width
    if not class_row:
        return blocks * block
    return (blocks - 1) * block + 4.0 * tokens * width**2 + 4.0 * tokens * width + 20.0 * width**2


def _embedding_flops() -> float:
    return 2.0 * TOKENS_A_SIDE**2 * 3 * TOKEN_PX**2 * PATCH_WIDTH


def _shares(values: Values, repeats: int) -> Values:
    """Average rank over count, along the last axis, of values each repeated so many times: exactly what
    ranking all the repeated ones gives."""
    count = values.shape[-1]
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    differs = ordered[..., 1:] != ordered[..., :-1]
    ends = np.ones((*values.shape[:-1], 1), bool)
    places = np.arange(count)
    first = np.maximum.accumulate(np.where(np.concatenate([ends, differs], -1), places, 0), axis=-1)
    last = np.where(np.concatenate([differs, ends], -1), places, count)
    last = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    shares = np.empty(values.shape)
    np.put_along_axis(shares, order, (first + last + 1) / (2 * count) + 1 / (2 * repeats * count), axis=-1)
    return shares


def _enlarged(patches: Values) -> Values:
    return np.kron(patches.reshape(PATCHES_A_SIDE, PATCHES_A_SIDE), np.ones((TOKENS_A_SIDE, TOKENS_A_SIDE)))


def _joined(tokens: Values) -> Values:
    grid = tokens.reshape(PATCHES_A_SIDE, PATCHES_A_SIDE, TOKENS_A_SIDE, TOKENS_A_SIDE)
    return grid.swapaxes(1, 2).reshape(_SIDE, _SIDE)


def _averaged(versions: list[Values]) -> tuple[Values, Values]:
    """The mean of versions, each moved back to where its pixels lie, and how many there are of each pixel."""
    total, votes = np.zeros((_SIDE, _SIDE)), np.zeros((_SIDE, _SIDE))
    for shift_px, version in zip(SHIFTS_PX, versions, strict=False):
        moved = shift_px // TOKEN_PX
        total[moved:, moved:] += version[: _SIDE - moved, : _SIDE - moved]
        votes[moved:, moved:] += 1
    return total / votes, votes
