"""A whole image in memory as a Source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.messages import pattern
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect, TileKey
from viewer.slide.source import SlideInfo, TileError
from viewer.slide.strings import NO_SUCH_TILE, TILE_OF_CLOSED


def info(width: int, height: int) -> SlideInfo:
    return SlideInfo(
        path=Path("image.png"),
        format="PNG",
        reader="image",
        reader_reason="",
        bounds=Rect(0, 0, width, height),
        file_levels=((width, height),),
        background_rgb=(200, 100, 0),
    )


@pytest.mark.parametrize("samples", [None, 1, 3])
def test_tiles_are_cut_and_cropped(samples: int | None, rng: np.random.Generator) -> None:
    shape = (300, 500) if samples is None else (300, 500, samples)
    array = rng.integers(0, 256, shape, dtype=np.uint8)
    source = ArraySource(info(500, 300), array)
    tile = source.read_tile(TileKey(0, 1, 1))
    assert tile.shape == (44, 244, 4)
    assert tile.flags.c_contiguous
    assert (tile[..., 3] == 255).all()
    expected = array[256:, 256:].reshape(44, 244, -1)
    np.testing.assert_array_equal(tile[..., :3], np.broadcast_to(expected, (44, 244, 3)))


@pytest.mark.parametrize("samples", [2, 4])
def test_transparent_pixels_lie_on_the_background(samples: int) -> None:
    array = np.full((4, 4, samples), 100, np.uint8)
    array[..., -1] = [0, 51, 255, 255]
    tile = ArraySource(info(4, 4), array).read_tile(TileKey(0, 0, 0))
    assert tile[0].tolist() == [
        [200, 100, 0, 255],
        [180, 100, 20, 255],
        [100, 100, 100, 255],
        [100, 100, 100, 255],
    ]


def test_tile_does_not_keep_the_image_alive() -> None:
    array = np.full((256, 256, 4), 255, np.uint8)
    tile = ArraySource(info(256, 256), array).read_tile(TileKey(0, 0, 0))
    assert not np.shares_memory(tile, array)


def test_reads_after_closing_and_outside_fail() -> None:
    source = ArraySource(info(4, 4), np.zeros((4, 4), np.uint8), pixel_aspect=1.5)
    assert source.pyramid.pixel_aspect == 1.5
    with pytest.raises(TileError, match=pattern(NO_SUCH_TILE)):
        source.read_tile(TileKey(0, 1, 0))
    with pytest.raises(KeyError):
        source.read_associated_image("label")
    source.close()
    source.close()
    with pytest.raises(TileError, match=pattern(TILE_OF_CLOSED)):
        source.read_tile(TileKey(0, 0, 0))


@pytest.mark.parametrize("array", [np.zeros((4, 4)), np.zeros((4, 4, 5), np.uint8), np.zeros(4, np.uint8)])
def test_arrays_that_are_no_images_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        ArraySource(info(4, 4), array)
