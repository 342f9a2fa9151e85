"""Shapes in a mask of millions of pixels: connected pieces, holes, growing and shrinking by squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EIGHT_CONNECTED = np.ones((3, 3), np.bool_)


class Pieces(NamedTuple):
    """The connected pieces of a mask, 8-connected, numbered from 1.

    ``labels`` (height, width), 0 outside. ``areas`` (n,) in pixels; that of piece k is k − 1.
    """

    labels: NDArray[np.integer[Any]]
    areas: NDArray[np.int64]

    @property
    def boxes(self) -> NDArray[np.int64]:
        """(n, 4) x0, y0, x1, y1 in pixels, in the order of ``areas``."""
        found = ndimage.find_objects(self.labels)
        boxes = [(x.start, y.start, x.stop, y.stop) for y, x in found]
        return np.array(boxes, np.int64).reshape(-1, 4)

    def of(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask of the pieces for which ``chosen`` (n,) holds."""
        mask: NDArray[np.bool_] = np.concatenate([[False], chosen])[self.labels]
        return mask


def pieces(mask: NDArray[np.bool_]) -> Pieces:
    """Label the connected pieces of a mask."""
    labels, count = ndimage.label(mask, _EIGHT_CONNECTED)
    return Pieces(labels, np.bincount(labels[mask], minlength=count + 1)[1:])


def holes_filled(mask: NDArray[np.bool_], largest_px: float) -> NDArray[np.bool_]:
    """The mask with its holes of up to ``largest_px`` pixels filled.

    A gap that touches one side of the picture goes on beyond it, nobody knows how far: it counts four times.
    One that touches more is no hole.
    """
    gaps = pieces(~mask)
    sides = np.zeros(len(gaps.areas) + 1, np.int64)
    for edge in (gaps.labels[0], gaps.labels[-1], gaps.labels[:, 0], gaps.labels[:, -1]):
        sides[np.unique(edge)] += 1
    sides = sides[1:]
    return mask | gaps.of((sides < 2) & (gaps.areas * (1 + 3 * sides) <= largest_px))


def grown(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """Every pixel within a square of ``radius_px`` around a pixel of the mask."""
    return ndimage.maximum_filter(mask, 2 * radius_px + 1, mode="constant", cval=False)


def shrunk(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """The pixels whose whole square of ``radius_px`` lies in the mask; beyond the border all is mask."""
    return ndimage.minimum_filter(mask, 2 * radius_px + 1, mode="constant", cval=True)


def not_round(mask: NDArray[np.bool_], roundness: float) -> NDArray[np.bool_]:
    """The pieces of a mask of which the largest disc within covers less than that share."""
    found = pieces(mask)
    if not len(found.areas):
        return mask
    inside_px = ndimage.distance_transform_edt(mask)
    radius_px = ndimage.maximum(inside_px, found.labels, np.arange(1, len(found.areas) + 1))
    return found.of(np.pi * np.asarray(radius_px) ** 2 < roundness * found.areas)


def without_gaps(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """The mask with the gaps into which no disc of ``radius_px`` fits, but without inlets: what is within a
    radius of where one fits, and not behind the mask, stays open."""
    if not mask.any():
        return mask
    border_px = int(radius_px) + 2
    padded = np.pad(mask, border_px)
    middles = ndimage.distance_transform_edt(~padded) > radius_px
    beyond = ndimage.distance_transform_edt(~middles) <= radius_px
    beyond = ndimage.binary_dilation(beyond, iterations=max(1, round(radius_px)), mask=~padded)
    filled: NDArray[np.bool_] = ~beyond
    return filled[border_px:-border_px, border_px:-border_px]
