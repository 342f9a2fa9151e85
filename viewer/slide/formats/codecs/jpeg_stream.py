"""JPEG headers: what a stream states about its colours, and whole streams from tables and tiles kept apart.

TIFF keeps the tables apart from the tiles. Decoders infer the colour space from the JFIF and Adobe markers,
which writers get wrong, so those are read, removed, and one that is right is inserted. Source: ITU-T T.81
(markers), T.871 (JFIF), T.872 6.5.3 (the Adobe segment), TIFF Technical Note 2 (tables).
"""

from __future__ import annotations

from typing import NamedTuple

from viewer.slide.formats.codecs import strings

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP0, _APP14, _SOS, _EOI = 0xE0, 0xEE, 0xDA, 0xD9

BASELINE_TO_PROGRESSIVE = (0xC0, 0xC1, 0xC2)
LOSSLESS = 0xC3


class JpegError(Exception):
    """Bytes that are not a JPEG stream as the file's tags describe it."""


class JpegMarkers(NamedTuple):
    """The segments of a stream without those that state colours, and what these state: the Adobe transform
    (0 none, 1 YCbCr, 2 YCCK; None without the segment) and whether it is JFIF.
    """

    segments: bytes
    adobe_transform: int | None
    is_jfif: bool


class JpegHeader(NamedTuple):
    """The start of a JPEG up to and including its frame header, as it is and as its frame header states.

    ``process`` is the marker of the frame header; ``component_ids`` name the components; ``is_subsampled``:
    not all have as many samples.
    """

    original: bytes
    markers: JpegMarkers
    process: int
    bits: int
    width: int
    height: int
    component_ids: bytes
    is_subsampled: bool

    @property
    def components(self) -> int:
        return len(self.component_ids)

    def rewritten(self, prefix: bytes) -> bytes:
        """It with ``prefix`` after the start marker and without colour markers."""
        return b"\xff\xd8" + prefix + self.markers.segments

    def holds_ycbcr(self, *, stated: bool, tables: JpegMarkers, is_binding: bool) -> bool:
        """Whether three components are YCbCr, not RGB, by what the stream itself shows; ``stated`` is what
        the file around it states.

        No encoder names the components of YCbCr R, G and B, and none subsamples RGB. ``is_binding``: YCbCr
        that the file states holds whatever the markers are, as in TIFF, where libtiff ignores them. RGB
        stated about a stream whose markers deny it is a known mistake of writers, of Bio-Formats for one.
        """
        if self.component_ids == b"RGB":
            return False
        if self.is_subsampled or (stated and is_binding):
            return True
        for markers in (self.markers, tables):
            if markers.adobe_transform is not None:
                return markers.adobe_transform != 0
            if markers.is_jfif:
                return True
        return stated


def adobe_segment(transform: int) -> bytes:
    """The marker segment that states the colour space: 0 none, 1 YCbCr, 2 YCCK."""
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


def tables_markers(tables: bytes | None) -> JpegMarkers:
    """The segments inside a JPEGTables tag, without its start and end markers. Raises JpegError."""
    if not tables:
        return JpegMarkers(b"", None, is_jfif=False)
    if tables[:2] != b"\xff\xd8":
        raise JpegError(strings.NO_JPEG_TABLES)
    parts: list[bytes] = []
    position = 2
    while position + 4 <= len(tables) and tables[position + 1] != _EOI:
        end = _segment(tables, position)[1]
        parts.append(tables[position:end])
        position = end
    return _markers(parts)


def read_header(tile: bytes) -> JpegHeader:
    """The header of a stream. Raises JpegError where it has no frame header before its first scan."""
    if tile[:2] != b"\xff\xd8":
        raise JpegError(strings.NO_JPEG_HEADER)
    parts: list[bytes] = []
    position = 2
    while True:
        marker, end = _segment(tile, position)
        if marker in (_SOS, _EOI):
            raise JpegError(strings.NO_FRAME_HEADER)
        part = tile[position:end]
        parts.append(part)
        if marker in _SOF:
            if len(part) < 10 or len(part) < 10 + 3 * part[9]:
                raise JpegError(strings.SHORT_FRAME_HEADER)
            height, width = (int.from_bytes(part[at : at + 2], "big") for at in (5, 7))
            components = [part[at : at + 3] for at in range(10, 10 + 3 * part[9], 3)]
            return JpegHeader(
                original=tile[:end],
                markers=_markers(parts),
                process=marker,
                bits=part[4],
                width=width,
                height=height,
                component_ids=bytes(component[0] for component in components),
                is_subsampled=len({component[1] for component in components}) > 1,
            )
        position = end


def _markers(parts: list[bytes]) -> JpegMarkers:
    """Segments sorted into those that are kept and what the others state."""
    kept, transform, is_jfif = bytearray(), None, False
    for part in parts:
        if part[1] == _APP0:
            is_jfif = is_jfif or part[4:9] == b"JFIF\0"
        elif part[1] == _APP14:
            if part[4:9] == b"Adobe" and len(part) >= 16:
                transform = part[15]
        else:
            kept += part
    return JpegMarkers(bytes(kept), transform, is_jfif)


def _segment(data: bytes, position: int) -> tuple[int, int]:
    """The marker at ``position`` and where its segment ends."""
    if position + 4 > len(data) or data[position] != 0xFF:
        raise JpegError(strings.NO_MARKER.format(position=position))
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    if length < 2 or position + 2 + length > len(data):
        raise JpegError(strings.SEGMENT_TRUNCATED.format(position=position))
    return data[position + 1], position + 2 + length
