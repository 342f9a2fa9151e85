"""The attention of a hierarchical encoder: of regions, patches and tokens over one slide's grid.

All values are relative to uniform attention: 1 means an equal share among the tokens of a patch, the patches
of a region or the regions of a slide. Kept as codes of 8 bits (``patches.attention_codes``), a head each, so
that heads and modes are chosen later without computing anything anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from viewer.relevance.attention import strings
from viewer.relevance.patches.attention_codes import (
    PATCHES_A_SIDE,
    TOKENS,
    TOKENS_A_SIDE,
    log_codes,
    relative_of_codes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PATCHES_AT_ONCE = 4096
"""A table of the tokens of all of a slide's patches would not fit the memory."""
MEAN, MAX = "mean", "max"
Head = int | str
"""One head by its number from 0, or MEAN or MAX over all heads."""


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention of a slide as far as it is known.

    ``tokens`` uint8 (heads, rows, columns, 256), ``patches`` uint8 (heads, rows, columns) and ``regions``
    uint8 (rows / 16, columns / 16, rounded up) are codes; ``tokens_known`` and ``patches_known`` bool (rows,
    columns). ``tissue``: elsewhere is glass, which gets no attention.
    """

    tokens: NDArray[np.uint8]
    patches: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    tokens_known: NDArray[np.bool_]
    patches_known: NDArray[np.bool_]
    tissue: NDArray[np.bool_]


def patch_codes(attention: Attention, head: Head, *, percentiles: bool) -> NDArray[np.uint8]:
    """The codes of patches (rows, columns) for a head, 0 on glass and where nothing is known.

    ``percentiles``: the place of a patch among those of tissue in its region, instead of its attention.
    """
    codes, known = attention.patches, attention.tissue & attention.patches_known
    if percentiles:
        codes = np.stack([_ranked_in_regions(one, known) for one in codes])
    chosen = _chosen(codes, head, percentiles=percentiles)
    return np.where(known, chosen, 0).astype(np.uint8)


def token_codes(attention: Attention, head: Head, *, percentiles: bool) -> NDArray[np.uint8]:
    """The codes of tokens (rows · 16, columns · 16) for a head, 0 where nothing is known; ``percentiles``:
    among those of their patch.
    """
    check_head(head, len(attention.tokens))
    known = np.argwhere(attention.tokens_known)
    height, width = attention.tokens_known.shape
    plane = np.zeros((height, TOKENS_A_SIDE, width, TOKENS_A_SIDE), np.uint8)
    for start in range(0, len(known), _PATCHES_AT_ONCE):
        rows, cols = known[start : start + _PATCHES_AT_ONCE].T
        codes = attention.tokens[:, rows, cols]
        chosen = _chosen(_ranked(codes) if percentiles else codes, head, percentiles=percentiles)
        plane[rows, :, cols] = chosen.reshape(-1, TOKENS_A_SIDE, TOKENS_A_SIDE)
    return plane.reshape(height * TOKENS_A_SIDE, width * TOKENS_A_SIDE)


def check_head(head: Head, heads: int) -> None:
    """Raises ValueError for a head that an encoder with ``heads`` lacks; its message counts heads from 1."""
    if head not in (MEAN, MAX) and not (isinstance(head, int) and 0 <= head < heads):
        named = head + 1 if isinstance(head, int) else repr(head)
        reason = strings.NO_HEAD if heads > 1 else strings.NO_OTHER_HEAD
        raise ValueError(reason.format(head=named, mean=MEAN, max=MAX, heads=heads))


def _chosen(codes: NDArray[np.uint8], head: Head, *, percentiles: bool) -> NDArray[np.uint8]:
    """One of the heads along the first axis, or their mean or maximum."""
    check_head(head, len(codes))
    if isinstance(head, int):
        return codes[head]
    if head == MAX:
        return codes.max(axis=0)
    if percentiles:
        return np.rint(codes.mean(axis=0)).astype(np.uint8)
    return log_codes(relative_of_codes()[codes].mean(axis=0))


def _ranked(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes 0 to 255 for ranks along the last axis of 256, ties in their middle."""
    flat = codes.reshape(-1, TOKENS)
    ranked = np.empty_like(flat)
    for start in range(0, len(flat), _PATCHES_AT_ONCE):
        some = flat[start : start + _PATCHES_AT_ONCE]
        places = some + np.arange(0, 256 * len(some), 256)[:, None]
        same = np.bincount(places.ravel(), minlength=256 * len(some)).reshape(-1, 256)
        middles = np.minimum(same.cumsum(1) - same + same // 2, 255).astype(np.uint8)
        ranked[start : start + _PATCHES_AT_ONCE] = middles.ravel()[places]
    return ranked.reshape(codes.shape)


def _ranked_in_regions(codes: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Codes 0 to 255 for ranks among the known patches of each region, ties in their middle."""
    ranked = np.zeros_like(codes)
    side = PATCHES_A_SIDE
    for row in range(0, codes.shape[0], side):
        for col in range(0, codes.shape[1], side):
            area = slice(row, row + side), slice(col, col + side)
            here = known[area]
            values = codes[area][here].astype(np.int16)
            if values.size:
                below = (values[None, :] < values[:, None]).sum(1)
                same = (values[None, :] == values[:, None]).sum(1)
                ranked[area][here] = np.minimum((below + same / 2) * 255 / values.size, 255).astype(np.uint8)
    return ranked


Number = TypeVar("Number", bound=np.generic)


def patch_attention(attention: Attention, head: Head) -> NDArray[np.float32]:
    """The attention of patches (rows, columns) on the slide, relative to uniform: that of their region times
    that in it; 0 on glass and where nothing is known. Raises ValueError for a head that is not there."""
    check_head(head, len(attention.patches))
    relative = relative_of_codes()
    codes = patch_codes(attention, head, percentiles=False)
    values: NDArray[np.float32] = relative[codes] * relative[per_patch(attention.regions, codes.shape)]
    return values


def token_attention(attention: Attention, *, token_head: Head, patch_head: Head) -> NDArray[np.float32]:
    """The attention of tokens (rows · 16, columns · 16) on the slide, relative to uniform: the product of all
    levels; NaN on glass and where not all is known. Raises ValueError for a head that is not there."""
    check_head(token_head, len(attention.tokens))
    patches = patch_attention(attention, patch_head)
    known = attention.tissue & attention.patches_known & attention.tokens_known
    values = relative_of_codes()[token_codes(attention, token_head, percentiles=False)]
    rows, cols = known.shape
    of_patches = values.reshape(rows, TOKENS_A_SIDE, cols, TOKENS_A_SIDE)
    of_patches *= np.where(known, patches, np.float32(np.nan))[:, None, :, None]
    return values


def per_patch(regions: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Values of regions at their patches, cut to ``shape`` (rows, columns)."""
    rows, cols = shape
    return np.repeat(np.repeat(regions, PATCHES_A_SIDE, 0), PATCHES_A_SIDE, 1)[:rows, :cols]


def per_token(values: NDArray[Number]) -> NDArray[Number]:
    """Values of patches (rows, columns) at their tokens (rows · 16, columns · 16)."""
    return np.repeat(np.repeat(values, TOKENS_A_SIDE, 0), TOKENS_A_SIDE, 1)
