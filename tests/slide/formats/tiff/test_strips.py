"""Stripped images of too many pixels to be decoded as a whole are cut into tiles, strip by strip."""

from __future__ import annotations

import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from viewer.slide.built_pyramid import BuiltPyramid
from viewer.slide.byte_source import FileBytes
from viewer.slide.formats import engine_tiles
from viewer.slide.formats.tiff import layout, level, strings
from viewer.slide.formats.tiff.source import open_tiff
from viewer.slide.geometry import TileKey
from viewer.slide.source import NotThisReader, TileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    PatchTiff = Callable[..., None]
    FileAt = Callable[[Path], SlideFile]

WIDTH, HEIGHT = 1100, 830
COMPRESSION, BYTE_COUNTS = 259, 279


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(offset, count) of what is read from the file."""
    found: list[tuple[int, int]] = []
    read = FileBytes.read

    def counted(self: FileBytes, offset: int, count: int) -> bytes:
        found.append((offset, count))
        return read(self, offset, count)

    monkeypatch.setattr(FileBytes, "read", counted)
    return found


def write(path: Path, pixels: NDArray[Any], **kind: Any) -> Path:
    tifffile.imwrite(path, pixels, metadata=None, **{"photometric": "rgb", **kind})
    return path


@pytest.mark.parametrize("part_bytes", [2**24, 40 * 3 * WIDTH])
@pytest.mark.parametrize("rows", [1, 17, 160, 601, 5000])
@pytest.mark.parametrize(
    "kind",
    [
        {"compression": None},
        {"compression": "lzw", "predictor": True},
        {"compression": "deflate", "bigtiff": True},
        {"compression": None, "planarconfig": "separate", "byteorder": ">"},
        {"compression": "zstd", "planarconfig": "separate"},
    ],
    ids=["raw", "lzw", "deflate big", "raw planes", "zstd planes"],
)
def test_tiles_cut_from_strips_are_the_written_pixels(
    kind: dict[str, Any],
    rows: int,
    part_bytes: int,
    tmp_path: Path,
    picture: Picture,
    file_at: FileAt,
    whole_level: WholeLevel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "MAX_PART_BYTES", part_bytes)
    pixels = picture(WIDTH, HEIGHT)
    stored = np.moveaxis(pixels, 2, 0) if "planarconfig" in kind else pixels
    path = write(tmp_path / "a.tif", stored, rowsperstrip=rows, **kind)
    with closing(open_tiff(file_at(path), max_stripped_px=WIDTH * HEIGHT - 1)) as source:
        finest = source.pyramid.levels[0]
        assert (source.info.reader, finest.tile_width, finest.tile_height) == ("tiff (strips)", 512, 512)
        np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


def test_samples_of_16_bits_and_jpeg_strips(
    tmp_path: Path, picture: Picture, file_at: FileAt, whole_level: WholeLevel
) -> None:
    pixels = picture(WIDTH, HEIGHT)
    wide = write(tmp_path / "wide.tif", pixels.astype(np.uint16) * 257, rowsperstrip=64)
    jpeg = write(tmp_path / "jpeg.tif", pixels, rowsperstrip=64, compression="jpeg")
    for path in (wide, jpeg):
        with closing(open_tiff(file_at(path), max_stripped_px=0)) as source:
            assert np.abs(whole_level(source, 0)[..., :3].astype(int) - pixels).max() < 12


def test_only_the_rows_wanted_are_read_of_a_strip_without_compression(
    tmp_path: Path,
    picture: Picture,
    file_at: FileAt,
    reads: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row_bytes = 3 * WIDTH
    monkeypatch.setattr(layout, "MAX_PART_BYTES", 64 * row_bytes)
    path = write(tmp_path / "a.tif", picture(WIDTH, 2000), rowsperstrip=2000)
    with closing(open_tiff(file_at(path), max_stripped_px=0)) as source:
        reads.clear()
        source.read_tile(TileKey(0, 0, 1))
        assert [count for _, count in reads] == 8 * [64 * row_bytes]


def test_a_single_strip_may_be_too_large_only_where_it_is_compressed(
    tmp_path: Path, picture: Picture, patch_tiff: PatchTiff, file_at: FileAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "MAX_PART_BYTES", 10_000)
    monkeypatch.setattr(layout, "MAX_RAW_STRIP_BYTES", 100_000)
    path = write(tmp_path / "a.tif", picture(300, 200), rowsperstrip=200)
    with closing(open_tiff(file_at(path), max_stripped_px=0)) as source:
        assert source.read_tile(TileKey(0, 0, 0)).shape == (200, 300, 4)
    patch_tiff(path, 0, COMPRESSION, {0: 5})
    with pytest.raises(NotThisReader, match=pattern(strings.STRIP_BYTES, width=300, height=200)):
        open_tiff(file_at(path))


def test_what_a_strip_is_too_short_for_is_an_error_and_not_blank(
    tmp_path: Path, picture: Picture, patch_tiff: PatchTiff, file_at: FileAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "MAX_PART_BYTES", 10_000)
    pixels = picture(300, 1500)
    path = write(tmp_path / "a.tif", pixels, rowsperstrip=1500)
    patch_tiff(path, 0, BYTE_COUNTS, {0: 600 * 900})
    with closing(open_tiff(file_at(path), max_stripped_px=0)) as source:
        assert np.array_equal(source.read_tile(TileKey(0, 0, 0))[..., :3], pixels[:512])
        with pytest.raises(TileError):
            source.read_tile(TileKey(0, 0, 1))


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_levels_are_built_with_each_strip_decoded_once(
    orientation: int,
    tmp_path: Path,
    picture: Picture,
    file_at: FileAt,
    whole_level: WholeLevel,
    reads: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Turned pictures too, though the cache holds no more than four rows of tiles, and a row of the coarsest
    level is made from eight.
    """
    width, height, rows = 4200, 1301, 128
    monkeypatch.setattr(engine_tiles, "CUT_PX", rows)
    for module in (engine_tiles, level):
        monkeypatch.setattr(module, "BAND_BYTES", rows * width * 4)
    turned = [(274, 3, 1, orientation, True)]
    path = write(tmp_path / "a.tif", picture(width, height), rowsperstrip=rows, extratags=turned)
    strips = BuiltPyramid(open_tiff(file_at(path), max_stripped_px=0), tmp_path / "strips")
    whole = BuiltPyramid(open_tiff(file_at(path)), tmp_path / "whole")
    with closing(strips), closing(whole):
        reads.clear()
        assert strips.build(lambda _done, _total: None, lambda: False)
        decoded = [offset for offset, count in reads if count == rows * width * 3]
        assert len(decoded) == len(set(decoded))
        assert len(decoded) in (height // rows, height // rows - 1)  # the first may be kept from opening
        assert whole.build(lambda _done, _total: None, lambda: False)
        for index in (1, 2, 3):
            assert np.array_equal(whole_level(strips, index), whole_level(whole, index))


def test_one_large_strip_takes_little_more_memory_than_its_samples(tmp_path: Path, file_at: FileAt) -> None:
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    path = write(tmp_path / "a.tif", pixels, compression="deflate", rowsperstrip=3000)
    file = file_at(path)
    tracemalloc.start()
    try:
        with closing(open_tiff(file, max_stripped_px=0)) as source:
            source.read_tile(TileKey(0, 3, 2))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1.2 * pixels.nbytes
