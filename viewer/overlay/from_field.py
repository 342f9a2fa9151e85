"""Overlay layers of fields and of attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.overlay.attention_look import HierarchyLevels
from viewer.overlay.layer import OverlayLayer
from viewer.relevance.attention.slide_attention import patch_codes, token_codes
from viewer.relevance.patches.attention_codes import MIDDLE

if TYPE_CHECKING:
    from viewer.relevance.attention.slide_attention import Attention, Head
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.grid import PatchGrid


def layer_from_field(field: RelevanceField, *, sequence: int = 0) -> OverlayLayer:
    """The field's scores in 8 bits. ``sequence`` distinguishes it from other layers of the same name."""
    return OverlayLayer(
        scores=np.rint(field.scores * 255).astype(np.uint8),
        known=field.known,
        estimated=field.estimated,
        patch_width_px=field.grid.patch_width_px,
        patch_height_px=field.grid.patch_height_px,
        sequence=sequence,
    )


def layer_from_attention(
    attention: Attention, grid: PatchGrid, *, mode: str, token_head: Head, patch_head: Head, sequence: int = 0
) -> OverlayLayer:
    """Attention of one head for tokens and one for patches, in the codes of ``mode`` (one of
    ``viewer.overlay.attention_look.MODES``). A patch with known tokens only is estimated as average in its
    region. Raises ValueError for a head that does not exist.
    """
    percentiles = mode == "blend"
    glass = ~attention.tissue
    tokens_only = attention.tokens_known & ~attention.patches_known & attention.tissue
    patches = patch_codes(attention, patch_head, percentiles=percentiles)
    patches = np.where(attention.tissue, np.maximum(patches, 1), 0)  # 0 is glass
    return OverlayLayer(
        scores=np.where(tokens_only, np.uint8(MIDDLE), patches).astype(np.uint8),
        known=attention.patches_known | glass,
        estimated=tokens_only,
        patch_width_px=grid.patch_width_px,
        patch_height_px=grid.patch_height_px,
        sequence=sequence,
        levels=HierarchyLevels(
            attention.regions,
            token_codes(attention, token_head, percentiles=percentiles),
            attention.tokens_known | glass,
        ),
    )
