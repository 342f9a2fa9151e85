"""Parts of a patch: each quarter of the slide once, with the patch that holds its middle."""

from __future__ import annotations

import numpy as np

from viewer.relevance.patches.parts import PARTS, parts_of_patches


def test_a_part_belongs_to_the_patch_that_holds_its_middle() -> None:
    # Values at every quarter of 2 × 3 patches, from a quarter before the first: their middles, in quarters.
    middles = np.stack(np.meshgrid(np.arange(9), np.arange(13), indexing="ij"), axis=-1).astype(np.float32)
    parts = parts_of_patches(middles)
    assert parts.shape == (2, 3, PARTS, 2)
    for row in range(2):
        for col in range(3):
            assert (parts[row, col] // 4 == (row, col)).all()
    assert len(np.unique(parts.reshape(-1, 2), axis=0)) == 2 * 3 * PARTS
