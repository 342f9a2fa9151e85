"""What is drawn for each tile of a view, so that no pixel inside the slide is ever empty.

For every tile of the view, in this order of preference: the tile itself; while it fades in, mixed with its
nearest resident ancestor; while it is absent, that ancestor, with resident finer tiles laid over it (zooming
out never blurs what was sharp). Where the grids of two levels do not nest, a tile without a single covering
ancestor is assembled from several.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from viewer.stream.plan import on_screen
from viewer.stream.residency import ABSENT
from viewer.view.camera import View, field_of_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, Rect, TileKey, TileRange
    from viewer.slide.planes import Plane
    from viewer.stream.residency import Residency
    from viewer.view.screen import Screen

_FINER_LEVELS = 2
_FINER_LIMIT = 512

DRAWN_TILE = np.dtype(
    [
        ("rect", np.float32, 4),
        ("extent", np.float32, 2),
        ("lod", np.float32),
        ("fade", np.float32),
        ("parent_uv", np.float32, 4),
        ("parent_extent", np.float32, 2),
        ("parent_lod", np.float32),
        ("slot", np.int32),
        ("parent_slot", np.int32),
        ("level", np.int32),
    ]
)
"""One drawn rectangle, which is one instance of the renderer's single draw call.

rect           left, top, right, bottom in framebuffer pixels from the view's centre, before rotation
slot           the tile's layer in the texture pool, or −1
extent         valid width and height of the tile in texels
lod            log2 of tile texels per framebuffer pixel; negative where texels are magnified
fade           share of the tile over its ancestor, 0 to 1
parent_…       the same for the ancestor; parent_uv is the shown part of it: left, top, right, bottom in
texels
level          the level of the tile, for the debug tint
"""


@dataclass(frozen=True, slots=True)
class Cover:
    """A frame's rectangles in drawing order (DRAWN_TILE records), how many tiles nothing at all is drawn
    for (an empty pixel, which must not happen after the first frame), and whether any is still fading in."""

    tiles: NDArray[np.void]
    holes: int
    fading: bool

    @property
    def slots_in_use(self) -> NDArray[np.int32]:
        """The layers this frame samples; they must not be evicted while it is drawn."""
        both = np.concatenate((self.tiles["slot"], self.tiles["parent_slot"]))
        return both[both >= 0]


def cover_view(
    pyramid: Pyramid,
    residency: Residency,
    tiles: TileRange,
    view: View,
    screen: Screen,
    *,
    now_s: float,
    fade_s: float,
) -> Cover:
    """Cover the tiles of a view (``Plan.drawn``), with tiles of their own plane alone. ``fade_s`` 0 shows
    tiles at full weight at once."""
    seen = on_screen(pyramid, tiles, view, screen)
    row, col = np.nonzero(seen)
    level = pyramid.levels[tiles.level]
    edge_x = np.minimum(np.arange(tiles.col0, tiles.col1 + 1) * level.tile_width, level.width)
    edge_y = np.minimum(np.arange(tiles.row0, tiles.row1 + 1) * level.tile_height, level.height)
    # float64 until the centre is subtracted: neighbours then share their edge to the bit, however large the
    # slide
    slide_x, slide_y = edge_x * level.scale_x, edge_y * level.scale_y
    per_x, per_y = _framebuffer_per_slide(view, screen)
    screen_x, screen_y = (slide_x - view.centre_x) * per_x, (slide_y - view.centre_y) * per_y

    drawn = np.zeros(len(row), DRAWN_TILE)
    rect, extent = drawn["rect"], drawn["extent"]
    rect[:, 0], rect[:, 2] = screen_x[col], screen_x[col + 1]
    rect[:, 1], rect[:, 3] = screen_y[row], screen_y[row + 1]
    extent[:, 0], extent[:, 1] = np.diff(edge_x)[col], np.diff(edge_y)[row]
    slot = residency.slots(tiles)[row, col]
    resident = slot >= 0
    fade = np.where(resident, 1.0, 0.0)
    if fade_s > 0:
        fade[resident] = np.clip((now_s - residency.arrival_s[slot[resident]]) / fade_s, 0.0, 1.0)
    drawn["slot"], drawn["fade"], drawn["level"] = slot, fade, tiles.level
    drawn["lod"] = log2(view.downsample / level.downsample)
    drawn["parent_slot"] = ABSENT

    pending = np.nonzero(fade < 1.0)[0]
    if len(pending) == 0:
        return Cover(drawn, holes=0, fading=False)
    p_col, p_row = col[pending], row[pending]
    spans = np.stack((slide_x[p_col], slide_y[p_row], slide_x[p_col + 1], slide_y[p_row + 1]), axis=1)
    orphans = _find_parents(pyramid, residency, drawn, pending, plane=tiles.plane, spans=spans, view=view)
    drawn["fade"][orphans[slot[orphans] >= 0]] = 1.0  # nothing to fade from: shown at once
    absent = orphans[slot[orphans] < 0]
    pieces = _Pieces(pyramid, residency, tiles.plane, view, screen)
    absent_keys = [tiles.key(int(col[i]), int(row[i])) for i in absent]
    holes = sum(not pieces.lay_under(pyramid.tile_rect(key), tiles.level + 1) for key in absent_keys)
    waiting = np.zeros(seen.shape, np.bool_)
    waiting[p_row, p_col] = drawn["fade"][pending] < 1.0
    pieces.lay_over(tiles, waiting)
    fading = bool(np.any(drawn["fade"][resident] < 1.0))
    return Cover(np.concatenate((pieces.under(), drawn, pieces.over())), holes, fading)


def _find_parents(
    pyramid: Pyramid,
    residency: Residency,
    drawn: NDArray[np.void],
    pending: NDArray[np.intp],
    *,
    plane: Plane,
    spans: NDArray[np.float64],
    view: View,
) -> NDArray[np.intp]:
    """Give each pending record, which covers its span (n, 4) of the slide, the nearest resident ancestor that
    covers it alone; returns the records without one."""
    level_index = int(drawn["level"][0])
    orphans = np.arange(len(pending))
    for coarser in range(level_index + 1, len(pyramid.levels)):
        if len(orphans) == 0:
            break
        parent = pyramid.levels[coarser]
        step_x, step_y = parent.tile_width * parent.scale_x, parent.tile_height * parent.scale_y
        x0, y0, x1, y1 = spans[orphans].T
        col = np.minimum(((x0 + x1) / 2 / step_x).astype(np.intp), parent.columns - 1)
        row = np.minimum(((y0 + y1) / 2 / step_y).astype(np.intp), parent.rows - 1)
        slot = residency.grid(coarser, plane)[row, col]
        left, top = col * step_x, row * step_y
        covers = (x0 > left - parent.scale_x) & (x1 < left + step_x + parent.scale_x)
        covers &= (y0 > top - parent.scale_y) & (y1 < top + step_y + parent.scale_y)
        found = covers & (slot >= 0)
        at = pending[orphans[found]]
        drawn["parent_slot"][at] = slot[found]
        origin = np.stack((left, top, left, top), axis=1)[found]
        scale = (parent.scale_x, parent.scale_y, parent.scale_x, parent.scale_y)
        drawn["parent_uv"][at] = (spans[orphans[found]] - origin) / scale
        cropped_w = np.minimum(parent.tile_width, parent.width - col * parent.tile_width)
        cropped_h = np.minimum(parent.tile_height, parent.height - row * parent.tile_height)
        drawn["parent_extent"][at] = np.stack((cropped_w, cropped_h), axis=1)[found]
        drawn["parent_lod"][at] = log2(view.downsample / parent.downsample)
        orphans = orphans[~found]
    return pending[orphans]


def _framebuffer_per_slide(view: View, screen: Screen) -> tuple[float, float]:
    """Framebuffer pixels per slide pixel along x and y. All edges are multiplied by these same two numbers,
    so that tiles and pieces that share an edge share it to the bit."""
    return 1 / view.downsample, screen.aspect / view.downsample


class _Pieces:
    """Records beyond one a tile: parts of several ancestors below it, finer tiles above it."""

    def __init__(
        self, pyramid: Pyramid, residency: Residency, plane: Plane, view: View, screen: Screen
    ) -> None:
        self._pyramid = pyramid
        self._residency = residency
        self._plane = plane
        self._view = view
        self._screen = screen
        self._under: list[tuple[int, TileKey, Rect]] = []
        self._over: list[tuple[int, TileKey, Rect]] = []

    def lay_under(self, part: Rect, coarser: int) -> bool:
        """Cover ``part`` of the slide with resident tiles of level ``coarser`` and beyond; returns whether
        all of it is."""
        if coarser >= len(self._pyramid.levels):
            return False
        complete = True
        block = self._pyramid.visible_tiles(coarser, part, self._plane)
        for col, row in product(range(block.col1 - block.col0), range(block.row1 - block.row0)):
            key = block.key(col, row)
            shared = self._pyramid.tile_rect(key).intersection(part)
            if shared is None:  # rounding: the tile begins where the part ends
                continue
            slot = self._residency.slot(key)
            if slot >= 0:
                self._under.append((slot, key, shared))
            else:
                complete &= self.lay_under(shared, coarser + 1)
        return complete

    def lay_over(self, tiles: TileRange, waiting: NDArray[np.bool_]) -> None:
        """Lay resident finer tiles over the tiles that are ``waiting`` (rows, cols), the coarser of them
        first.
        """
        level = self._pyramid.levels[tiles.level]
        field = field_of_view(self._view, self._screen.size_px, self._screen.aspect)
        for finer in range(tiles.level - 1, max(tiles.level - _FINER_LEVELS, 0) - 1, -1):
            child = self._pyramid.levels[finer]
            block = self._pyramid.visible_tiles(finer, field, self._plane)
            slots = self._residency.slots(block)
            rows, cols = np.nonzero(slots >= 0)
            if len(rows) > _FINER_LIMIT:  # so many that the gap closes before they are laid
                continue
            x = (cols + block.col0 + 0.5) * child.tile_width * child.scale_x
            y = (rows + block.row0 + 0.5) * child.tile_height * child.scale_y
            col = (x / (level.tile_width * level.scale_x)).astype(np.intp) - tiles.col0
            row = (y / (level.tile_height * level.scale_y)).astype(np.intp) - tiles.row0
            useful = waiting[row.clip(0, waiting.shape[0] - 1), col.clip(0, waiting.shape[1] - 1)]
            for r, c in zip(rows[useful].tolist(), cols[useful].tolist(), strict=True):
                key = block.key(c, r)
                self._over.append((int(slots[r, c]), key, self._pyramid.tile_rect(key)))

    def under(self) -> NDArray[np.void]:
        """The parts of ancestors, as ancestors without a tile."""
        drawn = self._records(self._under)
        for record, (slot, key, part) in zip(drawn, self._under, strict=True):
            whole, level = self._pyramid.tile_rect(key), self._pyramid.levels[key.level]
            record["parent_slot"] = slot
            record["parent_uv"] = (
                (part.x0 - whole.x0) / level.scale_x,
                (part.y0 - whole.y0) / level.scale_y,
                (part.x1 - whole.x0) / level.scale_x,
                (part.y1 - whole.y0) / level.scale_y,
            )
            record["parent_extent"] = self._pyramid.tile_size(key)
            record["parent_lod"] = log2(self._view.downsample / level.downsample)
        return drawn

    def over(self) -> NDArray[np.void]:
        """The finer tiles, at full weight."""
        drawn = self._records(self._over)
        for record, (slot, key, _) in zip(drawn, self._over, strict=True):
            record["slot"], record["fade"] = slot, 1.0
            record["extent"] = self._pyramid.tile_size(key)
            record["lod"] = log2(self._view.downsample / self._pyramid.levels[key.level].downsample)
        return drawn

    def _records(self, pieces: list[tuple[int, TileKey, Rect]]) -> NDArray[np.void]:
        drawn = np.zeros(len(pieces), DRAWN_TILE)
        if pieces:
            parts = np.array([part for _, _, part in pieces])
            centre = self._view.centre_x, self._view.centre_y
            drawn["rect"] = (parts - centre * 2) * (_framebuffer_per_slide(self._view, self._screen) * 2)
            drawn["level"] = [key.level for _, key, _ in pieces]
        drawn["slot"] = drawn["parent_slot"] = ABSENT
        return drawn
