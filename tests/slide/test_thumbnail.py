"""viewer.slide.thumbnail: the whole slide in its true proportions, read from as little as will do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.messages import pattern
from viewer.slide import strings
from viewer.slide import thumbnail as thumbnail_module
from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.source import SlideInfo, TileError, TileNotReadyError
from viewer.slide.thumbnail import thumbnail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.source import Source

BACKGROUND = (250, 240, 230)


class FakeSource:
    """Left half dark, right half light, at every level; remembers what was read."""

    def __init__(self, pyramid: Pyramid) -> None:
        self.pyramid = pyramid
        self.info = SlideInfo(
            Path("fake.svs"), "fake", "fake", "", pyramid.extent, (), background_rgb=BACKGROUND
        )
        self.errors: dict[TileKey, TileError] = {}
        self.read: list[TileKey] = []

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        self.read.append(key)
        if key in self.errors:
            raise self.errors[key]
        width, height = self.pyramid.tile_size(key)
        level = self.pyramid.levels[key.level]
        x = key.col * level.tile_width + np.arange(width)
        pixels = np.empty((height, width, 4), np.uint8)
        pixels[..., :3] = np.where(x < level.width / 2, 40, 200)[None, :, None]
        pixels[..., 3] = 255
        return pixels


def picture_of(source: FakeSource, max_px: int) -> NDArray[np.uint8]:
    as_source: Source = source  # type: ignore[assignment]  # thumbnails read tiles and ask for nothing else
    return thumbnail(as_source, max_px)


def source_of(*sizes: tuple[int, int], tile_px: int = 64, pixel_aspect: float = 1.0) -> FakeSource:
    tiles = [(tile_px, tile_px)] * len(sizes)
    return FakeSource(Pyramid.from_sizes(list(sizes), tiles, pixel_aspect=pixel_aspect))


@pytest.mark.parametrize(
    ("size", "pixel_aspect", "expected"),
    [
        ((1000, 500), 1.0, (100, 50)),
        ((500, 1000), 1.0, (50, 100)),
        ((1003, 333), 1.0, (100, 33)),
        ((1000, 500), 4.0, (50, 100)),
        ((1000, 500), 0.5, (100, 25)),
        ((1000, 1), 1.0, (100, 1)),
        ((80, 40), 1.0, (80, 40)),
        ((80, 40), 2.0, (80, 80)),
    ],
)
def test_keeps_the_proportions_of_tissue_and_never_enlarges(
    size: tuple[int, int], pixel_aspect: float, expected: tuple[int, int]
) -> None:
    picture = picture_of(source_of(size, pixel_aspect=pixel_aspect), 100)
    assert picture.shape == (expected[1], expected[0], 4)
    assert picture.dtype == np.uint8


def test_shows_the_whole_slide() -> None:
    picture = picture_of(source_of((1000, 500), (250, 125)), 100)
    assert (picture[:, :49, :3] == 40).all()
    assert (picture[:, 51:, :3] == 200).all()
    assert (picture[..., 3] == 255).all()


def test_reads_each_tile_of_the_coarsest_level_that_is_large_enough_once() -> None:
    source = source_of((4000, 2000), (1000, 500), (250, 125))
    picture_of(source, 500)
    assert sorted(source.read) == [TileKey(1, col, row) for col in range(16) for row in range(8)]


@pytest.mark.parametrize("error", [TileError("cut short"), TileNotReadyError("being built")])
def test_a_tile_that_cannot_be_read_keeps_the_background(error: TileError) -> None:
    source = source_of((128, 64))
    source.errors[TileKey(0, 1, 0)] = error
    picture = picture_of(source, 128)
    assert (picture[:, 64:] == (*BACKGROUND, 255)).all()
    assert (picture[:, :64, :3] == 40).all()


def test_where_the_level_that_would_do_is_too_large_to_read_a_coarser_one_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thumbnail_module, "_MAX_READ_PX", 40_000)
    source = source_of((1000, 500), (250, 125))
    picture = picture_of(source, 800)
    assert {key.level for key in source.read} == {1}
    assert picture.shape == (400, 800, 4)


def test_a_slide_without_a_level_small_enough_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnail_module, "_MAX_READ_PX", 40_000)
    source = source_of((1000, 500), (500, 250))
    with pytest.raises(TileError, match=pattern(strings.NO_THUMBNAIL, name="fake.svs")):
        picture_of(source, 100)
    assert source.read == []
