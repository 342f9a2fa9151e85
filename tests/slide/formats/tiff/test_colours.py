"""Colours of JPEG and JPEG 2000 tiles come from their streams and from who wrote them, not from one tag."""

from __future__ import annotations

from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.slide.formats.dicom_files import cut
from viewer.slide.formats.codecs.jpeg_2000 import read_codestream_header

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
COMPRESSION, PHOTOMETRIC = 259, 262
RGB, YCBCR = 2, 6
JFIF = b"\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0"
APERIO = "Aperio Image Library v11.2.1"


def adobe(transform: int) -> bytes:
    return b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


@pytest.fixture
def write(tmp_path: Path, patch_tiff: PatchTiff) -> Callable[..., Path]:
    """``write(tiles, compression, photometric, …)``: a TIFF of coded tiles of 64 px."""

    def make(
        tiles: list[bytes],
        compression: int,
        photometric: int,
        *,
        bits: int = 8,
        side: int = 64,
        **options: Any,
    ) -> Path:
        path = tmp_path / "a.tif"
        size = {"shape": (SIZE[1], SIZE[0], 3), "dtype": f"u{bits // 8}", "tile": (side, side)}
        kind = {"photometric": "ycbcr", "compression": "jpeg", "metadata": None}
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(iter(tiles), **size, **kind, **options)
        patch_tiff(path, 0, COMPRESSION, {0: compression})
        patch_tiff(path, 0, PHOTOMETRIC, {0: photometric})
        return path

    return make


def jpeg(frame: NDArray[np.uint8], marker: bytes, ids: bytes, *, is_rgb: bool, subsampling: int) -> bytes:
    """A JPEG with the given colour marker and component names."""
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=97, subsampling=subsampling, keep_rgb=is_rgb)
    stream = bytearray(buffer.getvalue())
    frame_at, scan_at = stream.index(b"\xff\xc0"), stream.index(b"\xff\xda")
    for index, name in enumerate(ids):
        stream[frame_at + 10 + 3 * index] = name
        stream[scan_at + 5 + 2 * index] = name
    return b"\xff\xd8" + marker + bytes(stream[stream.index(b"\xff\xdb") :])


@pytest.mark.parametrize("side", [64, 1040])
@pytest.mark.parametrize(
    ("marker", "ids", "photometric", "subsampling", "is_rgb"),
    [
        (JFIF, b"\1\2\3", RGB, 2, False),  # QuPath, Bio-Formats
        (JFIF, b"\1\2\3", RGB, 0, False),
        (adobe(1), b"\1\2\3", RGB, 0, False),
        (b"", b"\1\2\3", RGB, 1, False),
        (b"", b"\1\2\3", YCBCR, 0, False),
        (adobe(0), b"\1\2\3", YCBCR, 0, False),  # as libtiff has it
        (JFIF, b"RGB", RGB, 0, True),
        (JFIF, b"RGB", YCBCR, 0, True),
        (JFIF + adobe(0), b"\1\2\3", RGB, 0, True),
        (adobe(0), b"\1\2\3", RGB, 0, True),
        (b"", b"\0\1\2", RGB, 0, True),  # libtiff, Aperio
    ],
)
def test_jpeg(
    side: int,
    marker: bytes,
    ids: bytes,
    photometric: int,
    subsampling: int,
    is_rgb: bool,
    picture: Picture,
    write: Callable[..., Path],
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    """Also in tiles that OpenSlide cuts more cheaply, of which it shows what the tag states."""
    pixels = picture(*SIZE)
    tiles = [jpeg(tile, marker, ids, is_rgb=is_rgb, subsampling=subsampling) for tile in cut(pixels, side)]
    shown = whole_level(opened(write(tiles, 7, photometric, side=side)), 0)[..., :3]
    assert np.abs(shown.astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("photometric", [RGB, YCBCR])
def test_jpeg_with_its_markers_among_the_tables(
    photometric: int, picture: Picture, write: Callable[..., Path], opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    tiles, tables = [], b""
    for tile in cut(pixels, 64):
        stream = jpeg(tile, JFIF, b"\1\2\3", is_rgb=False, subsampling=0)
        frame, huffman, scan = (stream.index(marker) for marker in (b"\xff\xc0", b"\xff\xc4", b"\xff\xda"))
        tables = stream[:frame] + stream[huffman:scan] + b"\xff\xd9"
        tiles.append(stream[:2] + stream[frame:huffman] + stream[scan:])
    path = write(tiles, 7, photometric, extratags=[(347, 7, len(tables), tables, True)])
    assert np.abs(whole_level(opened(path), 0)[..., :3].astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("compression", [7, 33007, 34892])
@pytest.mark.parametrize("photometric", [RGB, YCBCR])
def test_jpeg_of_12_bits(
    compression: int,
    photometric: int,
    picture: Picture,
    write: Callable[..., Path],
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(*SIZE)
    pixels[0, 0] = 255
    tiles = [
        imagecodecs.jpeg8_encode(tile.astype(np.uint16) * 16, level=98, bitspersample=12)
        for tile in cut(pixels, 64)
    ]
    shown = whole_level(opened(write(tiles, compression, photometric, bits=16)), 0)[..., :3]
    assert np.abs(shown.astype(int) - pixels).mean() < 2


def test_jpeg_without_loss(
    picture: Picture, write: Callable[..., Path], opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    tiles = [imagecodecs.jpeg8_encode(tile, lossless=True) for tile in cut(pixels, 64)]
    path = write(tiles, 7, RGB)
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)


@pytest.mark.parametrize(
    ("compression", "is_transformed", "description"),
    [
        each
        for each in product((33003, 33004, 33005, 34712), (False, True), ("", APERIO))
        if each != (33003, False, APERIO)  # the one that holds YCbCr
    ],
)
@pytest.mark.parametrize("wrapper", ["j2k", "jp2"])
def test_jpeg_2000_that_holds_rgb(
    compression: int,
    is_transformed: bool,
    wrapper: str,
    description: str,
    picture: Picture,
    write: Callable[..., Path],
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(*SIZE)
    tiles = [
        imagecodecs.jpeg2k_encode(tile, codecformat=wrapper, mct=is_transformed, reversible=True)
        for tile in cut(pixels, 64)
    ]
    path = write(tiles, compression, RGB, description=description)
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)


@pytest.mark.parametrize(
    ("compression", "photometric", "description", "box"),
    [
        (33003, RGB, APERIO, "SRGB"),
        (33003, YCBCR, "", "SRGB"),
        (34712, YCBCR, "", "SRGB"),
        (34712, RGB, "", "SYCC"),
        (33004, YCBCR, "", "SYCC"),
    ],
)
def test_jpeg_2000_that_holds_ycbcr(
    compression: int,
    photometric: int,
    description: str,
    box: str,
    picture: Picture,
    write: Callable[..., Path],
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    """As the writer, the tag or the file around the codestream states."""
    pixels = picture(*SIZE)
    stored = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    tiles = [
        imagecodecs.jpeg2k_encode(tile, codecformat="jp2", colorspace=box, mct=False, reversible=True)
        for tile in cut(stored, 64)
    ]
    path = write(tiles, compression, photometric, description=description)
    shown = whole_level(opened(path), 0)[..., :3]
    assert np.abs(shown.astype(int) - pixels).max() <= 3


def test_subsampled_components_are_told_by_the_header() -> None:
    """As Aperio writes chroma; made by hand, since no encoder here writes it."""
    frame = np.zeros((64, 64, 3), np.uint8)
    stream = bytearray(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=False))
    assert not read_codestream_header(bytes(stream)).is_subsampled
    stream[46:47] = b"\2"
    assert read_codestream_header(bytes(stream)).is_subsampled
