"""Numbers of TIFF images: of every kind, cut and coding, as they were written; damage is an error."""

from __future__ import annotations

import struct
from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from viewer.slide.byte_source import FileBytes
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.tiff.ifd import read_ifds
from viewer.slide.formats.tiff.layout import image_from_ifd
from viewer.slide.formats.tiff.samples import kind_of_numbers, read_numbers

if TYPE_CHECKING:
    from pathlib import Path

CODINGS = ("none", "lzw", "deflate", "packbits", "zstd", "lzma")
KINDS = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")


def written(path: Path, values: np.ndarray, **options: Any) -> None:
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None, **options)


def read(path: Path, sample: int = 0) -> np.ndarray:
    with closing(FileBytes(path)) as file:
        ifds, _ = read_ifds(file)
        return read_numbers(file, image_from_ifd(ifds[0]), sample)


def kind(path: Path) -> Any:
    with closing(FileBytes(path)) as file:
        return kind_of_numbers(image_from_ifd(read_ifds(file)[0][0]))


def values_of(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(3)
    if dtype.startswith("f"):
        return rng.normal(0, 1, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(("compression", "dtype"), [*product(CODINGS, KINDS)])
def test_numbers_come_back_as_they_were_written(tmp_path: Path, compression: str, dtype: str) -> None:
    path = tmp_path / "a.tif"
    values = values_of(dtype, (53, 70))
    predictors = (1,) if compression in ("none", "packbits") else (1, 3) if dtype[0] == "f" else (1, 2)
    for order, cut, predictor in product("<>", ({"tile": (16, 32)}, {"rowsperstrip": 20}), predictors):
        written(path, values, compression=compression, predictor=predictor, byteorder=order, **cut)
        assert kind(path) == values.dtype
        back = read(path)
        assert back.dtype == values.dtype
        assert back.dtype.isnative
        assert back.tobytes() == values.tobytes()


@pytest.mark.parametrize("compression", ["none", "lzw"])
def test_one_of_several_samples_is_read(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    values = values_of("f4", (40, 30, 3))
    for planar, cut in product(("contig", "separate"), ({"tile": (16, 16)}, {"rowsperstrip": 11})):
        data = values if planar == "contig" else np.moveaxis(values, -1, 0)
        written(path, data, planarconfig=planar, compression=compression, **cut)
        for sample in range(3):
            assert (read(path, sample) == values[..., sample]).all()


def test_samples_that_are_no_numbers_have_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for dtype in ("c8", "c16"):
        written(path, np.zeros((8, 8), dtype))
        assert kind(path) is None
    written(path, np.zeros((8, 8), bool))
    assert kind(path) is None
    written(path, np.zeros((8, 8), "u1"), extratags=[(65000, 3, 1, 3, True)])
    plain = path.read_bytes()
    assert kind(path) is not None
    for tag in (266, 317):  # bits from the right, a predictor for floats
        path.write_bytes(plain.replace(struct.pack("<HHI", 65000, 3, 1), struct.pack("<HHI", tag, 3, 1)))
        assert kind(path) is None


def test_what_is_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for compression in ("lzw", "deflate"):  # the others keep noise as it is, and check no sum
        written(path, values_of("u2", (64, 64)), compression=compression, rowsperstrip=64)
        whole = path.read_bytes()
        with tifffile.TiffFile(path) as tiff:
            (offset,), (count,) = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
        half = offset + count // 2
        path.write_bytes(whole[:half] + b"\xff" * (len(whole) - half))
        with pytest.raises(CodecError):
            read(path)
    path.write_bytes(whole[: offset + 10])
    with pytest.raises(EOFError):
        read(path)
