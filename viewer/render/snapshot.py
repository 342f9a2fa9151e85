"""A part of a slide as a picture, rendered off-screen by the window's own shaders; no display is needed.

Large pictures are drawn in parts, each small enough for the driver's framebuffers and for the tiles of one
texture pool, so memory is bounded by the picture itself and not by the slide.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil, floor, hypot, isfinite, log2, radians
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin

from gpu.gl.context import OffscreenContext, prepare_egl_environment
from viewer.common.atomic_write import save_atomically
from viewer.common.errors import FoveolaError
from viewer.overlay.layer import OverlayScene
from viewer.slide.geometry import TileKey
from viewer.slide.source import TileError, TileNotReadyError
from viewer.stream.cover import cover_view
from viewer.stream.plan import absent_tiles
from viewer.stream.residency import Residency
from viewer.stream.streamer import default_worker_count
from viewer.stream.tile import DecodedTile, decoded_tile, marked_tile
from viewer.view.camera import View, field_of_view, slide_from_screen
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gpu.gl.texture_pool import TexturePool
    from gpu.gl.tile_renderer import TileRenderer
    from viewer.overlay.layer import Overlay
    from viewer.render.frame import Adjustment
    from viewer.render.overlay_renderer import OverlayDrawing
    from viewer.slide.geometry import Pyramid, TileRange
    from viewer.slide.source import Source

MAX_PICTURE_PX = 400_000_000
DOWNSAMPLE_RANGE = (1e-3, 1e6)
_FARTHEST_CENTRE_PX = 1e9
_LARGEST_PART_PX = 2048
_SMALLEST_PART_PX = 16
_POOL_BYTES = 256 << 20
_LAYER_STEP_PX = 8


class SnapshotError(FoveolaError):
    """A picture that cannot be made as asked: why, and what can be asked for."""


def snapshot(
    source: Source,
    *,
    center: tuple[float, float],
    downsample: float,
    size: tuple[int, int],
    rotate_deg: float = 0.0,
    icc: bool = False,
    adjustment: Adjustment | None = None,
    overlays: Sequence[Overlay] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """The field of ``size`` (width, height) pixels around ``center`` (level-0 pixels), as RGB.

    ``downsample`` is level-0 pixels per picture pixel; below 1 the slide's pixels show as squares. What lies
    beyond the slide is its background. ``rotate_deg`` turns it clockwise. ``icc`` applies the slide's colour
    profile. ``overlays`` are laid over it, the first lowest; there is no pointer, so flashlights shine
    nowhere. ``progress(done, total)`` counts parts. Tiles that cannot be decoded are marked as in the
    window; ``image.info["failed_tiles"]`` says how many and, where there are any,
    ``image.info["first_failure"]`` what was wrong with one of them.

    Raises SnapshotError for a picture that cannot be made as asked, GpuError where there is no OpenGL.
    """
    _check_request(center, downsample, size, rotate_deg)
    view = View(center[0], center[1], downsample, radians(rotate_deg))
    lut = _colour_table(source) if icc else None
    prepare_egl_environment()
    with OffscreenContext(), ThreadPoolExecutor(default_worker_count(), "foveola-snapshot") as workers:
        engine = _Engine(source, view, size, lut, adjustment, tuple(overlays), workers)
        try:
            image = Image.new("RGB", size)
            parts = list(_parts(size, engine.part_px))
            for done, part in enumerate(parts):
                image.paste(Image.fromarray(engine.draw(part)), (part.left, part.top))
                if progress is not None:
                    progress(done + 1, len(parts))
        finally:
            engine.release()
    image.info["failed_tiles"] = len(engine.failures)
    if engine.failures:
        image.info["first_failure"] = next(iter(engine.failures.values()))
    return image


def save_png(image: Image.Image, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a PNG with ``metadata`` as text chunks, wholly or not at all. Raises SaveError."""
    text = PngImagePlugin.PngInfo()
    for key, value in metadata.items():
        text.add_text(key, value)
    data = io.BytesIO()
    # On tissue the levels 1 to 6 differ by 1 % in size and by three times in speed.
    image.save(data, "PNG", pnginfo=text, compress_level=1)
    save_atomically(path, data.getvalue())


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle of the picture in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def _parts(size: tuple[int, int], part_px: int) -> Iterator[_Part]:
    for top in range(0, size[1], part_px):
        for left in range(0, size[0], part_px):
            yield _Part(left, top, min(left + part_px, size[0]), min(top + part_px, size[1]))


def _check_request(
    center: tuple[float, float], downsample: float, size: tuple[int, int], rotate_deg: float
) -> None:
    low, high = DOWNSAMPLE_RANGE
    if not low <= downsample <= high:
        raise SnapshotError(f"downsample must be from {low:g} to {high:g}, not {downsample:g}")
    if not all(abs(value) <= _FARTHEST_CENTRE_PX for value in center):
        raise SnapshotError(f"the centre {center[0]:g}, {center[1]:g} is too far from any slide")
    if not isfinite(rotate_deg):
        raise SnapshotError(f"the rotation must be a number of degrees, not {rotate_deg}")
    width, height = size
    if width < 1 or height < 1:
        raise SnapshotError(f"a picture of {width}×{height} px has no pixels")
    if width * height > MAX_PICTURE_PX:
        raise SnapshotError(
            f"a picture of {width}×{height} px is too large: at most {MAX_PICTURE_PX // 10**6} million pixels"
        )


def _colour_table(source: Source) -> NDArray[np.uint8]:
    profile = source.info.icc_profile
    if profile is None:
        raise SnapshotError(f"{source.info.path}: the slide has no colour profile; leave ICC off")
    from viewer.slide.icc import lut_from_profile

    try:
        return lut_from_profile(profile)
    except ValueError as error:
        raise SnapshotError(f"{source.info.path}: {error}; leave ICC off") from error


class _Engine:
    """Pool, renderer and what is resident, for one picture in one context."""

    def __init__(
        self,
        source: Source,
        view: View,
        size: tuple[int, int],
        lut: NDArray[np.uint8] | None,
        adjustment: Adjustment | None,
        overlays: tuple[Overlay, ...],
        workers: ThreadPoolExecutor,
    ) -> None:
        from gpu.gl.offscreen import max_picture_px
        from gpu.gl.texture_pool import TexturePool, max_layers
        from gpu.gl.tile_renderer import TileRenderer
        from viewer.render.frame import Adjustment, Look
        from viewer.render.overlay_renderer import OverlayDrawing

        self._source = source
        self._pyramid: Pyramid = source.pyramid
        self._view, self._size = view, size
        red, green, blue = source.info.background_rgb
        self._look = Look((red / 255, green / 255, blue / 255), adjustment or Adjustment(), lut)
        self._workers = workers
        self._level = self._pyramid.level_for_downsample(view.downsample)
        layer_px, self._mip_levels = _layer_shape(source, self._level, view.downsample)
        layers = min(max(_POOL_BYTES // (layer_px**2 * 16 // 3), 4), max_layers())
        self.part_px = self._fitting_part_px(min(_LARGEST_PART_PX, *max_picture_px()), layers)
        self._pool: TexturePool = TexturePool(layer_px, layers, self._mip_levels)
        self._renderer: TileRenderer = TileRenderer(self._pool)
        self._renderer.set_lut(lut)
        self._scene = OverlayScene(overlays)
        self._overlays: OverlayDrawing = OverlayDrawing(self._pyramid)
        self._residency = Residency(self._pyramid, layers)
        self._part_number = 0
        self.failures: dict[TileKey, str] = {}

    def release(self) -> None:
        """Free every GL object."""
        self._overlays.release()
        self._renderer.release()
        self._pool.release()

    def draw(self, part: _Part) -> NDArray[np.uint8]:
        """(h, w, 3): one part of the picture."""
        from gpu.gl.offscreen import render_to_array
        from viewer.render.tile_engine import frame_state, instances

        width, height = part.right - part.left, part.bottom - part.top
        middle = (part.left + part.right) / 2, (part.top + part.bottom) / 2
        x, y = slide_from_screen(self._view, self._size, self._pyramid.pixel_aspect, *middle)
        view = View(x, y, self._view.downsample, self._view.rotation_rad)
        screen = Screen(width, height, self._pyramid.pixel_aspect)
        field = field_of_view(view, screen.size_px, screen.aspect)
        tiles = self._pyramid.visible_tiles(self._level, field)
        self._load(tiles, view, screen)
        cover = cover_view(self._pyramid, self._residency, tiles, view, screen, now_s=0.0, fade_s=0.0)
        frame = frame_state(view, screen, self._look)
        scene = replace(self._scene, origin_px=(float(part.left), float(part.top)))
        pixels = render_to_array(
            self._renderer,
            instances(cover),
            frame,
            draw_over=lambda: self._overlays.draw(scene, view, screen),
        )
        if self._overlays.refused:
            raise SnapshotError(self._overlays.refused[0])
        return pixels[..., :3]

    def _load(self, tiles: TileRange, view: View, screen: Screen) -> None:
        """Bring every tile of the part onto the GPU, decoding with all workers."""
        self._part_number += 1
        slots = self._pool.slots
        grid = self._residency.slot_grids[tiles.level][tiles.row0 : tiles.row1, tiles.col0 : tiles.col1]
        slots.touch(grid[grid >= 0], self._part_number)
        rows, cols = np.nonzero(absent_tiles(self._pyramid, self._residency, tiles, view, screen))
        absent = [
            TileKey(tiles.level, tiles.col0 + col, tiles.row0 + row)
            for row, col in zip(rows.tolist(), cols.tolist(), strict=True)
        ]
        for key, tile in zip(absent, self._workers.map(self._decode, absent), strict=True):
            slot = slots.allocate(key, depth=0, pinned=False, frame=self._part_number)
            assert slot is not None, "parts are cut so that their tiles fit the pool"
            self._pool.upload(slot, tile.mips)
            self._residency.put(key, slot, 0.0)

    def _decode(self, key: TileKey) -> DecodedTile:
        try:
            return decoded_tile(self._source.read_tile(key), self._mip_levels)
        except TileNotReadyError as error:
            raise SnapshotError(
                f"{self._source.info.path}: its coarse levels are still being built; try again later"
            ) from error
        except TileError as error:
            self.failures[key] = str(error)
        width, height = self._pyramid.tile_size(key)
        return marked_tile(width, height, self._mip_levels)

    def _fitting_part_px(self, largest_px: int, layers: int) -> int:
        """The largest side of a part whose tiles, turned as they may be, fit the pool."""
        level = self._pyramid.levels[self._level]
        step_x = level.tile_width * level.scale_x / self._view.downsample
        step_y = level.tile_height * level.scale_y * self._pyramid.pixel_aspect / self._view.downsample
        side = min(largest_px, max(self._size))
        while side > _SMALLEST_PART_PX:
            reach = hypot(side, side) if self._view.rotation_rad else side
            if (ceil(reach / step_x) + 1) * (ceil(reach / step_y) + 1) <= layers:
                break
            side = max(side * 3 // 4, _SMALLEST_PART_PX)
        return side


def _layer_shape(source: Source, level_index: int, downsample: float) -> tuple[int, int]:
    """Side of a texture layer and its number of mips, so that every minification is filtered."""
    pyramid = source.pyramid
    lod = log2(downsample / pyramid.levels[level_index].downsample)
    mip_levels = max(1, ceil(lod - 1e-9) + 1)
    most = floor(log2(pyramid.tile_px)) + 1
    if mip_levels > most:
        limit = pyramid.levels[level_index].downsample * 2 ** (most - 1)
        raise SnapshotError(
            f"{source.info.path}: downsample {downsample:g} is too coarse for its levels: {limit:g} at most"
        )
    step = max(_LAYER_STEP_PX, 2 ** (mip_levels - 1))
    return -(-pyramid.tile_px // step) * step, mip_levels
