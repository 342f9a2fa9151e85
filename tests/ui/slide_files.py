"""Small slide files for windows to open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

if TYPE_CHECKING:
    from pathlib import Path

SLIDE_PX = (700, 500)


def write_slide(
    path: Path, *, mpp_um: float | None = None, colour: tuple[int, int, int] = (190, 90, 140)
) -> Path:
    """A tiled TIFF of 700 × 500 px in one colour, with a pixel size if one is given."""
    pixels = np.full((SLIDE_PX[1], SLIDE_PX[0], 3), colour, np.uint8)
    resolution = {} if mpp_um is None else {"resolution": (1e4 / mpp_um, 1e4 / mpp_um), "resolutionunit": 3}
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", compression="deflate", **resolution)
    return path
