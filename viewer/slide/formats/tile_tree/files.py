"""The files of a tile tree: TreeFolder, in a folder, and TreeArchive, in a ZIP archive (SZI).

Source of SZI: the format description of Smart In Media (an archive of a DeepZoom tree, most often stored
without compression).
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path

MAX_DIRECTORY_BYTES = 128 * 2**20  # about a million tiles
_END_BYTES = 2**17  # the end records, with the longest comment


class TreeFolder:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, most_bytes: int) -> bytes:
        """See ``TreeFiles.read``."""
        path = self._folder / name
        if not path.is_file():  # to open a pipe would wait for ever
            raise FileNotFoundError(name)
        with path.open("rb") as file:
            return file.read(most_bytes)

    def names_in(self, folder: str) -> frozenset[str]:
        """See ``TreeFiles.names_in``."""
        try:
            return frozenset(path.name for path in (self._folder / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()

    def close(self) -> None:
        """Nothing is held between reads."""


class TreeArchive:
    """Files of a ZIP archive, by their whole ``names``. Raises SlideError where it is none, or is damaged."""

    def __init__(self, path: Path) -> None:
        try:
            _check_directory_size(path)
            self._archive = zipfile.ZipFile(path)
        except _DAMAGED as error:
            raise SlideError(path, strings.NOT_AN_ARCHIVE.format(error=error)) from error
        self.names = frozenset(self._archive.namelist())

    def read(self, name: str, most_bytes: int) -> bytes:
        """See ``TreeFiles.read``."""
        if name not in self.names:
            raise FileNotFoundError(name)
        try:
            with self._archive.open(name) as file:
                return file.read(most_bytes)
        except _DAMAGED as error:
            raise OSError(strings.ARCHIVE_DAMAGED.format(error=error)) from error

    def names_in(self, folder: str) -> frozenset[str]:
        """See ``TreeFiles.names_in``."""
        prefix = f"{folder}/" if folder else ""
        inside = (name[len(prefix) :] for name in self.names if name.startswith(prefix))
        return frozenset(name.partition("/")[0] for name in inside) - {""}

    def close(self) -> None:
        """Release the archive."""
        self._archive.close()


# What zipfile raises for damaged, encrypted and oddly compressed archives, and for a closed one.
_DAMAGED = (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, struct.error)


def _check_directory_size(path: Path) -> None:
    """Raise ValueError where an archive's directory is too large: zipfile needs ten times as much memory.

    Source: PKWARE APPNOTE 4.3.14 (ZIP64) and 4.3.16.
    """
    with path.open("rb") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, size_bytes - _END_BYTES))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return  # zipfile says so
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    long_end = tail.rfind(b"PK\x06\x06", 0, end)
    if directory_bytes == 0xFFFFFFFF and long_end >= 0:
        directory_bytes = int.from_bytes(tail[long_end + 40 : long_end + 48], "little")
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise ValueError(strings.ARCHIVE_TOO_LARGE)
