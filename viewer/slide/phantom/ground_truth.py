"""The phantom's ground truth: outlines of its regions as GeoJSON, in the shape that pathology tools exchange.

Outlines follow the layout's nodes, so they are true to about a thousandth of the slide's side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.slide.phantom.layout import CLASS_NAMES, NODES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.phantom.layout import Layout
    from viewer.slide.phantom.noise import Floats

_SMALLEST_NODES = 24  # smaller fragments are drawn but not named
_SMOOTH_OVER = 5
_KEEP_EVERY = 3


def regions_geojson(layout: Layout, size_px: int) -> dict[str, Any]:
    """A FeatureCollection of polygons with holes, ``classification.name`` the class, level-0 pixels.

    Classes of tissue share the slide out between them; ``pen_mark`` and ``out_of_focus`` lie over them.
    """
    masks = [(name, layout.labels == tissue) for tissue, name in CLASS_NAMES.items()]
    masks.append(("pen_mark", _most_ink(layout) > 0.3))
    masks.append(("out_of_focus", layout.blur > 0.5))
    features = [
        _feature(name, rings, size_px / NODES) for name, mask in masks for rings in polygons_of_mask(mask)
    ]
    return {"type": "FeatureCollection", "features": features}


def _most_ink(layout: Layout) -> Floats:
    most: Floats = np.maximum.reduce([np.zeros_like(layout.blur), *(ink.amount for ink in layout.inks)])
    return most


def polygons_of_mask(mask: NDArray[np.bool_]) -> list[list[Floats]]:
    """The outlines of a mask's parts: for each the outer ring and its holes, (points, 2) x, y, closed,
    smoothed.

    Parts and holes below 24 nodes are left out. Positions are in nodes, 0 being the outer edge of the first.
    """
    rings = _edge_rings(mask)
    areas = [_area(ring) for ring in rings]
    outers = [
        (ring, [_smooth(ring)]) for ring, area in zip(rings, areas, strict=True) if area >= _SMALLEST_NODES
    ]
    for hole, area in zip(rings, areas, strict=True):
        if area > -_SMALLEST_NODES:
            continue
        # A hole lies in the smallest part around it.
        around = [(_area(ring), polygon) for ring, polygon in outers if _contains(ring, hole[0] + 1e-6)]
        if around:
            min(around, key=lambda found: found[0])[1].append(_smooth(hole))
    return [polygon for _, polygon in outers]


def _edge_rings(mask: NDArray[np.bool_]) -> list[Floats]:
    """Closed rings along the edges between inside and outside, the inside on the right as drawn (y down).

    Outer rings have a positive ``_area``, holes a negative one. Parts that touch at a corner stay apart.
    """
    padded = np.pad(mask, 1)
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for dy, dx, start, end in (
        (-1, 0, (0, 0), (1, 0)),
        (0, 1, (1, 0), (1, 1)),
        (1, 0, (1, 1), (0, 1)),
        (0, -1, (0, 1), (0, 0)),
    ):
        neighbour = np.roll(padded, (-dy, -dx), (0, 1))
        for y, x in np.argwhere(padded & ~neighbour).tolist():
            corner = (x - 1 + start[0], y - 1 + start[1])
            following.setdefault(corner, []).append((x - 1 + end[0], y - 1 + end[1]))
    rings: list[Floats] = []
    while following:
        first = next(iter(following))
        ring, before, here = [first], None, first
        while True:
            choices = following[here]
            there = choices.pop(_sharpest_turn(before, here, choices))
            if not choices:
                del following[here]
            if there == first:
                break
            ring.append(there)
            before, here = here, there
        rings.append(np.array(ring, np.float64))
    return rings


def _sharpest_turn(
    before: tuple[int, int] | None, here: tuple[int, int], choices: list[tuple[int, int]]
) -> int:
    """Where two ways lead on, the one to the right: it stays with its own part."""
    if before is None or len(choices) == 1:
        return 0
    along = (here[0] - before[0], here[1] - before[1])
    turns = [along[0] * (y - here[1]) - along[1] * (x - here[0]) for x, y in choices]
    return int(np.argmax(turns))


def _area(ring: Floats) -> float:
    """Signed area in nodes by the shoelace formula."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _contains(ring: Floats, point: Floats) -> bool:
    """Whether a point lies inside a ring: a ray to the right crosses it an odd number of times."""
    x0, y0 = ring.T
    x1, y1 = np.roll(ring, -1, axis=0).T
    crosses = ((y0 > point[1]) != (y1 > point[1])) & (
        point[0] < x0 + (point[1] - y0) * (x1 - x0) / np.where(y1 == y0, 1, y1 - y0)
    )
    return bool(crosses.sum() % 2)


def _smooth(ring: Floats) -> Floats:
    """The ring without its staircase: running means of its corners, fewer of them, and closed."""
    reach = _SMOOTH_OVER // 2
    mean = sum(np.roll(ring, shift, axis=0) for shift in range(-reach, reach + 1)) / _SMOOTH_OVER
    kept = np.asarray(mean)[::_KEEP_EVERY]
    return np.concatenate([kept, kept[:1]])


def _feature(name: str, rings: list[Floats], step_px: float) -> dict[str, Any]:
    coordinates = [np.round(ring * step_px, 1).tolist() for ring in rings]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": name}},
    }
