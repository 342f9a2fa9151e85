"""Deflated DICOM: a file whose elements behind its first group are one deflate stream, inflated in memory.

Source: DICOM PS3.5, A.5 (RFC 1951, without the header of zlib).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from viewer.slide.formats.dicom import strings
from viewer.slide.formats.dicom.dataset import DicomError, deflated_from

if TYPE_CHECKING:
    from viewer.slide.byte_source import ByteSource

MAX_INFLATED_BYTES = 2**28
"""Of all files of a slide together: pixels are deflated with the rest, and stay in memory."""
_CHUNK_BYTES = 2**20


class InflatedBytes:
    """A ByteSource of a file's first bytes as they are, and the inflated rest. Closing it closes the file."""

    is_remote = False

    def __init__(self, file: ByteSource, data: bytearray) -> None:
        self.locator = file.locator
        self.size_bytes = len(data)
        self._file, self._data = file, data

    def read(self, offset: int, count: int) -> bytes:
        """See ``ByteSource.read``."""
        if not 0 <= offset <= offset + count <= self.size_bytes:
            raise EOFError(strings.BEYOND_INFLATED.format(end=offset + count, size=self.size_bytes))
        return bytes(memoryview(self._data)[offset : offset + count])

    def close(self) -> None:
        """See ``ByteSource.close``."""
        self._file.close()


def inflated(file: ByteSource, at_most: int) -> ByteSource:
    """The file itself where it is not deflated. Raises DicomError where it inflates to more bytes than
    ``at_most``, its first ones included, or is damaged, EOFError, OSError.
    """
    start = deflated_from(file)
    if start is None:
        return file
    # One byte more shows that there are more.
    data = _first_bytes(file, start, at_most + 1)
    if len(data) > at_most:
        raise DicomError(strings.INFLATED_SIZE.format(most_mib=MAX_INFLATED_BYTES >> 20))
    return InflatedBytes(file, data)


def inflated_start(file: ByteSource) -> ByteSource:
    """The file itself where it is not deflated, else its beginning: enough for the elements that say what it
    is, and no more memory. Raises DicomError, EOFError, OSError.
    """
    start = deflated_from(file)
    return file if start is None else InflatedBytes(file, _first_bytes(file, start, _CHUNK_BYTES))


def _first_bytes(file: ByteSource, start: int, count: int) -> bytearray:
    """Up to ``count`` bytes of a file that is deflated from ``start`` on."""
    data = bytearray(file.read(0, min(start, count)))
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    position, coded = start, b""
    try:
        while len(data) < count and not stream.eof and (coded or position < file.size_bytes):
            if not coded:
                coded = file.read(position, min(_CHUNK_BYTES, file.size_bytes - position))
                position += len(coded)
            # In pieces: what hardly takes any bytes may inflate to a thousand times as many.
            data += stream.decompress(coded, min(_CHUNK_BYTES, count - len(data)))
            coded = stream.unconsumed_tail
    except zlib.error as error:
        raise DicomError(strings.NOT_DEFLATED.format(error=error)) from None
    return data
