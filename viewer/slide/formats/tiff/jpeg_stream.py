"""TIFF's JPEG tiles made into whole JPEG streams that state their colour space.

TIFF keeps the tables apart from the tiles, and states in its own tags whether the samples are RGB or YCbCr.
Decoders infer that from the JFIF and Adobe markers instead, so those are removed and a correct one is
inserted. Source: ITU-T T.81 (markers), T.872 6.5.3 (the Adobe segment), TIFF Technical Note 2
(tables).
"""

from __future__ import annotations

from typing import NamedTuple

from viewer.slide.formats.tiff import strings

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP0, _APP14, _SOS, _EOI = 0xE0, 0xEE, 0xDA, 0xD9


class JpegError(Exception):
    """Bytes that are not a JPEG stream as the file's tags describe it."""


class JpegHeader(NamedTuple):
    """The start of a JPEG up to and including its frame header, as it is and as a decoder gets it."""

    original: bytes
    rewritten: bytes
    width: int
    height: int
    components: int


def adobe_segment(*, ycbcr: bool) -> bytes:
    """The marker segment that states the colour space of three components."""
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + (b"\x01" if ycbcr else b"\x00")


def tables_segments(tables: bytes | None) -> bytes:
    """The segments inside a JPEGTables tag, without its start and end markers and without colour markers."""
    if not tables:
        return b""
    if tables[:2] != b"\xff\xd8":
        raise JpegError(strings.NO_JPEG_TABLES)
    kept, position = bytearray(), 2
    while position + 4 <= len(tables) and tables[position + 1] != _EOI:
        marker, end = _segment(tables, position)
        if marker not in (_APP0, _APP14):
            kept += tables[position:end]
        position = end
    return bytes(kept)


def read_header(tile: bytes, prefix: bytes, *, jfif_prefix: bytes | None = None) -> JpegHeader:
    """The header of a tile of a TIFF, rewritten with ``prefix`` after the start marker and without colour
    markers. Where the tile is a JFIF stream of its own, ``jfif_prefix`` is put in instead, if given.

    Raises JpegError where the tile has no frame header before its first scan.
    """
    if tile[:2] != b"\xff\xd8":
        raise JpegError(strings.NO_JPEG_HEADER)
    kept, position = bytearray(), 2
    while True:
        marker, end = _segment(tile, position)
        if marker in (_SOS, _EOI):
            raise JpegError(strings.NO_FRAME_HEADER)
        if marker not in (_APP0, _APP14):
            kept += tile[position:end]
        elif jfif_prefix is not None and tile[position + 4 : position + 9] == b"JFIF\0":
            prefix = jfif_prefix
        if marker in _SOF:
            if end - position < 10:
                raise JpegError(strings.SHORT_FRAME_HEADER)
            height, width = (int.from_bytes(tile[position + at : position + at + 2], "big") for at in (5, 7))
            return JpegHeader(
                tile[:end], b"\xff\xd8" + prefix + bytes(kept), width, height, tile[position + 9]
            )
        position = end


def _segment(data: bytes, position: int) -> tuple[int, int]:
    """The marker at ``position`` and where its segment ends."""
    if position + 4 > len(data) or data[position] != 0xFF:
        raise JpegError(strings.NO_MARKER.format(position=position))
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    if length < 2 or position + 2 + length > len(data):
        raise JpegError(strings.SEGMENT_TRUNCATED.format(position=position))
    return data[position + 1], position + 2 + length
