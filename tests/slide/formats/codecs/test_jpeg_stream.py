"""Tiles and tables put together into JPEG streams."""

from __future__ import annotations

import pytest

from tests.messages import pattern
from viewer.slide.formats.codecs import strings
from viewer.slide.formats.codecs.jpeg_stream import JpegError, adobe_segment, read_header, tables_markers

JFIF = b"\xff\xe0\x00\x04ab"
ADOBE = b"\xff\xee\x00\x04cd"
TABLE = b"\xff\xdb\x00\x05xyz"
FRAME = b"\xff\xc0\x00\x11\x08\x00\x40\x00\x80\x03\x01\x11\x00\x02\x11\x01\x03\x11\x01"
SCAN = b"\xff\xda\x00\x02data\xff\xd9"


def test_colour_markers_go_and_the_prefix_comes() -> None:
    header = read_header(b"\xff\xd8" + JFIF + TABLE + ADOBE + FRAME + SCAN)
    assert header.original == b"\xff\xd8" + JFIF + TABLE + ADOBE + FRAME
    assert header.rewritten(b"PREFIX") == b"\xff\xd8PREFIX" + TABLE + FRAME
    assert (header.width, header.height, header.components) == (128, 64, 3)


def test_tables_lose_their_ends_and_colour_markers() -> None:
    assert tables_markers(b"\xff\xd8" + JFIF + TABLE + ADOBE + b"\xff\xd9").segments == TABLE
    assert tables_markers(None).segments == b""


def test_adobe_segment_is_as_long_as_it_says() -> None:
    segment = adobe_segment(1)
    assert int.from_bytes(segment[2:4], "big") + 2 == len(segment)
    assert segment[-1] == 1
    assert adobe_segment(0)[-1] == 0


@pytest.mark.parametrize(
    ("tile", "reason"),
    [
        (b"", strings.NO_JPEG_HEADER),
        (b"\xff\xd8", pattern(strings.NO_MARKER)),
        (b"\xff\xd8\x00\x00\x00\x00", pattern(strings.NO_MARKER)),
        (b"\xff\xd8" + SCAN, strings.NO_FRAME_HEADER),
        (b"\xff\xd8" + FRAME[:-2], pattern(strings.SEGMENT_TRUNCATED)),
        (b"\xff\xd8\xff\xdb\x00\x01", pattern(strings.SEGMENT_TRUNCATED)),
        (b"\xff\xd8\xff\xc0\x00\x04\x08\x00" + SCAN, strings.SHORT_FRAME_HEADER),
    ],
)
def test_broken_headers_are_errors(tile: bytes, reason: str) -> None:
    with pytest.raises(JpegError, match=reason):
        read_header(tile)


def test_broken_tables_are_errors() -> None:
    with pytest.raises(JpegError, match=strings.NO_JPEG_TABLES):
        tables_markers(b"tables")
