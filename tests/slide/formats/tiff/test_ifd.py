"""The directory reader: both byte orders, both kinds of TIFF, and claims that the file does not bear out."""

from __future__ import annotations

import re
import struct
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from viewer.slide.byte_source import FileBytes
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.ifd import MAX_IFDS, Ifd, TiffFormatError, read_ifds, sub_ifds

if TYPE_CHECKING:
    from pathlib import Path

SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2


def classic(*directories: list[tuple[int, int, int, int]], next_offsets: list[int] | None = None) -> bytes:
    """A little-endian TIFF of directories of (tag, type, count, value) one after the other."""
    out = bytearray(b"II*\0" + struct.pack("<I", 8))
    for index, tags in enumerate(directories):
        end = len(out) + 2 + 12 * len(tags) + 4
        following = end if index + 1 < len(directories) else 0
        if next_offsets is not None:
            following = next_offsets[index]
        out += struct.pack("<H", len(tags))
        for tag in tags:
            out += struct.pack("<HHII", *tag)
        out += struct.pack("<I", following)
    return bytes(out)


def read(path: Path, data: bytes) -> tuple[list[Ifd], str]:
    path.write_bytes(data)
    with closing(FileBytes(path)) as file:
        return read_ifds(file)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_values_are_those_that_tifffile_reads(byteorder: str, bigtiff: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        np.zeros((300, 400, 3), np.uint8),
        tile=(64, 64),
        byteorder=byteorder,
        bigtiff=bigtiff,
        photometric="rgb",
        resolution=(30000, 20000),
        description="a scan",
        metadata=None,
    )
    with closing(FileBytes(path)) as file, tifffile.TiffFile(path) as reference:
        ifds, left_off = read_ifds(file)
        page = reference.pages.first
        assert (len(ifds), left_off) == (1, "")
        ifd = ifds[0]
        assert (ifd.number(256, 0), ifd.number(257, 0), ifd.number(9999, 7)) == (400, 300, 7)
        assert ifd.numbers(258).tolist() == [8, 8, 8]
        assert ifd.numbers(324).tolist() == list(page.dataoffsets)
        assert ifd.numbers(325).tolist() == list(page.databytecounts)
        assert ifd.real(282) == pytest.approx(30000)
        assert ifd.text(270) == page.description
        assert ifd.real(9999) is None
        assert ifd.text(9999) == ""
        assert ifd.raw(9999) is None
        assert ifd.numbers(324).dtype.isnative


def test_several_directories_are_read_in_order(tmp_path: Path) -> None:
    ifds, _ = read(tmp_path / "a", classic(*[[(256, SHORT, 1, width)] for width in (9, 8, 7)]))
    with closing(FileBytes(tmp_path / "a")) as file:
        assert [ifd.number(256, 0) for ifd in read_ifds(file)[0]] == [9, 8, 7]
    assert len(ifds) == 3


def test_reading_stops_after_a_thousand_directories(tmp_path: Path) -> None:
    ifds, left_off = read(tmp_path / "a", classic(*[[(256, SHORT, 1, 1)]] * (MAX_IFDS + 1)))
    assert (len(ifds), left_off) == (MAX_IFDS, strings.FIRST_IMAGES.format(count=MAX_IFDS))


def test_text_that_is_not_utf_8_is_read_as_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([(270, ASCII, 4, int.from_bytes(b"\xb5m\0x", "little"))]))
    with closing(FileBytes(path)) as file:
        assert read_ifds(file)[0][0].text(270) == "µm"


def test_no_more_of_a_text_is_read_than_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8), description="word " * 10_000, metadata=None)
    with closing(FileBytes(path)) as file:
        ((ifd,), _) = read_ifds(file)
        assert ifd.text(270, cut_bytes=9) == "word word"
        assert ifd.text(270, cut_bytes=10**6) == ifd.text(270) == "word " * 10_000
        with closing(FileBytes(path)) as shorter:
            shorter.size_bytes = ifd.tags[270].offset + 9
            assert replace(ifd, file=shorter).text(270, cut_bytes=9) == "word word"


def test_rational_with_a_zero_below_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([(282, RATIONAL, 1, 26)]) + struct.pack("<II", 5, 0))
    with closing(FileBytes(path)) as file:
        assert read_ifds(file)[0][0].real(282) is None


def test_fields_of_unknown_types_are_skipped(tmp_path: Path) -> None:
    ifds, _ = read(tmp_path / "a", classic([(256, 99, 1, 5), (257, SHORT, 1, 6)]))
    assert 256 not in ifds[0]
    assert 257 in ifds[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"II*\0", strings.TOO_SHORT),
        (b"PNG not TIFF", strings.NO_TIFF_HEADER),
        (b"II\x07\0" + bytes(8), strings.NO_TIFF_HEADER),
        (b"II+\0\x04\0\0\0" + bytes(8), strings.NO_TIFF_HEADER),
        (b"II*\0" + bytes(4), strings.NO_DIRECTORY),
        (classic([(256, SHORT, 1, 1)] * 2)[:-9], pattern(strings.DIRECTORY_OUTSIDE)),
        (b"II*\0\x08\0\0\0\0\0\0\0", pattern(strings.DIRECTORY_TAGS, count=0)),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(70000), pattern(strings.DIRECTORY_TAGS, count=65535)),
    ],
)
def test_files_without_one_whole_directory_are_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TiffFormatError, match=reason):
        read(tmp_path / "a", data)


@pytest.mark.parametrize(
    ("next_offset", "reason"),
    [
        (8, strings.CHAIN_CIRCLE.format(count=2)),  # the first directory
        (26, strings.CHAIN_CIRCLE.format(count=2)),  # itself
        (4_000_000, pattern(strings.CHAIN_BROKEN, count=2)),
        (5, pattern(strings.CHAIN_BROKEN, count=2)),  # nonsense inside the header
    ],
)
def test_of_a_damaged_chain_the_directories_before_the_damage_are_read(
    next_offset: int, reason: str, tmp_path: Path
) -> None:
    data = classic(*[[(256, SHORT, 1, width)] for width in (9, 8)], next_offsets=[26, next_offset])
    ifds, damage = read(tmp_path / "a", data)
    assert [ifd.tags[256].inline for ifd in ifds] == [b"\x09\0", b"\x08\0"]
    assert re.fullmatch(reason, damage)


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ((324, LONG, 4_000_000_000, 8), pattern(strings.TAG_BYTES_OF_FILE, count=16_000_000_000)),
        ((324, LONG, 60_000, 8), pattern(strings.TAG_BYTES_OF_FILE, count=240_000, size=26)),
        ((324, LONG, 4, 0xFFFFFFF0), pattern(strings.TAG_OUTSIDE)),
        ((324, ASCII, 3, 8), pattern(strings.TAG_VALUES, type=2)),
    ],
)
def test_numbers_are_not_allocated_on_a_claim(
    tag: tuple[int, int, int, int], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([tag]))
    with closing(FileBytes(path)) as file, pytest.raises(TiffFormatError, match=reason):
        read_ifds(file)[0][0].numbers(324)


def test_bytes_are_not_allocated_on_a_claim(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([(347, 7, 4_000_000_000, 8)]))
    reason = pattern(strings.TAG_BYTES_OF_FILE, count=4_000_000_000)
    with closing(FileBytes(path)) as file, pytest.raises(TiffFormatError, match=reason):
        read_ifds(file)[0][0].raw(347)


def test_a_claim_beyond_the_file_costs_only_its_own_value(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([(256, SHORT, 1, 6), (34675, 7, 4_000_000_000, 8)]))
    with closing(FileBytes(path)) as file:
        assert read_ifds(file)[0][0].number(256, 0) == 6


@pytest.mark.parametrize(
    "damaged",
    [
        (270, ASCII, 4_000_000_000, 8),
        (274, ASCII, 2, 0),
        (282, RATIONAL, 1, 0xFFFFFFF0),
        (296, SHORT, 60_000, 8),
        (34675, 7, 5, 0xFFFFFFFF),
    ],
)
def test_what_is_said_about_an_image_costs_nothing_else_where_it_is_damaged(
    damaged: tuple[int, int, int, int], tmp_path: Path
) -> None:
    ((ifd,), damage) = read(tmp_path / "a", classic([(256, SHORT, 1, 6), damaged]))
    assert not damage
    assert ifd.damaged == (damaged[0],)
    assert damaged[0] not in ifd
    assert 256 in ifd


@pytest.mark.parametrize("kind", [RATIONAL, 11])
def test_offsets_that_are_no_whole_numbers_are_refused(kind: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([(330, kind, 1, 26)]) + bytes(8))
    reason = pattern(strings.TAG_VALUES, code=330, type=kind)
    with closing(FileBytes(path)) as file, pytest.raises(TiffFormatError, match=reason):
        sub_ifds(read_ifds(file)[0][0])


def test_sub_directories_beyond_reason_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(classic([(330, LONG, 65, 8)]) + bytes(300))
    reason = pattern(strings.TAG_VALUES, count=65)
    with closing(FileBytes(path)) as file, pytest.raises(TiffFormatError, match=reason):
        sub_ifds(read_ifds(file)[0][0])


def test_sub_directories_are_followed_to_the_last_one_and_never_in_circles(tmp_path: Path) -> None:
    """SubIFDs may have a chain and SubIFDs of their own; one that cannot be read costs itself."""
    path = tmp_path / "a"
    sub = [[(256, SHORT, 1, width)] for width in (5, 4)]
    nested = [(256, SHORT, 1, 6), (330, LONG, 1, 8)]
    data = classic([(330, LONG, 1, 26)], nested, *sub, next_offsets=[0, 56, 74, 26])
    path.write_bytes(data)
    with closing(FileBytes(path)) as file:
        assert [ifd.number(256, 0) for ifd in sub_ifds(read_ifds(file)[0][0])] == [6, 5, 4]
    path.write_bytes(classic([(330, LONG, 1, 9_000_000)]))
    with closing(FileBytes(path)) as file:
        assert sub_ifds(read_ifds(file)[0][0]) == []
