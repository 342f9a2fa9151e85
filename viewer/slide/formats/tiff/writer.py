"""A tiled, pyramidal BigTIFF of JPEG tiles, written in one pass and bounded memory from a function that
renders regions.

Tiles go to the file in the order they are made: those of one chunk (levels 0 to 2) lie together, the coarser
levels follow as their rows fill up, the directories come last. Source: TIFF 6.0, TIFF Technical Note 2
(JPEG), BigTIFF.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import simplejpeg

from viewer.common.atomic_write import SaveError, save_failure
from viewer.slide.pixels import halved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

TILE_PX = 256
CHUNK_PX = 1024
_CHUNK_LEVELS = 3  # levels whose tiles are whole inside one chunk: 1024, 512 and 256 px
MAX_COARSEST_PX = 1024

_SHORT, _LONG, _ASCII, _RATIONAL, _LONG8 = 3, 4, 2, 5, 16
_FORMATS = {_SHORT: "H", _LONG: "I", _RATIONAL: "II", _LONG8: "Q"}
_VALUE_BYTES = 8  # a BigTIFF entry holds values of up to this size itself


def level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """(width, height) of each level: halved, rounded up, until both sides are at most 1024 px."""
    sizes = [(width, height)]
    while max(sizes[-1]) > MAX_COARSEST_PX:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def write_pyramid_tiff(
    path: Path,
    render: Callable[[int, int, int, int], NDArray[np.uint8]],
    *,
    width: int,
    height: int,
    quality: int = 80,
    mpp_um: float | None = None,
    description: str = "",
    progress: Callable[[float, float], None] | None = None,
    threads: int | None = None,
) -> list[tuple[int, int]]:
    """Write a pyramid with levels 2x apart down to at most 1024 px; the (width, height) of each is returned.

    ``render(x, y, w, h)`` gives (h, w, 4) pixels of the finest level (the fourth byte is ignored) for chunks
    of up to 1024×1024 px, from several threads at once. Coarser levels are means of the stored values of 2×2
    pixels, as scanner makers build them. ``progress(done, total)`` is called after each chunk. The same
    pixels give the same file whatever the number of threads.

    The file appears whole or not at all. Raises SaveError where it cannot be written, ValueError for an empty
    image.
    """
    if min(width, height) < 1:
        raise ValueError(f"an image of {width}×{height} px cannot be written")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                writer = _PyramidFile(file, level_sizes(width, height), quality)
                for done, total in _write_chunks(writer, render, threads or os.cpu_count() or 1):
                    if progress is not None:
                        progress(done, total)
                writer.finish(mpp_um=mpp_um, description=description)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)  # mkstemp's files are for the owner only
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):  # the first failure is the one to report
                temporary.unlink()
            raise
    except OSError as error:
        raise SaveError(path, save_failure(path, error)) from error
    return writer.sizes


def encoded_tiles(pixels: NDArray[np.uint8], quality: int) -> Iterator[tuple[int, int, bytes]]:
    """(column, row, JPEG) of each tile of a block of (h, w, 4) pixels; the last ones are padded by
    repeating the edge.
    """
    height, width = pixels.shape[:2]
    for row, y in enumerate(range(0, height, TILE_PX)):
        for column, x in enumerate(range(0, width, TILE_PX)):
            tile = pixels[y : y + TILE_PX, x : x + TILE_PX]
            if tile.shape[:2] != (TILE_PX, TILE_PX):
                beyond = ((0, TILE_PX - tile.shape[0]), (0, TILE_PX - tile.shape[1]), (0, 0))
                tile = np.pad(tile, beyond, mode="edge")
            jpeg = simplejpeg.encode_jpeg(
                np.ascontiguousarray(tile), quality=quality, colorspace="RGBX", colorsubsampling="420"
            )
            yield column, row, jpeg


class _Chunk:
    """One chunk: its encoded tiles of the first levels, and its pixels at the last of them."""

    def __init__(self, pixels: NDArray[np.uint8], level_count: int, quality: int) -> None:
        self.tiles: list[tuple[int, int, int, bytes]] = []
        for level in range(level_count):
            if level:
                pixels = halved(pixels)
            self.tiles += [(level, *tile) for tile in encoded_tiles(pixels, quality)]
        self.coarsest = pixels


class _PyramidFile:
    """The file being written: tiles as they come, and where each went."""

    def __init__(self, file: IO[bytes], sizes: list[tuple[int, int]], quality: int) -> None:
        self.sizes = sizes
        self.quality = quality
        self._file = file
        self._file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        grids = [(-(-width // TILE_PX), -(-height // TILE_PX)) for width, height in sizes]
        self._offsets = [np.zeros((rows, columns), np.uint64) for columns, rows in grids]
        self._counts = [np.zeros((rows, columns), np.uint64) for columns, rows in grids]

    def add_tile(self, level: int, column: int, row: int, jpeg: bytes) -> None:
        self._offsets[level][row, column] = self._file.tell()
        self._counts[level][row, column] = len(jpeg)
        self._file.write(jpeg)

    def finish(self, *, mpp_um: float | None, description: str) -> None:
        """Write the directories, and where the first one is."""
        link = 8  # the header's pointer to the first directory
        for level in range(len(self.sizes)):
            link = self._write_directory(level, link, mpp_um, description if level == 0 else "")

    def _write_directory(self, level: int, link: int, mpp_um: float | None, description: str) -> int:
        """Write one directory at the end and point ``link`` to it; returns the offset of its own link."""
        width, height = self.sizes[level]
        entries: list[tuple[int, int, int, bytes]] = [
            _entry(254, _LONG, 1 if level else 0),
            _entry(256, _LONG, width),
            _entry(257, _LONG, height),
            _entry(258, _SHORT, 8, 8, 8),
            _entry(259, _SHORT, 7),  # JPEG
            _entry(262, _SHORT, 6),  # YCbCr
            *([_text(270, description)] if description else []),
            _entry(277, _SHORT, 3),
            *(_resolution(mpp_um, self.sizes[0], self.sizes[level]) if mpp_um else []),
            _entry(284, _SHORT, 1),
            *([_entry(296, _SHORT, 3)] if mpp_um else []),  # per centimetre
            _text(305, "Foveola"),
            _entry(322, _LONG, TILE_PX),
            _entry(323, _LONG, TILE_PX),
            (324, _LONG8, self._offsets[level].size, self._offsets[level].tobytes()),
            (325, _LONG8, self._counts[level].size, self._counts[level].tobytes()),
            _entry(530, _SHORT, 2, 2),  # chroma at half size both ways
        ]
        fields = []
        for tag, kind, count, data in entries:
            value = data.ljust(_VALUE_BYTES, b"\0")
            if len(data) > _VALUE_BYTES:
                value = struct.pack("<Q", self._append(data))
            fields.append(struct.pack("<HHQ", tag, kind, count) + value)
        start = self._append(struct.pack("<Q", len(fields)) + b"".join(fields) + bytes(8))
        self._file.seek(link)
        self._file.write(struct.pack("<Q", start))
        self._file.seek(0, os.SEEK_END)
        return start + 8 + 20 * len(fields)

    def _append(self, data: bytes) -> int:
        """Write at the end, on an even offset as TIFF requires; the offset is returned."""
        if self._file.tell() % 2:
            self._file.write(b"\0")
        offset = self._file.tell()
        self._file.write(data)
        return offset


class _Rows:
    """Gathers rows of one coarse level until they make a row of tiles, and passes half-size rows on."""

    def __init__(self, writer: _PyramidFile, level: int) -> None:
        self._writer = writer
        self._level = level
        self._tile_row = 0
        self._waiting: list[NDArray[np.uint8]] = []
        self._coarser = _Rows(writer, level + 1) if level + 1 < len(writer.sizes) else None

    def add(self, pixels: NDArray[np.uint8], *, is_last: bool) -> None:
        """``pixels`` are at most one row of tiles high; every call but the last brings an even number of
        rows.
        """
        self._waiting.append(pixels)
        if not is_last and sum(rows.shape[0] for rows in self._waiting) < TILE_PX:
            return
        band = np.concatenate(self._waiting)
        self._waiting = []
        for column, row, jpeg in encoded_tiles(band, self._writer.quality):
            self._writer.add_tile(self._level, column, self._tile_row + row, jpeg)
        self._tile_row += 1
        if self._coarser is not None:
            self._coarser.add(halved(band), is_last=is_last)


def _write_chunks(
    writer: _PyramidFile, render: Callable[[int, int, int, int], NDArray[np.uint8]], threads: int
) -> Iterator[tuple[int, int]]:
    """Render, encode and write every chunk, row by row; (done, total) is given after each."""
    width, height = writer.sizes[0]
    chunk_levels = min(_CHUNK_LEVELS, len(writer.sizes))
    columns, rows = -(-width // CHUNK_PX), -(-height // CHUNK_PX)
    coarser = _Rows(writer, chunk_levels) if len(writer.sizes) > chunk_levels else None

    def make(index: int) -> _Chunk:
        x, y = index % columns * CHUNK_PX, index // columns * CHUNK_PX
        return _Chunk(
            render(x, y, min(CHUNK_PX, width - x), min(CHUNK_PX, height - y)), chunk_levels, writer.quality
        )

    with ThreadPoolExecutor(threads, thread_name_prefix="pyramid") as pool:
        waiting: deque[Future[_Chunk]] = deque()
        try:
            ahead = iter(range(columns * rows))
            band: list[NDArray[np.uint8]] = []
            for index in range(columns * rows):
                # A few more than there are threads, so that none idles while this one writes.
                while len(waiting) < threads + 2 and (following := next(ahead, None)) is not None:
                    waiting.append(pool.submit(make, following))
                chunk = waiting.popleft().result()
                column, row = index % columns, index // columns
                for level, tile_column, tile_row, jpeg in chunk.tiles:
                    per_chunk = (CHUNK_PX // TILE_PX) >> level
                    writer.add_tile(level, column * per_chunk + tile_column, row * per_chunk + tile_row, jpeg)
                if coarser is not None:
                    band.append(halved(chunk.coarsest))
                    if column == columns - 1:
                        coarser.add(np.concatenate(band, axis=1), is_last=row == rows - 1)
                        band = []
                yield index + 1, columns * rows
        finally:
            for future in waiting:
                future.cancel()


def _entry(tag: int, kind: int, *values: int) -> tuple[int, int, int, bytes]:
    """A directory entry: tag, type, count and the bytes of its values."""
    return tag, kind, len(values), struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)


def _text(tag: int, text: str) -> tuple[int, int, int, bytes]:
    data = text.encode("utf-8") + b"\0"
    return tag, _ASCII, len(data), data


def _resolution(
    mpp_um: float, finest: tuple[int, int], size: tuple[int, int]
) -> list[tuple[int, int, int, bytes]]:
    """Pixels per centimetre of a level, across and down."""
    scale = 1000
    values = [round(scale * 1e4 / mpp_um * side / side0) for side, side0 in zip(size, finest, strict=True)]
    return [
        (tag, _RATIONAL, 1, struct.pack("<II", max(value, 1), scale))
        for tag, value in zip((282, 283), values, strict=True)
    ]
