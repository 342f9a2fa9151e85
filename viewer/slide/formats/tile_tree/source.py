"""TileTreeSource: a slide whose tiles are files of their own, in a folder or an archive.

Writers leave blank tiles out (libvips, ``--skip-blanks``). A missing tile is taken for blank, in the colour
that the coarser level has there, where that level is of one colour there; elsewhere it is an error.
"""

from __future__ import annotations

import io
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from PIL import Image

from viewer.slide.formats import strings as format_strings
from viewer.slide.formats.engine_tiles import cached_if_cut, engine_tile_size, region_of_pieces
from viewer.slide.formats.plain_image import DECODE_ERRORS, check_webp_size, pixels_of_image
from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.layout import MAX_TILE_PX
from viewer.slide.geometry import Pyramid, Rect
from viewer.slide.source import SlideError, SlideInfo, Source, TileError
from viewer.slide.strings import TILE_OF_CLOSED

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.formats.tile_tree.layout import TreeFiles, TreeLayout
    from viewer.slide.geometry import TileKey

MAX_TILE_BYTES = 64 * 2**20
_PILLOW_FORMATS = {"png": "PNG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF"}

# A place counts as blank up to this range of each colour, which covers the noise of JPEG.
_BLANK_RANGE = 32


class TileTreeSource(Source):
    """A Source over the files of a tree. Closing it closes them. Raises SlideError."""

    def __init__(
        self, path: Path, layout: TreeLayout, files: TreeFiles, companions: tuple[Path, ...] = ()
    ) -> None:
        self._layout, self._files = layout, files
        self._closed = False
        self._file_tile = cached_if_cut(self._read_file_tile, layout.tile_width, layout.tile_height)
        finest = layout.levels[0]
        self._info = SlideInfo(
            path=path,
            format=layout.name,
            reader=layout.name,
            reader_reason=layout.reason,
            bounds=Rect(0.0, float(layout.blank_above_px), float(finest.width), float(finest.height)),
            file_levels=tuple((level.width, level.height) for level in layout.levels),
            notes=layout.notes,
            companions=companions,
        )
        try:
            engine = [engine_tile_size(layout.tile_width, layout.tile_height)] * len(layout.levels)
            self._pyramid = Pyramid.from_sizes(list(self._info.file_levels), engine)
        except ValueError as error:
            raise SlideError(path, format_strings.NO_PYRAMID.format(error=error)) from error

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``."""
        if self._closed:
            raise TileError(TILE_OF_CLOSED.format(path=self._info.path))
        return self._region(key.level, self.tile_region(key))

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """A tree has none: always KeyError."""
        raise KeyError(name)

    def close(self) -> None:
        """See ``Source.close``."""
        self._closed = True
        self._files.close()

    def _region(self, level: int, region: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """Left, top, width and height of a level, as opaque RGBA. Raises TileError."""
        size = self._layout.tile_width, self._layout.tile_height
        return region_of_pieces(partial(self._file_tile, level), size, region, self._info.background_rgb)

    def _read_file_tile(self, level: int, column: int, row: int) -> NDArray[np.uint8]:
        """One tile file without its overlap. Raises TileError."""
        layout, stored = self._layout, self._layout.levels[level]
        overlap = layout.overlap_px
        left, top = column * layout.tile_width, row * layout.tile_height
        right, bottom = left + layout.tile_width, top + layout.tile_height
        x0, y0 = max(left - overlap, 0), max(top - overlap, 0)
        widths = _sides(layout, right - x0, stored.width - x0)
        heights = _sides(layout, bottom - y0, stored.height - y0)
        name = stored.tile_name(column, row)
        right, bottom = min(right, stored.width), min(bottom, stored.height)
        try:
            data = self._files.read(name, MAX_TILE_BYTES + 1)
            pixels = decode_tile(data, widths, heights)
        except FileNotFoundError:
            colour = self._blank_colour(level, Rect(left, top, right, bottom))
            if colour is None:
                raise TileError(strings.TILE_MISSING.format(file=name)) from None
            return np.full((bottom - top, right - left, 4), (*colour, 255), np.uint8)
        except DECODE_ERRORS as error:
            raise TileError(strings.TILE_UNREADABLE.format(file=name, error=error)) from error
        return pixels[top - y0 : bottom - y0, left - x0 : right - x0]

    def _blank_colour(self, level: int, place: Rect) -> tuple[int, int, int] | None:
        """The colour of a place by the next coarser level; None where that has several colours there."""
        if level + 1 == len(self._layout.levels):
            return self._info.background_rgb
        fine, coarse = self._layout.levels[level], self._layout.levels[level + 1]
        step = coarse.downsample / fine.downsample
        # Pixels at the border are mixed with the neighbour's.
        inset_x, inset_y = place.width / step / 8, place.height / step / 8
        left, top = int(place.x0 / step + inset_x), int(place.y0 / step + inset_y)
        left, top = min(left, coarse.width - 1), min(top, coarse.height - 1)
        width = max(min(int(place.x1 / step - inset_x), coarse.width) - left, 1)
        height = max(min(int(place.y1 / step - inset_y), coarse.height) - top, 1)
        with suppress(TileError):
            colours = self._region(level + 1, (left, top, width, height))[..., :3].reshape(-1, 3)
            if np.ptp(colours, axis=0).max() <= _BLANK_RANGE:
                red, green, blue = np.median(colours, axis=0).astype(int).tolist()
                return red, green, blue
        return None


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) of an image file, by its header. Raises DECODE_ERRORS."""
    check_webp_size(data[:64], MAX_TILE_PX**2)
    with Image.open(io.BytesIO(data), formats=("JPEG", *_PILLOW_FORMATS.values())) as image:
        return image.size


def decode_tile(data: bytes, widths: list[int], heights: list[int]) -> NDArray[np.uint8]:
    """The pixels of a tile file; its header must state one of the sizes. Raises DECODE_ERRORS."""
    if len(data) > MAX_TILE_BYTES:
        raise ValueError(strings.TILE_TOO_LARGE)
    if data.startswith(b"\xff\xd8"):
        height, width = simplejpeg.decode_jpeg_header(data)[:2]
        _check_size((width, height), widths, heights)
        return np.asarray(simplejpeg.decode_jpeg(data, "RGBA"))
    check_webp_size(data[:64], max(widths) * max(heights))
    with Image.open(io.BytesIO(data), formats=tuple(_PILLOW_FORMATS.values())) as image:
        _check_size(image.size, widths, heights)
        image.load()
        return pixels_of_image(image)[0]


def _sides(layout: TreeLayout, to_end_px: int, left_px: int) -> list[int]:
    """The widths, or heights, that a tile file may have: first the usual one. From its first pixel it is
    ``to_end_px`` to where the next tile begins, and ``left_px`` to the end of the level.
    """
    whole_px = to_end_px + layout.overlap_px
    if layout.has_full_tiles or whole_px <= left_px:
        return [whole_px]
    return [left_px, to_end_px, whole_px, left_px + 1] if layout.may_be_padded else [left_px]


def _check_size(found: tuple[int, int], widths: list[int], heights: list[int]) -> None:
    width, height = found
    if width not in widths or height not in heights:
        raise ValueError(
            strings.TILE_SIZE.format(
                width=width, height=height, expected_width=widths[0], expected_height=heights[0]
            )
        )
