"""viewer.overlay.outlines: classes and colours, holes, parts, and what is called what."""

from __future__ import annotations

import numpy as np

from viewer.overlay import strings
from viewer.overlay.outlines import OutlineKind, OutlineLabel, Outlines
from viewer.overlay.shapes import Lines
from viewer.slide.geometry import Rect


def box(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def outlines(
    lines: list[list[tuple[float, float]]], owner: list[int], labels: list[OutlineLabel]
) -> Outlines:
    """One outline a label; lines of more than two points are closed."""
    first = np.concatenate(([0], np.cumsum([len(line) for line in lines])))
    closed = np.array([len(line) > 2 for line in lines])
    points = np.concatenate([np.array(line, float) for line in lines])
    return Outlines(Lines(points, first, closed), np.array(owner), labels, np.arange(len(labels)))


def test_a_hole_is_outside_and_all_parts_inside() -> None:
    made = outlines(
        [box(0, 0, 100), box(40, 40, 20), box(200, 0, 50), box(10, 10, 10)],
        [0, 0, 0, 1],
        [OutlineLabel("A", "Tumour"), OutlineLabel("", "Stroma")],
    )
    assert len(made) == 2
    assert made.names_at(30, 50, 2) == ("A (Tumour)",)
    assert made.names_at(50, 50, 2) == ()
    assert made.names_at(41, 50, 2) == ("A (Tumour)",), "the line of the hole is its own"
    assert made.names_at(220, 20, 2) == ("A (Tumour)",)
    assert made.names_at(15, 15, 2) == ("Stroma", "A (Tumour)"), "the uppermost first"
    assert made.names_at(150, 50, 2) == ()


def test_lines_and_points_are_found_within_reach() -> None:
    made = outlines([[(0, 0), (100, 0)], [(50, 50)]], [0, 1], [OutlineLabel("edge"), OutlineLabel()])
    assert made.names_at(60, 3, 4) == ("edge",)
    assert made.names_at(60, 5, 4) == ()
    assert made.names_at(102, 0, 4) == ("edge",)
    assert made.names_at(53, 50, 4) == (strings.UNNAMED,)


def test_classes_are_listed_by_how_many_there_are_with_their_colours() -> None:
    label = OutlineLabel("", "T", (1, 2, 3))
    made = Outlines(
        Lines(np.zeros((4, 2)), np.arange(5), np.zeros(4, bool)),
        np.arange(4),
        [OutlineLabel("first", "N"), label, OutlineLabel("second", "N"), OutlineLabel("unused")],
        np.array([0, 1, 1, 1]),
    )
    (first, second) = made.kinds
    assert first == OutlineKind("T", (1, 2, 3), 3)
    assert (second.name, second.outlines) == ("N", 1)
    strokes = made.shapes.strokes_in(Rect(-1, -1, 1, 1), grain_px=0.1)
    np.testing.assert_allclose(strokes.rgba[1:] * 255, [[1, 2, 3, 255]] * 3, rtol=1e-6)


def test_classes_without_a_colour_get_different_ones() -> None:
    labels = [OutlineLabel("", name) for name in "abcdef"]
    made = outlines([[(at, 0)] for at in range(6)], list(range(6)), labels)
    assert len({kind.rgb for kind in made.kinds}) == 6
