"""Overlays over the whole slide as a small picture, without OpenGL: for the navigator. Pure.

Draws as shaders/overlay.frag does, but without blending between patches, which would not show at this size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.overlay.attention_look import HierarchyLook, composed
from viewer.overlay.colour_map import colour_maps
from viewer.overlay.layer import cover, in_range
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE, TOKENS_A_SIDE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from viewer.overlay.layer import Overlay

    Indices = NDArray[np.intp]

_HATCH_STEP_PX = 6
_DOT_STEP_PX = 3
_BETWEEN_DOTS = 0.45
_HATCH_GREY, _HATCH_ALPHA = 0.35, 0.6
_LEAST_HATCH_OPACITY = 0.4
_BEFORE_TOKENS_PX = 2.0 * TOKENS_A_SIDE
"""A patch of this size shows no tokens yet."""


def overlay_picture(
    overlays: Iterable[Overlay], slide_px: tuple[float, float], size_px: tuple[int, int]
) -> NDArray[np.uint8]:
    """(h, w, 4) RGBA with premultiplied alpha, of a slide of ``slide_px`` level-0 pixels on ``size_px``.

    Flashlights are ignored here: their layers are shown whole. Contours would not show: a layer of contours
    alone is filled.
    """
    width, height = size_px
    x_px, y_px = np.arange(width), np.arange(height)
    slide_x, slide_y = (x_px + 0.5) * (slide_px[0] / width), (y_px + 0.5) * (slide_px[1] / height)
    hatched = ((x_px[None, :] + y_px[:, None]) % _HATCH_STEP_PX == 0) * _HATCH_ALPHA
    dotted = (x_px[None, :] % _DOT_STEP_PX == 0) & (y_px[:, None] % _DOT_STEP_PX == 0)
    picture = np.zeros((height, width, 4), np.float32)
    for overlay in overlays:
        _name, layer, look = overlay
        height_patches, width_patches = layer.scores.shape
        rows = np.minimum((slide_y / layer.patch_height_px).astype(np.intp), height_patches - 1)
        cols = np.minimum((slide_x / layer.patch_width_px).astype(np.intp), width_patches - 1)
        cells = np.ix_(rows, cols)
        known, estimated = layer.known[cells], layer.estimated[cells]
        patch_px = layer.patch_width_px * width / slide_px[0]
        likeness = _likeness(overlay, rows, cols, patch_px=patch_px)
        covered = cover(likeness, look.threshold, look.ends)
        covered = np.where(layer.glass[cells], 0, covered)
        covered = np.where(estimated & ~dotted, covered * _BETWEEN_DOTS, covered)
        reached = known | estimated
        hatching = max(look.opacity, _LEAST_HATCH_OPACITY) * hatched
        alpha = np.where(reached, look.opacity * covered, hatching).astype(np.float32)[..., None]
        entries = np.rint(in_range(likeness, look.ends) * 255).astype(np.uint8)
        colour = np.where(reached[..., None], colour_maps()[look.colour_map][entries] / 255, _HATCH_GREY)
        picture = picture * (1 - alpha) + np.concatenate([colour * alpha, alpha], axis=-1)
    return np.rint(picture * 255).astype(np.uint8)


def _likeness(overlay: Overlay, rows: Indices, cols: Indices, *, patch_px: float) -> NDArray[np.float32]:
    """Of the patches (rows, columns). Tokens are too small here: their patches are drawn instead."""
    layer, hierarchy = overlay.layer, overlay.look.hierarchy
    scores = layer.scores[np.ix_(rows, cols)]
    if layer.levels is None:
        return scores.astype(np.float32) / np.float32(255)
    if hierarchy.level == "token":
        hierarchy = HierarchyLook(hierarchy.mode, "patch")
    regions = layer.levels.regions[np.ix_(rows // PATCHES_A_SIDE, cols // PATCHES_A_SIDE)]
    return composed(regions, scores, scores, hierarchy.weights(min(patch_px, _BEFORE_TOKENS_PX)))
