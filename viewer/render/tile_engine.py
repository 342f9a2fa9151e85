"""From a view to pixels, for one slide in one GL context: plan, upload, cover, draw. Window and snapshot both
use it.

Must be made, used and released with its context current. Decoded tiles belong to the streamer, which outlives
the engine: after a lost context a new engine fills its pool from memory.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from gpu.gl.context import is_software
from gpu.gl.offscreen import render_to_array
from gpu.gl.texture_pool import TexturePool, max_layers
from gpu.gl.tile_renderer import TILE_INSTANCE, FrameState, TileRenderer
from gpu.gl.upload import ReadyTile, Uploader
from viewer.overlay.layer import OverlayScene
from viewer.render.frame import FrameReport, Look, Steering
from viewer.render.overlay_renderer import OverlayDrawing
from viewer.slide.geometry import Pyramid, TileKey, TileRange
from viewer.stream.cover import Cover, cover_view
from viewer.stream.plan import Plan, absent_tiles, make_plan, most_tiles_on_screen
from viewer.stream.residency import Residency
from viewer.stream.streamer import TileState
from viewer.view.screen import unbounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.stream.streamer import Streamer
    from viewer.view.camera import Velocity, View
    from viewer.view.screen import Screen

_PINNED_LEVELS = 3
_PINNED_TILES = 64
_PREFETCH_INTERVAL_S = 0.1
_LAYER_STEP_PX = 8
_MIP_CHAIN_SHARE = 4 / 3
_FEWEST_FREE_LAYERS = 64
_FREE_SHARE = 3 / 4
"""The part of the unpinned layers that one view may fill; the rest keeps the view before it."""
_LEVEL_TINTS = np.array(
    [
        (230, 60, 60, 40),
        (60, 160, 60, 40),
        (60, 90, 230, 40),
        (220, 160, 30, 40),
        (160, 60, 200, 40),
        (30, 170, 180, 40),
    ],
    np.uint8,
)


def coarsest_tiles(pyramid: Pyramid) -> list[TileKey]:
    """The tiles that stay for ever as the last stand-in: up to three coarsest levels, 64 tiles at most beyond
    the coarsest level itself. Coarsest first."""
    keys: list[TileKey] = []
    for index in range(len(pyramid.levels) - 1, max(len(pyramid.levels) - 1 - _PINNED_LEVELS, -1), -1):
        level = pyramid.levels[index]
        if keys and len(keys) + level.tile_count > _PINNED_TILES:
            break
        keys += [TileKey(index, col, row) for row in range(level.rows) for col in range(level.columns)]
    return keys


def frame_state(view: View, screen: Screen, look: Look) -> FrameState:
    """A view in framebuffer pixels and a look as the renderer wants them. Its colour table is set apart."""
    return FrameState(
        width_px=int(screen.width_px),
        height_px=int(screen.height_px),
        rotation_rad=view.rotation_rad,
        background=look.surround_rgb,
        brightness=look.adjustment.brightness,
        contrast=look.adjustment.contrast,
        gamma=look.adjustment.gamma,
        icc=look.icc_lut is not None,
        debug=look.debug,
        foveation=look.foveation,
    )


def instances(cover: Cover, *, tinted: bool = False) -> NDArray[np.void]:
    """A cover as the renderer wants it: the same records, field by field; only the tint needs the level
    turned into a colour, and only where it is shown."""
    tiles = cover.tiles.view(TILE_INSTANCE)
    if tinted:
        tiles["tint"] = _LEVEL_TINTS[cover.tiles["level"] % len(_LEVEL_TINTS)]
    return tiles


_NO_OVERLAYS, _UNSTEERED = OverlayScene(), Steering()


class TileEngine:
    """Draws the slide of one streamer."""

    def __init__(self, streamer: Streamer, gpu_cache_bytes: int, screen: Screen) -> None:
        """``gpu_cache_bytes`` bounds the texture pool; ``screen`` is what it should serve well."""
        pyramid = streamer.source.pyramid
        self._pyramid = pyramid
        self._streamer = streamer
        self._pinned = dict.fromkeys(coarsest_tiles(pyramid))
        self._pinned_absent = dict(self._pinned)
        layer_px = -(-pyramid.tile_px // _LAYER_STEP_PX) * _LAYER_STEP_PX
        affordable = min(int(gpu_cache_bytes / (layer_px**2 * 4 * _MIP_CHAIN_SHARE)), max_layers())
        layers = self._affordable_layers = max(affordable, len(self._pinned) + _FEWEST_FREE_LAYERS)
        if is_software():
            # The pool lies in main memory, where decoded tiles lie anyway and come back in microseconds; and
            # all of it is cleared before the first picture, which takes a virtual machine up to 2.7 ms a MiB.
            layers = min(layers, self._layers_for(screen) + _FEWEST_FREE_LAYERS)
        self.pool = TexturePool(layer_px, layers, pyramid.mip_levels)
        self._uploader = Uploader(self.pool)
        self._renderer = TileRenderer(self.pool)
        self._overlays = OverlayDrawing(pyramid)
        self._residency = Residency(pyramid, layers)
        self._capacity_tiles = int((layers - len(self._pinned)) * _FREE_SHARE)
        self._lut: NDArray[np.uint8] | None = None
        self._frame_number = 0
        self._prefetched_s = 0.0

    def release(self) -> None:
        """Free every GL object."""
        self._overlays.release()
        self._renderer.release()
        self.pool.release()

    def serves(self, screen: Screen) -> bool:
        """Whether the pool is as large as a screen of this size wants, or as large as it may be."""
        return self.pool.layers >= min(self._layers_for(screen), self._affordable_layers)

    def _layers_for(self, screen: Screen) -> int:
        return len(self._pinned) + ceil(most_tiles_on_screen(self._pyramid, screen) / _FREE_SHARE)

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
        scene: OverlayScene = _NO_OVERLAYS,
        steering: Steering = _UNSTEERED,
    ) -> FrameReport:
        """Draw one frame into the bound framebuffer, overlays included. Views count in framebuffer pixels.

        ``velocity`` None leaves prefetch out; ``fade_s`` 0 shows new tiles at full weight at once.
        """
        self._frame_number += 1
        if velocity is not None and now_s - self._prefetched_s < _PREFETCH_INTERVAL_S:
            velocity = None
        if velocity is not None:
            self._prefetched_s = now_s
        plan = self._plan(view, target, screen, velocity, steering)
        urgent = [*self._pinned_absent, *plan.wanted[: plan.urgent]]
        uploaded: set[TileKey] = set()
        if urgent:
            self._touch(plan.drawn)  # what is in view must not make room for what comes into view
            self._touch(plan.target)
            uploaded = self._upload(urgent, now_s, upload_budget_ms)
            urgent = [key for key in urgent if key not in uploaded]
        # also where nothing is wanted any more: what was asked for a view that is left must fall out
        if urgent or velocity is not None or self._streamer.urgent_left:
            self._streamer.want([*urgent, *plan.wanted[plan.urgent :]], urgent=len(urgent))
        cover = cover_view(
            self._pyramid, self._residency, plan.drawn, view, screen, now_s=now_s, fade_s=fade_s
        )
        self.pool.slots.touch(cover.slots_in_use, self._frame_number)
        self._draw(cover, view, screen, look)
        whole = self._overlays.draw(scene, view, screen, upload_budget_ms=0 if uploaded else upload_budget_ms)
        return FrameReport(
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
            refused=self._overlays.refused,
        )

    def picture(
        self, view: View, screen: Screen, look: Look, *, now_s: float, scene: OverlayScene = _NO_OVERLAYS
    ) -> NDArray[np.uint8]:
        """The view as it stands, drawn into memory at full weight: (h, w, 4) RGBA, top row first. Never with
        debug marks, never foveated."""
        plan = self._plan(view, view, screen, None, _UNSTEERED)
        cover = cover_view(self._pyramid, self._residency, plan.drawn, view, screen, now_s=now_s, fade_s=0.0)
        return render_to_array(
            self._renderer,
            instances(cover),
            self._frame_state(view, screen, look.as_kept()),
            draw_over=lambda: self._overlays.draw(scene, view, screen),
        )

    def ask(self, view: View, screen: Screen, steering: Steering = _UNSTEERED) -> None:
        """Have the tiles of a view decoded, ahead of the frame that will show it. Needs no GL context."""
        plan = self._plan(view, view, screen, None, steering)
        self._streamer.want(plan.wanted, urgent=plan.urgent)

    def _plan(
        self, view: View, target: View, screen: Screen, velocity: Velocity | None, steering: Steering
    ) -> Plan:
        return make_plan(
            self._pyramid,
            self._residency,
            view,
            target,
            screen,
            velocity=velocity,
            capacity_tiles=self._capacity_tiles,
            attention=steering.attention,
            relevance=steering.relevance,
            finest=steering.finest if self._streamer.slow_reads else unbounded,
        )

    def _failed_in(self, tiles: TileRange) -> int:
        if self._streamer.failed_count == 0:
            return 0
        keys = (
            TileKey(tiles.level, col, row)
            for row in range(tiles.row0, tiles.row1)
            for col in range(tiles.col0, tiles.col1)
        )
        return sum(self._streamer.state(key) is TileState.FAILED for key in keys)

    def _touch(self, tiles: TileRange) -> None:
        grid = self._residency.slot_grids[tiles.level]
        slots = grid[tiles.row0 : tiles.row1, tiles.col0 : tiles.col1]
        self.pool.slots.touch(slots[slots >= 0], self._frame_number)

    def _missing(self, tiles: TileRange, view: View, screen: Screen) -> int:
        return int(np.count_nonzero(absent_tiles(self._pyramid, self._residency, tiles, view, screen)))

    def _upload(self, keys: list[TileKey], now_s: float, budget_ms: float) -> set[TileKey]:
        coarsest = len(self._pyramid.levels) - 1
        ready = ((key, self._streamer.ready(key)) for key in dict.fromkeys(keys))
        items = (
            ReadyTile(key, tile.mips, coarsest - key.level, key in self._pinned)
            for key, tile in ready
            if tile is not None
        )
        uploaded: set[TileKey] = set()
        for key, slot in self._uploader.upload_ready(items, budget_ms, self._frame_number).items():
            assert isinstance(key, TileKey)
            self._residency.put(key, slot, now_s)
            self._pinned_absent.pop(key, None)
            uploaded.add(key)
        return uploaded

    def _draw(self, cover: Cover, view: View, screen: Screen, look: Look) -> None:
        self._renderer.draw(instances(cover, tinted=look.debug), self._frame_state(view, screen, look))

    def _frame_state(self, view: View, screen: Screen, look: Look) -> FrameState:
        if look.icc_lut is not self._lut:
            self._renderer.set_lut(look.icc_lut)
            self._lut = look.icc_lut
        return frame_state(view, screen, look)
