"""Maps that are pictures: a rectangle of values, laid over the slide by its pixel size or stretched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.scores import MAX_RECTS, ImportedScores, as_float64
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid

MAX_PIXELS = 64_000_000
_PIXELS_A_PATCH = 8
_SAME_EXTENT = 0.01
_BAND_PIXELS = 250_000
_RECT_BYTES = 90
"""On the way to its score on the shared grid (measured: 81)."""
_LARGEST_SHARE = 0.35


def stretched_pixel(
    path: Path, shape: tuple[int, int], extent_px: tuple[int, int], grid: PatchGrid
) -> tuple[float, float]:
    """The size (x, y) of a pixel in level-0 px where a map of (rows, columns) covers the whole slide.

    Maps of whole squares may end a pixel before or behind the slide. Raises FeatureFileError where no square
    pixel makes the map as high and as wide as the slide.
    """
    rows, columns = shape
    if shape == grid.shape:
        return grid.patch_width_px, grid.patch_height_px
    aspect = grid.patch_width_px / grid.patch_height_px  # of a square in µm
    width, height = extent_px[0] / aspect, float(extent_px[1])
    low = max(width / (columns + 1), height / (rows + 1))
    high = min(width / max(columns - 1, 0.5), height / max(rows - 1, 0.5))
    if low > high:
        raise FeatureFileError(
            path,
            strings.OF_OTHER_SHAPE.format(
                columns=columns, rows=rows, width=extent_px[0], height=extent_px[1]
            ),
        )
    return extent_px[0] / columns, extent_px[1] / rows


def covers(shape: tuple[int, int], pixel_px: tuple[float, float], extent_px: tuple[int, int]) -> bool:
    """Whether a map of (rows, columns) with pixels of this size is as large as the slide."""
    sizes = zip((shape[1], shape[0]), pixel_px, extent_px, strict=True)
    return all(abs(count * px - side) <= max(2 * px, _SAME_EXTENT * side) for count, px, side in sizes)


def raster_scores(
    path: Path,
    values: NDArray[Any],
    pixel_px: tuple[float, float],
    extent_px: tuple[int, int],
    grid: PatchGrid,
    *,
    producer: str,
    column: str,
    notes: tuple[str, ...] = (),
    largest: float = 1.0,
) -> ImportedScores:
    """A map (rows, columns) with the slide's corner, NaN where unknown.

    Pixels much smaller than a patch are averaged first, a few rows at a time. Raises FeatureFileError for a
    map that is too fine even so, or for the memory that is free.
    """
    step_x = max(1, int(grid.patch_width_px / _PIXELS_A_PATCH / pixel_px[0] + 1e-6))
    step_y = max(1, int(grid.patch_height_px / _PIXELS_A_PATCH / pixel_px[1] + 1e-6))
    rows, columns = -(-values.shape[0] // step_y), -(-values.shape[1] // step_x)
    if rows * columns > MAX_RECTS:
        raise FeatureFileError(path, strings.MAP_TOO_FINE.format(columns=columns, rows=rows))
    if rows * columns * _RECT_BYTES > psutil.virtual_memory().available * _LARGEST_SHARE:
        raise FeatureFileError(path, strings.MAP_EXCEEDS_MEMORY.format(columns=columns, rows=rows))
    reduced = np.full((rows, columns), np.nan)
    band = max(1, _BAND_PIXELS // (step_y * values.shape[1]))
    blank = 0
    for row in range(0, rows, band):
        part = as_float64(values[row * step_y : (row + band) * step_y])
        blank += part.size - int(np.isfinite(part).sum())
        reduced[row : row + band] = _block_means(part, step_x, step_y)
    side_x, side_y = pixel_px[0] * step_x, pixel_px[1] * step_y
    reduced[np.arange(rows) * side_y >= extent_px[1] - 1e-6] = np.nan
    reduced[:, np.arange(columns) * side_x >= extent_px[0] - 1e-6] = np.nan
    places = np.flatnonzero(np.isfinite(reduced))
    if not len(places):
        raise FeatureFileError(path, strings.NONE_IS_A_NUMBER.format(column=column))
    scores = reduced.reshape(-1)[places]
    rects = np.empty((len(places), 4))
    rects[:, 0], rects[:, 1] = places % columns * side_x, places // columns * side_y
    np.minimum(rects[:, 0] + side_x, extent_px[0], out=rects[:, 2])
    np.minimum(rects[:, 1] + side_y, extent_px[1], out=rects[:, 3])
    if blank and producer != "Foveola":  # its maps leave out what was not analysed
        notes += (strings.WITHOUT_NUMBERS.format(blank=blank, total=values.size),)
    return ImportedScores(producer, column, rects, scores, notes=notes, largest=largest)


def _block_means(values: NDArray[np.float64], step_x: int, step_y: int) -> NDArray[np.float64]:
    """Means of blocks, NaN where less than half of a block's pixels are numbers."""
    height, width = values.shape
    padding = ((0, -height % step_y), (0, -width % step_x))
    finite = np.isfinite(values)
    with np.errstate(over="ignore"):  # a sum beyond all numbers is none: unknown
        total, count, all_of = (
            np.pad(part, padding).reshape(-(-height // step_y), step_y, -1, step_x).sum(axis=(1, 3))
            for part in (np.where(finite, values, 0.0), finite, np.ones(values.shape, bool))
        )
    mean = np.full(total.shape, np.nan)
    np.divide(total, count, out=mean, where=(2 * count >= all_of) & (count > 0))
    return mean
