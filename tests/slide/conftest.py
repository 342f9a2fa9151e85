"""Made slides: small TIFFs written with tifffile, and what OpenSlide sees in them."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import numpy as np
import openslide
import pytest
import tifffile

from viewer.slide.byte_source import FileBytes
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.slide_format import SlideFile
from viewer.slide.formats.tiff.ifd import read_ifds
from viewer.slide.geometry import TileKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

APERIO = "Aperio Image Library v11.2.1\n{width}x{height} ({tile}x{tile}) JPEG|AppMag = 20|MPP = 0.5"


@pytest.fixture
def picture() -> Callable[[int, int], NDArray[np.uint8]]:
    """``picture(width, height)``: smooth RGB that no two places share, without sharp edges that JPEG would
    smear.
    """

    def make(width: int, height: int) -> NDArray[np.uint8]:
        y, x = np.mgrid[:height, :width] / 37.0
        waves = [np.sin(x + 0.3 * y), np.cos(0.7 * y - 0.2 * x), np.sin(0.5 * (x + y) + 1)]
        return (128 + 110 * np.stack(waves, axis=2)).astype(np.uint8)

    return make


@pytest.fixture
def aperio_slide(tmp_path: Path, picture: Callable[[int, int], NDArray[np.uint8]]) -> Callable[..., Path]:
    """``aperio_slide(name, width=…, height=…, ratios=…, tile=…)``: a pyramid that OpenSlide takes for an
    Aperio slide.
    """

    def write(
        name: str = "made.svs",
        *,
        width: int = 1100,
        height: int = 830,
        ratios: Sequence[int] = (1, 4),
        tile: int = 64,
        description: str = APERIO,
        photometric: str = "ycbcr",
    ) -> Path:
        path = tmp_path / name
        pixels = picture(width, height)
        with tifffile.TiffWriter(path) as tiff:
            for ratio in ratios:
                level = np.ascontiguousarray(
                    pixels[: height // ratio * ratio : ratio, : width // ratio * ratio : ratio]
                )
                tiff.write(
                    level,
                    tile=(tile, tile),
                    photometric=photometric,
                    compression="jpeg",
                    compressionargs={"level": 90},
                    description=description.format(width=width, height=height, tile=tile),
                    subfiletype=0 if ratio == 1 else 1,
                    metadata=None,
                )
        return path

    return write


@pytest.fixture
def patch_tiff() -> Callable[..., None]:
    """``patch_tiff(path, directory, tag, {index: value})``: overwrite values of a tag in place."""

    def patch(path: Path, directory: int, tag: int, values: dict[int, int]) -> None:
        with closing(FileBytes(path)) as file:
            ifd = read_ifds(file)[0][directory]
        place = ifd.tags[tag]
        dtype = place.dtype.newbyteorder(ifd.byte_order)
        with path.open("r+b") as out:
            for index, value in values.items():
                out.seek(place.offset + index * dtype.itemsize)
                out.write(np.array(value, dtype).tobytes())

    return patch


@pytest.fixture
def whole_level() -> Callable[[Source, int], NDArray[np.uint8]]:
    """``whole_level(source, level)``: all tiles of a level put together, (height, width, 4); checks their
    form.
    """

    def read(source: Source, index: int) -> NDArray[np.uint8]:
        level = source.pyramid.levels[index]
        out = np.zeros((level.height, level.width, 4), np.uint8)
        for row in range(level.rows):
            for column in range(level.columns):
                key = TileKey(index, column, row)
                tile = source.read_tile(key)
                width, height = source.pyramid.tile_size(key)
                assert tile.shape == (height, width, 4)
                assert tile.dtype == np.uint8
                assert tile.flags.c_contiguous
                x, y = column * level.tile_width, row * level.tile_height
                out[y : y + height, x : x + width] = tile
        assert (out[..., 3] == 255).all()
        return out

    return read


@pytest.fixture
def openslide_level() -> Callable[[Path, int], NDArray[np.uint8]]:
    """``openslide_level(path, level)``: OpenSlide's whole level on white, (height, width, 3)."""

    def read(path: Path, index: int) -> NDArray[np.uint8]:
        with openslide.OpenSlide(path) as slide:
            pixels = np.asarray(slide.read_region((0, 0), index, slide.level_dimensions[index])).astype(int)
        alpha = pixels[..., 3:]
        return ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)

    return read


@pytest.fixture
def opened() -> Callable[[Path], Source]:
    """``opened(path)``: ``open_slide``, closed after the test."""
    sources: list[Source] = []

    def open_(path: Path) -> Source:
        sources.append(open_slide(path))
        return sources[-1]

    yield open_
    for source in sources:
        source.close()


@pytest.fixture
def file_at() -> Callable[[Path], SlideFile]:
    """``file_at(path)``: the file as readers are handed it, closed after the test."""
    with ExitStack() as files:
        yield lambda path: files.enter_context(closing(SlideFile(path)))
