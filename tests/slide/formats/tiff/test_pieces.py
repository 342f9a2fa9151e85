"""Tiles and strips that hold fewer or more pixels, or other byte counts, than the tags say."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
import simplejpeg

from tests.messages import pattern
from viewer.slide.formats.tiff import strings
from viewer.slide.source import SlideError, TileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]

SIDE, WIDTH, HEIGHT = 64, 200, 150
ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT = 278, 322, 323
LONG = 4


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=95, colorspace="RGB")


ENCODE: dict[int, Callable[[NDArray[np.uint8]], bytes]] = {
    1: lambda pixels: pixels.tobytes(),
    5: lambda pixels: imagecodecs.lzw_encode(pixels.tobytes()),
    7: jpeg,
    8: lambda pixels: zlib.compress(pixels.tobytes()),
    32773: lambda pixels: imagecodecs.packbits_encode(pixels.tobytes()),
    34712: lambda pixels: imagecodecs.jpeg2k_encode(np.ascontiguousarray(pixels), level=0),
    50000: lambda pixels: imagecodecs.zstd_encode(pixels.tobytes()),
    50001: lambda pixels: imagecodecs.webp_encode(np.ascontiguousarray(pixels), lossless=True),
}
TOLERANCE = {7: 24}  # JPEG keeps colours at half size


def write(
    path: Path,
    pieces: list[bytes],
    compression: int,
    tags: dict[int, int],
    *,
    counts: list[int] | None = None,
    sparse: tuple[int, ...] = (),
) -> None:
    """A little-endian RGB TIFF of these pieces; ``counts`` in place of their true sizes, [] for no tag."""
    out = bytearray(b"II*\0\0\0\0\0")
    offsets = []
    for index, piece in enumerate(pieces):
        offsets.append(0 if index in sparse else len(out))
        out += piece
    found = [0 if index in sparse else len(piece) for index, piece in enumerate(pieces)]
    byte_counts = found if counts is None else counts
    tiled = TILE_WIDTH in tags
    values = {256: [WIDTH], 257: [HEIGHT], 258: [8, 8, 8], 259: [compression], 277: [3]}
    values |= {262: [6 if compression == 7 else 2], 324 if tiled else 273: offsets}
    values |= {tag: [value] for tag, value in tags.items()}
    if byte_counts:
        values[325 if tiled else 279] = byte_counts
    records = bytearray()
    for tag, numbers in sorted(values.items()):
        data = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            place = len(out)
            out += data
            data = struct.pack("<I", place)
        records += struct.pack("<HHI", tag, LONG, len(numbers)) + data
    out[4:8] = struct.pack("<I", len(out))
    path.write_bytes(bytes(out) + struct.pack("<H", len(values)) + records + bytes(4))


def padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(pixels, ((0, 192 - HEIGHT), (0, 256 - WIDTH), (0, 0)), mode="edge")


def tiles(pixels: NDArray[np.uint8], compression: int, *, right: int, bottom: int) -> list[bytes]:
    """The tiles of a picture, those at the border cut off at ``right`` and ``bottom``."""
    whole = padded(pixels)[:bottom, :right]
    corners = [(x, y) for y in range(0, HEIGHT, SIDE) for x in range(0, WIDTH, SIDE)]
    return [ENCODE[compression](whole[y : y + SIDE, x : x + SIDE]) for x, y in corners]


def strips(
    pixels: NDArray[np.uint8], compression: int, rows: int = SIDE, bottom: int = HEIGHT
) -> list[bytes]:
    whole = padded(pixels)[:bottom, :WIDTH]
    return [ENCODE[compression](whole[y : y + rows]) for y in range(0, bottom, rows)]


TILED = {TILE_WIDTH: SIDE, TILE_HEIGHT: SIDE}
STRIPS = {ROWS_PER_STRIP: SIDE}


def check(shown: NDArray[np.uint8], pixels: NDArray[np.uint8], compression: int) -> None:
    difference = np.abs(shown[..., :3].astype(int) - pixels)
    assert difference.max() <= TOLERANCE.get(compression, 0)


@pytest.mark.parametrize("compression", ENCODE)
@pytest.mark.parametrize(("right", "bottom"), [(WIDTH, HEIGHT), (WIDTH, 192), (256, HEIGHT)])
def test_border_tiles_need_no_padding(
    right: int,
    bottom: int,
    compression: int,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(WIDTH, HEIGHT)
    path = tmp_path / "a.tif"
    write(path, tiles(pixels, compression, right=right, bottom=bottom), compression, TILED)
    check(whole_level(opened(path), 0), pixels, compression)


def test_numbers_of_tiles_without_padding_are_shown_over_their_range(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    numbers = picture(WIDTH, HEIGHT)[..., 0].astype("<u2") * 16
    numbers[0, 0] = 4095
    path = tmp_path / "a.tif"
    tags = {TILE_WIDTH: 256, TILE_HEIGHT: 256, 258: 16, 262: 1, 277: 1}
    write(path, [zlib.compress(numbers.tobytes())], 8, tags)
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., 0], numbers >> 4)


@pytest.mark.parametrize("compression", [1, 5, 8])
def test_a_border_tile_that_was_cut_short_is_not_taken_for_a_small_one(
    compression: int, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pieces = tiles(picture(WIDTH, HEIGHT), compression, right=256, bottom=192)
    pieces[3] = pieces[3][: len(pieces[3]) * 3 // 4]
    path = tmp_path / "a.tif"
    write(path, pieces, compression, TILED)
    with pytest.raises(TileError):
        whole_level(opened(path), 0)


@pytest.mark.parametrize("compression", ENCODE)
@pytest.mark.parametrize(("rows", "bottom"), [(SIDE, 192), (192, 192)])
def test_the_last_strip_may_have_all_its_rows(
    rows: int,
    bottom: int,
    compression: int,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(WIDTH, HEIGHT)
    path = tmp_path / "a.tif"
    write(path, strips(pixels, compression, rows, bottom), compression, {ROWS_PER_STRIP: rows})
    check(whole_level(opened(path), 0), pixels, compression)


@pytest.mark.parametrize("compression", [1, 5, 7, 8])
@pytest.mark.parametrize("counts", [[], [0, 0, 0], [400_000] * 3])
def test_strips_without_true_byte_counts_are_read_up_to_the_next(
    counts: list[int],
    compression: int,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(WIDTH, HEIGHT)
    path = tmp_path / "a.tif"
    write(path, strips(pixels, compression), compression, STRIPS, counts=counts)
    path.write_bytes(path.read_bytes() + bytes(800_000))
    check(whole_level(opened(path), 0), pixels, compression)


@pytest.mark.parametrize("compression", [5, 7, 8, 32773])
def test_a_strip_that_claims_more_than_the_file_is_not_read(
    compression: int, tmp_path: Path, picture: Picture, opened: Opened
) -> None:
    """No missing count: of other bytes PackBits, which has no end of its own, would make a picture."""
    path = tmp_path / "a.tif"
    data = strips(picture(WIDTH, HEIGHT), compression)
    write(path, data, compression, STRIPS, counts=[90_000_000] * 3)
    with pytest.raises(SlideError, match=pattern(strings.TILE_CLAIM, count=90_000_000)):
        opened(path)


def test_libtiff_prints_nothing_while_sizes_are_tried(
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "a.tif"
    write(path, tiles(picture(WIDTH, HEIGHT), 5, right=WIDTH, bottom=HEIGHT), 5, TILED)
    whole_level(opened(path), 0)
    assert "LZW" not in capfd.readouterr().err


@pytest.mark.parametrize("compression", [1, 7, 8])
def test_tiles_without_byte_counts_are_read_up_to_the_next(
    compression: int, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(WIDTH, HEIGHT)
    path = tmp_path / "a.tif"
    write(path, tiles(pixels, compression, right=256, bottom=192), compression, TILED, counts=[])
    check(whole_level(opened(path), 0), pixels, compression)


@pytest.mark.parametrize("compression", [1, 8])
def test_strips_that_the_file_leaves_out_are_white(
    compression: int, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(WIDTH, HEIGHT)
    path = tmp_path / "a.tif"
    write(path, strips(pixels, compression), compression, STRIPS, sparse=(1,))
    pixels[SIDE : 2 * SIDE] = 255
    source = opened(path)
    check(whole_level(source, 0), pixels, compression)
    assert strings.NO_PIXELS not in source.info.notes


def test_a_file_that_holds_no_pixels_is_blank_and_says_so(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    """A writer that failed leaves such files."""
    pixels, path = picture(WIDTH, HEIGHT), tmp_path / "a.tif"
    for tags, pieces in (STRIPS, strips(pixels, 8)), (TILED, tiles(pixels, 8, right=256, bottom=192)):
        write(path, pieces, 8, tags, sparse=tuple(range(len(pieces))))
        source = opened(path)
        assert (whole_level(source, 0) == 255).all()
        assert strings.NO_PIXELS in source.info.notes


def test_a_strip_that_was_cut_short_is_not_shown_in_part(
    tmp_path: Path, picture: Picture, opened: Opened
) -> None:
    path = tmp_path / "a.tif"
    write(path, strips(picture(WIDTH, HEIGHT), 1), 1, STRIPS, counts=[1000, 1000, 1000])
    with pytest.raises(SlideError):
        opened(path)
