"""Strips and tiles without byte counts in the file: each decoder finds the end of its own stream."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from viewer.slide.formats.tiff.raw import lzma_decode, packbits_decode, zstd_decode
from viewer.slide.formats.tiff.source import open_tiff

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    FileAt = Callable[[Path], SlideFile]

STRIP_COUNTS, TILE_COUNTS, PRIVATE = 279, 325, 65000


def without_counts(path: Path, tag: int) -> None:
    """Rename the tag, so that no reader finds it, and lay the noise of another program behind the pixels."""
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].tags[tag].offset
    assert struct.unpack_from("<H", data, start) == (tag,)
    struct.pack_into("<H", data, start, PRIVATE)
    path.write_bytes(data + np.random.default_rng(3).bytes(5000))


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize(
    ("tag", "cut"), [(STRIP_COUNTS, {"rowsperstrip": 40}), (TILE_COUNTS, {"tile": (64, 64)})]
)
def test_streams_end_by_themselves(
    compression: str | None,
    tag: int,
    cut: dict[str, Any],
    tmp_path: Path,
    picture: Picture,
    file_at: FileAt,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(256, 192)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", compression=compression, metadata=None, **cut)
    without_counts(path, tag)
    with closing(open_tiff(file_at(path))) as source:
        assert np.array_equal(whole_level(source, 0)[..., :3], pixels)


@pytest.mark.parametrize("level", [1, 9, 19])
@pytest.mark.parametrize("size", [1, 200, 300, 70_000, 400_000])
def test_a_zstandard_frame_ends_after_its_last_block(size: int, level: int) -> None:
    content = np.random.default_rng(size).integers(0, 5, size, np.uint8).tobytes()
    for data in (content, bytes(size)):
        assert zstd_decode(imagecodecs.zstd_encode(data, level) + b"\xff" * 999, size) == data


def test_a_damaged_zstandard_frame_is_an_error() -> None:
    whole = bytes(imagecodecs.zstd_encode(np.random.default_rng(0).bytes(5000)))
    assert zstd_decode(b"", 5000) == b""
    for damaged in (whole[:4], whole[:2000], b"\0" * 2000):
        with pytest.raises(RuntimeError):
            zstd_decode(damaged, 5000)


def test_runs_end_with_the_pixels() -> None:
    runs = b"\x02abc" + b"\x80" + b"\xfed"  # three bytes, nothing, three times d
    assert packbits_decode(runs, 6) == b"abcddd"
    assert packbits_decode(runs + b"\x05", 6) == b"abcddd"
    assert packbits_decode(runs + b"\x01xy\xfez", 6) == b"abcddd"
    assert packbits_decode(runs, 5) == b"abcdd"
    assert packbits_decode(runs, 7) == b"abcddd"


@pytest.mark.parametrize("runs", [b"\x05ab", b"\xfe", b"\x7fabc", b"\x00a\x05ab"])
def test_a_run_that_is_cut_short_is_an_error(runs: bytes) -> None:
    with pytest.raises(RuntimeError):
        packbits_decode(runs, 10)


def test_lzma_takes_no_more_memory_than_any_encoder_asks_for() -> None:
    """A header alone may claim a dictionary of 1.5 GB; its own check value is right."""
    claim = bytes.fromhex("5d") + struct.pack("<IQ", 1_500_000_000, 10) + bytes(20)
    with pytest.raises(ValueError, match=r"\S"):
        lzma_decode(claim, 10)
    with pytest.raises(ValueError, match=r"\S"):
        lzma_decode(b"no stream", 10)
