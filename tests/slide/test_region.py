"""Any rectangle of a slide: right pixels in the right place, background outside, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from viewer.slide import region
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.pixels import GREY_8, GREY_16, SampleFormat, rgba_8
from viewer.slide.region import read_region
from viewer.slide.source import SlideInfo, TileError
from viewer.slide.thumbnail import thumbnail

BACKGROUND = (240, 230, 220)


def slide(pixels: np.ndarray) -> ArraySource:
    height, width = pixels.shape[:2]
    info = SlideInfo(
        path=Path("made.png"),
        format="made",
        reader="made",
        reader_reason="made by the test",
        bounds=Rect(0, 0, width, height),
        file_levels=((width, height),),
        background_rgb=BACKGROUND,
    )
    return ArraySource(info, pixels)


@pytest.fixture
def pixels() -> np.ndarray:
    y, x = np.mgrid[:700, :900]
    return np.stack([x * 255 // 900, y * 255 // 700, (x // 64 + y // 64) % 2 * 200], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("corner", [(0, 0), (255, 255), (256, 100), (531, 433)])
def test_at_full_size_the_pixels_are_the_files_own(pixels: np.ndarray, corner: tuple[int, int]) -> None:
    x, y = corner
    read = read_region(slide(pixels), Rect(x, y, x + 300, y + 200), (300, 200))
    assert (read == pixels[y : y + 200, x : x + 300]).all()


def test_outside_the_slide_is_its_background(pixels: np.ndarray) -> None:
    read = read_region(slide(pixels), Rect(-100, -50, 100, 150), (200, 200))
    assert (read[:50] == BACKGROUND).all()
    assert (read[:, :100] == BACKGROUND).all()
    assert (read[50:, 100:] == pixels[:150, :100]).all()
    assert (read_region(slide(pixels), Rect(2000, 2000, 2100, 2100), (10, 10)) == BACKGROUND).all()


def test_smaller_and_larger_sizes_keep_the_place(pixels: np.ndarray) -> None:
    smooth = pixels.copy()
    smooth[..., 2] = 0
    for size in ((450, 350), (300, 700), (1800, 1400), (97, 41)):
        read = read_region(slide(smooth), Rect(0, 0, 900, 700), size).astype(float)
        expected = np.asarray(Image.fromarray(smooth).resize(size, Image.Resampling.BOX)).astype(float)
        inside = np.s_[2:-2, 2:-2]  # the outermost pixels look a little beyond the slide
        assert np.abs(read[inside] - expected[inside]).max() <= 2


def test_fractions_of_a_pixel_count() -> None:
    ramp = np.repeat((np.arange(900) % 256)[None, :, None], 300, axis=0).repeat(3, axis=2).astype(np.uint8)
    read = read_region(slide(ramp), Rect(10.5, 0, 30.5, 20), (20, 20)).astype(int)
    assert np.abs(read[5, :, 0] - (np.arange(10, 30) + 0.5)).max() <= 0.5


def test_a_region_that_cannot_be_read_whole_is_not_read(pixels: np.ndarray) -> None:
    class Broken(ArraySource):
        def read_tile(self, key: TileKey) -> np.ndarray:
            if key == TileKey(0, 1, 1):
                raise TileError("broken for the test")
            return super().read_tile(key)

    source = Broken(slide(pixels).info, pixels)
    assert read_region(source, Rect(0, 0, 200, 200), (20, 20)).shape == (20, 20, 3)
    with pytest.raises(TileError, match="broken"):
        read_region(source, Rect(0, 0, 300, 300), (20, 20))


def test_absurd_requests_are_refused(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    source = slide(pixels)
    for rect, size in (
        (Rect(0, 0, 0, 10), (5, 5)),
        (Rect(0, 0, 10, 10), (0, 5)),
        (Rect(9, 9, 1, 20), (5, 5)),
    ):
        with pytest.raises(ValueError, match="cannot be read"):
            read_region(source, rect, size)
    monkeypatch.setattr(region, "MAX_READ_PX", 1000)
    with pytest.raises(ValueError, match=r"made\.png"):
        read_region(source, Rect(0, 0, 100, 100), (100, 100))


def test_a_coarser_level_shows_the_same_place(aperio_slide) -> None:  # type: ignore[no-untyped-def]
    path = aperio_slide(width=1100, height=830, ratios=(1, 4))
    source = open_slide(path)
    try:
        whole = read_region(source, Rect(80, 120, 880, 720), (100, 75)).astype(int)
        fine = np.asarray(
            Image.fromarray(read_region(source, Rect(80, 120, 880, 720), (800, 600))).resize((100, 75), 4)
        )
        assert np.abs(whole - fine.astype(int)).mean() < 4
    finally:
        source.close()


@pytest.mark.parametrize(("samples", "step"), [(GREY_8, 1), (GREY_16, 257)])
def test_tiles_of_one_sample_are_read_as_grey(samples: SampleFormat, step: int) -> None:
    values = np.arange(200, dtype=samples.dtype).reshape(10, 20, 1) * samples.dtype.type(step)
    pyramid = Pyramid.from_sizes([(20, 10)], [(32, 32)])
    source = SimpleNamespace(
        pyramid=pyramid, info=SimpleNamespace(background_rgb=(0, 0, 0)), read_tile=lambda _: values
    )
    assert rgba_8(colours := np.zeros((2, 2, 4), np.uint8)) is colours
    wanted = np.arange(200, dtype=np.uint8).reshape(10, 20, 1).repeat(3, axis=2)
    assert (read_region(source, pyramid.extent, (20, 10)) == wanted).all()
    assert (thumbnail(source, 20)[..., :3] == wanted).all()
