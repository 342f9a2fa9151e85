"""Folders of levels whose tiles end where the picture does, and Zoomify trees known by their tiers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.slide.formats.tile_tree.trees import level_pixels, write_tiles
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tile_tree import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TILE_PX = 128


def write_tree(folder: Path, levels: list[NDArray[np.uint8]], name: str) -> None:
    for index, pixels in enumerate(levels):
        z = len(levels) - 1 - index
        write_tiles(folder, pixels, TILE_PX, lambda x, y, z=z: name.format(z=z, x=x, y=y))


def pyramid(pixels: NDArray[np.uint8], *, rounds_up: bool) -> list[NDArray[np.uint8]]:
    found = [pixels]
    while max(found[-1].shape) > TILE_PX:
        height, width = found[-1].shape[:2]
        ends = [side if rounds_up else side // 2 * 2 for side in (height, width)]
        found.append(np.ascontiguousarray(found[-1][: ends[0] : 2, : ends[1] : 2]))
    return found


@pytest.mark.parametrize("rounds_up", [True, False])
@pytest.mark.parametrize("name", ["{z}/{x}/{y}.png", "{z}/{y}/{x}.png"])
@pytest.mark.parametrize("size", [(301, 203), (301, 100), (100, 301), (90, 60), (256, 384), (128, 301)])
def test_tiles_that_are_cut_at_the_border(
    size: tuple[int, int], name: str, rounds_up: bool, tmp_path: Path, picture: Any
) -> None:
    levels = pyramid(picture(*size), rounds_up=rounds_up)
    write_tree(tmp_path, levels, name)
    with closing(open_slide(tmp_path)) as source:
        assert source.info.file_levels == tuple((each.shape[1], each.shape[0]) for each in levels)
        assert source.info.notes == ()
        for index, pixels in enumerate(levels):
            assert np.array_equal(level_pixels(source, index), pixels)


def test_cut_tiles_tell_their_order_without_a_picture(tmp_path: Path) -> None:
    shades = np.full((203, 301, 3), 200, np.uint8)
    write_tree(tmp_path, pyramid(shades, rounds_up=True), "{z}/{x}/{y}.png")
    with closing(open_slide(tmp_path)) as source:
        assert source.info.file_levels[0] == (301, 203)


def test_tiles_that_are_cut_elsewhere_are_refused(tmp_path: Path, picture: Any) -> None:
    """Rows that are counted from below, so that the first one is not whole."""
    write_tree(tmp_path, [picture(300, 300)], "{z}/{x}/{y}.png")
    for column in range(3):
        files = [tmp_path / f"0/{column}/{row}.png" for row in range(3)]
        pieces = [Image.open(file).copy() for file in files]
        for file, piece in zip(files, reversed(pieces), strict=True):
            piece.save(file)
    with pytest.raises(SlideError, match=strings.GOOGLE_TILE_SIZES):
        open_slide(tmp_path)


@pytest.mark.parametrize("is_alone", [True, False])
def test_zoomify_levels_are_known_by_their_tiers(is_alone: bool, tmp_path: Path, picture: Any) -> None:
    """Where blank tiles are left out their number fits another pyramid: here 9 stand for 9 + 4 + 1 tiles."""
    pixels = np.full((300, 300, 3), 255, np.uint8)
    pixels[:128, :128] = picture(128, 128)
    levels = pyramid(pixels, rounds_up=True)
    levels = levels[:1] if is_alone else levels
    for index, level in enumerate(levels):
        tier = len(levels) - 1 - index
        write_tiles(tmp_path / "TileGroup0", level, TILE_PX, f"{tier}-{{}}-{{}}.png".format)
    stored = sorted((tmp_path / "TileGroup0").iterdir(), reverse=True)
    blank = [file for file in stored if np.asarray(Image.open(file)).min() == 255]
    for file in blank[: 3 if is_alone else 5]:
        file.unlink()
    count = len(list((tmp_path / "TileGroup0").iterdir()))
    (tmp_path / "ImageProperties.xml").write_text(
        f'<IMAGE_PROPERTIES WIDTH="300" HEIGHT="300" NUMTILES="{count}" TILESIZE="{TILE_PX}" />'
    )
    assert count == (6 if is_alone else 9)
    with closing(open_slide(tmp_path)) as source:
        assert len(source.info.file_levels) == len(levels)
        assert np.array_equal(level_pixels(source, 0), pixels)
