"""YCbCr that no codec makes RGB of: data units, planes, weights and levels, as libtiff shows them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from viewer.slide.formats.tiff import layout, strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]

WIDTH, HEIGHT, SIDE = 203, 149, 64
DEFLATE = 8
ENCODE: dict[int, Callable[[bytes], bytes]] = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    DEFLATE: zlib.compress,
    32773: imagecodecs.packbits_encode,
    34925: imagecodecs.lzma_encode,
    50000: imagecodecs.zstd_encode,
}
SHARED = [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)]
TILED, STRIPS = {322: SIDE, 323: SIDE}, {278: SIDE}
SUBSAMPLING, WEIGHTS, LEVELS = 530, 529, 532
BT_709, STUDIO = (0.2126, 0.7152, 0.0722), (16, 235, 128, 240, 128, 240)


@pytest.fixture
def ycbcr(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture(WIDTH, HEIGHT)).convert("YCbCr"))


def field(kind: int, values: tuple[float, ...]) -> bytes:
    if kind == 5:
        return b"".join(struct.pack("<II", round(value * 10_000), 10_000) for value in values)
    return struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *map(int, values))


def write(path: Path, pieces: list[bytes], compression: int, tags: dict[int, Any]) -> None:
    """A TIFF of YCbCr in these pieces; ``tags`` of fractions are written as such."""
    out = bytearray(b"II*\0\0\0\0\0")
    offsets = []
    for piece in pieces:
        offsets.append(len(out))
        out += ENCODE[compression](piece) if compression in ENCODE else piece
    tiled = 322 in tags
    values: dict[int, Any] = {256: WIDTH, 257: HEIGHT, 258: (8, 8, 8), 259: compression, 262: 6, 277: 3}
    values[324 if tiled else 273] = tuple(offsets)
    ends = [*offsets[1:], len(out)]
    values[325 if tiled else 279] = tuple(end - start for start, end in zip(offsets, ends, strict=True))
    records = bytearray()
    values |= tags
    for tag, value in sorted(values.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        kind = 5 if tag in (WEIGHTS, LEVELS) else 3 if tag in (258, SUBSAMPLING) else 4
        data = field(kind, numbers)
        if len(data) > 4:
            place = len(out)
            out += data
            data = struct.pack("<I", place)
        records += struct.pack("<HHI", tag, kind, len(numbers)) + data.ljust(4, b"\0")
    out[4:8] = struct.pack("<I", len(out))
    path.write_bytes(bytes(out) + struct.pack("<H", len(values)) + records + bytes(4))


def blocks(cut: dict[int, int], *, clipped: bool = False) -> list[tuple[slice, slice]]:
    """Rows and columns of each tile or strip, those of tiles padded beyond the picture."""
    high = cut.get(323, cut.get(278, HEIGHT))
    wide = cut.get(322, WIDTH)
    limit = (HEIGHT, WIDTH) if clipped or 323 not in cut else (10**6, 10**6)
    return [
        (slice(y, min(y + high, limit[0])), slice(x, min(x + wide, limit[1])))
        for y in range(0, HEIGHT, high)
        for x in range(0, WIDTH, wide)
    ]


def in_units(pixels: NDArray[np.uint8], shared: tuple[int, int]) -> bytes:
    """By the words of TIFF 6.0, section 21, one unit after the other."""
    across, down = shared
    out = bytearray()
    for y in range(0, pixels.shape[0], down):
        for x in range(0, pixels.shape[1], across):
            unit = pixels[y : y + down, x : x + across]
            full = np.pad(unit, ((0, down - unit.shape[0]), (0, across - unit.shape[1]), (0, 0)), mode="edge")
            out += full[..., 0].tobytes() + bytes(unit[0, 0, 1:])
    return bytes(out)


def padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(pixels, ((0, SIDE), (0, SIDE), (0, 0)), mode="edge")


def shown_for(ycbcr: NDArray[np.uint8], shared: tuple[int, int]) -> NDArray[np.uint8]:
    """RGB, as Pillow converts it, of a picture in which the first Cb and Cr serve all ``shared`` px."""
    across, down = shared
    coarse = ycbcr.copy()
    rows, columns = np.arange(HEIGHT) // down * down, np.arange(WIDTH) // across * across
    coarse[..., 1:] = ycbcr[rows][:, columns, 1:]
    return np.asarray(Image.fromarray(coarse, "YCbCr").convert("RGB"))


def check(shown: NDArray[np.uint8], expected: NDArray[np.uint8], at_most: int = 2) -> None:
    """Others round Cb and Cr, and their parts of a colour, to whole numbers."""
    assert expected.std() > 10
    assert np.abs(shown[..., :3].astype(int) - expected[..., :3]).max() <= at_most


@pytest.fixture
def show(tmp_path: Path, opened: Opened, whole_level: WholeLevel) -> Callable[..., NDArray[np.uint8]]:
    """``show(pieces, compression, tags)``: the pixels of such a file, a.tif."""

    def shown(pieces: list[bytes], compression: int, tags: dict[int, Any]) -> NDArray[np.uint8]:
        write(tmp_path / "a.tif", pieces, compression, tags)
        return whole_level(opened(tmp_path / "a.tif"), 0)

    return shown


@pytest.mark.parametrize("cut", [TILED, STRIPS, {}])
@pytest.mark.parametrize("shared", SHARED)
def test_data_units(
    shared: tuple[int, int], cut: dict[int, int], ycbcr: NDArray[np.uint8], tmp_path: Path, show: Any
) -> None:
    whole = padded(ycbcr) if cut is TILED else ycbcr
    pieces = [in_units(whole[block], shared) for block in blocks(cut)]
    pixels = show(pieces, DEFLATE, {**cut, SUBSAMPLING: shared})
    check(pixels, shown_for(ycbcr, shared))
    if shared != (4, 4):  # which libtiff itself leaves black in part
        check(pixels, imagecodecs.tiff_decode((tmp_path / "a.tif").read_bytes(), asrgb=True))


@pytest.mark.parametrize("compression", ENCODE)
@pytest.mark.parametrize("cut", [TILED, STRIPS])
def test_codings(compression: int, cut: dict[int, int], ycbcr: NDArray[np.uint8], show: Any) -> None:
    """Without the tag two px each way share their colours."""
    whole = padded(ycbcr) if cut is TILED else ycbcr
    pieces = [in_units(whole[block], (2, 2)) for block in blocks(cut)]
    check(show(pieces, compression, cut), shown_for(ycbcr, (2, 2)))


@pytest.mark.parametrize("compression", [1, 5, DEFLATE])
@pytest.mark.parametrize("shared", [(1, 1), (2, 1), (2, 2)])
def test_border_tiles_without_padding(
    shared: tuple[int, int], compression: int, ycbcr: NDArray[np.uint8], show: Any
) -> None:
    pieces = [in_units(ycbcr[block], shared) for block in blocks(TILED, clipped=True)]
    check(show(pieces, compression, {**TILED, SUBSAMPLING: shared}), shown_for(ycbcr, shared))


@pytest.mark.parametrize("compression", [1, DEFLATE, 7])
@pytest.mark.parametrize("cut", [TILED, STRIPS])
@pytest.mark.parametrize("shared", [(1, 1), (2, 1), (2, 2)])
def test_planes(
    shared: tuple[int, int], cut: dict[int, int], compression: int, ycbcr: NDArray[np.uint8], show: Any
) -> None:
    whole = padded(ycbcr) if cut is TILED else ycbcr
    across, down = shared
    planes = [whole[..., 0], whole[::down, ::across, 1], whole[::down, ::across, 2]]
    pieces = []
    for plane, (x, y) in zip(planes, ((1, 1), shared, shared), strict=True):
        for rows, columns in blocks(cut):
            here = (
                slice(rows.start // y, -(-rows.stop // y)),
                slice(columns.start // x, -(-columns.stop // x)),
            )
            part = np.ascontiguousarray(plane[here])
            pieces.append(imagecodecs.jpeg8_encode(part, level=100) if compression == 7 else part.tobytes())
    pixels = show(pieces, compression, {**cut, SUBSAMPLING: shared, 284: 2})
    expected = shown_for(ycbcr, shared)
    if compression == 7:
        assert np.abs(pixels[..., :3].astype(int) - expected).mean() < 1
    else:
        check(pixels, expected)


@pytest.mark.parametrize("tags", [{WEIGHTS: BT_709}, {LEVELS: STUDIO}, {WEIGHTS: BT_709, LEVELS: STUDIO}])
def test_weights_and_levels(
    tags: dict[int, Any], ycbcr: NDArray[np.uint8], tmp_path: Path, show: Any
) -> None:
    pixels = show([in_units(ycbcr, (2, 1))], DEFLATE, {SUBSAMPLING: (2, 1), **tags})
    check(pixels, imagecodecs.tiff_decode((tmp_path / "a.tif").read_bytes(), asrgb=True), at_most=3)
    assert np.abs(pixels[..., :3].astype(int) - shown_for(ycbcr, (2, 1))).max() > 8


@pytest.mark.parametrize("rows", [HEIGHT, 60, 59])
def test_long_strips_are_read_in_parts(
    rows: int, ycbcr: NDArray[np.uint8], show: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts hold whole data units; where a strip cannot be cut into equal ones, it is read at once."""
    monkeypatch.setattr(layout, "MAX_PART_BYTES", 2 * WIDTH * 7)
    pieces = [in_units(ycbcr[block], (2, 2)) for block in blocks({278: rows})]
    if rows == 59:  # the next strip begins a new unit
        coarse = ycbcr.copy()
        for start in (0, 59, 118):
            part = coarse[start : start + 59]
            part[..., 1:] = part[np.arange(len(part)) // 2 * 2][:, np.arange(WIDTH) // 2 * 2, 1:]
        expected = np.asarray(Image.fromarray(coarse, "YCbCr").convert("RGB"))
    else:
        expected = shown_for(ycbcr, (2, 2))
    check(show(pieces, 1, {278: rows}), expected)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({SUBSAMPLING: (3, 1)}, pattern(strings.IMAGE_CHROMA, shared=[3, 1])),
        ({258: (16, 16, 16)}, pattern(strings.YCBCR, bits=16, samples=3)),
        ({258: (8, 8, 8, 8), 277: 4}, pattern(strings.YCBCR, bits=8, samples=4)),
        ({317: 2}, pattern(strings.PREDICTOR, number=2)),
        ({WEIGHTS: (0.3, 0, 0.7)}, pattern(strings.YCBCR_SCALE)),
        ({WEIGHTS: (0.3, 0.7)}, pattern(strings.YCBCR_SCALE)),
        ({LEVELS: (0, 255, 128, 128, 128, 255)}, pattern(strings.YCBCR_SCALE)),
    ],
)
def test_what_makes_no_colours_is_refused(
    tags: dict[int, Any], reason: str, ycbcr: NDArray[np.uint8], show: Any
) -> None:
    with pytest.raises(SlideError, match=reason):
        show([in_units(ycbcr, (2, 2))], DEFLATE, tags)
