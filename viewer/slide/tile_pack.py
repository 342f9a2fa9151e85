"""A tile pack: the tiles of some levels in one file of the cache, with an index that is checked.

Layout: magic, the tiles one after the other, the index, and a footer with the place of the index. The index
is a header in JSON and, for each tile in the order of levels, rows and columns, its offset, length and CRC.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import threading
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.slide.byte_source import FileBytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"FVLPACK1"
_FOOTER = struct.Struct("<QQI8s")  # index offset, index length, CRC of the index, magic
_ENTRY = np.dtype([("offset", "<u8"), ("length", "<u4"), ("crc", "<u4")])
MAX_INDEX_BYTES = 256 * 2**20
MAX_TILE_BYTES = 64 * 2**20


class TilePackError(Exception):
    """A pack that is cut short, damaged, or made from another file."""


class Grid(NamedTuple):
    """Columns and rows of tiles of one level."""

    columns: int
    rows: int


class _Index:
    """Where each tile lies; length 0 is a tile that is not there."""

    def __init__(self, grids: tuple[Grid, ...]) -> None:
        self.grids = grids
        self._starts = np.cumsum([0, *(columns * rows for columns, rows in grids)]).tolist()
        self.entries = np.zeros(self._starts[-1], _ENTRY)

    def number(self, level: int, column: int, row: int) -> int:
        """The place of a tile in the index. Raises KeyError where the pack has no such tile."""
        if not 0 <= level < len(self.grids):
            raise KeyError((level, column, row))
        columns, rows = self.grids[level]
        if not (0 <= column < columns and 0 <= row < rows):
            raise KeyError((level, column, row))
        return int(self._starts[level]) + row * columns + column


class TilePackWriter:
    """A pack being written, beside its place and under another name until ``finish``. Tiles can be read back.

    Safe from many threads. Raises OSError where it cannot be written.
    """

    def __init__(self, path: Path, grids: tuple[Grid, ...], key: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._key = key
        self._index = _Index(grids)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        self._temporary = Path(name)
        self._file: IO[bytes] = os.fdopen(handle, "w+b", buffering=0)
        self._end = 0
        self._lock = threading.Lock()
        self._append(_MAGIC)

    def add(self, level: int, column: int, row: int, tile: bytes) -> None:
        """Write one tile."""
        number = self._index.number(level, column, row)
        with self._lock:
            entry = (self._end, len(tile), zlib.crc32(tile))
            self._append(tile)
            self._index.entries[number] = entry

    def read(self, level: int, column: int, row: int) -> bytes | None:
        """One tile, None where it has not been written yet. Raises KeyError for a tile outside the grids."""
        with self._lock:
            offset, length, _ = self._index.entries[self._index.number(level, column, row)].tolist()
            if not length or self._file.closed:
                return None
            self._file.seek(offset)
            tile = self._file.read(length)
            self._file.seek(self._end)
        return tile

    def finish(self) -> None:
        """Write the index and move the pack to its place."""
        header = json.dumps({"key": self._key, "grids": self._index.grids}).encode()
        index = struct.pack("<I", len(header)) + header + self._index.entries.tobytes()
        with self._lock:
            start = self._end
            self._append(index)
            self._append(_FOOTER.pack(start, len(index), zlib.crc32(index), _MAGIC))
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._path)

    def discard(self) -> None:
        """Remove the unfinished file. Does nothing after ``finish``."""
        with self._lock:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._end += len(data)


class TilePack:
    """A finished pack. Safe to read from many threads.

    Raises TilePackError where the file is not a whole pack of this key and these grids, OSError where it
    cannot be read.
    """

    def __init__(self, path: Path, grids: tuple[Grid, ...], key: str) -> None:
        self._index = _Index(grids)
        self._file = FileBytes(path)
        try:
            self._index.entries = self._checked_entries(key)
        except (TilePackError, EOFError, OSError, ValueError, struct.error) as error:
            self._file.close()
            raise TilePackError(f"{path}: {error}") from error

    def read(self, level: int, column: int, row: int) -> bytes:
        """One tile. Raises KeyError for one outside the grids, TilePackError where it is damaged, OSError."""
        offset, length, crc = self._index.entries[self._index.number(level, column, row)].tolist()
        try:
            tile = self._file.read(offset, length)
        except EOFError as error:
            raise TilePackError(f"{self._file.locator}: {error}") from error
        if zlib.crc32(tile) != crc:
            raise TilePackError(f"{self._file.locator}: the tile in column {column}, row {row} is damaged")
        return tile

    def close(self) -> None:
        """Release the file. Closing twice is allowed."""
        self._file.close()

    def _checked_entries(self, key: str) -> NDArray[np.void]:
        size = self._file.size_bytes
        if size < len(_MAGIC) + _FOOTER.size or self._file.read(0, len(_MAGIC)) != _MAGIC:
            raise TilePackError("not a tile pack")
        start, length, crc, magic = _FOOTER.unpack(self._file.read(size - _FOOTER.size, _FOOTER.size))
        if magic != _MAGIC or length > MAX_INDEX_BYTES or start + length + _FOOTER.size != size:
            raise TilePackError("it was cut short")
        index = self._file.read(start, length)
        if zlib.crc32(index) != crc:
            raise TilePackError("its index is damaged")
        (header_length,) = struct.unpack_from("<I", index)
        header = json.loads(index[4 : 4 + header_length])
        if header != {"key": key, "grids": [list(grid) for grid in self._index.grids]}:
            raise TilePackError("it belongs to another file or an older version of it")
        entries = np.frombuffer(index, _ENTRY, offset=4 + header_length)
        ends = entries["offset"] + entries["length"].astype(np.uint64)
        if len(entries) != len(self._index.entries) or (entries["length"] > MAX_TILE_BYTES).any():
            raise TilePackError("its index has the wrong length")
        if (ends > start).any() or (entries["length"] == 0).any():
            raise TilePackError("tiles are missing from it")
        return entries
