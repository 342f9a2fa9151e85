"""Where on a slide colours may lie: blended from patch to patch, they keep to the tissue. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viewer.overlay.counted_mask import CountedMask
from viewer.slide.source import TileError
from viewer.slide.thumbnail import thumbnail
from viewer.slide.tissue.mask import TissueMask, tissue_shade

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.source import Source

_THUMBNAIL_PX = 1024
_NOMINAL_MPP_UM = 0.35  # half-way between the two usual magnifications
_LEAST_COLOURED, _FULL = 128, 255


@dataclass(frozen=True, slots=True, eq=False)
class OverlayTissue:
    """``shade`` (height, width) uint8 over the whole slide of ``slide_px``: from 255, where a colour is drawn
    in full, down to 127, from where on it is not drawn, so that none crosses the edge to a pixel of 0."""

    shade: NDArray[np.uint8]
    slide_px: tuple[int, int]
    faint: CountedMask = field(init=False, repr=False)
    """Where a colour is not drawn in full, and where it is drawn at all, each with the pixels beside, with
    which a pixel is blended."""
    coloured: CountedMask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        height, width = self.shade.shape
        step_px = self.slide_px[0] / width, self.slide_px[1] / height
        object.__setattr__(self, "faint", CountedMask(self.shade < _FULL, step_px, margin=1))
        object.__setattr__(self, "coloured", CountedMask(self.shade >= _LEAST_COLOURED, step_px, margin=1))

    def patches(self, rows: int, cols: int, patch_px: tuple[float, float]) -> NDArray[np.bool_]:
        """Which patches of a grid from the slide's corner hold any tissue: (rows, columns)."""
        height, width = self.shade.shape
        step_px = self.slide_px[0] / width, self.slide_px[1] / height
        mask = TissueMask(self.shade > 0, step_px, self.slide_px, brightfield=True, reason="")
        held: NDArray[np.bool_] = mask.patch_fractions(cols, rows, *patch_px) > 0
        return held


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
