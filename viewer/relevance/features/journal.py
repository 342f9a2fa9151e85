"""An append-only file of checksummed records that survives a kill at any moment.

A record is kind (4 letters), length, checksum, payload. An unfinished record at the end, from a kill or a
full disk, is cut off at the next opening; a record with a wrong checksum is skipped; the others stay.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from viewer.common.atomic_write import SaveError, save_failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger("foveola.journal")

MAX_PAYLOAD_BYTES = 64 << 20
_HEADER = struct.Struct("<4sQI")


@dataclass(frozen=True, slots=True)
class Record:
    """One piece of a journal; ``kind`` is four letters."""

    kind: bytes
    payload: bytes

    def packed(self) -> bytes:
        if len(self.payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a record of {len(self.payload):,} bytes")
        return _HEADER.pack(self.kind, len(self.payload), _checksum(self.kind, self.payload)) + self.payload


class Journal:
    """A journal that is open for writing. One process at a time: the caller holds the lock.

    ``end``: where its last whole record ends.
    """

    def __init__(self, path: Path, end: int) -> None:
        """``end``: where the last whole record ends (``read_journal``); everything after it is cut off.

        Raises SaveError.
        """
        self.path = path
        self.end = end
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: records survive the process as soon as append has returned.
            self._file: IO[bytes] = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", 0)
        except OSError as error:
            raise SaveError(path, save_failure(path, error)) from error
        try:
            self._file.truncate(end)
            self._file.seek(end)
        except OSError as error:
            self._file.close()
            raise SaveError(path, save_failure(path, error)) from error

    def append(self, records: Sequence[Record]) -> None:
        """Write all of them or none. Raises SaveError; the journal stays usable then."""
        data = memoryview(b"".join(record.packed() for record in records))
        try:
            rest = data
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # else the next opening cuts it off
                self._file.truncate(self.end)
            with suppress(OSError):
                self._file.seek(self.end)
            raise SaveError(self.path, save_failure(self.path, error)) from error
        self.end += len(data)

    def close(self) -> None:
        """Flush to disk and close. Closing twice is allowed. Raises SaveError."""
        if self._file.closed:
            return
        try:
            with self._file:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise SaveError(self.path, save_failure(self.path, error)) from error


def read_journal(path: Path, kinds: frozenset[bytes]) -> tuple[list[Record], int]:
    """The whole records of a journal, and where the last one ends; ([], 0) where there is no file.

    Lengths are trusted only as far as the file reaches. Raises OSError where it cannot be read.
    """
    records: list[Record] = []
    end = 0
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return records, end
    with file:
        size = os.fstat(file.fileno()).st_size
        damaged = 0
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            kind, length, checksum = _HEADER.unpack(header)
            if kind not in kinds or length > min(MAX_PAYLOAD_BYTES, size - file.tell()):
                break
            payload = file.read(length)
            if _checksum(kind, payload) != checksum:
                damaged += 1
                continue
            records.append(Record(kind, payload))
            end = file.tell()
    if damaged:
        log.warning("%s: %d records are damaged and left out", path, damaged)
    if end < size:
        log.warning("%s: the last %d bytes are no whole record and are left out", path, size - end)
    return records, end


def _checksum(kind: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(kind + len(payload).to_bytes(8, "little")))
