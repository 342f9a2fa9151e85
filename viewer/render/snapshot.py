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
from viewer.overlay.tissue import overlay_tissue
from viewer.render import strings
from viewer.render.frame import Adjustment, Look
from viewer.slide.source import TileError, TileNotReadyError
from viewer.stream.plan import absent_tiles
from viewer.stream.streamer import default_worker_count
from viewer.stream.tile import DecodedTile, decoded_tile, marked_tile
from viewer.view.camera import View, field_of_view, slide_from_screen
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.overlay.layer import Overlay
    from viewer.overlay.shapes import ShapeSet
    from viewer.slide.geometry import TileKey, TileRange
    from viewer.slide.source import Source

MAX_PICTURE_PX = 400_000_000
DOWNSAMPLE_RANGE = (1e-3, 1e6)
_FARTHEST_CENTRE_PX = 1e9
_LARGEST_PART_PX = 2048
_SMALLEST_PART_PX = 16
_POOL_BYTES = 256 << 20


class SnapshotError(FoveolaError):
    """A picture that cannot be made as requested: why, and what is possible."""


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
    shapes: ShapeSet | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """The field of ``size`` (width, height) pixels around ``center`` (level-0 pixels), as RGB.

    ``downsample`` is level-0 pixels per picture pixel; below 1 the slide's pixels show as squares. What lies
    beyond the slide is its background. ``rotate_deg`` turns it clockwise. ``icc`` applies the slide's colour
    profile. ``overlays`` are laid over it, the first lowest; there is no pointer, so flashlights shine
    nowhere. ``shapes`` lie over them. ``progress(done, total)`` counts parts. Tiles that cannot be decoded
    are marked as in the window; ``image.info["failed_tiles"]`` is their number and, where there are any,
    ``image.info["first_failure"]`` the error of one of them.

    Raises SnapshotError for a picture that cannot be made as requested, GpuError where there is no OpenGL.
    """
    _check_request(center, downsample, size, rotate_deg)
    view = View(center[0], center[1], downsample, radians(rotate_deg))
    red, green, blue = source.info.background_rgb
    lut = _colour_table(source) if icc else None
    look = Look((red / 255, green / 255, blue / 255), adjustment or Adjustment(), lut)
    prepare_egl_environment()
    with OffscreenContext(), ThreadPoolExecutor(default_worker_count(), "foveola-snapshot") as workers:
        scene = OverlayScene(tuple(overlays))
        if any(overlay.look.smooth for overlay in overlays):
            scene = replace(scene, tissue=overlay_tissue(source, source.info.mpp_um))
        painter = _PartPainter(source, view, size, look, scene, shapes, workers)
        try:
            image = Image.new("RGB", size)
            parts = list(_parts(size, painter.part_px))
            for done, part in enumerate(parts):
                image.paste(Image.fromarray(painter.draw(part)), (part.left, part.top))
                if progress is not None:
                    progress(done + 1, len(parts))
        finally:
            painter.release()
    image.info["failed_tiles"] = len(painter.failures)
    if painter.failures:
        image.info["first_failure"] = next(iter(painter.failures.values()))
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
        raise SnapshotError(strings.DOWNSAMPLE_RANGE.format(low=low, high=high, downsample=downsample))
    if not all(abs(value) <= _FARTHEST_CENTRE_PX for value in center):
        raise SnapshotError(strings.CENTRE_FAR.format(x=center[0], y=center[1]))
    if not isfinite(rotate_deg):
        raise SnapshotError(strings.ROTATION.format(degrees=rotate_deg))
    width, height = size
    if width < 1 or height < 1:
        raise SnapshotError(strings.NO_PIXELS.format(width=width, height=height))
    if width * height > MAX_PICTURE_PX:
        most_millions = MAX_PICTURE_PX // 10**6
        raise SnapshotError(
            strings.PICTURE_LARGE.format(width=width, height=height, most_millions=most_millions)
        )


def _colour_table(source: Source) -> NDArray[np.uint8]:
    profile = source.info.icc_profile
    if profile is None:
        raise SnapshotError(strings.NO_PROFILE.format(path=source.info.path))
    from viewer.slide.icc import lut_from_profile

    try:
        return lut_from_profile(profile)
    except ValueError as error:
        raise SnapshotError(strings.BAD_PROFILE.format(path=source.info.path, error=error)) from error


class _PartPainter:
    """Draws a picture part by part. Unlike the window it waits for every tile; all workers decode."""

    def __init__(
        self,
        source: Source,
        view: View,
        size: tuple[int, int],
        look: Look,
        scene: OverlayScene,
        shapes: ShapeSet | None,
        workers: ThreadPoolExecutor,
    ) -> None:
        from gpu.gl.offscreen import max_picture_px
        from viewer.render.shape_drawing import ShapeDrawing
        from viewer.render.slide_painter import SlidePainter, layers_affordable

        self._source, self._pyramid = source, source.pyramid
        self._view, self._size, self._look = view, size, look
        self._scene = scene
        self._workers = workers
        self._level = self._pyramid.level_for_downsample(view.downsample)
        self._mip_levels = _mip_levels(source, self._level, view.downsample)
        layers = max(layers_affordable(source, self._mip_levels, _POOL_BYTES), 4)
        self.part_px = self._fitting_part_px(min(_LARGEST_PART_PX, *max_picture_px()), layers)
        self._slide = SlidePainter(source, layers, self._mip_levels)
        self._shapes = None if shapes is None else ShapeDrawing([shapes])
        self.failures: dict[TileKey, str] = {}

    def release(self) -> None:
        """Free every GL object."""
        if self._shapes is not None:
            self._shapes.release()
        self._slide.release()

    def draw(self, part: _Part) -> NDArray[np.uint8]:
        """(h, w, 3): one part of the picture."""
        width, height = part.right - part.left, part.bottom - part.top
        middle = (part.left + part.right) / 2, (part.top + part.bottom) / 2
        x, y = slide_from_screen(self._view, self._size, self._pyramid.pixel_aspect, *middle)
        view = View(x, y, self._view.downsample, self._view.rotation_rad)
        screen = Screen(width, height, self._pyramid.pixel_aspect)
        field = field_of_view(view, screen.size_px, screen.aspect)
        tiles = self._pyramid.visible_tiles(self._level, field)
        self._load(tiles, view, screen)
        scene = replace(self._scene, origin_px=(float(part.left), float(part.top)))
        pixels = self._slide.picture_of(
            tiles, view, screen, self._look, now_s=0.0, scene=scene, shapes=self._shapes
        )
        if self._slide.overlays.refused:
            raise SnapshotError(self._slide.overlays.refused[0])
        return pixels[..., :3]

    def _load(self, tiles: TileRange, view: View, screen: Screen) -> None:
        """Bring every tile of the part onto the GPU."""
        from gpu.gl.upload import ReadyTile

        slide = self._slide
        slide.begin_frame()
        slide.keep(tiles)
        absent = np.argwhere(absent_tiles(self._pyramid, slide.residency, tiles, view, screen)).tolist()
        keys = [tiles.key(col, row) for row, col in absent]
        decoded = zip(keys, self._workers.map(self._decode, keys), strict=True)
        uploaded = slide.upload((ReadyTile(key, tile.mips, 0, False) for key, tile in decoded), now_s=0.0)
        assert len(uploaded) == len(keys), "parts are cut so that their tiles fit the pool"

    def _decode(self, key: TileKey) -> DecodedTile:
        try:
            return decoded_tile(self._source.read_tile(key), self._mip_levels, self._source.info.samples)
        except TileNotReadyError as error:
            raise SnapshotError(strings.LEVELS_NOT_BUILT.format(path=self._source.info.path)) from error
        except TileError as error:
            self.failures[key] = str(error)
        width, height = self._pyramid.tile_size(key)
        return marked_tile(width, height, self._mip_levels, self._source.info.samples)

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


def _mip_levels(source: Source, level_index: int, downsample: float) -> int:
    """How many mips a tile needs, so that every minification is filtered."""
    pyramid = source.pyramid
    lod = log2(downsample / pyramid.levels[level_index].downsample)
    mip_levels = max(1, ceil(lod - 1e-9) + 1)
    most = floor(log2(pyramid.tile_px)) + 1
    if mip_levels > most:
        limit = pyramid.levels[level_index].downsample * 2 ** (most - 1)
        raise SnapshotError(
            strings.DOWNSAMPLE_COARSE.format(path=source.info.path, downsample=downsample, most=limit)
        )
    return mip_levels
