"""Coverage of patches by outlines: by area, as point by point, for rings of every form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.messages import pattern
from viewer.overlay.shapes import Lines
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.coverage import Polygons, lay_polygons
from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

EXTENT = (1024, 1024)
GRID = PatchGrid.over(*EXTENT, (0.5, 0.5))  # 4 × 4 patches of 256 px
SAMPLES = 64


def laid(polygons: list[list[list[tuple[float, float]]]], scores: list[float]) -> tuple[Any, Any]:
    """Total and weight of the patches (4, 4) under polygons, each a list of rings."""
    rings = [np.array(ring, float) for polygon in polygons for ring in polygon]
    first = np.concatenate(([0], np.cumsum([len(ring) for ring in rings])))
    lines = Lines(np.concatenate(rings), first, np.ones(len(rings), bool))
    numbers = np.arange(len(polygons))
    of_ring = np.repeat(numbers, [len(polygon) for polygon in polygons])
    total, weight = np.zeros((2, GRID.patch_count))
    lay_polygons(Polygons(lines, of_ring, numbers), np.array(scores), GRID, total, weight)
    return total.reshape(GRID.shape), weight.reshape(GRID.shape)


def by_points(rings: list[list[tuple[float, float]]]) -> Any:
    """The part of every patch within rings, by the even-odd rule at many points."""
    side = 256 / SAMPLES
    x, y = np.meshgrid(*[(np.arange(4 * SAMPLES) + 0.5) * side] * 2)
    inside = np.zeros(x.shape, bool)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
            if y0 != y1:
                inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside.reshape(4, SAMPLES, 4, SAMPLES).mean(axis=(1, 3))


def box(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


@pytest.mark.parametrize(
    "rings",
    [
        [box(0, 0, 256)],
        [box(100, 300, 400)],
        [[(0, 0), (1024, 0), (0, 1024)]],
        [box(50, 50, 900), box(300, 300, 256)],
        [box(50, 50, 900), box(300, 300, 256)[::-1]],
        [[(0, 0), (1000, 1000), (1000, 0), (0, 1000)]],
        [[(512, -300), (1500, 512), (512, 1400), (-400, 512)]],
        [[(512 + 500 * np.cos(4 * a), 512 + 500 * np.sin(4 * a)) for a in np.arange(5) * np.pi / 5]],
        [[*box(0, 0, 700), (0.0, 0.0)]],
    ],
    ids=[
        "patch",
        "box",
        "triangle",
        "hole",
        "hole the other way",
        "bow tie",
        "over the edges",
        "star",
        "closed",
    ],
)
def test_every_form_covers_its_area(rings: list[list[tuple[float, float]]]) -> None:
    total, weight = laid([rings], [0.5])
    np.testing.assert_allclose(weight, by_points(rings), atol=0.03)
    np.testing.assert_allclose(total, 0.5 * weight, atol=1e-12)


def test_ragged_outlines_cover_their_area() -> None:
    random = np.random.default_rng(3)
    for _ in range(6):
        angles = np.sort(random.uniform(0, 2 * np.pi, 30))
        around = random.uniform(50, 500, 30)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        ring = [(x, y) for x, y in (around + random.uniform(0, 1024, 2)).tolist()]
        np.testing.assert_allclose(laid([[ring]], [1.0])[1], by_points([ring]), atol=0.04)


def test_polygons_weigh_by_area_and_unknown_scores_not_at_all() -> None:
    polygons = [[box(0, 0, 256)], [[(0, 0), (256, 0), (256, 256)]], [box(512, 0, 256)]]
    total, weight = laid(polygons, [1.0, 0.4, np.nan])
    assert weight[0].tolist() == pytest.approx([1.5, 0, 0, 0], abs=0.02)
    assert total[0, 0] == pytest.approx(1 + 0.4 / 2, abs=0.02)


@pytest.mark.parametrize("far", [1e6, 1e9])
def test_what_reaches_far_beyond_the_slide_ends_with_it(far: float) -> None:
    _, weight = laid([[[(-far, 256), (far, 256), (far, far), (-far, far)]]], [1.0])
    np.testing.assert_allclose(weight, np.repeat([[0], [1], [1], [1]], 4, axis=1), atol=1e-6)


def test_fewer_lines_are_scanned_where_there_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "viewer.relevance.exchange.coverage"
    monkeypatch.setattr(f"{module}._AT_ONCE", 50)
    polygons = [[box(256 * (at % 4), 256 * (at // 4), 256)] for at in range(16)]
    assert laid(polygons, [1.0] * 16)[1].tolist() == [[1] * 4] * 4
    monkeypatch.setattr(f"{module}._MOST_CROSSINGS", 200)
    assert laid(polygons, [1.0] * 16)[1].tolist() == [[1] * 4] * 4
    monkeypatch.setattr(f"{module}._MOST_OF_POLYGON", 1)
    with pytest.raises(ValueError, match=pattern(strings.OUTLINES_TOO_INTRICATE)):
        laid(polygons, [1.0] * 16)


def shape(rings: list[list[tuple[float, float]]], score: float = 0.9) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]},
        "properties": {"objectType": "detection", "measurements": {"p": score}},
    }


def known(path: Path, features: list[Any]) -> list[list[int]]:
    """Row and column of the patches that a file's map knows."""
    path.write_text(json.dumps(features))
    field = read_map(path, EXTENT, GRID, mpp_estimated=False).field
    assert field is not None
    return np.argwhere(field.known).tolist()


def test_a_map_fills_outlines_and_not_the_boxes_around_them(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    assert known(path, [shape([box(0, 0, 256), box(768, 768, 256)])]) == [[0, 0], [3, 3]]
    upper = [[row, col] for row in range(4) for col in range(4) if row + col < 4]
    assert known(path, [shape([[(0, 0), (1030, 0), (0, 1030)]])]) == upper


def test_a_shape_on_a_tenth_of_a_patch_does_not_count_as_the_whole(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.geojson", box(512, 512, 256)
    tenth = [(0.0, 0.0), (256.0, 0.0), (256.0, 26.0), (0.0, 25.0)]
    sliver = [(0.0, 256.0), (256.0, 512.0), (256.0, 500.0)]
    assert known(path, [shape([tenth]), shape([sliver]), shape([whole])]) == [[2, 2]]
    with pytest.raises(FeatureFileError, match=re.escape(strings.COVERS_NO_PATCH)):
        known(path, [shape([tenth])])


def test_small_shapes_among_large_ones_weigh_as_their_area(tmp_path: Path) -> None:
    path, large = tmp_path / "a.geojson", box(512, 512, 256)
    small = [
        shape([[(x, y), (x + 60, y), (x, y + 60)]], 0.0) for x in range(0, 240, 60) for y in range(0, 240, 60)
    ]
    assert known(path, [*small, *[shape([large])] * 30]) == [[2, 2]]
    full = [shape([box(x, y, 60)], 0.0) for x in range(0, 240, 60) for y in range(0, 240, 60)]
    assert known(path, [*full, *[shape([large])] * 30]) == [[0, 0], [2, 2]]


@pytest.mark.parametrize(("share", "words"), [(0.0004, "< 0.1%"), (0.9996, "> 99.9%")])
def test_a_share_is_rounded_neither_to_nothing_nor_to_all(tmp_path: Path, share: float, words: str) -> None:
    extent = 64 * 256, 64 * 256
    grid = PatchGrid.over(*extent, (0.5, 0.5))
    values = np.full(grid.shape, np.nan if share < 0.5 else 0.5)
    values[5, 5] = 0.5 if share < 0.5 else np.nan
    np.save(tmp_path / "a.npy", values)
    notes = read_map(tmp_path / "a.npy", extent, grid, mpp_estimated=False).notes
    assert strings.COVERS.format(share=words) in notes
