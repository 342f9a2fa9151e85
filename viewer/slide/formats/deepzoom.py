"""DeepZoom (.dzi) trees: an XML file beside a folder of tile files, one folder per level, neighbours
overlapping.

Level n of a tree is 2ⁿ px on its longer side at most; the overlap is cut off and levels below 256 px are left
out. Source: the Deep Zoom file format overview (Microsoft, 2008/2009 schemas).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from xml.parsers import expat

import numpy as np
import simplejpeg
from PIL import Image

from viewer.slide.formats import strings
from viewer.slide.formats.plain_image import DECODE_ERRORS, check_webp_size, pixels_of_image
from viewer.slide.geometry import Pyramid, Rect
from viewer.slide.pixels import opaque_rgba
from viewer.slide.source import SlideError, SlideInfo, Source, TileError
from viewer.slide.strings import NO_SUCH_TILE, TILE_OF_CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.geometry import TileKey

MAX_XML_BYTES = 2**20
MAX_TILE_BYTES = 64 * 2**20
MAX_TILE_PX, MAX_OVERLAP_PX = 4096, 256
MAX_SIDE_PX = 2**31
MIN_LEVEL_PX = 256
_PILLOW_FORMATS = {"png": "PNG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF"}
_JPEG_ENDINGS = ("jpg", "jpeg")

# Small file tiles are joined to engine tiles of at least this; large ones are cut to _CUT_PX.
_MIN_ENGINE_PX, _MAX_ENGINE_PX, _CUT_PX = 200, 1024, 512
_CUT_CACHE_TILES = 4


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A .dzi file: size of the finest level, tile size without overlap, overlap, suffix of tile files."""

    width: int
    height: int
    tile_px: int
    overlap_px: int
    ending: str

    def level_size(self, level: int) -> tuple[int, int]:
        """(width, height) of a level of the tree; ``top_level`` is the finest."""
        step = 2 ** (self.top_level - level)
        return -(-self.width // step), -(-self.height // step)

    @property
    def top_level(self) -> int:
        return (max(self.width, self.height) - 1).bit_length()


def open_dzi(path: Path) -> DziSource:
    """Open a DeepZoom tree by its .dzi file. Raises SlideError where the file or the tree is invalid."""
    descriptor = _descriptor_from_xml(path)
    folder = path.with_name(f"{path.stem}_files")
    if not folder.is_dir():
        raise SlideError(path, strings.DZI_FOLDER_MISSING.format(folder=folder.name))
    expected = [n for n in range(descriptor.top_level, -1, -1) if _is_shown(descriptor, n)]
    present = [level for level in expected if (folder / str(level)).is_dir()]
    if not present or present[0] != descriptor.top_level:
        finest = descriptor.top_level
        raise SlideError(path, strings.DZI_FINEST_MISSING.format(folder=folder.name, level=finest))
    notes = []
    if missing := len(expected) - len(present):
        notes.append(strings.DZI_LEVELS_MISSING.format(missing=missing, expected=len(expected)))
    sizes = tuple(descriptor.level_size(level) for level in present)
    info = SlideInfo(
        path=path,
        format="DeepZoom",
        reader="DeepZoom",
        reader_reason=strings.DZI_REASON,
        bounds=Rect(0.0, 0.0, float(descriptor.width), float(descriptor.height)),
        file_levels=sizes,
        notes=tuple(notes),
        companions=tuple(_coarsest_tiles(folder)),
    )
    return DziSource(info, descriptor, folder, present)


def _coarsest_tiles(folder: Path) -> Iterator[Path]:
    """They identify a tree: all trees of one size have the same .dzi file."""
    for level in range(10):  # up to 512 px: one file or two
        yield from sorted(folder.glob(f"{level}/0_0.*"))[:2]


class DziSource(Source):
    """A Source over a DeepZoom tree. ``levels`` are the tree's own numbers, finest first."""

    def __init__(self, info: SlideInfo, descriptor: Descriptor, folder: Path, levels: list[int]) -> None:
        self._info = info
        self._descriptor = descriptor
        self._folder = folder
        self._levels = levels
        self._closed = False
        self._file_tile: Callable[[int, int, int], NDArray[np.uint8]] = self._read_file_tile
        if descriptor.tile_px > _MAX_ENGINE_PX:
            engine_px = _CUT_PX
            # Several engine tiles are cut from one file; neighbours are requested together.
            self._file_tile = lru_cache(_CUT_CACHE_TILES)(self._read_file_tile)
        else:
            engine_px = descriptor.tile_px * -(-_MIN_ENGINE_PX // descriptor.tile_px)
        sizes = list(info.file_levels)
        try:
            self._pyramid = Pyramid.from_sizes(sizes, [(engine_px, engine_px)] * len(levels))
        except ValueError as error:
            raise SlideError(info.path, strings.NO_PYRAMID.format(error=error)) from error

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
        if not self._pyramid.contains(key):
            raise TileError(NO_SUCH_TILE.format(path=self._info.path, key=key))
        engine_px, tile_px = self._pyramid.levels[key.level].tile_width, self._descriptor.tile_px
        width, height = self._pyramid.tile_size(key)
        left, top = key.col * engine_px, key.row * engine_px
        tree_level = self._levels[key.level]
        if engine_px == tile_px:
            return self._file_tile(tree_level, key.col, key.row)
        out = np.empty((height, width, 4), np.uint8)
        for row in range(top // tile_px, -(-(top + height) // tile_px)):
            for column in range(left // tile_px, -(-(left + width) // tile_px)):
                piece = self._file_tile(tree_level, column, row)
                x, y = column * tile_px - left, row * tile_px - top
                target = out[max(y, 0) : y + piece.shape[0], max(x, 0) : x + piece.shape[1]]
                target[...] = piece[max(-y, 0) :, max(-x, 0) :][: target.shape[0], : target.shape[1]]
        return out

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """A tree has none: always KeyError."""
        raise KeyError(name)

    def close(self) -> None:
        """See ``Source.close``."""
        self._closed = True

    def _read_file_tile(self, level: int, column: int, row: int) -> NDArray[np.uint8]:
        """One tile file without its overlap, as opaque RGBA. Raises TileError."""
        descriptor = self._descriptor
        tile_px, overlap = descriptor.tile_px, descriptor.overlap_px
        level_width, level_height = descriptor.level_size(level)
        x0, y0 = max(column * tile_px - overlap, 0), max(row * tile_px - overlap, 0)
        x1 = min((column + 1) * tile_px + overlap, level_width)
        y1 = min((row + 1) * tile_px + overlap, level_height)
        file = self._folder / str(level) / f"{column}_{row}.{descriptor.ending}"
        try:
            pixels = _decode(_bounded_bytes(file), descriptor.ending, (x1 - x0, y1 - y0))
        except FileNotFoundError:
            raise TileError(strings.DZI_TILE_MISSING.format(file=file)) from None
        except DECODE_ERRORS as error:
            raise TileError(strings.DZI_TILE_UNREADABLE.format(file=file, error=error)) from error
        left, top = column * tile_px - x0, row * tile_px - y0
        inner = pixels[top : top + tile_px, left : left + tile_px]
        return opaque_rgba(inner, self._info.background_rgb)


def _is_shown(descriptor: Descriptor, level: int) -> bool:
    """Whether a level is shown: the finest, those above 256 px, and the first one not above."""
    return level == descriptor.top_level or max(descriptor.level_size(level + 1)) > MIN_LEVEL_PX


def _descriptor_from_xml(path: Path) -> Descriptor:
    """Read and check a .dzi file. Raises SlideError."""
    with path.open("rb") as file:
        data = file.read(MAX_XML_BYTES + 1)
    if len(data) > MAX_XML_BYTES:
        raise SlideError(path, strings.DZI_TOO_LARGE)
    found: dict[str, dict[str, str]] = {}
    parser = expat.ParserCreate()

    def refuse_doctype(*_: object) -> None:
        raise SlideError(path, strings.DZI_DOCTYPE)

    def keep(name: str, attributes: dict[str, str]) -> None:
        found.setdefault(name.rpartition(":")[2], attributes)

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = keep
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SlideError(path, strings.DZI_NOT_XML.format(error=error)) from error
    if "Collection" in found:
        raise SlideError(path, strings.DZI_COLLECTION)
    if "Image" not in found or "Size" not in found:
        raise SlideError(path, strings.DZI_NO_IMAGE)
    image, size = found["Image"], found["Size"]
    ending = image.get("Format", "")
    if ending.lower() not in (*_JPEG_ENDINGS, *_PILLOW_FORMATS):
        raise SlideError(path, strings.DZI_TILE_FORMAT.format(ending=ending[:20]))
    return Descriptor(
        width=_whole_number(path, size, "Width", 1, MAX_SIDE_PX),
        height=_whole_number(path, size, "Height", 1, MAX_SIDE_PX),
        tile_px=_whole_number(path, image, "TileSize", 1, MAX_TILE_PX),
        overlap_px=_whole_number(path, image, "Overlap", 0, MAX_OVERLAP_PX),
        ending=ending,
    )


def _whole_number(path: Path, attributes: dict[str, str], name: str, low: int, high: int) -> int:
    text = attributes.get(name, "")
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or not low <= int(text) <= high:
        raise SlideError(path, strings.DZI_NUMBER.format(name=name, text=text[:20], low=low, high=high))
    return int(text)


def _bounded_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(MAX_TILE_BYTES + 1)
    if len(data) > MAX_TILE_BYTES:
        raise ValueError(strings.DZI_TILE_TOO_LARGE)
    return data


def _decode(data: bytes, ending: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a tile file; its header must state ``size`` (width, height). Raises DECODE_ERRORS."""
    if ending.lower() in _JPEG_ENDINGS:
        height, width = simplejpeg.decode_jpeg_header(data)[:2]
        _check_size((width, height), size)
        return np.asarray(simplejpeg.decode_jpeg(data, "RGBA"))
    check_webp_size(data[:64], size[0] * size[1])
    with Image.open(io.BytesIO(data), formats=[_PILLOW_FORMATS[ending.lower()]]) as image:
        _check_size(image.size, size)
        image.load()
        return pixels_of_image(image)[0]


def _check_size(found: tuple[int, int], expected: tuple[int, int]) -> None:
    if found != expected:
        width, height = found
        raise ValueError(
            strings.DZI_TILE_SIZE.format(
                width=width, height=height, expected_width=expected[0], expected_height=expected[1]
            )
        )
