"""viewer.stream.tile: mip chains average stored values, whatever the size; failed tiles look like nothing
else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.slide.pixels import GREY_8, GREY_16, SampleFormat
from viewer.stream.tile import DecodedTile, decoded_tile, marked_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


def noise(width: int, height: int) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean of each 2×2 block; at odd edges, of the pixels that exist."""
    height, width = pixels.shape[:2]
    total = np.add.reduceat(pixels.astype(np.float64), np.arange(0, height, 2), axis=0)
    total = np.add.reduceat(total, np.arange(0, width, 2), axis=1)
    across = np.where(np.arange(0, width, 2) + 1 < width, 2, 1)
    down = np.where(np.arange(0, height, 2) + 1 < height, 2, 1)
    return total / np.outer(down, across)[..., None]


sides = st.integers(1, 40)


@given(sides, sides, st.integers(1, 4))
def test_each_mip_is_the_mean_of_the_one_before(width: int, height: int, mip_levels: int) -> None:
    pixels = noise(width, height)
    mips = decoded_tile(pixels, mip_levels).mips
    assert len(mips) == mip_levels
    assert mips[0] is pixels
    for fine, coarse in pairwise(mips):
        assert coarse.dtype == np.uint8
        assert np.abs(coarse - halved(fine)).max() <= 0.5


@given(sides, sides, st.integers(0, 255))
def test_an_even_tile_stays_exactly_as_bright_and_opaque(width: int, height: int, value: int) -> None:
    pixels = np.full((height, width, 4), (value, value, value, 255), np.uint8)
    for mip in decoded_tile(pixels, 4).mips:
        assert (mip == pixels[0, 0]).all()


def test_stored_values_are_averaged_not_light() -> None:
    """As scanner vendors average their levels: black and white make 127 or 128, not 188."""
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, :, :3] = 255
    pixels[..., 3] = 255
    assert decoded_tile(pixels, 2).mips[1][0, 0].tolist() == pytest.approx(
        [127.5, 127.5, 127.5, 255], abs=0.5
    )


def test_its_bytes_are_those_of_all_mips() -> None:
    assert decoded_tile(noise(8, 6), 3).nbytes == 4 * (8 * 6 + 4 * 3 + 2 * 2)
    assert DecodedTile(()).nbytes == 0


def test_pixels_of_other_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="not of SampleFormat"):
        decoded_tile(np.zeros((4, 4, 3), np.uint8), 2)


class TestMarkedTile:
    @given(sides, sides)
    def test_has_the_size_it_stands_for_and_says_that_it_failed(self, width: int, height: int) -> None:
        tile = marked_tile(width, height, 3)
        assert tile.failed
        assert [mip.shape for mip in tile.mips] == [
            mip.shape for mip in decoded_tile(noise(width, height), 3).mips
        ]
        assert all((mip[..., 3] == 255).all() for mip in tile.mips)

    def test_is_striped_at_every_mip(self) -> None:
        """A plain tile could be taken for empty glass."""
        for mip in marked_tile(256, 256, 4).mips:
            luminance = mip[..., :3].mean(axis=2)
            assert np.ptp(luminance, axis=0).min() > 100
            assert np.ptp(luminance, axis=1).min() > 100

    def test_a_decoded_tile_has_not_failed(self) -> None:
        assert not decoded_tile(noise(4, 4), 2).failed


class TestOneSample:
    @given(sides, sides, st.sampled_from([GREY_8, GREY_16]))
    def test_each_mip_is_the_mean_of_the_one_before(
        self, width: int, height: int, samples: SampleFormat
    ) -> None:
        rng = np.random.default_rng(width * 1000 + height)
        pixels = rng.integers(0, 2**samples.bits, (height, width, 1), samples.dtype)
        for fine, coarse in pairwise(decoded_tile(pixels, 3, samples).mips):
            assert coarse.dtype == samples.dtype
            assert np.abs(coarse - halved(fine)).max() <= 0.5

    @pytest.mark.parametrize("samples", [GREY_8, GREY_16])
    def test_a_marked_tile_is_striped(self, samples: SampleFormat) -> None:
        for mip in marked_tile(256, 256, 4, samples).mips:
            assert (mip.dtype, mip.shape[2]) == (samples.dtype, 1)
            assert (np.ptp(mip[..., 0], axis=0) > 0.4 * 2**samples.bits).all()
