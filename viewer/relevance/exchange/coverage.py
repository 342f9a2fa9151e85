"""How much of every patch outlines cover: by area, whatever their form, however they cross themselves.

Scan lines are cut where an outline crosses them and filled by the even-odd rule, so that holes, unclosed and
self-crossing rings need no repair. Only crossings cost, not the patches between them: those are summed up
once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.exchange import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from viewer.overlay.shapes import Lines
    from viewer.relevance.patches.grid import PatchGrid

    _Floats = NDArray[np.float64]
    _Indices = NDArray[np.intp]

_LINES_A_PATCH = 32
_MOST_CROSSINGS, _MOST_OF_POLYGON = 40_000_000, 4_000_000
"""Some seconds, and half a gigabyte. Where there are more, scan lines are fewer."""
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Closed ``rings`` in level-0 px, the polygon that each bounds (``polygon``, in order), and the row of
    the score that each polygon has (``owner``)."""

    rings: Lines
    polygon: NDArray[np.intp]
    owner: NDArray[np.intp]

    def taken(self, row_of: NDArray[np.intp]) -> Polygons:
        """Those whose owners have another row, which is not below 0, with that row."""
        rows = row_of[self.owner]
        kept = rows >= 0
        chosen = np.flatnonzero(kept[self.polygon])
        number = np.cumsum(kept) - 1
        return Polygons(self.rings.taken(chosen), number[self.polygon[chosen]], rows[kept])


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges in patches: x and y (n, 2) of both ends, and the polygon of each, in order."""

    x: _Floats
    y: _Floats
    polygon: _Indices


def lay_polygons(
    polygons: Polygons, scores: _Floats, grid: PatchGrid, total: _Floats, weight: _Floats
) -> None:
    """Add the scores (one a polygon) of what polygons cover to the ``total`` of patches, and the areas, in
    patches, to their ``weight``; NaN adds nothing. Raises ValueError where they are too intricate."""
    edges = _edges(polygons, grid)
    lines, crossings = _scan_lines(edges, grid, len(polygons.owner))
    sums = np.zeros((2, grid.rows, grid.columns + 2))
    for some in _batches(edges, crossings):
        row, x, polygon = _cuts(some, lines, grid)
        enters = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0) / lines
        score = scores[polygon]
        enters[np.isnan(score)] = 0
        column = np.minimum(x.astype(np.intp), grid.columns)
        rest = x - column
        # Of the patch with the crossing the part behind it, of each further one all: a sum along the row.
        for at, share in ((column, 1 - rest), (column + 1, rest)):
            np.add.at(sums[0], (row, at), enters * share)
            np.add.at(sums[1], (row, at), enters * share * np.nan_to_num(score))
    areas, sums_of_scores = np.cumsum(sums, axis=2)[:, :, : grid.columns].reshape(2, -1)
    weight += np.maximum(areas, 0)
    total += sums_of_scores


def _edges(polygons: Polygons, grid: PatchGrid) -> _Edges:
    starts, ends, ring = polygons.rings.strokes()
    patch = np.array([grid.patch_width_px, grid.patch_height_px])
    x, y = np.stack([starts, ends], axis=-1).swapaxes(0, 1) / patch[:, None, None]
    return _Edges(x, y, polygons.polygon[ring])


def _scan_lines(edges: _Edges, grid: PatchGrid, polygon_count: int) -> tuple[int, NDArray[Any]]:
    """How many scan lines a patch has, and the number of crossings of each polygon. Raises ValueError where
    one has too many even so."""
    lines = 2 * _LINES_A_PATCH
    while lines > 1:
        lines //= 2
        first, behind = _span(edges, lines, grid)
        crossings = np.bincount(edges.polygon, weights=behind - first, minlength=polygon_count)
        if crossings.sum() <= _MOST_CROSSINGS and crossings.max(initial=0) <= _MOST_OF_POLYGON:
            return lines, crossings
    raise ValueError(strings.OUTLINES_TOO_INTRICATE)


def _span(edges: _Edges, lines: int, grid: PatchGrid) -> tuple[_Indices, _Indices]:
    """The first scan line that each edge crosses, and the one behind its last."""
    low, high = edges.y.min(axis=1), edges.y.max(axis=1)
    bounds = np.ceil(np.clip(np.stack([low, high]) * lines - 0.5, 0, grid.rows * lines)).astype(np.intp)
    return bounds[0], bounds[1]


def _batches(edges: _Edges, crossings: NDArray[Any]) -> Iterator[_Edges]:
    """Whole polygons, as many at once as fit the memory."""
    batch_of = (np.cumsum(crossings) // _AT_ONCE)[edges.polygon]
    bounds = np.flatnonzero(np.diff(batch_of, prepend=-1, append=-1))
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield _Edges(edges.x[begin:end], edges.y[begin:end], edges.polygon[begin:end])


def _cuts(edges: _Edges, lines: int, grid: PatchGrid) -> tuple[_Indices, _Floats, _Indices]:
    """Row of patches, x and polygon of every crossing: polygon by polygon, line by line, left to right."""
    first, behind = _span(edges, lines, grid)
    counts = behind - first
    edge = np.repeat(np.arange(len(counts)), counts)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    (x0, x1), (y0, y1) = edges.x[edge].T, edges.y[edge].T
    x = x0 + np.clip(((line + 0.5) / lines - y0) / (y1 - y0), 0, 1) * (x1 - x0)
    x = np.clip(x, 0, grid.columns)
    order = np.lexsort((x, line, edges.polygon[edge]))
    return line[order] // lines, x[order], edges.polygon[edge][order]
