"""Where on a slide colours may lie: blended from patch to patch, they keep to the tissue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

from viewer.slide.source import TileError
from viewer.slide.thumbnail import thumbnail
from viewer.slide.tissue.mask import TissueMask, tissue_shade

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.geometry import Rect
    from viewer.slide.source import Source

_THUMBNAIL_PX = 1024
_NOMINAL_MPP_UM = 0.35  # half-way between the two usual magnifications


@dataclass(frozen=True, slots=True, eq=False)
class OverlayTissue:
    """``shade`` (height, width) uint8 over the whole slide of ``slide_px``: from 255, where a colour is drawn
    in full, down to 127, from where on it is not drawn, so that none crosses the edge to a pixel of 0."""

    shade: NDArray[np.uint8]
    slide_px: tuple[int, int]

    def patches(self, rows: int, cols: int, patch_px: tuple[float, float]) -> NDArray[np.bool_]:
        """Which patches of a grid from the slide's corner hold any tissue: (rows, columns)."""
        height, width = self.shade.shape
        step_px = self.slide_px[0] / width, self.slide_px[1] / height
        mask = TissueMask(self.shade > 0, step_px, self.slide_px, brightfield=True, reason="")
        held: NDArray[np.bool_] = mask.patch_fractions(cols, rows, *patch_px) > 0
        return held

    def fills(self, region: Rect) -> bool:
        """Whether a colour is drawn in full everywhere in a part of the slide (level-0 pixels)."""
        height, width = self.shade.shape
        per_x, per_y = width / self.slide_px[0], height / self.slide_px[1]
        # With the pixels beyond, between which and those inside the shade is blended.
        rows = slice(max(floor(region.y0 * per_y) - 1, 0), ceil(region.y1 * per_y) + 1)
        cols = slice(max(floor(region.x0 * per_x) - 1, 0), ceil(region.x1 * per_x) + 1)
        return bool(self.shade[rows, cols].min() == 255)


def overlay_tissue(source: Source, mpp_um: tuple[float, float] | None) -> OverlayTissue | None:
    """The tissue of a slide with pixels of ``mpp_um``, from a thumbnail; None where it has none. Reads tiles:
    up to some seconds."""
    try:
        picture = thumbnail(source, _THUMBNAIL_PX)[..., :3]
    except TileError:
        return None
    slide_px = source.pyramid.width, source.pyramid.height
    x_um, y_um = mpp_um or (_NOMINAL_MPP_UM, _NOMINAL_MPP_UM)
    pixel_um = x_um * slide_px[0] / picture.shape[1], y_um * slide_px[1] / picture.shape[0]
    return OverlayTissue(tissue_shade(picture, pixel_um, source.info.background_rgb), slide_px)
