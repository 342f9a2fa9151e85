"""viewer.overlay.shapes: packing, choosing by region, and saving strokes from afar."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.overlay.shapes import Lines, Shape, ShapeSet, Strokes
from viewer.slide.geometry import Rect

EVERYWHERE = Rect(-1e9, -1e9, 1e9, 1e9)
FINE = 1e-3


def test_each_kind_becomes_its_strokes() -> None:
    triangle = Shape.polygon([(0, 0), (4, 0), (0, 3)], rgba=(1, 0, 0, 1), width_px=3)
    line = Shape([(10, 10), (20, 10), (20, 20)])
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
    shapes = ShapeSet([Shape.point(5, 5), Shape.point(50, 5), Shape([(0, 90), (100, 90)])])
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


def test_strokes_of_several_sets_lie_over_one_another() -> None:
    parts = [
        ShapeSet(shapes).strokes_in(EVERYWHERE, grain_px=FINE)
        for shapes in ([Shape.point(1, 2)], [], [Shape.point(3, 4)])
    ]
    joined = Strokes.joined(parts)
    assert joined.starts.tolist() == [[1, 2], [3, 4]]
    assert joined.rgba.shape == (2, 4)


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


def ragged(count: int, corners: int, *, radius: float = 20.0, extent: float = 1e4) -> Lines:
    """Rings about places at random."""
    random = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    around = radius * random.uniform(0.8, 1.2, (count, corners, 1))
    points = around * np.stack([np.cos(angles), np.sin(angles)], axis=1) + random.uniform(
        0, extent, (count, 1, 2)
    )
    return Lines(points.reshape(-1, 2), np.arange(count + 1) * corners, np.ones(count, bool))


def set_of(lines: Lines) -> ShapeSet:
    return ShapeSet.of_lines(
        lines,
        rgba=np.ones((len(lines), 4), np.float32),
        width_px=np.arange(1, len(lines) + 1, dtype=np.float32),
    )


def test_packed_lines_are_the_shapes_one_by_one() -> None:
    lines = Lines(np.arange(16.0).reshape(8, 2), np.array([0, 3, 5, 6, 8]), np.array([1, 0, 1, 1], bool))
    closed = [True, False, True, True]
    parts = zip(np.split(lines.points, lines.first[1:-1]), closed, strict=True)
    one_by_one = ShapeSet([Shape(points, closed=is_closed) for points, is_closed in parts])
    packed, expected = (each.strokes_in(EVERYWHERE, grain_px=FINE) for each in (set_of(lines), one_by_one))
    assert packed.starts.tolist() == expected.starts.tolist()
    assert packed.ends.tolist() == expected.ends.tolist()
    assert packed.width_px.tolist() == [1, 1, 1, 2, 3, 4, 4]
    taken = lines.taken(np.array([2, 0]))
    assert taken.points.tolist() == [[10, 11], [0, 1], [2, 3], [4, 5]]
    assert (taken.first.tolist(), taken.closed.tolist()) == ([0, 1, 4], [True, True])


@pytest.mark.parametrize("grain_px", [0.3, 1.0, 3.0, 7.0])
def test_many_strokes_move_no_farther_than_the_grain(grain_px: float) -> None:
    lines = ragged(3000, 40)
    shapes = set_of(lines)
    strokes = shapes.strokes_in(EVERYWHERE, grain_px=grain_px)
    which = strokes.width_px.astype(int) - 1
    assert len(set(which)) == 3000, "no shape vanishes"
    rings = lines.points.reshape(3000, 40, 2)
    away = np.abs(rings[which] - strokes.starts[:, None]).max(axis=2).min(axis=1)
    assert away.max() <= grain_px
    assert len(strokes) < 120_000 or grain_px <= 1


def test_shapes_of_a_few_grains_are_dots() -> None:
    strokes = set_of(ragged(100, 40)).strokes_in(EVERYWHERE, grain_px=20)
    assert len(strokes) == 100
    assert np.array_equal(strokes.starts, strokes.ends)


def test_of_too_many_strokes_corners_are_merged_more(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = set_of(ragged(50, 40))
    monkeypatch.setattr("viewer.overlay.shapes._MOST_STROKES", 1000)
    fewer = shapes.strokes_in(EVERYWHERE, grain_px=2)
    assert len(fewer) < 1500
    assert len(set(fewer.width_px)) == 50


def test_near_tells_inside_from_the_line() -> None:
    square = Shape.polygon([(0, 0), (100, 0), (100, 100), (0, 100)])
    line = Shape([(0, 50), (300, 50)])
    found, inside, away_px = ShapeSet([square, line, Shape.point(500, 500)]).near(40, 60, 5)
    assert found.tolist() == [0]
    assert inside.tolist() == [True]
    assert away_px.tolist() == [40]
    found, inside, away_px = ShapeSet([square, line]).near(102, 50, 5)
    assert (found.tolist(), inside.tolist()) == ([0, 1], [False, False])
    assert away_px.tolist() == pytest.approx([2, 0])
    assert [len(each) for each in ShapeSet().near(0, 0, 5)] == [0, 0, 0]
