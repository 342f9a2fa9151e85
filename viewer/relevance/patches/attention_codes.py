"""Attention as 8-bit codes, in octaves around uniform attention; patches and tokens per side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATCHES_A_SIDE = 16
"""Of a region."""
TOKENS_A_SIDE = 16
"""Of a patch."""
MIDDLE = 128
CODES_PER_OCTAVE = 16
OCTAVES = 6
"""Of attention from clear to full colour: an eighth of the average to eight times as much."""


def log_codes(relative: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Codes of attention over its average: 8 octaves either way; 0 attention gets code 0."""
    with np.errstate(divide="ignore"):
        octaves = np.log2(np.maximum(relative, 0))
    codes: NDArray[np.uint8] = np.clip(np.rint(MIDDLE + CODES_PER_OCTAVE * octaves), 0, 255).astype(np.uint8)
    return codes


def relative_of_codes() -> NDArray[np.float32]:
    """The attention over its average of each of the 256 codes; 0 for code 0."""
    relative = np.exp2((np.arange(256, dtype=np.float32) - MIDDLE) / CODES_PER_OCTAVE)
    relative[0] = 0
    return relative.astype(np.float32)


TOKENS = TOKENS_A_SIDE**2
PATCHES = PATCHES_A_SIDE**2
