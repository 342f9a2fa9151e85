"""Scores of another program as they come out of a file, checked against the slide and put on the shared grid.

Every format becomes rectangles of the slide with one score each. What no rectangle covers stays unknown:
that is never the same as low.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.coverage import lay_polygons
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PatchGrid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.overlay.outlines import Outlines
    from viewer.relevance.exchange.coverage import Polygons

    _Places = NDArray[np.float64]

MAX_RECTS = 16_000_000
_MAX_STEPS = 400_000_000
_AT_ONCE = 1 << 18
_LEAST_AT_ONCE = 1000
"""So many take as long as one."""
_LEAST_COVERED = 0.5
_RANK_STEPS = 100
_ROUNDING = 0.02
"""Corners in whole pixels make neighbours overlap by less than this part of the smaller area."""


@dataclass(frozen=True, slots=True)
class ImportedScores:
    """``rects`` (n, 4) float64 as x0, y0, x1, y1 in level-0 px, ``scores`` (n,) float64, NaN where the file
    has no score.

    ``scale``: ``range`` keeps scores from 0 to 1 and stretches others over their range, ``rank`` replaces
    them by their rank, as CLAM draws its attention. ``objects``: cells or points, that are counted by their
    centres, instead of tiles, that are weighted by their area. ``notes``: assumptions, in sentences.
    ``largest``: the number in the file of a score of 1, where its whole numbers were taken as parts of it.
    ``polygons``: the true outlines of those rectangles that are only boxes around them. ``outlines``: what
    the file annotates; a file of that alone has no rectangles.
    """

    producer: str
    column: str
    rects: NDArray[np.float64]
    scores: NDArray[np.float64]
    scale: Literal["range", "rank"] = "range"
    objects: bool = False
    notes: tuple[str, ...] = ()
    polygons: Polygons | None = None
    outlines: Outlines | None = None
    largest: float = 1.0


@dataclass(frozen=True, slots=True)
class MapRequest:
    """The slide that a map is laid over (``extent_px``: width, height in level-0 px), and the
    user's choices: ``column`` of several, ``patch_px`` the side of patches where the file has none.
    """

    extent_px: tuple[int, int]
    grid: PatchGrid
    mpp_estimated: bool
    column: str | None
    patch_px: float | None


class SeveralColumnsError(FeatureFileError):
    """A file with several columns of scores, of which none was chosen: ``names``."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        listed = ", ".join(repr(name[:80]) for name in sorted(names)[:20])
        super().__init__(path, strings.SEVERAL_COLUMNS.format(names=listed))
        self.names = tuple(names)


def as_float64(values: NDArray[Any]) -> NDArray[np.float64]:
    """The numbers of a file, some of which may be NaNs that numpy warns of."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values, np.float64)


def chosen_column(path: Path, names: Sequence[str], chosen: str | None) -> str:
    """The ``chosen`` column, or the only one. Raises FeatureFileError, which names them all."""
    if chosen is not None and chosen in names:
        return chosen
    listed = ", ".join(repr(name[:80]) for name in sorted(names)[:20]) or "none"
    if not names:
        raise FeatureFileError(path, strings.NO_SCORES)
    if chosen is not None:
        raise FeatureFileError(path, strings.NO_SUCH_COLUMN.format(column=chosen[:80], names=listed))
    if len(names) > 1:
        raise SeveralColumnsError(path, names)
    return names[0]


def check_own_size(
    path: Path, patches: float | None, mpp_um: tuple[float, float], extent_px: tuple[int, int]
) -> None:
    """Check the number of ``patches`` in our own exports, at pixels of ``mpp_um`` (x, y); None passes.
    Raises FeatureFileError where this slide differs by more than a row and a column.
    """
    try:
        grid = PatchGrid.over(*extent_px, mpp_um)
    except ValueError as error:
        raise FeatureFileError(path, strings.OF_ANOTHER_SLIDE.format(error=error)) from error
    if patches is not None and abs(patches - grid.patch_count) > grid.rows + grid.columns:
        raise FeatureFileError(
            path, strings.OF_OTHER_PATCHES.format(found=patches, expected=grid.patch_count)
        )


def check_places(path: Path, imported: ImportedScores, extent_px: tuple[int, int]) -> None:
    """Raises FeatureFileError where the places are no numbers, or do not lie on the slide."""
    rects, (width, height) = imported.rects, extent_px
    if not len(rects):
        raise FeatureFileError(path, strings.NO_PLACES)
    if len(rects) != len(imported.scores):
        raise FeatureFileError(
            path, strings.SCORES_PER_PLACE.format(scores=len(imported.scores), places=len(rects))
        )
    if not np.isfinite(rects).all():
        raise FeatureFileError(path, strings.COORDINATES_NOT_FINITE)
    if (rects[:, 2:] < rects[:, :2]).any():
        raise FeatureFileError(path, strings.NEGATIVE_SIZE)
    if (rects[:, :2] < -rects[:, 2:]).any():  # centres beside it, and no sum of numbers too large for one
        raise FeatureFileError(
            path,
            strings.NEGATIVE_COORDINATES,
        )
    if (rects[:, :2] >= (width, height)).any():  # the last ones may hang over
        x, y = rects[:, 2].max(), rects[:, 3].max()
        raise FeatureFileError(
            path,
            strings.BEYOND_THE_SLIDE.format(x=x, y=y, width=width, height=height),
        )


def scaled(path: Path, imported: ImportedScores) -> tuple[NDArray[np.float64], str, tuple[float, ...]]:
    """Scores from 0 to 1, NaN where unknown, a description of 0 and 1, and the numbers of the file at equal
    steps from 0 to 1. Raises FeatureFileError."""
    scores = np.where(np.isfinite(imported.scores), imported.scores, np.nan)
    known = np.flatnonzero(~np.isnan(scores))
    if not len(known):
        raise FeatureFileError(path, strings.NONE_IS_A_NUMBER.format(column=imported.column))
    values = scores[known]
    low, high = float(values.min()), float(values.max())
    if imported.scale == "rank":
        distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        if len(distinct) == 1:
            raise FeatureFileError(path, strings.ALL_ONE_RANK.format(value=low))
        before = np.cumsum(counts) - counts
        middle = before + (counts - 1) / 2
        scores[known] = middle[place] / (len(values) - 1)
        at_ranks = np.quantile(values, np.linspace(0, 1, _RANK_STEPS + 1), method="lower").tolist()
        return scores, strings.RANKS.format(low=low, high=high), tuple(at_ranks)
    if low >= 0 and high <= 1:
        return scores, strings.AS_IN_FILE, (0.0, float(imported.largest))
    if low == high:
        raise FeatureFileError(path, strings.ALL_ONE_VALUE.format(value=low))
    # Divided first: the difference of two large numbers may be none.
    span = high / 2 - low / 2
    scores[known] = np.clip((values / 2 - low / 2) / span, 0, 1)
    return scores, strings.RESCALED.format(low=low, high=high), (low, high)


def on_grid(
    imported: ImportedScores, scores: NDArray[np.float64], grid: PatchGrid, extent_px: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The mean score in every patch and whether it is known: (rows, columns) both.

    Tiles, outlines and pixels weigh as the area of the patch that they cover, and half of what the slide has
    of a patch must be covered. Objects weigh the same each, and one centre in a patch is enough. Raises
    ValueError where the rectangles are too many for their size, or the outlines too intricate.
    """
    total, weight = np.zeros(grid.patch_count), np.zeros(grid.patch_count)
    if imported.polygons is not None:
        lay_polygons(imported.polygons, scores[imported.polygons.owner], grid, total, weight)
        scores = scores.copy()
        scores[imported.polygons.owner] = np.nan  # laid: their boxes are not
    if not imported.objects:
        _check_work(imported.rects[~np.isnan(scores)], grid, extent_px)
    lay = _lay_centres if imported.objects else _lay_areas
    for start in range(0, len(scores), _AT_ONCE):
        some = scores[start : start + _AT_ONCE]
        valid = ~np.isnan(some)
        # What hangs over the slide may reach beyond all whole numbers.
        rects = np.clip(imported.rects[start : start + _AT_ONCE][valid], 0, (*extent_px, *extent_px))
        rects /= 2 * (grid.patch_width_px, grid.patch_height_px)
        lay(rects[:, :2], rects[:, 2:], some[valid], grid, total, weight)
    mean = np.divide(total, weight, out=np.zeros(grid.patch_count), where=weight > 0).reshape(grid.shape)
    known = weight.reshape(grid.shape) > 0
    if not imported.objects:
        known &= weight.reshape(grid.shape) >= _LEAST_COVERED * _on_slide(grid, extent_px) - 1e-6
    return mean, known


def _check_work(rects: _Places, grid: PatchGrid, extent_px: tuple[int, int]) -> None:
    """Raises ValueError for places so many and so large that to lay them would take minutes."""
    with np.errstate(over="ignore"):
        sides = [
            min(float((rects[:, axis + 2] - rects[:, axis]).max(initial=0)), extent_px[axis])
            for axis in (0, 1)
        ]
    columns, rows = ceil(sides[0] / grid.patch_width_px) + 1, ceil(sides[1] / grid.patch_height_px) + 1
    if columns * rows * max(_LEAST_AT_ONCE, len(rects)) > _MAX_STEPS:
        raise ValueError(strings.TOO_MANY_PLACES.format(count=len(rects), columns=columns, rows=rows))


def _lay_areas(
    low: _Places, high: _Places, scores: _Places, grid: PatchGrid, total: _Places, weight: _Places
) -> None:
    """Add the scores of rectangles, their corners (n, 2) in patches, to the ``total`` of the patches covered,
    and the areas to the ``weight``."""
    first = np.floor(low).astype(np.int64)
    steps = (np.ceil(high).astype(np.int64) - first).max(axis=0, initial=1)
    least = _ROUNDING * np.minimum(1.0, (high - low).prod(axis=1))
    for step in np.ndindex(int(steps[0]), int(steps[1])):
        cell = first + step
        overlap = np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, None).prod(axis=1)
        inside = ((cell >= 0) & (cell < (grid.columns, grid.rows))).all(axis=1) & (overlap > least)
        index = cell[inside, 1] * grid.columns + cell[inside, 0]
        # Not bincount, which makes a table of the whole grid for a single large place too.
        np.add.at(weight, index, overlap[inside])
        np.add.at(total, index, overlap[inside] * scores[inside])


def _lay_centres(
    low: _Places, high: _Places, scores: _Places, grid: PatchGrid, total: _Places, weight: _Places
) -> None:
    cell = np.minimum(((low + high) / 2).astype(np.int64), (grid.columns - 1, grid.rows - 1))
    index = cell[:, 1] * grid.columns + cell[:, 0]
    np.add.at(weight, index, 1)
    np.add.at(total, index, scores)


def _on_slide(grid: PatchGrid, extent_px: tuple[int, int]) -> NDArray[np.float64]:
    """How much of every patch lies on the slide, 0 to 1: less than 1 in the last column and row."""
    across = np.clip(extent_px[0] / grid.patch_width_px - np.arange(grid.columns), 0, 1)
    down = np.clip(extent_px[1] / grid.patch_height_px - np.arange(grid.rows), 0, 1)
    part: NDArray[np.float64] = down[:, None] * across[None, :]
    return part
