"""Every coding, depth and order of bits of a TIFF's tiles and strips: the pixels are the written ones."""

from __future__ import annotations

import operator
import struct
from io import BytesIO
from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.messages import pattern
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.old_jpeg import whole_stream
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    PatchTiff = Callable[..., None]

SIZE = (150, 120)
COMPRESSION = 259
CUTS = ({"tile": (64, 64)}, {"rowsperstrip": 50})
LOSSLESS = {
    "png": {},
    "jpegxl": {"lossless": True},
    "jpegxr": {"level": 100},
    "lerc": {"level": 0},
    "jpeg2000": {"reversible": True},
}


def grey_as_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[..., None].repeat(3, axis=2)


@pytest.mark.parametrize("coding", LOSSLESS)
@pytest.mark.parametrize("deep", [False, True])
def test_pictures_that_state_their_own_form(
    coding: str, deep: bool, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    stored = pixels.astype(np.uint16) * 257 if deep else pixels
    options: dict[str, Any] = {"photometric": "rgb", "compression": coding, "metadata": None}
    options |= {"compressionargs": LOSSLESS[coding]} if LOSSLESS[coding] else {}
    for planar, cut, bigtiff in product(("contig", "separate"), CUTS, (False, True)):
        planes = stored if planar == "contig" else np.ascontiguousarray(np.moveaxis(stored, 2, 0))
        path = tmp_path / f"{planar}.tif"
        tifffile.imwrite(path, planes, planarconfig=planar, bigtiff=bigtiff, **cut, **options)
        np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)


@pytest.mark.parametrize("around", ["deflate", "zstd"])
def test_lerc_inside_another_compression(
    around: str, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    path = tmp_path / "a.tif"
    options = {"photometric": "rgb", "compression": "lerc", "compressionargs": {"compression": around}}
    tifffile.imwrite(path, pixels, tile=(64, 64), metadata=None, **options)
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].dataoffsets[0]
    data = path.read_bytes()
    path.write_bytes(data[:offset] + bytes(64) + data[offset + 64 :])
    with pytest.raises(Exception, match=pattern(strings.DAMAGED_DATA, coding="LERC")):
        whole_level(opened(path), 0)


@pytest.mark.parametrize("kind", ["u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("coding", ["none", "lzw", "deflate", "zstd"])
def test_numbers_of_every_kind_are_shown_over_their_range(
    kind: str, coding: str, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    pixels[0, 0], pixels[0, 1] = 0, 255
    if kind[0] == "f":
        stored = (pixels / 255).astype(kind)
    else:
        limits = np.iinfo(kind)
        stored = (pixels.astype(np.int64) * ((2**limits.bits - 1) // 255) + limits.min).astype(kind)
    predictor = 1 if coding == "none" else 3 if kind[0] == "f" else 2
    options = {"photometric": "rgb", "compression": coding, "predictor": predictor, "metadata": None}
    for planar, cut, order in product(("contig", "separate"), CUTS, "<>"):
        planes = stored if planar == "contig" else np.ascontiguousarray(np.moveaxis(stored, 2, 0))
        path = tmp_path / f"{planar}.tif"
        tifffile.imwrite(path, planes, planarconfig=planar, byteorder=order, **cut, **options)
        source = opened(path)
        assert source.info.notes
        shown = whole_level(source, 0)[..., :3].astype(int)
        assert np.abs(shown - pixels).max() <= 1


def test_signed_16_bits_are_never_black_without_a_word(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    """OpenSlide opens such a file, and shows the upper byte."""
    grey = picture(*SIZE)[..., 0]
    grey[0, :2] = 0, 255
    note = {"kind": "Signed", "bits": 16}
    for low, stored in ((0, grey.astype(np.int16)), (-3, grey.astype(np.int16) - 3)):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, stored, tile=(64, 64), photometric="minisblack", metadata=None)
        source = opened(path)
        np.testing.assert_array_equal(whole_level(source, 0)[..., :3], grey_as_rgb(grey))
        expected = strings.SHOWN_OVER_RANGE.format(low=low, high=low + 255, **note)
        assert expected in source.info.notes


def test_16_bits_in_tiles_that_openslide_cuts_better_are_not_left_to_it(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    grey = picture(1200, 300)[..., 0]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, grey.astype(np.uint16), tile=(1104, 1104), photometric="minisblack", metadata=None)
    source = opened(path)
    assert source.info.reader == "tiff (direct)"
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], grey_as_rgb(grey))


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_packed_samples(
    bits: int, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    grey = picture(*SIZE)[..., 0]
    numbers = grey >> (8 - bits) if bits < 8 else grey.astype(np.uint16) << (bits - 8)
    if bits > 8:
        numbers[0, 0] = (1 << bits) - 1
    path = tmp_path / "a.tif"
    stored = numbers.astype(bool) if bits == 1 else numbers
    for cut in CUTS:
        tifffile.imwrite(path, stored, photometric="minisblack", bitspersample=bits, metadata=None, **cut)
        shown = whole_level(opened(path), 0)[..., 0].astype(int)
        assert np.abs(shown - numbers.astype(float) * 255 / ((1 << bits) - 1)).max() <= 1


@pytest.mark.parametrize("coding", ["group3", "group4", "tiff_ccitt"])
def test_fax_codings(
    coding: str, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    ink = picture(*SIZE)[..., 0] > 128
    path = tmp_path / "a.tif"
    Image.fromarray(ink).save(path, compression=coding)
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., 0], ink * np.uint8(255))


def test_a_damaged_fax_strip_is_refused_and_nothing_is_printed(
    tmp_path: Path, opened: Opened, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(3).random((1024, 1024)) > 0.5
    Image.fromarray(noise).save(path, compression="group4")
    whole = path.read_bytes()
    path.write_bytes(whole[:3000] + bytes(40) + whole[3040:])
    damage = pattern(strings.DAMAGED_DATA, coding="CCITT", error=strings.FAX_DAMAGED)
    with pytest.raises(SlideError, match=damage):
        opened(path)
    assert capfd.readouterr().err == ""


def test_palette_of_16_colours(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel, patch_tiff: PatchTiff
) -> None:
    index = picture(*SIZE)[..., 0] >> 4
    colours = np.random.default_rng(0).integers(0, 65536, (3, 16), np.uint16)
    path = tmp_path / "a.tif"
    extra = [(320, 3, 48, colours.ravel().tolist(), True)]
    tifffile.imwrite(path, index, photometric="minisblack", bitspersample=4, metadata=None, extratags=extra)
    patch_tiff(path, 0, 262, {0: 3})
    np.testing.assert_array_equal(
        whole_level(opened(path), 0)[..., :3], (colours >> 8).astype(np.uint8).T[index]
    )


def test_printing_inks_are_shown_as_light_and_said(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    inks = np.concatenate([255 - pixels, np.zeros((*pixels.shape[:2], 1), np.uint8)], axis=2)
    path = tmp_path / "a.tif"
    for cut in CUTS:
        tifffile.imwrite(path, inks, photometric="separated", compression="lzw", metadata=None, **cut)
        source = opened(path)
        np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)
        assert strings.INKS in source.info.notes


@pytest.mark.parametrize("coding", ["none", "lzw", "deflate", "packbits"])
@pytest.mark.parametrize("deep", [False, True])
def test_bits_from_the_right(
    coding: str, deep: bool, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    """FillOrder 2: the bits of every coded byte are turned."""
    pixels = picture(*SIZE)
    path = tmp_path / "a.tif"
    for order, cut in product("<>", CUTS):
        stored = pixels.astype(np.uint16) * 257 if deep else pixels
        options = {"photometric": "rgb", "compression": coding, "metadata": None, "byteorder": order}
        tifffile.imwrite(path, stored, extratags=[(65000, 3, 1, 2, True)], **cut, **options)
        with tifffile.TiffFile(path) as tiff:
            places = list(zip(tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts, strict=True))
        data = bytearray(path.read_bytes())
        for offset, count in places:
            turned = imagecodecs.bitorder_decode(bytes(data[offset : offset + count]))
            data[offset : offset + count] = turned
        tag = data.index(struct.pack(f"{order}HHI", 65000, 3, 1))
        data[tag : tag + 2] = struct.pack(f"{order}H", 266)
        path.write_bytes(data)
        np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)


def jpeg_parts(frame: NDArray[np.uint8]) -> tuple[bytes, list[bytes], list[bytes], bytes]:
    """A baseline JPEG in parts: its whole, its quantisation tables, its Huffman tables, its scan's data."""
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95, subsampling=2)
    whole = buffer.getvalue()
    quantisation, huffman, position = [], [], 2
    while whole[position + 1] != 0xDA:
        length = int.from_bytes(whole[position + 2 : position + 4], "big")
        body = whole[position + 4 : position + 2 + length]
        {0xDB: quantisation, 0xC4: huffman}.get(whole[position + 1], []).append(body)
        position += 2 + length
    scan = position + 2 + int.from_bytes(whole[position + 2 : position + 4], "big")
    return whole, quantisation, huffman, whole[scan:-2]


@pytest.mark.parametrize("kind", ["whole", "interchange", "tables", "nothing"])
def test_old_style_jpeg(
    kind: str, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    """Whole streams as tiles, one header for all, tables in tags, and none of these."""
    pixels = picture(128, 64)
    parts = [jpeg_parts(np.ascontiguousarray(pixels[:, x : x + 64])) for x in (0, 64)]
    whole, quantisation, huffman, _ = parts[0]
    extra: list[tuple[int, int, int, Any, bool]] = [(530, 3, 2, (2, 2), True)]
    tiles = [part[3] if kind != "whole" else part[0] for part in parts]
    if kind == "interchange":
        extra += [(513, 4, 1, 0xABCDEF01, True)]
    if kind == "tables":
        extra += [(tag, 4, 3, (0xABCDEF01, 0xABCDEF02, 0xABCDEF03), True) for tag in (519, 520, 521)]
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        options = {"photometric": "ycbcr", "compression": "jpeg", "subsampling": (2, 2), "metadata": None}
        tiff.write(iter(tiles), shape=(64, 128, 3), dtype="u1", tile=(64, 64), extratags=extra[1:], **options)
    data = bytearray(path.read_bytes())
    tag = data.index(struct.pack("<HHI", COMPRESSION, 3, 1))
    data[tag + 8 : tag + 10] = struct.pack("<H", 6)
    if kind == "interchange":
        place = data.index(struct.pack("<I", 0xABCDEF01))
        data[place : place + 4] = struct.pack("<I", len(data))
        data += whole
    if kind == "tables":
        # Pillow writes a table for luma and one for chroma, of each kind.
        bodies = [body[1:] for body in sorted(huffman, key=lambda body: (body[0] >> 4, body[0] & 1))]
        tables = {519: [body[1:] for body in quantisation], 520: bodies[:2], 521: bodies[2:]}
        for number, (luma, chroma) in tables.items():
            entry = data.index(struct.pack("<HHI", number, 4, 3))
            (values,) = struct.unpack_from("<I", data, entry + 8)
            struct.pack_into("<3I", data, values, len(data), *[len(data) + len(luma)] * 2)
            data += luma + chroma
    path.write_bytes(data)
    if kind == "nothing":
        with pytest.raises(SlideError, match=strings.NO_OLD_JPEG_TABLES):
            open_slide(path)
        return
    difference = np.abs(whole_level(opened(path), 0)[..., :3].astype(int) - pixels)
    assert difference.mean() < 3


@pytest.mark.parametrize(
    ("tags", "rows"),
    [
        ({530: [2]}, 64),
        ({530: [2.5, 2.5]}, 64),
        ({519: [0.5] * 3}, 64),
        ({515: [70_000]}, 64),
        ({}, 70_000),
    ],
)
def test_old_style_jpeg_of_senseless_tags_is_damaged(tags: dict[int, list[Any]], rows: int) -> None:
    numbers = {519: [0] * 3, 520: [0] * 3, 521: [0] * 3, **tags}

    def read(offset: int, count: int) -> bytes:
        return bytes(operator.index(offset) + count)

    ifd = SimpleNamespace(
        numbers=lambda code: np.array(numbers.get(code, [])),
        number=lambda code, default: numbers.get(code, [default])[0],
        file=SimpleNamespace(size_bytes=1000, read=read),
    )
    image = SimpleNamespace(ifd=ifd, tile_samples=3, tile_width=64, coding="old-style JPEG")
    with pytest.raises(CodecError, match=pattern(strings.DAMAGED_DATA, coding="old-style JPEG")):
        whole_stream(image, b"scan", rows)
