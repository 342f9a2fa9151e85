"""OpenSlideHandle: one slide opened by OpenSlide, usable after a bad tile.

OpenSlide latches its first error: after one bad tile every later call on that handle fails. This class opens
a fresh handle when that happens, so that a bad tile costs one tile and not the slide.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import openslide
from PIL.ImageCms import PyCMSError

from viewer.slide.formats import strings
from viewer.slide.formats.dicom.dataset import begins_like_dicom
from viewer.slide.formats.tiff.ifd import MAX_IFDS, MAX_NUMBERS, TiffFormatError, begins_like_tiff
from viewer.slide.source import NotThisReader, SlideError, TileError
from viewer.slide.strings import TILE_OF_CLOSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.formats.tiff.ifd import Ifd

# Small: decoded tiles are cached by the streamer, this only saves file tiles that straddle two requests.
CACHE_BYTES = 32 * 2**20
MAX_ASSOCIATED_PX = 100_000_000
MIN_TILE_PX = 8  # of tiles of 1 px, one of ours would take 262,144
MAX_TILE_PX = 2**26  # OpenSlide allocates whole tiles: 256 MiB
MAX_ICC_BYTES = 16 * 2**20


def vendor_of(file: SlideFile) -> str | None:
    """The name OpenSlide gives to the file's format, None where it detects none.

    Raises NotThisReader for a broken TIFF, which must not reach OpenSlide.
    """
    _checked_ifds(file)
    if begins_like_dicom(file.bytes):  # a file can be both; OpenSlide would read it as DICOM
        return None
    try:
        vendor: str | None = openslide.OpenSlide.detect_format(file.path)
    except openslide.OpenSlideError:
        return None
    return vendor


def _checked_ifds(file: SlideFile) -> list[Ifd]:
    """The directories of a sound TIFF, none for other files; raises NotThisReader for a broken one.

    OpenSlide's GLib ends the process where it cannot allocate what a header claims.
    """
    # NDPI beyond 4 GiB deviates from TIFF: its offsets continue behind each directory.
    is_large_ndpi = file.path.suffix.lower() == ".ndpi" and file.bytes.size_bytes >= 2**32
    if is_large_ndpi or not begins_like_tiff(file.bytes):
        return []
    try:
        ifds, left_off = file.directories
    except TiffFormatError:
        raise NotThisReader(file.path, strings.OPENSLIDE_BROKEN_TIFF) from None
    if len(ifds) == MAX_IFDS and left_off:
        raise NotThisReader(file.path, strings.OPENSLIDE_MANY_IMAGES.format(count=len(ifds)))
    if left_off:
        raise NotThisReader(file.path, strings.OPENSLIDE_BROKEN_TIFF)
    return ifds


def _check_tiles(file: SlideFile) -> None:
    """Raise NotThisReader for a TIFF with tiles that OpenSlide would allocate beyond reason."""
    for ifd in _checked_ifds(file):
        try:
            tile_width, tile_height = ifd.number(322, 0), ifd.number(323, 0)
            counts = [ifd.numbers(code, at_most=MAX_NUMBERS) for code in (279, 325)]
            if any(values.dtype.kind not in "ui" for values in counts):
                raise TiffFormatError
        except TiffFormatError:
            raise NotThisReader(file.path, strings.OPENSLIDE_BROKEN_TIFF) from None
        tile_bytes = max(int(values.max(initial=0)) for values in counts)
        too_small = 322 in ifd and min(tile_width, tile_height) < MIN_TILE_PX
        if too_small or tile_width * tile_height > MAX_TILE_PX or tile_bytes > file.bytes.size_bytes:
            reason = strings.OPENSLIDE_TILES.format(width=tile_width, height=tile_height, size=tile_bytes)
            raise NotThisReader(file.path, reason)


class OpenSlideHandle:
    """Thread-safe access to a slide through OpenSlide; raises NotThisReader where OpenSlide refuses it.

    ``is_checked_dicom``: the headers of its folder are such as OpenSlide may read; other DICOM is refused.
    """

    def __init__(self, file: SlideFile, *, is_checked_dicom: bool = False) -> None:
        if not is_checked_dicom and begins_like_dicom(file.bytes):
            raise NotThisReader(file.path, strings.OPENSLIDE_DICOM)
        _check_tiles(file)
        self.path = path = file.path
        self._cache = openslide.OpenSlideCache(CACHE_BYTES)
        self._lock = threading.Lock()
        self._closed = False
        self._slide: openslide.OpenSlide | None = None
        try:
            self._slide = slide = self._open()
            self.level_sizes: tuple[tuple[int, int], ...] = slide.level_dimensions
            self.level_downsamples: tuple[float, ...] = slide.level_downsamples
            # Damaged slides list names for which OpenSlide then has no value.
            values = {name: slide.properties.get(name) for name in slide.properties}
            self.properties: Mapping[str, str] = {
                name: value for name, value in values.items() if value is not None
            }
            self.associated_images: tuple[str, ...] = tuple(slide.associated_images)
        except openslide.OpenSlideUnsupportedFormatError:
            raise NotThisReader(path, strings.OPENSLIDE_UNKNOWN_FORMAT) from None
        except (openslide.OpenSlideError, OSError) as error:
            raise NotThisReader(path, str(error)) from error

    def read_region(self, location: tuple[int, int], level: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """(height, width, 4) straight RGBA; ``location`` in level-0 pixels, ``size`` in level pixels.

        Raises TileError where OpenSlide cannot decode it.
        """
        slide = self._current()
        try:
            return np.asarray(slide.read_region(location, level, size))
        except openslide.OpenSlideError:
            # Either this region is bad or another thread's bad region killed the handle we shared: a handle
            # of our own shows which.
            with self._lock:
                if self._slide is slide:
                    self._slide = None
        try:
            slide = self._open()
            pixels = np.asarray(slide.read_region(location, level, size))
        except openslide.OpenSlideError as error:
            raise TileError(
                strings.OPENSLIDE_UNREADABLE.format(
                    path=self.path, level=level, location=location, error=error
                )
            ) from error
        with self._lock:
            if self._slide is None and not self._closed:
                self._slide = slide
        return pixels

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """(height, width, 4) straight RGBA. Raises KeyError for an unknown name, SlideError where it is
        unreadable.
        """
        if name not in self.associated_images:
            raise KeyError(name)
        width = int(self.properties.get(f"openslide.associated.{name}.width", 0))
        height = int(self.properties.get(f"openslide.associated.{name}.height", 0))
        if width * height > MAX_ASSOCIATED_PX:
            reason = strings.ASSOCIATED_SIZE.format(name=name, width=width, height=height)
            raise SlideError(self.path, reason)
        try:
            slide = self._open()  # a handle of its own: a bad label must not disturb tiles being read
            return np.asarray(slide.associated_images[name])
        except openslide.OpenSlideError as error:
            reason = strings.ASSOCIATED_UNREADABLE.format(name=name, error=error)
            raise SlideError(self.path, reason) from error

    def read_icc_profile(self) -> bytes | None:
        """The profile of the level images, None where there is none. Raises SlideError where it is
        unreadable.
        """
        size = int(self.properties.get("openslide.icc-size", 0))
        if size == 0:
            return None
        if size > MAX_ICC_BYTES:
            raise SlideError(self.path, strings.ICC_SIZE.format(size=size))
        try:
            profile = self._current().color_profile
        except (openslide.OpenSlideError, PyCMSError) as error:
            raise SlideError(self.path, strings.ICC_UNREADABLE.format(error=error)) from error
        return profile.tobytes() if profile is not None else None

    def close(self) -> None:
        """Release the slide; it is closed when the last read in flight returns."""
        with self._lock:
            self._closed = True
            self._slide = None

    def _open(self) -> openslide.OpenSlide:
        slide = openslide.OpenSlide(self.path)
        slide.set_cache(self._cache)
        return slide

    def _current(self) -> openslide.OpenSlide:
        with self._lock:
            if self._closed:
                raise TileError(TILE_OF_CLOSED.format(path=self.path))
            if self._slide is None:
                try:
                    self._slide = self._open()
                except openslide.OpenSlideError as error:
                    reason = strings.OPENSLIDE_REOPEN.format(path=self.path, error=error)
                    raise TileError(reason) from error
            return self._slide
