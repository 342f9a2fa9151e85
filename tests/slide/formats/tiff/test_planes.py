"""Planes of a TIFF: three that are red, green and blue are one picture; others are counted and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from viewer.slide.formats.tiff import strings
from viewer.slide.planes import PlaneAxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]

RGBA = {"red": -16776961, "green": 16711935, "blue": 65535}


def write_planes(path: Path, planes: NDArray[Any], channel: dict[str, Any], *, levels: int = 1) -> None:
    """An OME-TIFF of a page a plane, (C, h, w) or (Z, C, h, w), its levels in SubIFDs."""
    metadata = {"axes": "ZCYX"[-planes.ndim :], "Channel": channel}
    options = {"photometric": "minisblack", "tile": (64, 64), "compression": "deflate"}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(planes, metadata=metadata, subifds=levels - 1, **options)
        for level in range(1, levels):
            small = np.ascontiguousarray(planes[..., :: 2**level, :: 2**level])
            tiff.write(small, subfiletype=1, metadata=None, **options)


@pytest.mark.parametrize(
    ("channel", "order"),
    [
        ({}, (0, 1, 2)),
        ({"Name": ["Channel 0", "Channel 1", "Channel 2"]}, (0, 1, 2)),
        ({"Name": ["Red", "Green", "Blue"]}, (0, 1, 2)),
        ({"Name": ["B", "G", "R"]}, (2, 1, 0)),
        ({"Name": ["red channel", "Green (G)", "C2: BLUE"]}, (0, 1, 2)),
        ({"Name": ["Blaukanal", "Rot", "Grün"]}, (2, 0, 1)),
        ({"Name": ["canal vert", "canal bleu", "canal rouge"]}, (1, 2, 0)),
        ({"Name": ["KIRMIZI", "yeşil", "mavi"]}, (0, 1, 2)),
        ({"Color": [RGBA["green"], RGBA["red"], RGBA["blue"]]}, (1, 0, 2)),
    ],
)
def test_planes_of_one_picture_are_shown_in_colour(
    channel: dict[str, Any],
    order: tuple[int, int, int],
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(300, 200)
    path = tmp_path / "a.ome.tif"
    planes = np.stack([pixels[..., part] for part in order])
    write_planes(path, planes, channel, levels=2)
    source = opened(path)
    assert source.info.planes == PlaneAxes()
    assert source.info.notes == (strings.COLOUR_PLANES,)
    assert source.info.file_levels == ((300, 200), (150, 100))
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)
    np.testing.assert_array_equal(whole_level(source, 1)[..., :3], pixels[::2, ::2])


@pytest.mark.parametrize(
    "channel",
    [
        {"Name": ["DAPI", "FITC", "TRITC"]},
        {"Name": ["Texas Red", "Green", "Blue"]},
        {"Name": ["Red 561", "Green 488", "Blue 405"]},
        {"Name": ["far red", "green", "blue"]},
        {"Name": ["Red", "Green", "Blue"], "EmissionWavelength": [610, 520, 460]},
        {"Name": ["R", "G", "B"], "ContrastMethod": ["Fluorescence"] * 3},
        {"Name": ["red channel", "red channel", "blue channel"]},
        {"Name": ["DAPI", "FITC", "TRITC"], "Color": [RGBA["blue"], RGBA["green"], RGBA["red"]]},
        {"EmissionWavelength": [460, 520, 570]},
        {"Color": [RGBA["red"], RGBA["red"], RGBA["blue"]]},
    ],
)
def test_stains_are_no_colours(
    channel: dict[str, Any], tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    planes = np.ascontiguousarray(np.moveaxis(picture(150, 100), 2, 0))
    path = tmp_path / "a.ome.tif"
    write_planes(path, planes, channel)
    source = opened(path)
    assert strings.PLANES.format(planes=3) in source.info.notes
    np.testing.assert_array_equal(whole_level(source, 0)[..., 1], planes[0])


def test_unnamed_planes_of_16_bits_are_no_colours(tmp_path: Path, picture: Picture, opened: Opened) -> None:
    planes = np.ascontiguousarray(np.moveaxis(picture(150, 100), 2, 0)).astype(np.uint16)
    write_planes(tmp_path / "a.ome.tif", planes, {})
    assert strings.PLANES.format(planes=3) in opened(tmp_path / "a.ome.tif").info.notes


def test_colours_of_the_first_of_several_focal_planes(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(150, 100)
    planes = np.stack([np.moveaxis(pixels, 2, 0), np.moveaxis(255 - pixels, 2, 0)])
    path = tmp_path / "a.ome.tif"
    write_planes(path, np.ascontiguousarray(planes), {"Name": ["Red", "Green", "Blue"]})
    source = opened(path)
    assert source.info.notes == (strings.COLOUR_PLANES, strings.PLANES.format(planes=2))
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


@pytest.mark.parametrize("change", ["coding", "levels"])
def test_planes_that_differ_are_no_picture(
    change: str, tmp_path: Path, picture: Picture, opened: Opened
) -> None:
    pixels = picture(300, 200)
    path = tmp_path / "a.ome.tif"
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    write_planes(path, planes, {"Name": ["Red", "Green", "Blue"]}, levels=2)
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[2].tags[259 if change == "coding" else 330]
        place = tag.valueoffset if change == "coding" else tag.offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write((50013).to_bytes(2, "little"))  # deflate too, or a tag that nobody knows
    assert strings.PLANES.format(planes=3) in opened(path).info.notes


@pytest.mark.parametrize("cut", [{"tile": (64, 64)}, {}])
def test_pages_of_a_file_that_is_not_ome_are_counted(
    cut: dict[str, Any], tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(200, 150)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        for page in (pixels, 255 - pixels, pixels[::-1].copy()):
            tiff.write(page, photometric="rgb", metadata=None, **cut)
    source = opened(path)
    several = strings.SEVERAL_IMAGES.format(count=3, number=1, width=200, height=150)
    assert several in source.info.notes
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


def test_planes_that_imagej_states_are_counted_by_axis(
    tmp_path: Path, picture: Picture, opened: Opened
) -> None:
    grey = picture(80, 60)[..., 0]
    stack = np.stack([grey] * 12).reshape(2, 3, 2, 60, 80)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZCYX"})
    info = opened(path).info
    assert info.planes == PlaneAxes(channels=2, z=3, t=2)
    assert strings.PLANES.format(planes=12) in info.notes
