"""viewer.render.view_parts: cells hold the slide under them, and boxes fill the screen without overlap."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.render.view_parts import CELL_PX, box_around, boxes, cells
from viewer.slide.geometry import Rect
from viewer.view.camera import View, screen_from_slide, slide_from_screen
from viewer.view.screen import Screen

SCREEN = Screen(300.0, 200.0, 1.5)
VIEWS = [View(1000, 800, 3.0), View(1000, 800, 0.2, 0.7), View(-50, 9000, 40.0, 3.5)]


@pytest.mark.parametrize("view", VIEWS)
def test_a_cell_holds_the_slide_under_each_of_its_pixels(view: View) -> None:
    box = (20, 30, 290, 200)
    rects = cells(box, view, SCREEN)
    for y in range(box[1], box[3], 7):
        for x in range(box[0], box[2], 7):
            at_x, at_y = slide_from_screen(view, SCREEN.size_px, SCREEN.aspect, x + 0.5, y + 0.5)
            x0, y0, x1, y1 = (side[(y - 30) // CELL_PX, (x - 20) // CELL_PX] for side in rects)
            assert x0 < at_x < x1
            assert y0 < at_y < y1
    assert (rects.x1 - rects.x0).max() <= 1.5 * (CELL_PX + 2) * view.downsample


def test_boxes_fill_the_box_once_and_hold_cells_of_one_kind() -> None:
    left, top, right, bottom = box = (10, 5, 10 + 6 * CELL_PX - 20, 5 + 5 * CELL_PX - 3)
    kinds = np.random.default_rng(4).integers(0, 3, (5, 6)).astype(np.uint8)
    kinds[2] = kinds[1]
    drawn = np.full((bottom, right), -1)
    found = boxes(kinds, box)
    for kind, of_kind in found.items():
        for x0, y0, x1, y1 in of_kind:
            assert (drawn[y0:y1, x0:x1] == -1).all()
            drawn[y0:y1, x0:x1] = kind
    expected = kinds.repeat(CELL_PX, 0).repeat(CELL_PX, 1)[: bottom - top, : right - left]
    assert (drawn[top:, left:] == expected).all()
    assert (drawn[:top] == -1).all()
    assert boxes(np.zeros((5, 6), np.uint8), box) == {0: [box]}


@pytest.mark.parametrize("view", VIEWS)
def test_a_box_is_round_a_part_of_the_slide_and_there_is_none_off_the_screen(view: View) -> None:
    x, y = slide_from_screen(view, SCREEN.size_px, SCREEN.aspect, 100.0, 80.0)
    box = box_around(Rect(x, y, x + view.downsample, y + view.downsample), view, SCREEN)
    assert box is not None
    assert box[0] <= 100 <= box[2]
    assert box[1] <= 80 <= box[3]
    assert box[2] - box[0] < 8
    everything = box_around(Rect(-1e6, -1e6, 1e6, 1e6), view, SCREEN)
    assert everything == (0, 0, 300, 200)
    for beyond in ((-100.0, 80.0), (100.0, 400.0)):
        x, y = slide_from_screen(view, SCREEN.size_px, SCREEN.aspect, *beyond)
        assert screen_from_slide(view, SCREEN.size_px, SCREEN.aspect, x, y) == pytest.approx(beyond)
        assert box_around(Rect(x, y, x + view.downsample, y + view.downsample), view, SCREEN) is None
