"""Frames of the window while tiles stream in: plan, upload within a budget, request the rest, cover, draw.

Decoded tiles belong to the streamer, which outlives the engine: after a lost context a new engine fills its
pool from memory.

When another plane is requested, the previous one is drawn, whole, until tiles of the new one cover the view.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from gpu.gl.context import is_software
from gpu.gl.upload import ReadyTile
from viewer.render.frame import FrameReport, Look, Steering
from viewer.render.slide_painter import NO_OVERLAYS, SlidePainter, layers_affordable
from viewer.slide.geometry import Pyramid, TileKey, TileRange
from viewer.slide.planes import FIRST_PLANE, Plane
from viewer.stream.plan import Plan, absent_tiles, make_plan, most_tiles_on_screen
from viewer.stream.residency import ABSENT
from viewer.stream.streamer import TileState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.overlay.layer import OverlayScene
    from viewer.render.shape_drawing import ShapeDrawing
    from viewer.stream.streamer import Streamer
    from viewer.view.camera import Velocity, View
    from viewer.view.screen import Screen

_PINNED_LEVELS = 3
_PINNED_TILES = 64
_PREFETCH_INTERVAL_S = 0.1
_FEWEST_FREE_LAYERS = 64
_FREE_SHARE = 3 / 4
"""The part of the unpinned layers that one view may fill; the rest keeps the view before it."""


def coarsest_tiles(pyramid: Pyramid, plane: Plane = FIRST_PLANE) -> list[TileKey]:
    """The tiles of a plane that always stay on the GPU as a fallback: up to three coarsest levels, 64 tiles
    at most beyond the coarsest level itself. Coarsest first."""
    keys: list[TileKey] = []
    for index in range(len(pyramid.levels) - 1, max(len(pyramid.levels) - 1 - _PINNED_LEVELS, -1), -1):
        level = pyramid.levels[index]
        if keys and len(keys) + level.tile_count > _PINNED_TILES:
            break
        keys += [TileKey(index, col, row, plane) for row in range(level.rows) for col in range(level.columns)]
    return keys


_UNSTEERED = Steering()


class TileEngine(SlidePainter):
    """Draws the slide of one streamer."""

    def __init__(self, streamer: Streamer, gpu_cache_bytes: int, screen: Screen) -> None:
        """``gpu_cache_bytes`` bounds the texture pool; ``screen`` is the screen that it is sized for."""
        source, pyramid = streamer.source, streamer.source.pyramid
        self._streamer = streamer
        # Two planes have theirs while one replaces the other.
        self._pinned_layers = len(coarsest_tiles(pyramid)) * min(pyramid.planes.plane_count, 2)
        affordable = layers_affordable(source, pyramid.mip_levels, gpu_cache_bytes)
        layers = self._affordable_layers = max(affordable, self._pinned_layers + _FEWEST_FREE_LAYERS)
        if is_software():
            # The pool lies in main memory, where decoded tiles lie anyway and come back in microseconds; and
            # all of it is cleared before the first picture, which takes a virtual machine up to 2.7 ms a MiB.
            layers = min(layers, self._layers_for(pyramid, screen) + _FEWEST_FREE_LAYERS)
        super().__init__(source, layers, pyramid.mip_levels)
        self._capacity_tiles = int((layers - self._pinned_layers) * _FREE_SHARE)
        self._drawn = FIRST_PLANE
        self._request_plane(FIRST_PLANE)
        self._prefetched_s = 0.0

    def serves(self, screen: Screen) -> bool:
        """Whether the pool is as large as a screen of this size needs, or as large as it may be."""
        return self.pool.layers >= min(self._layers_for(self.pyramid, screen), self._affordable_layers)

    def _layers_for(self, pyramid: Pyramid, screen: Screen) -> int:
        return self._pinned_layers + ceil(most_tiles_on_screen(pyramid, screen) / _FREE_SHARE)

    @property
    def resident_tiles(self) -> int:
        return len(self.pool.slots)

    def frame(
        self,
        view: View,
        target: View,
        screen: Screen,
        look: Look,
        *,
        velocity: Velocity | None,
        now_s: float,
        upload_budget_ms: float,
        fade_s: float,
        scene: OverlayScene = NO_OVERLAYS,
        steering: Steering = _UNSTEERED,
    ) -> FrameReport:
        """Draw one frame into the bound framebuffer, overlays included. Views count in framebuffer pixels.

        ``velocity`` None leaves prefetch out; ``fade_s`` 0 shows new tiles at full weight at once.
        """
        self.begin_frame()
        if look.plane != self._requested_plane:
            self._request_plane(look.plane)
        if velocity is not None and now_s - self._prefetched_s < _PREFETCH_INTERVAL_S:
            velocity = None
        if velocity is not None:
            self._prefetched_s = now_s
        plan = self._plan(view, target, screen, velocity, steering)
        urgent = [*self._pinned_absent, *plan.requested[: plan.urgent]]
        uploaded: set[TileKey] = set()
        if urgent:
            # Tiles in view, and of the plane drawn meanwhile, are not evicted for tiles that come into view.
            for tiles in {plan.drawn, plan.target, plan.drawn._replace(plane=self._drawn)}:
                self.keep(tiles)
            uploaded = self._upload(urgent, now_s, upload_budget_ms)
            urgent = [key for key in urgent if key not in uploaded]
        # also where nothing is requested any more: requests of an earlier view are dropped
        if urgent or velocity is not None or self._streamer.urgent_left:
            self._streamer.request([*urgent, *plan.requested[plan.urgent :]], urgent=len(urgent))
        cover = self.cover(plan.drawn, view, screen, now_s=now_s, fade_s=fade_s)
        if self._drawn != self._requested_plane:
            tiles = plan.drawn._replace(plane=self._drawn)
            before = self.cover(tiles, view, screen, now_s=now_s, fade_s=fade_s)
            if before.holes < cover.holes:
                cover = before
            else:
                self._drawn = self._requested_plane
                self._request_plane(self._requested_plane)
        self.draw(cover, view, screen, look)
        whole = self.overlays.draw(scene, view, screen, upload_budget_ms=0 if uploaded else upload_budget_ms)
        return FrameReport(
            plane=self._drawn,
            level=plan.drawn.level,
            visible_tiles=plan.drawn.tile_count,
            missing=self._missing(plan.target, target, screen) if uploaded else plan.missing,
            failed=self._failed_in(plan.drawn),
            coarsened=plan.coarsened,
            holes=cover.holes,
            uploads=len(uploaded),
            upload_backlog=not whole or (bool(uploaded) and any(self._streamer.has(key) for key in urgent)),
            fading=cover.fading,
            foveated=look.foveation is not None,
            refused=self.overlays.refused,
        )

    def picture(
        self,
        view: View,
        screen: Screen,
        look: Look,
        *,
        now_s: float,
        scene: OverlayScene = NO_OVERLAYS,
        shapes: ShapeDrawing | None = None,
    ) -> NDArray[np.uint8]:
        """The view with the tiles on the GPU, of the plane that was drawn last; see ``picture_of``."""
        plan = self._plan(view, view, screen, None, _UNSTEERED)
        tiles = plan.drawn._replace(plane=self._drawn)
        return self.picture_of(tiles, view, screen, look, now_s=now_s, scene=scene, shapes=shapes)

    def request(self, view: View, screen: Screen, steering: Steering = _UNSTEERED) -> None:
        """Have the tiles of a view decoded, ahead of the frame that shows it, of the plane requested last.
        Needs no GL context."""
        plan = self._plan(view, view, screen, None, steering)
        self._streamer.request(plan.requested, urgent=plan.urgent)

    def _plan(
        self, view: View, target: View, screen: Screen, velocity: Velocity | None, steering: Steering
    ) -> Plan:
        return make_plan(
            self.pyramid,
            self.residency,
            view,
            target,
            screen,
            plane=self._requested_plane,
            velocity=velocity,
            capacity_tiles=self._capacity_tiles,
            attention=steering.attention,
            relevance=steering.relevance,
            finest=steering.finest if self._streamer.slow_reads else None,
        )

    def _failed_in(self, tiles: TileRange) -> int:
        if self._streamer.failed_count == 0:
            return 0
        keys = (
            tiles.key(col, row)
            for row in range(tiles.row1 - tiles.row0)
            for col in range(tiles.col1 - tiles.col0)
        )
        return sum(self._streamer.state(key) is TileState.FAILED for key in keys)

    def _missing(self, tiles: TileRange, view: View, screen: Screen) -> int:
        return int(np.count_nonzero(absent_tiles(self.pyramid, self.residency, tiles, view, screen)))

    def _request_plane(self, plane: Plane) -> None:
        """Pin the coarsest tiles of this plane and of the one that is drawn, and of no other."""
        self._requested_plane = plane
        self._pinned = dict.fromkeys(coarsest_tiles(self.pyramid, plane))
        self._pinned_absent = {key: None for key in self._pinned if self.residency.slot(key) == ABSENT}
        held = {*self._pinned, *coarsest_tiles(self.pyramid, self._drawn)}
        slots = np.array([self.residency.slot(key) for key in held])
        self.pool.slots.pin(slots[slots != ABSENT])

    def _upload(self, keys: list[TileKey], now_s: float, budget_ms: float) -> set[TileKey]:
        coarsest = len(self.pyramid.levels) - 1
        ready = ((key, self._streamer.ready(key)) for key in dict.fromkeys(keys))
        items = (
            ReadyTile(key, tile.mips, coarsest - key.level, key in self._pinned)
            for key, tile in ready
            if tile is not None
        )
        uploaded = self.upload(items, now_s=now_s, budget_ms=budget_ms)
        for key in uploaded:
            self._pinned_absent.pop(key, None)
        return uploaded
