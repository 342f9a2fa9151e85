"""Small fields for tests: some patches analysed, one estimated, the others not."""

from __future__ import annotations

import numpy as np

from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid

EXTENT_PX = (5000, 3100)
MPP_UM = (0.499, 0.501)


def small_field(query: str = "adipose tissue", *, extent_px: tuple[int, int] = EXTENT_PX) -> RelevanceField:
    """Scores that grow with the column; row 1 was not analysed, and row 2 only in part."""
    grid = PatchGrid.over(*extent_px, MPP_UM)
    scores = np.broadcast_to(np.linspace(0, 1, grid.columns), grid.shape)
    known = np.ones(grid.shape, bool)
    known[1] = known[2, ::2] = False
    estimated = np.zeros(grid.shape, bool)
    estimated[1, 3] = True
    provenance = Provenance(
        "measured", query, "ranks of the slide", MPP_UM, True, "2026-01-02T03:04:05Z", "Foveola 0"
    )
    return RelevanceField.of(grid, scores, known, provenance, estimated=estimated)
