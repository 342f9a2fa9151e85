"""The screen in boxes of cells that need the same work: most of a view needs neither hatching nor the edge of
the tissue, which software OpenGL would work out for every pixel. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from viewer.overlay.counted_mask import Rects
from viewer.view.camera import field_of_view, screen_from_slide, slide_from_screen, slide_offset_from_screen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Rect
    from viewer.view.camera import View
    from viewer.view.screen import Screen

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in framebuffer pixels, y down."""

CELL_PX = 64
"""As wide and high as what software OpenGL draws at a time."""


def box_around(region: Rect, view: View, screen: Screen) -> Box | None:
    """The pixels of the screen that a part of the slide may touch; None where it touches none."""
    corners = [
        screen_from_slide(view, screen.size_px, screen.aspect, x, y)
        for x in (region.x0, region.x1)
        for y in (region.y0, region.y1)
    ]
    (x0, y0), (x1, y1) = np.floor(np.min(corners, 0)) - 1, np.ceil(np.max(corners, 0)) + 1
    width, height = int(screen.width_px), int(screen.height_px)
    box = max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)
    return box if box[0] < box[2] and box[1] < box[3] else None


def cells(box_px: Box, view: View, screen: Screen) -> Rects:
    """The upright rectangles of the slide that hold each cell of a box of the screen: (rows, columns)."""
    x = np.arange(box_px[0], box_px[2], CELL_PX) + CELL_PX / 2
    y = np.arange(box_px[1], box_px[3], CELL_PX)[:, None] + CELL_PX / 2
    corner_x, corner_y = slide_from_screen(view, screen.size_px, screen.aspect, 0.0, 0.0)
    x_by_x, y_by_x = slide_offset_from_screen(view, screen.aspect, 1.0, 0.0)
    x_by_y, y_by_y = slide_offset_from_screen(view, screen.aspect, 0.0, 1.0)
    middle_x, middle_y = corner_x + x_by_x * x + x_by_y * y, corner_y + y_by_x * x + y_by_y * y
    # With a pixel round it, for the rounding of single floats on the GPU.
    cell = field_of_view(view, (CELL_PX + 2, CELL_PX + 2), screen.aspect)
    half_x, half_y = cell.width / 2, cell.height / 2
    return Rects(middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)


def boxes(kinds: NDArray[np.uint8], box_px: Box) -> dict[int, list[Box]]:
    """Boxes that share no pixel and fill the box, by the kind of the cells (rows, columns) in them."""
    left, top, right, bottom = box_px
    found: dict[int, list[Box]] = {}
    rows = [0, *(np.flatnonzero((kinds[1:] != kinds[:-1]).any(1)) + 1).tolist()]
    ends = [top + row * CELL_PX for row in rows[1:]] + [bottom]
    for row, y0, y1 in zip(rows, [top, *ends], ends, strict=False):
        x0 = left
        for kind, run in groupby(kinds[row].tolist()):
            x1 = min(x0 + CELL_PX * len(list(run)), right)
            found.setdefault(kind, []).append((x0, y0, x1, y1))
            x0 = x1
    return found
