"""A few patches of a slide's tissue, by which an encoder judges the slide as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.patches.grid import PATCH_UM
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

_SAMPLES, _SIDE_PX = 24, 128
_LEAST_TISSUE = 0.3


def tissue_sample(source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> NDArray[np.uint8]:
    """Up to 24 patches (n, 128, 128, 3) of 128 µm, spread evenly over the tissue; without one that holds
    enough, those that hold any. Patches that cannot be read are left out."""
    step_px = PATCH_UM / mpp_um[0], PATCH_UM / mpp_um[1]
    columns, rows = (max(1, int(side / step)) for side, step in zip(tissue.extent_px, step_px, strict=True))
    fraction = tissue.patch_fractions(columns, rows, *step_px)
    found = _read(source, np.argwhere(fraction >= _LEAST_TISSUE), step_px)
    return found if len(found) else _read(source, np.argwhere(fraction > 0), step_px)


def _read(source: Source, cells: NDArray[np.int64], step_px: tuple[float, float]) -> NDArray[np.uint8]:
    """Some of the cells (row, column)."""
    chosen = cells[np.linspace(0, len(cells) - 1, min(_SAMPLES, len(cells))).astype(int)]
    found = []
    for row, col in chosen.tolist():
        x, y = col * step_px[0], row * step_px[1]
        try:
            found.append(
                read_region(source, Rect(x, y, x + step_px[0], y + step_px[1]), (_SIDE_PX, _SIDE_PX))
            )
        except TileError:
            continue
    return np.array(found, np.uint8).reshape(-1, _SIDE_PX, _SIDE_PX, 3)
