"""Which tiles are read, at which level, in which order.

Requested tiles are ordered by ``(tier, −gain, distance to the point of regard)`` with
``gain = blur_px · attention · relevance · p_needed``: ``blur_px`` is the size on the screen of one texel of
what would be shown instead (the best resident ancestor), ``p_needed`` the chance that the tile is seen.
Weights lie between 1 and 4: they reorder tiles, and none waits without end. ``finest`` bounds the detail that
is fetched on the way to another view; at rest every tile on the screen is requested. The tiers:

COVER     two levels coarser than the view, where much is missing and what is drawn instead is coarser still
VISIBLE   the tiles of the target's level on the screen, at the camera's target and now
PREFETCH  tiles that the present movement will probably need; decoded, not uploaded, and only when nothing
else waits
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import ceil, cos, erf, sin, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.slide.geometry import Pyramid, Rect, TileKey, TileRange
from viewer.slide.planes import FIRST_PLANE, Plane
from viewer.view.camera import Velocity, View, field_of_view
from viewer.view.screen import WEIGHT_RANGE, FloatArray, Screen, TileLevel, TileWeight, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.stream.residency import Residency

_COVER_STEP = 2
_COVER_WHEN_MISSING = 24
_PREFETCH_HORIZON_S = 0.5
_PREFETCH_RING = 2
_PREFETCH_LIMIT = 96
_PREFETCH_MIN_P = 0.05
_P_NEXT_LEVEL = 0.3
_LEAST_SPREAD_PX = 1.0
_ZOOMING_IN = -0.2
"""Log-downsample per second below which the reader counts as zooming in."""


class Tier(IntEnum):
    """Classes of urgency; every tile of one goes before any of the next. The module's docstring explains
    them."""

    COVER = 0
    VISIBLE = 1
    PREFETCH = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw now and what to load next.

    ``drawn`` are the tiles of the present view. ``requested`` are keys not on the GPU, best first; the first
    ``urgent`` of them are for the screen, the rest is prefetch. ``missing`` counts tiles of the target view
    that are not on the GPU. ``coarsened``: the target is shown from a coarser level than its
    magnification calls for, because the pool does not hold the tiles of that one.
    """

    drawn: TileRange
    target: TileRange
    requested: list[TileKey]
    urgent: int
    missing: int
    coarsened: bool


def make_plan(
    pyramid: Pyramid,
    residency: Residency,
    view: View,
    target: View,
    screen: Screen,
    *,
    plane: Plane = FIRST_PLANE,
    velocity: Velocity | None = None,
    capacity_tiles: int = 1 << 30,
    attention: TileWeight = uniform,
    relevance: TileWeight = uniform,
    finest: TileLevel | None = None,
) -> Plan:
    """The plan for one frame, which shows one plane. Views count in framebuffer pixels.

    ``finest`` is for sources where fetching is what costs. In prefetch, and for the screen while ``view`` is
    on its way to ``target``, tiles of that level are wanted in the place of finer ones.
    ``velocity`` None leaves prefetch out. Where a level needs more tiles than ``capacity_tiles`` (the texture
    pool) the next coarser one is taken: a blurred picture, never a broken one.
    """
    planner = _Planner(pyramid, residency, screen, plane, (attention, relevance), finest)
    drawn = planner.tiles_on_screen(view, capacity_tiles)
    at_target = drawn if target == view else planner.tiles_on_screen(target, capacity_tiles)

    groups = [planner.absent(Tier.VISIBLE, at_target, target, p_needed=1.0)]
    missing = len(groups[0].cols)
    # turned views may show different parts of one block of tiles
    turned = view.rotation_rad != 0.0 or target.rotation_rad != 0.0
    if drawn != at_target or (turned and view != target):
        groups.append(planner.absent(Tier.VISIBLE, drawn, view, p_needed=0.5))
    cover_level = min(at_target.level + _COVER_STEP, len(pyramid.levels) - 1)
    fallback_too_coarse = missing > _COVER_WHEN_MISSING and groups[0].blur_px.max() > 2**_COVER_STEP
    if fallback_too_coarse and cover_level > at_target.level:
        tiles = planner.tiles(cover_level, planner.field(target))
        groups.append(planner.absent(Tier.COVER, tiles, target, p_needed=1.0))
    requested = _in_order(groups, plane)
    if view != target:
        requested = planner.bounded(requested)
    urgent = len(requested)
    if velocity is not None:
        seen = set(requested)
        ahead = planner.bounded(
            _in_order(planner.ahead(at_target, target, velocity), plane)[:_PREFETCH_LIMIT]
        )
        requested += [key for key in ahead if key not in seen]
    coarsened = at_target.level > pyramid.level_for_downsample(target.downsample)
    return Plan(drawn, at_target, requested, urgent, missing, coarsened)


def on_screen(pyramid: Pyramid, tiles: TileRange, view: View, screen: Screen) -> NDArray[np.bool_]:
    """Which tiles of a range touch the screen, (rows, cols): all where the view is upright, fewer where it is
    turned.
    """
    shape = tiles.row1 - tiles.row0, tiles.col1 - tiles.col0
    if view.rotation_rad == 0.0:
        return np.ones(shape, np.bool_)
    level = pyramid.levels[tiles.level]
    step_x, step_y = level.tile_width * level.scale_x, level.tile_height * level.scale_y
    half_x, half_y = step_x / view.downsample / 2, step_y * screen.aspect / view.downsample / 2
    dx = ((np.arange(tiles.col0, tiles.col1) + 0.5) * step_x - view.centre_x) / view.downsample
    dy = (
        ((np.arange(tiles.row0, tiles.row1) + 0.5) * step_y - view.centre_y) * screen.aspect / view.downsample
    )
    c, s = cos(view.rotation_rad), sin(view.rotation_rad)
    across = np.abs(c * dx[None, :] - s * dy[:, None])
    down = np.abs(s * dx[None, :] + c * dy[:, None])
    reach_x, reach_y = abs(c) * half_x + abs(s) * half_y, abs(s) * half_x + abs(c) * half_y
    inside: NDArray[np.bool_] = (across < screen.width_px / 2 + reach_x) & (
        down < screen.height_px / 2 + reach_y
    )
    return inside


def absent_tiles(
    pyramid: Pyramid, residency: Residency, tiles: TileRange, view: View, screen: Screen
) -> NDArray[np.bool_]:
    """Which tiles of a range touch the screen and are not on the GPU, (rows, cols)."""
    absent: NDArray[np.bool_] = residency.slots(tiles) < 0
    if view.rotation_rad != 0.0:
        absent &= on_screen(pyramid, tiles, view, screen)
    return absent


def most_tiles_on_screen(pyramid: Pyramid, screen: Screen) -> int:
    """How many tiles an upright view may need at once: just before the next coarser level is fine enough."""
    levels = pyramid.levels
    most = 1
    for index, level in enumerate(levels):
        until = levels[index + 1].downsample if index + 1 < len(levels) else 2 * level.downsample
        step = until / level.downsample
        cols = min(ceil(screen.width_px * step / level.tile_width) + 1, level.columns)
        rows = min(ceil(screen.height_px / screen.aspect * step / level.tile_height) + 1, level.rows)
        most = max(most, cols * rows)
    return most


class _Requests(NamedTuple):
    """Requested tiles of one level, as parallel arrays."""

    tier: Tier
    level: int
    cols: NDArray[np.intp]
    rows: NDArray[np.intp]
    gain: FloatArray
    distance: FloatArray
    blur_px: FloatArray


@dataclass(frozen=True, slots=True)
class _Planner:
    """What is the same for all tiles of one frame's plan."""

    pyramid: Pyramid
    residency: Residency
    screen: Screen
    plane: Plane
    weights: tuple[TileWeight, TileWeight]
    finest: TileLevel | None

    def field(self, view: View) -> Rect:
        return field_of_view(view, self.screen.size_px, self.screen.aspect)

    def tiles(self, level: int, region: Rect) -> TileRange:
        return self.pyramid.visible_tiles(level, region, self.plane)

    def tiles_on_screen(self, view: View, capacity_tiles: int) -> TileRange:
        """The tiles of the view's level, or of the finest coarser one that fits into the pool."""
        level = self.pyramid.level_for_downsample(view.downsample)
        tiles = self.tiles(level, self.field(view))
        while self._count(tiles, view) > capacity_tiles and level + 1 < len(self.pyramid.levels):
            level += 1
            tiles = self.tiles(level, self.field(view))
        return tiles

    def _count(self, tiles: TileRange, view: View) -> int:
        if view.rotation_rad == 0.0:
            return tiles.tile_count
        return int(np.count_nonzero(on_screen(self.pyramid, tiles, view, self.screen)))

    def absent(self, tier: Tier, tiles: TileRange, view: View, *, p_needed: float) -> _Requests:
        """Those of the tiles that touch the screen and are not on the GPU."""
        rows, cols = np.nonzero(absent_tiles(self.pyramid, self.residency, tiles, view, self.screen))
        where = (tiles.level, cols + tiles.col0, rows + tiles.row0)
        return self._weighted(tier, where, view, p_needed=p_needed)

    def bounded(self, keys: list[TileKey]) -> list[TileKey]:
        """For each key the tile of its place that is as fine as may be now, where it is not on the GPU."""
        if self.finest is None or not keys:
            return keys
        levels = self.pyramid.levels
        steps = np.array([(one.tile_width * one.scale_x, one.tile_height * one.scale_y) for one in levels])
        own = np.array([key.level for key in keys])
        x, y = ((np.array([(key.col, key.row) for key in keys]) + 0.5) * steps[own]).T
        allowed = own.copy()
        for index in np.unique(own).tolist():
            here = own == index
            allowed[here] = np.maximum(self.finest(index, x[here], y[here]), index)
        cols, rows = (np.stack([x, y]) / steps[allowed].T).astype(np.intp).tolist()
        found: dict[TileKey, None] = {}
        for key, index, col, row in zip(keys, allowed.tolist(), cols, rows, strict=True):
            level = levels[index]
            at = key._replace(level=index, col=min(col, level.columns - 1), row=min(row, level.rows - 1))
            if self.residency.slot(at) < 0:
                found[at] = None
        return list(found)

    def ahead(self, tiles: TileRange, view: View, velocity: Velocity) -> list[_Requests]:
        """What the present movement will probably need: the ring around the field, and the level it zooms to
        (at rest the coarser one, which costs a quarter of the tiles)."""
        groups = [self._ring(tiles, view, velocity)]
        zooming_in = velocity.log_downsample < _ZOOMING_IN
        level = tiles.level - 1 if zooming_in else tiles.level + 1
        if 0 <= level < len(self.pyramid.levels):
            block = self.tiles(level, _scaled(self.field(view), 0.5 if zooming_in else 2.0))
            groups.append(self.absent(Tier.PREFETCH, block, view, p_needed=_P_NEXT_LEVEL))
        return groups

    def _ring(self, tiles: TileRange, view: View, velocity: Velocity) -> _Requests:
        """Tiles around the field, each with the chance that the movement reaches it within the horizon."""
        level, field = self.pyramid.levels[tiles.level], self.field(view)
        col0, col1 = max(tiles.col0 - _PREFETCH_RING, 0), min(tiles.col1 + _PREFETCH_RING, level.columns)
        row0, row1 = max(tiles.row0 - _PREFETCH_RING, 0), min(tiles.row1 + _PREFETCH_RING, level.rows)
        step_x, step_y = level.tile_width * level.scale_x, level.tile_height * level.scale_y
        along_x = _Movement(field.x0, field.x1, velocity.x, velocity.x_std)
        along_y = _Movement(field.y0, field.y1, velocity.y, velocity.y_std)
        chance = np.outer(along_y.chances(row0, row1, step_y), along_x.chances(col0, col1, step_x))
        ring = TileRange(tiles.level, col0, row0, col1, row1, self.plane)
        chance[self.residency.slots(ring) >= 0] = 0.0
        chance[tiles.row0 - row0 : tiles.row1 - row0, tiles.col0 - col0 : tiles.col1 - col0] = 0.0
        rows, cols = np.nonzero(chance >= _PREFETCH_MIN_P)
        where = (tiles.level, cols + col0, rows + row0)
        return self._weighted(Tier.PREFETCH, where, view, p_needed=chance[rows, cols])

    def _weighted(
        self,
        tier: Tier,
        where: tuple[int, NDArray[np.intp], NDArray[np.intp]],
        view: View,
        *,
        p_needed: float | FloatArray,
    ) -> _Requests:
        level_index, cols, rows = where
        levels = self.pyramid.levels
        if len(cols) == 0:  # nearly every frame: no tile to weight
            nothing = np.empty(0)
            return _Requests(tier, level_index, cols, rows, nothing, nothing, nothing)
        level = levels[level_index]
        x: FloatArray = (cols + 0.5) * (level.tile_width * level.scale_x)
        y: FloatArray = (rows + 0.5) * (level.tile_height * level.scale_y)
        blur_px = np.full(len(cols), 2 * levels[-1].downsample / view.downsample)
        for coarser in range(len(levels) - 1, level_index, -1):
            parent = levels[coarser]
            col = (x / (parent.tile_width * parent.scale_x)).astype(np.intp)
            row = (y / (parent.tile_height * parent.scale_y)).astype(np.intp)
            grid = self.residency.grid(coarser, self.plane)
            resident = grid[np.minimum(row, parent.rows - 1), np.minimum(col, parent.columns - 1)] >= 0
            blur_px[resident] = parent.downsample / view.downsample
        gain: FloatArray = blur_px * p_needed
        for weight in self.weights:
            gain = gain * weight(level_index, x, y).clip(*WEIGHT_RANGE)
        distance = np.hypot(x - view.centre_x, y - view.centre_y)
        return _Requests(tier, level_index, cols, rows, gain, distance, blur_px)


class _Movement(NamedTuple):
    """The field along one axis, from low to high, and how it moves: slide pixels, and pixels per second."""

    low: float
    high: float
    speed: float
    speed_std: float

    def chances(self, first: int, last: int, step: float) -> FloatArray:
        """For each column (or row) of ``step`` slide pixels: the chance that the field touches it in time."""
        spread = max(self.speed_std * _PREFETCH_HORIZON_S, (self.high - self.low) * 0.125, _LEAST_SPREAD_PX)
        drift = self.speed * _PREFETCH_HORIZON_S
        chances = np.ones(last - first)
        for index in range(first, last):
            before, after = self.low - (index + 1) * step, index * step - self.high
            gap, along = (before, -drift) if before > after else (after, drift)
            if gap >= 0:
                chances[index - first] = 0.5 * (1 - erf((gap - along) / spread / sqrt(2)))
        return chances


def _scaled(rect: Rect, factor: float) -> Rect:
    x, y = rect.centre
    half_x, half_y = rect.width * factor / 2, rect.height * factor / 2
    return Rect(x - half_x, y - half_y, x + half_x, y + half_y)


def _in_order(groups: list[_Requests], plane: Plane) -> list[TileKey]:
    """All keys of the groups, best first, each once."""
    groups = [group for group in groups if len(group.cols)]
    if not groups:
        return []
    tier = np.concatenate([np.full(len(group.cols), group.tier) for group in groups])
    gain = np.concatenate([group.gain for group in groups])
    distance = np.concatenate([group.distance for group in groups])
    level = np.concatenate([np.full(len(group.cols), group.level) for group in groups])
    cols = np.concatenate([group.cols for group in groups])
    rows = np.concatenate([group.rows for group in groups])
    order = np.lexsort((distance, -gain, tier))
    table = np.stack([level, cols, rows], axis=1)[order].tolist()
    return list(dict.fromkeys(TileKey(index, col, row, plane) for index, col, row in table))
