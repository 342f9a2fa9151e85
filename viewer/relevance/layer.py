"""A field as what is drawn over the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.view.overlay import OverlayLayer

if TYPE_CHECKING:
    from viewer.relevance.field import RelevanceField


def layer_from_field(field: RelevanceField, *, sequence: int = 0) -> OverlayLayer:
    """The field's scores in 8 bits. ``sequence`` tells it from other layers of the same name."""
    return OverlayLayer(
        scores=np.rint(field.scores * 255).astype(np.uint8),
        known=field.known,
        estimated=field.estimated,
        patch_width_px=field.grid.patch_width_px,
        patch_height_px=field.grid.patch_height_px,
        sequence=sequence,
    )
