"""Slides stored turned or mirrored are shown upright, facts and all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.turned import TURNS, TurnedSource
from viewer.slide.geometry import Rect, TileKey
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]

# Pillow's own names for what EXIF 2.32, 4.6.4 calls 2 to 8.
PILLOW = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("orientation", PILLOW)
@pytest.mark.parametrize("cut", [{"tile": (64, 48)}, {"rowsperstrip": 50}])
def test_every_orientation(
    orientation: int,
    cut: dict[str, object],
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(300, 200)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        for step in (1, 2):
            tiff.write(
                np.ascontiguousarray(pixels[::step, ::step]),
                photometric="rgb",
                metadata=None,
                subfiletype=step - 1,
                resolution=(40000, 20000),
                resolutionunit="centimeter",
                extratags=[(274, 3, 1, orientation, True)],
                **cut,
            )
    source = opened(path)
    for level in range(len(source.pyramid.levels)):
        stored = Image.fromarray(np.ascontiguousarray(pixels[:: level + 1, :: level + 1]))
        expected = np.asarray(stored.transpose(PILLOW[orientation]))
        np.testing.assert_array_equal(whole_level(source, level)[..., :3], expected)
    assert source.info.file_levels[0] == ((200, 300) if orientation >= 5 else (300, 200))
    assert source.info.mpp_um == ((0.5, 0.25) if orientation >= 5 else (0.25, 0.5))
    assert strings.ORIENTATION.format(number=orientation) in source.info.notes
    key = TileKey(0, 0, 0)
    np.testing.assert_array_equal(source.decode_tile(key, source.fetch_tile(key)), source.read_tile(key))
    assert not source.is_remote
    with pytest.raises(TileError):
        source.read_tile(TileKey(0, 99, 0))
    with pytest.raises(KeyError):
        source.read_associated_image("label")


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_other_numbers_turn_nothing(
    orientation: int, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(70, 50)
    path = tmp_path / "a.tif"
    extra = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), metadata=None, extratags=extra)
    source = opened(path)
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)
    assert source.info.notes == ()


@pytest.mark.parametrize(
    ("orientation", "bounds"),
    [
        (2, Rect(200, 10, 290, 60)),
        (3, Rect(200, 140, 290, 190)),
        (4, Rect(10, 140, 100, 190)),
        (5, Rect(10, 10, 60, 100)),
        (6, Rect(140, 10, 190, 100)),
        (7, Rect(140, 200, 190, 290)),
        (8, Rect(10, 200, 60, 290)),
    ],
)
def test_scanned_part_turns_with_the_picture(orientation: int, bounds: Rect) -> None:
    turn = TURNS[orientation]
    stored = Rect(10, 10, 100, 60)
    assert turn.shown_rect(stored, 300, 200) == bounds
    assert turn.stored_rect(bounds, *turn.size(300, 200)) == stored


def test_closing_closes_what_is_turned(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(70, 50), photometric="rgb", tile=(64, 64), metadata=None)
    source = TurnedSource(open_slide(path), TURNS[6], "turned")
    source.close()
    with pytest.raises(TileError):
        source.read_tile(TileKey(0, 0, 0))
