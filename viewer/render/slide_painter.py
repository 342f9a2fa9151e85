"""From tiles to pixels, for one slide in one GL context: which tiles are in the texture pool, cover, draw.
Window and snapshot use it, each with its own way of loading.

Must be made, used and released with its context current.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from gpu.gl.offscreen import render_to_array
from gpu.gl.pixel_format import PixelFormat
from gpu.gl.texture_pool import TexturePool, layer_side_px, layers_within
from gpu.gl.tile_renderer import TILE_INSTANCE, FrameState, TileRenderer
from gpu.gl.upload import upload_ready
from viewer.overlay.layer import OverlayScene
from viewer.render.overlay_renderer import OverlayDrawing
from viewer.slide.geometry import TileKey
from viewer.stream.cover import Cover, cover_view
from viewer.stream.residency import Residency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gpu.gl.upload import ReadyTile
    from viewer.render.frame import Look
    from viewer.render.shape_drawing import ShapeDrawing
    from viewer.slide.geometry import TileRange
    from viewer.slide.source import Source
    from viewer.view.camera import View
    from viewer.view.screen import Screen

NO_OVERLAYS = OverlayScene()
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


def layers_affordable(source: Source, mip_levels: int, pool_bytes: int) -> int:
    """How many tiles of the slide, with their mips, a texture pool of so many bytes holds."""
    layer_px = layer_side_px(source.pyramid.tile_px, mip_levels)
    return layers_within(pool_bytes, layer_px, PixelFormat.of(*source.info.samples))


class SlidePainter:
    """The tiles of one slide that are on the GPU, and pictures of them."""

    def __init__(self, source: Source, layers: int, mip_levels: int) -> None:
        """``layers`` and ``mip_levels`` are those of the texture pool."""
        self.pyramid = source.pyramid
        layer_px = layer_side_px(self.pyramid.tile_px, mip_levels)
        self.pool = TexturePool(layer_px, layers, mip_levels, PixelFormat.of(*source.info.samples))
        self.overlays = OverlayDrawing(self.pyramid)
        self.residency = Residency(self.pyramid, layers)
        self._renderer = TileRenderer(self.pool)
        self._lut: NDArray[np.uint8] | None = None
        self._frame_number = 0

    def release(self) -> None:
        """Free every GL object."""
        self.overlays.release()
        self._renderer.release()
        self.pool.release()

    def begin_frame(self) -> None:
        """Begin a frame: tiles of earlier frames may be evicted; those kept or drawn in this one may not."""
        self._frame_number += 1

    def keep(self, tiles: TileRange) -> None:
        """Mark those of the tiles that are on the GPU as used in this frame."""
        slots = self.residency.slots(tiles)
        self.pool.slots.touch(slots[slots >= 0], self._frame_number)

    def upload(self, items: Iterable[ReadyTile], *, now_s: float, budget_ms: float = inf) -> set[TileKey]:
        """Upload tiles, keyed by TileKey, until the budget is spent or there is no room; returns which."""
        uploaded: set[TileKey] = set()
        for key, slot in upload_ready(self.pool, items, budget_ms, self._frame_number).items():
            assert isinstance(key, TileKey)
            self.residency.put(key, slot, now_s)
            uploaded.add(key)
        return uploaded

    def cover(self, tiles: TileRange, view: View, screen: Screen, *, now_s: float, fade_s: float) -> Cover:
        """What is drawn for the tiles of a view; see ``cover_view``."""
        return cover_view(self.pyramid, self.residency, tiles, view, screen, now_s=now_s, fade_s=fade_s)

    def draw(self, cover: Cover, view: View, screen: Screen, look: Look) -> None:
        """Draw tiles into the bound framebuffer."""
        self.pool.slots.touch(cover.slots_in_use, self._frame_number)
        self._renderer.draw(_instances(cover, tinted=look.debug), self._frame_state(view, screen, look))

    def picture_of(
        self,
        tiles: TileRange,
        view: View,
        screen: Screen,
        look: Look,
        *,
        now_s: float,
        scene: OverlayScene,
        shapes: ShapeDrawing | None = None,
    ) -> NDArray[np.uint8]:
        """What is on the GPU of a view's tiles, drawn into memory at full weight, below the scene and
        ``shapes``: (h, w, 4) RGBA, top row first. Never with debug marks, never foveated."""

        def draw_over() -> None:
            self.overlays.draw(scene, view, screen)
            if shapes is not None:
                shapes.draw(view, screen)

        return render_to_array(
            self._renderer,
            _instances(self.cover(tiles, view, screen, now_s=now_s, fade_s=0.0)),
            self._frame_state(view, screen, look.as_kept()),
            draw_over=draw_over,
        )

    def _frame_state(self, view: View, screen: Screen, look: Look) -> FrameState:
        """A view in framebuffer pixels and a look as the renderer's FrameState."""
        if look.icc_lut is not self._lut:
            self._renderer.set_lut(look.icc_lut)
            self._lut = look.icc_lut
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


def _instances(cover: Cover, *, tinted: bool = False) -> NDArray[np.void]:
    """A cover as the renderer's instances: the same records, field by field; only the tint, where it is
    shown, is a colour in place of the level."""
    tiles = cover.tiles.view(TILE_INSTANCE)
    if tinted:
        tiles["tint"] = _LEVEL_TINTS[cover.tiles["level"] % len(_LEVEL_TINTS)]
    return tiles
