"""TIFF's JPEG tiles made into whole JPEG streams whose colours a decoder cannot misread.

TIFF keeps the tables apart from the tiles, and says in its own tags whether the samples are RGB or YCbCr. Decoders
guess that from the JFIF and Adobe markers instead, so those are taken out and one that tells the truth is put in.
Source: ITU-T T.81 (markers), T.872 6.5.3 (the Adobe segment), TIFF Technical Note 2 (tables).
"""

from __future__ import annotations

from typing import NamedTuple

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP0, _APP14, _SOS, _EOI = 0xE0, 0xEE, 0xDA, 0xD9


class JpegError(Exception):
    """Bytes that are not the JPEG the file says they are."""


class JpegFrame(NamedTuple):
    """What a JPEG's frame header claims."""

    width: int
    height: int
    components: int


def adobe_segment(*, ycbcr: bool) -> bytes:
    """The marker segment that tells a decoder the colour space of three components."""
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + (b"\x01" if ycbcr else b"\x00")


def tables_segments(tables: bytes | None) -> bytes:
    """The segments inside a JPEGTables tag, without its start and end markers and without colour markers."""
    if not tables:
        return b""
    if tables[:2] != b"\xff\xd8":
        raise JpegError("its JPEG tables do not begin like a JPEG")
    kept, position = bytearray(), 2
    while position + 4 <= len(tables) and tables[position + 1] != _EOI:
        marker, end = _segment(tables, position)
        if marker not in (_APP0, _APP14):
            kept += tables[position:end]
        position = end
    return bytes(kept)


def whole_jpeg(tile: bytes, prefix: bytes) -> tuple[bytes, JpegFrame]:
    """A complete JPEG from a tile of a TIFF and the frame that it claims; ``prefix`` goes in after the start marker.

    Raises JpegError where the tile has no frame header before its first scan.
    """
    if tile[:2] != b"\xff\xd8":
        raise JpegError("it does not begin like a JPEG")
    pieces, position = [b"\xff\xd8", prefix], 2
    kept_from = position
    while True:
        marker, end = _segment(tile, position)
        if marker in (_APP0, _APP14):
            pieces.append(tile[kept_from:position])
            kept_from = end
        elif marker in _SOF:
            if end - position < 10:
                raise JpegError("its frame header is too short")
            frame = JpegFrame(
                height=int.from_bytes(tile[position + 5 : position + 7], "big"),
                width=int.from_bytes(tile[position + 7 : position + 9], "big"),
                components=tile[position + 9],
            )
            pieces.append(tile[kept_from:])
            return b"".join(pieces), frame
        elif marker in (_SOS, _EOI):
            raise JpegError("it has no frame header")
        position = end


def _segment(data: bytes, position: int) -> tuple[int, int]:
    """The marker at ``position`` and where its segment ends."""
    if position + 4 > len(data) or data[position] != 0xFF:
        raise JpegError(f"no JPEG marker at byte {position}")
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    if length < 2 or position + 2 + length > len(data):
        raise JpegError(f"the JPEG segment at byte {position} is cut short")
    return data[position + 1], position + 2 + length
