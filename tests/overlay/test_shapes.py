"""viewer.overlay.shapes: packing, choosing by region, and saving strokes from afar."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.overlay.shapes import Shape, ShapeSet
from viewer.slide.geometry import Rect

EVERYWHERE = Rect(-1e9, -1e9, 1e9, 1e9)
FINE = 1e-3


def test_each_kind_becomes_its_strokes() -> None:
    triangle = Shape.polygon([(0, 0), (4, 0), (0, 3)], rgba=(1, 0, 0, 1), width_px=3)
    line = Shape.polyline([(10, 10), (20, 10), (20, 20)])
    dot = Shape.point(50, 60, width_px=9)
    strokes = ShapeSet([triangle, line, dot]).strokes_in(EVERYWHERE, grain_px=FINE)
    assert strokes.starts.tolist() == [[0, 0], [4, 0], [0, 3], [10, 10], [20, 10], [50, 60]]
    assert strokes.ends.tolist() == [[4, 0], [0, 3], [0, 0], [20, 10], [20, 20], [50, 60]]
    assert strokes.width_px.tolist() == [3, 3, 3, 2, 2, 9]
    assert strokes.rgba[0].tolist() == [1, 0, 0, 1]
    assert len(strokes) == 6


def test_a_rectangle_is_its_four_sides() -> None:
    strokes = ShapeSet([Shape.rectangle(Rect(1, 2, 5, 8))]).strokes_in(EVERYWHERE, grain_px=FINE)
    assert strokes.starts.tolist() == [[1, 2], [5, 2], [5, 8], [1, 8]]
    assert np.array_equal(strokes.ends, np.roll(strokes.starts, -1, axis=0))


def test_only_shapes_that_may_touch_the_region_are_chosen() -> None:
    shapes = ShapeSet([Shape.point(5, 5), Shape.point(50, 5), Shape.polyline([(0, 90), (100, 90)])])
    assert shapes.strokes_in(Rect(0, 0, 10, 10), grain_px=FINE).starts.tolist() == [[5, 5]]
    assert shapes.strokes_in(Rect(40, 0, 60, 95), grain_px=FINE).starts.tolist() == [[50, 5], [0, 90]]
    assert len(shapes.strokes_in(Rect(200, 200, 300, 300), grain_px=FINE)) == 0


def test_of_a_large_shape_only_the_strokes_nearby_are_chosen() -> None:
    outline = Shape.rectangle(Rect(0, 0, 1000, 1000))
    strokes = ShapeSet([outline]).strokes_in(Rect(400, -10, 500, 10), grain_px=FINE)
    assert (strokes.starts.tolist(), strokes.ends.tolist()) == ([[0, 0]], [[1000, 0]])


def test_from_afar_corners_run_together_but_no_shape_vanishes() -> None:
    angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    circle = np.stack((1000 + 40 * np.cos(angles), 1000 + 40 * np.sin(angles)), axis=1)
    speck = circle * 0.001 + 3000
    shapes = ShapeSet([Shape.polygon(circle), Shape.polygon(speck), Shape.point(5000, 5000)])
    strokes = shapes.strokes_in(EVERYWHERE, grain_px=20)
    assert 5 < len(strokes) < 30
    assert np.array_equal(strokes.starts[-2:], [[3000, 3000], [5000, 5000]])
    ring = strokes.starts[:-2]
    assert np.abs(np.hypot(*(ring - 1000).T) - 40).max() < 20
    assert np.array_equal(strokes.ends[:-2], np.roll(ring, -1, axis=0)), "the outline stays closed"


def test_nothing_is_a_set_too() -> None:
    nothing = ShapeSet()
    assert len(nothing) == 0
    assert len(nothing.strokes_in(EVERYWHERE, grain_px=1)) == 0


@pytest.mark.parametrize(
    "points", [np.empty((0, 2)), np.zeros((3, 3)), np.zeros(2), np.array([[0.0, np.nan]])]
)
def test_shapes_without_finite_points_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite points"):
        Shape(points)


@pytest.mark.parametrize("width_px", [0.0, -1.0, float("nan"), 1e4])
def test_impossible_strokes_are_refused(width_px: float) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        Shape.point(0, 0, width_px=width_px)
