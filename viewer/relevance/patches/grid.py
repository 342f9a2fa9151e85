"""The grid of patches that all encoders share: squares of 128 µm from the slide's corner. Pure.

128 µm is a patch of HIPT: 256 px at 0.5 µm/px (Chen et al., CVPR 2022). One grid for all makes their fields
comparable and combinable. Rows and columns count from the corner of the level-0 image, as its tiles do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches import strings
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATCH_UM = 128.0
LEAST_PATCH_PX, MAX_PATCH_PX = 16, 6_400
"""Fewer pixels a side hold no cell; more are those of no light microscope (0.02 µm/px)."""
MAX_PATCHES = 4_000_000
"""A slide of 25 × 25 cm. More means a wrong pixel size."""


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """Columns × rows of patches, each ``patch_width_px`` × ``patch_height_px`` level-0 pixels.

    The last column and row reach beyond the slide where it is not a whole number of patches wide.
    """

    columns: int
    rows: int
    patch_width_px: float
    patch_height_px: float

    @staticmethod
    def over(width_px: int, height_px: int, mpp_um: tuple[float, float]) -> PatchGrid:
        """The grid that covers a slide of this size with pixels of this size (x, y).

        Raises ValueError where the pixel size cannot be right: a patch of fewer than 16 or of more than
        6,400 pixels a side, or more than four million patches.
        """
        least_um, most_um = PATCH_UM / MAX_PATCH_PX, PATCH_UM / LEAST_PATCH_PX
        if not all(least_um <= mpp <= most_um for mpp in mpp_um):
            raise ValueError(
                strings.IMPOSSIBLE_PIXELS.format(
                    x_um=mpp_um[0], y_um=mpp_um[1], least_um=least_um, most_um=most_um
                )
            )
        patch_width_px, patch_height_px = PATCH_UM / mpp_um[0], PATCH_UM / mpp_um[1]
        columns, rows = ceil(width_px / patch_width_px), ceil(height_px / patch_height_px)
        if columns * rows > MAX_PATCHES:
            width_mm, height_mm = width_px * mpp_um[0] / 1000, height_px * mpp_um[1] / 1000
            raise ValueError(
                strings.IMPOSSIBLE_SLIDE.format(
                    x_um=mpp_um[0], y_um=mpp_um[1], width_mm=width_mm, height_mm=height_mm
                )
            )
        return PatchGrid(columns, rows, patch_width_px, patch_height_px)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), the shape of every array over the grid."""
        return self.rows, self.columns

    @property
    def patch_count(self) -> int:
        return self.rows * self.columns

    def rect(self, row: int, col: int, rows: int = 1, cols: int = 1) -> Rect:
        """A block of patches in slide space."""
        return Rect(
            col * self.patch_width_px,
            row * self.patch_height_px,
            (col + cols) * self.patch_width_px,
            (row + rows) * self.patch_height_px,
        )

    def coords(self) -> NDArray[np.int64]:
        """Top left corners (rows · columns, 2) as x, y in level-0 px, row by row, rounded to whole pixels."""
        x = np.rint(np.arange(self.columns) * self.patch_width_px).astype(np.int64)
        y = np.rint(np.arange(self.rows) * self.patch_height_px).astype(np.int64)
        return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).reshape(-1, 2)

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """(row, col) of the patch that holds a slide point; None outside the grid."""
        col, row = int(x // self.patch_width_px), int(y // self.patch_height_px)
        return (row, col) if 0 <= row < self.rows and 0 <= col < self.columns else None
