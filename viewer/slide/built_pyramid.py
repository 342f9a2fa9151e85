"""BuiltPyramid: a source without coarse levels, given them: built in the background, kept in the cache
folder.

The levels are in ``pyramid`` from the start; their tiles can be read one after the other as they are built.
They are means in linear light (IEC 61966-2-1). A pack of the cache is used only for the same file of the same
size and time, and every tile of it is checked when it is read.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import simplejpeg

from viewer.common.atomic_write import SaveError, save_failure
from viewer.slide import strings
from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.locator import Locator
from viewer.slide.pixels import RGBA_8, rgba_8
from viewer.slide.source import SlideError, Source, TileError, TileNotReadyError
from viewer.slide.tile_pack import Grid, TilePack, TilePackError, TilePackWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.source import SlideInfo

    # Linear pixels of built tiles that the level above has still to be made from.
    Waiting: TypeAlias = dict[TileKey, NDArray[np.uint16]]

log = logging.getLogger("foveola.slide.built_pyramid")

BUILD_ABOVE_PX = 2048
COARSEST_PX = 1024
CACHE_BYTES = 4 * 2**30
QUALITY = 92
_ABANDONED_AFTER_S = 24 * 3600
_RECIPE = "2x2 linear light, JPEG 92 4:4:4, 1"  # a new recipe must not find the packs of an old one

# Linear light in 14 bits: the sum of four fits 16, and each of the 256 stored values is restored exactly.
_LINEAR_MAX = 2**14 - 1
_UNREADABLE_GREY = 128


def needs_coarse_levels(source: Source) -> bool:
    """Whether a source's coarsest level is too large to be a quick first picture."""
    coarsest = source.pyramid.levels[-1]
    return max(coarsest.width, coarsest.height) > BUILD_ABOVE_PX


class BuiltPyramid(Source):
    """A Source that adds coarse levels, 2x apart down to at most 1024 px, to a source that lacks them.

    Closing it closes the source. Where ``is_complete`` is False, call ``build`` on a background thread.
    ``cache_bytes`` bounds the cache folder; the least recently used packs are removed first.
    """

    def __init__(self, source: Source, cache_dir: Path, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._source = source
        self._cache_bytes = cache_bytes
        file_levels = source.pyramid.levels
        self._first_built = len(file_levels)
        sizes = [(level.width, level.height) for level in file_levels]
        tiles = [(level.tile_width, level.tile_height) for level in file_levels]
        while max(sizes[-1]) > COARSEST_PX:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
            tiles.append(tiles[-1])  # so that a tile covers just 2×2 of the finer level
        self._pyramid = Pyramid.from_sizes(sizes, tiles, pixel_aspect=source.pyramid.pixel_aspect)
        self._grids = tuple(
            Grid(level.columns, level.rows) for level in self._pyramid.levels[self._first_built :]
        )
        self._key = _cache_key(source)
        self._folder = cache_dir / "pyramids"
        digest = hashlib.sha256(self._key.encode(errors="surrogatepass"))  # of any file name
        self._path = self._folder / f"{digest.hexdigest()[:32]}.pack"
        self._pack: TilePack | None = None
        self._writer: TilePackWriter | None = None
        self._building = threading.Lock()
        self._unreadable = 0
        self._closed = False
        self._open_cached()

    @property
    def info(self) -> SlideInfo:
        notes = (*self._source.info.notes, strings.BUILDS_LEVELS)
        return replace(self._source.info, samples=RGBA_8, notes=notes)

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    @property
    def is_remote(self) -> bool:
        return self._source.is_remote

    @property
    def is_complete(self) -> bool:
        """Whether the built levels are there and whole."""
        return self._pack is not None

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``. Raises TileNotReadyError for a tile that is not built yet."""
        if key.level < self._first_built:
            return rgba_8(self._source.read_tile(key))
        return self.decode_tile(key, self.fetch_tile(key))

    def fetch_tile(self, key: TileKey) -> Any:
        """See ``Source.fetch_tile``. Raises TileNotReadyError for a tile that is not built yet."""
        if key.level < self._first_built:
            return self._source.fetch_tile(key)
        if self._closed:
            raise TileError(strings.TILE_OF_CLOSED.format(path=self._source.info.path))
        if not self._pyramid.contains(key):
            raise TileError(strings.NO_SUCH_TILE.format(path=self._source.info.path, key=key))
        jpeg = self._stored(key)
        if jpeg is None:
            raise TileNotReadyError(strings.TILE_NOT_BUILT.format(path=self._source.info.path, key=key))
        return jpeg

    def decode_tile(self, key: TileKey, fetched: Any) -> NDArray[np.uint8]:
        """See ``Source.decode_tile``."""
        if key.level < self._first_built:
            return rgba_8(self._source.decode_tile(key, fetched))
        return np.asarray(simplejpeg.decode_jpeg(fetched, "RGBA"))

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """See ``Source.read_associated_image``."""
        return self._source.read_associated_image(name)

    def close(self) -> None:
        """See ``Source.close``. A build under way ends at its next tile and leaves nothing behind."""
        self._closed = True
        if not self._building.locked():  # else the build itself cleans up
            self._release_built()
        self._source.close()

    def build(self, progress: Callable[[float, float], None], cancelled: Callable[[], bool]) -> bool:
        """Build the missing levels; for a background thread. False where it was cancelled or the slide
        closed.

        ``progress(done, total)`` counts tiles of the finest level that is read. Tiles of the file that cannot
        be read are grey in the built levels, which are then kept for as long as the slide is open, not in the
        cache.

        Raises SaveError where the cache cannot be written: the built levels are lost, the file's own stay.
        """
        try:
            return self._build(progress, cancelled)
        finally:
            if self._closed:  # checked after the lock is released, so that either close or this cleans up
                self._release_built()

    def _build(self, progress: Callable[[float, float], None], cancelled: Callable[[], bool]) -> bool:
        with self._building:
            if self.is_complete:
                return True
            self._discard()
            self._unreadable = 0
            finest = self._pyramid.levels[self._first_built - 1]
            steps = _Steps(finest.tile_count, progress, lambda: self._closed or cancelled())
            try:
                self._writer = TilePackWriter(self._path, self._grids, self._key)
                waiting: Waiting = {}
                for key in self._build_order():
                    waiting[key] = self._build_tile(key, self._writer, steps, waiting)
                if self._unreadable:
                    log.warning("%s: %d tiles cannot be read", self._source.info.path, self._unreadable)
                    return True
                self._writer.finish()
                self._open_cached()
            except _Cancelled:
                self._discard()
                return False
            except OSError as error:
                self._discard()
                raise SaveError(self._path, save_failure(self._path, error)) from error
            except BaseException:
                self._discard()
                raise
            _prune(self._folder, self._cache_bytes, keep=self._path)
            return self.is_complete

    def _build_order(self) -> Iterator[TileKey]:
        """Which tiles are built, with all below them that are not built yet.

        Those of the coarsest level, so that four tiles a level are in memory. Where the source decodes
        tiles together, line by line of the finest level that is built, and of a coarser one as soon as its
        lines are there: what is decoded is used up at once, and two lines a level are in memory, as much as
        four lines of the source. With the cache of a striped TIFF that is up to 512 MB.
        """
        levels, first, along = self._pyramid.levels, self._first_built, self._source.decodes_along
        top = len(levels) - 1
        if along is None:
            first = top
        is_upright = along != "columns"
        lines = levels[first].rows if is_upright else levels[first].columns
        for line in range(lines):
            for index, level in enumerate(levels[first:]):
                if (line + 1) % (1 << index) and line + 1 < lines:
                    break
                at = line >> index
                if is_upright:
                    yield from (TileKey(first + index, column, at) for column in range(level.columns))
                else:
                    yield from (TileKey(first + index, at, row) for row in range(level.rows))

    def _build_tile(
        self, key: TileKey, writer: TilePackWriter, steps: _Steps, waiting: Waiting
    ) -> NDArray[np.uint16]:
        """Build a tile and all below it that is not ``waiting``, finer ones first; its linear pixels are
        returned for the level above.
        """
        if key.level < self._first_built:
            return _linear_from_stored(self._read_finest(key, steps))
        finer = self._pyramid.levels[key.level - 1]
        width, height = self._pyramid.tile_size(key)
        block = np.empty((2 * height, 2 * width, 4), np.uint16)
        # An odd last row or column of the finer level counts twice.
        full_height = min(2 * height, finer.height - 2 * key.row * finer.tile_height)
        full_width = min(2 * width, finer.width - 2 * key.col * finer.tile_width)
        for row in range(2):
            for column in range(2):
                child = TileKey(key.level - 1, 2 * key.col + column, 2 * key.row + row)
                if self._pyramid.contains(child):
                    y, x = row * finer.tile_height, column * finer.tile_width
                    pixels = waiting.pop(child, None)
                    if pixels is None:
                        pixels = self._build_tile(child, writer, steps, waiting)
                    block[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
        block[full_height:] = block[full_height - 1 : full_height]
        block[:, full_width:] = block[:, full_width - 1 : full_width]
        sums = _sums_of_four(block)
        jpeg = simplejpeg.encode_jpeg(
            _STORED_FROM_SUM.take(sums), quality=QUALITY, colorspace="RGBX", colorsubsampling="444"
        )
        writer.add(key.level - self._first_built, key.col, key.row, jpeg)
        sums >>= 2
        return sums

    def _read_finest(self, key: TileKey, steps: _Steps) -> NDArray[np.uint8]:
        steps.next()
        try:
            return rgba_8(self._source.read_tile(key))
        except TileError:
            self._unreadable += 1
            width, height = self._pyramid.tile_size(key)
            return np.full((height, width, 4), _UNREADABLE_GREY, np.uint8)

    def _stored(self, key: TileKey) -> bytes | None:
        """The encoded tile, None where it has not been built."""
        pack, writer, level = self._pack, self._writer, key.level - self._first_built
        if pack is not None:
            try:
                return pack.read(level, key.col, key.row)
            except (TilePackError, OSError) as error:
                if self._closed:
                    raise TileError(strings.TILE_OF_CLOSED.format(path=self._source.info.path)) from error
                log.warning("%s; the levels must be built again", error)
                self._pack = None
                pack.close()
                self._path.unlink(missing_ok=True)
                return None
        return writer.read(level, key.col, key.row) if writer is not None else None

    def _open_cached(self) -> None:
        """Open the pack in the cache, where there is a valid one; remove an invalid one."""
        try:
            self._pack = TilePack(self._path, self._grids, self._key)
            os.utime(self._path)  # most recently used: removed last
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("%s: the cache cannot be used: %s", self._path, error.strerror)
        except TilePackError as error:
            log.warning("%s; it is removed and built again", error)
            self._path.unlink(missing_ok=True)

    def _release_built(self) -> None:
        self._discard()
        if self._pack is not None:
            self._pack.close()

    def _discard(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()


class _Cancelled(Exception):
    """The build was cancelled or the slide closed."""


class _Steps:
    """Counts the tiles that are read, reports progress, and stops the build between two of them."""

    def __init__(
        self, total: int, progress: Callable[[float, float], None], cancelled: Callable[[], bool]
    ) -> None:
        self._done = 0
        self._total = total
        self._progress = progress
        self._cancelled = cancelled

    def next(self) -> None:
        if self._cancelled():
            raise _Cancelled
        self._done += 1
        self._progress(self._done, self._total)


def _linear_table() -> NDArray[np.uint16]:
    """Linear light of each stored value (sRGB)."""
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.round(linear * _LINEAR_MAX).astype(np.uint16)


def _stored_table() -> NDArray[np.uint8]:
    """Stored value (sRGB) of each sum of four linear values."""
    linear = np.minimum(np.arange(4 * _LINEAR_MAX + 4) / (4 * _LINEAR_MAX), 1)
    value = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(value * 255).astype(np.uint8)


_LINEAR_FROM_STORED = _linear_table()
_STORED_FROM_SUM = _stored_table()


def _linear_from_stored(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return _LINEAR_FROM_STORED.take(pixels)


def _sums_of_four(block: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Sums over 2×2 pixels of a block with even sides."""
    rows = block[0::2] + block[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


def _cache_key(source: Source) -> str:
    """What a pack is made from: the file's size and time, the level read, the recipe. Raises SlideError."""
    path, coarsest = source.info.path, source.pyramid.levels[-1]
    try:
        stat = path.stat()
    except OSError as error:
        raise SlideError(path, strings.NO_LONGER_READABLE.format(error=error.strerror)) from error
    size = (coarsest.width, coarsest.height, coarsest.tile_width, coarsest.tile_height)
    place = Locator.parse(path.resolve()).with_image(source.info.locator.image)
    return f"{place} {stat.st_size} {stat.st_mtime_ns} {size} {source.info.reader} {_RECIPE}"


def _prune(folder: Path, limit_bytes: int, *, keep: Path) -> None:
    """Remove the least recently used packs until the rest fits, and what interrupted builds left behind.

    A pack that cannot be removed, or that another window removes at the same time, is not an error.
    """
    try:
        _remove_oldest(folder, limit_bytes, keep)
    except OSError as error:
        log.warning("%s: the cache cannot be cleared: %s", folder, error.strerror)


def _remove_oldest(folder: Path, limit_bytes: int, keep: Path) -> None:
    for part in folder.glob(".*.part"):
        if part.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
            part.unlink(missing_ok=True)
    packs = sorted(
        ((pack.stat(), pack) for pack in folder.glob("*.pack")), key=lambda found: found[0].st_mtime
    )
    total = sum(stat.st_size for stat, _ in packs)
    for stat, pack in packs:
        if total <= limit_bytes:
            return
        if pack != keep:
            pack.unlink(missing_ok=True)
            total -= stat.st_size
