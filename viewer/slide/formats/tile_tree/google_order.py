"""What the two numbers of a tile in a folder of levels are (``3/1/2.jpg``): the files state it nowhere.

libvips and Google write row and column; OpenStreetMap's kin ("XYZ") column and row; OSGeo's TMS, which
gdal2tiles writes unless it is asked not to, column and row from below. Neighbouring tiles go on across their
common edge in one of these orders only.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.plain_image import DECODE_ERRORS
from viewer.slide.formats.tile_tree.source import MAX_TILE_BYTES, decode_tile
from viewer.slide.pixels import opaque_rgba

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.formats.tile_tree.layout import TreeFiles

    Place: TypeAlias = tuple[int, int]
    # The first and the last line of pixels of a tile, across and down.
    Edges: TypeAlias = dict[str, NDArray[np.float32]]

_MOST_PAIRS, _ENOUGH_PAIRS = 32, 12
_PLAIN = 4.0  # standard deviation of grey levels along an edge that shows nothing
_LEAST_AGREEMENT, _LEAST_LEAD = 0.4, 0.25  # of correlations


class TileOrder(Enum):
    """Each with the edges that meet where the second number is one higher, and where the first is."""

    ROW_COLUMN = ("right", "left"), ("bottom", "top")
    COLUMN_ROW = ("bottom", "top"), ("right", "left")
    COLUMN_ROW_FROM_BELOW = ("top", "bottom"), ("right", "left")


def tile_order(
    files: TreeFiles, places: Iterable[Place], name: Callable[[int, int], str], tile_px: int
) -> TileOrder | None:
    """The order in which the tiles of a level go on across their edges; None where none does clearly.

    ``places``: the numbers of those that are stored; ``name`` is the file of one.
    """
    agreements: dict[TileOrder, list[float]] = {order: [] for order in TileOrder}
    for place, following, axis in _pairs(set(places)):
        edges, next_edges = (_edges(files, name(*each), tile_px) for each in (place, following))
        if not edges or not next_edges:
            continue
        found = {order: _agreement(edges, next_edges, order.value[axis]) for order in TileOrder}
        if any(value is not None for value in found.values()):
            for order, value in found.items():
                agreements[order].append(value or 0.0)
        if len(agreements[TileOrder.ROW_COLUMN]) == _ENOUGH_PAIRS:
            break
    means = {order: float(np.mean(values)) for order, values in agreements.items() if values}
    if not means:
        return None
    by_row = means.pop(TileOrder.ROW_COLUMN)
    by_column = max(means, key=lambda order: means[order])
    best, other = max(by_row, means[by_column]), min(by_row, means[by_column])
    if best < _LEAST_AGREEMENT or best - other < _LEAST_LEAD:
        return None
    return TileOrder.ROW_COLUMN if best == by_row else by_column


def _pairs(places: set[Place]) -> Iterator[tuple[Place, Place, int]]:
    """Neighbours, spread over the level, and which edges of ``TileOrder`` meet there: first those that tell
    all orders apart.
    """
    for axis, (more_first, more_second) in enumerate(((0, 1), (1, 0))):
        found = [(each, (each[0] + more_first, each[1] + more_second), axis) for each in sorted(places)]
        pairs = [pair for pair in found if pair[1] in places]
        yield from pairs[:: max(1, len(pairs) // _MOST_PAIRS)]


def _edges(files: TreeFiles, name: str, tile_px: int) -> Edges:
    """None of a tile that cannot be read."""
    with suppress(*DECODE_ERRORS):
        pixels = decode_tile(files.read(name, MAX_TILE_BYTES + 1), [tile_px], [tile_px])
        grey = opaque_rgba(pixels, (255, 255, 255))[..., :3].mean(axis=2, dtype=np.float32)
        return {"left": grey[:, 0], "right": grey[:, -1], "top": grey[0], "bottom": grey[-1]}
    return {}


def _agreement(edges: Edges, next_edges: Edges, meeting: tuple[str, str]) -> float | None:
    """The correlation of two edges, 0 where one is plain, None where both are."""
    one, other = edges[meeting[0]], next_edges[meeting[1]]
    spreads = float(one.std()), float(other.std())
    if max(spreads) < _PLAIN:
        return None
    return float(np.corrcoef(one, other)[0, 1]) if min(spreads) >= _PLAIN else 0.0
