"""Shapes in a mask: connected pieces, holes, growing and shrinking. Pure numpy, for masks of millions of
pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pieces(NamedTuple):
    """The connected pieces of a mask, 8-connected, numbered from 1.

    ``labels`` (height, width) int32, 0 outside. ``areas`` in pixels and ``boxes`` (n, 4) as x0, y0, x1, y1
    have a row for each piece; that of piece k is k − 1.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask of the pieces for which ``chosen`` (n,) holds."""
        mask: NDArray[np.bool_] = np.concatenate([[False], chosen])[self.labels]
        return mask


def pieces(mask: NDArray[np.bool_]) -> Pieces:
    """Label the connected pieces of a mask by joining the runs of its rows."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    roots = _joined(len(rows), *_touching(rows, starts, ends))
    _, numbers = np.unique(roots, return_inverse=True)
    count = int(numbers.max()) + 1 if len(numbers) else 0
    areas = np.bincount(numbers, ends - starts, count).astype(np.int64)
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = max(height, width), 0
    np.minimum.at(boxes[:, 0], numbers, starts)
    np.minimum.at(boxes[:, 1], numbers, rows)
    np.maximum.at(boxes[:, 2], numbers, ends)
    np.maximum.at(boxes[:, 3], numbers, rows + 1)
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(numbers + 1, ends - starts)
    return Pieces(labels, areas, boxes)


def holes_filled(mask: NDArray[np.bool_], largest_px: float) -> NDArray[np.bool_]:
    """The mask with its holes of up to ``largest_px`` pixels filled.

    A gap that touches one side of the picture goes on beyond it, nobody knows how far: it counts four times.
    One that touches more is no hole.
    """
    height, width = mask.shape
    gaps = pieces(~mask)
    x0, y0, x1, y1 = gaps.boxes.T
    sides = (x0 == 0).astype(int) + (y0 == 0) + (x1 == width) + (y1 == height)
    return mask | gaps.of((sides < 2) & (gaps.areas * (1 + 3 * sides) <= largest_px))


def grown(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """Every pixel within a square of ``radius_px`` around a pixel of the mask."""
    return _spread(_spread(mask, radius_px).T, radius_px).T


def shrunk(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """The pixels whose whole square of ``radius_px`` lies in the mask; beyond the border all is mask."""
    return ~grown(~mask, radius_px)


def _touching(
    rows: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of runs of neighbouring rows that touch, corners included."""
    # Runs are sorted by row, then by column: one key for both makes a search in the next row one bisection.
    span = int(ends.max(initial=0)) + 3
    first = np.searchsorted((rows * span) + ends, (rows + 1) * span + starts, side="left")
    last = np.searchsorted((rows * span) + starts, (rows + 1) * span + ends, side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(rows)), counts)
    lower = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    return upper, lower


def _joined(count: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of ``count`` nodes the smallest node it is joined to by the edges a–b, directly or not."""
    root = np.arange(count)
    while len(a):
        low, high = np.minimum(root[a], root[b]), np.maximum(root[a], root[b])
        np.minimum.at(root, high, low)
        while not np.array_equal(root, root[root]):
            root = root[root]
        apart = root[a] != root[b]
        a, b = a[apart], b[apart]
    return root


def _spread(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Dilation along the rows' direction, by doubling: the cost grows with the logarithm of the radius."""
    result = np.pad(mask, ((radius, radius), (0, 0)))
    reached = 1
    while reached < 2 * radius + 1:
        step = min(reached, 2 * radius + 1 - reached)
        result[:-step] |= result[step:].copy()
        reached += step
    return result[: len(mask)]
