"""Heatmaps: what was written is read back by Foveola's own reader, and by tifffile on its own."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile

from tests.relevance.fields import EXTENT_PX, MPP_UM, small_field
from viewer.relevance.heatmap.ome_tiff import NOT_ANALYSED, PIXEL_UM, pixels_from_scores, write_heatmap
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import TileKey

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


@pytest.fixture
def heatmap(tmp_path: Path) -> Path:
    path = tmp_path / "map.ome.tiff"
    write_heatmap(small_field(), path, extent_px=EXTENT_PX, slide_name="slide <one> & more")
    return path


def test_every_level_holds_the_field_exactly(heatmap: Path) -> None:
    field = small_field()
    expected = pixels_from_scores(field.scores, field.known)
    with tifffile.TiffFile(heatmap) as tiff:
        levels = [level.asarray() for level in tiff.series[0].levels]
        assert tiff.is_ome
        assert all(level.is_pyramidal is False for level in tiff.series[0].levels[1:])
    assert len(levels) == 4
    for index, level in enumerate(levels):
        assert level.dtype == np.uint8
        step_um = PIXEL_UM * 2**index
        rows = (np.arange(level.shape[0]) * step_um // 128).astype(int)
        columns = (np.arange(level.shape[1]) * step_um // 128).astype(int)
        assert np.array_equal(level, expected[np.ix_(rows, columns)])


def test_it_covers_the_slide_to_half_a_pixel(heatmap: Path) -> None:
    with tifffile.TiffFile(heatmap) as tiff:
        root = ET.fromstring(tiff.ome_metadata)
        height, width = tiff.series[0].levels[0].shape
    pixels = root.find(f"{OME}Image/{OME}Pixels")
    assert pixels is not None
    assert pixels.get("PhysicalSizeXUnit") == "µm"
    width_um, height_um = width * float(pixels.attrib["PhysicalSizeX"]), height * PIXEL_UM
    assert abs(width_um - EXTENT_PX[0] * MPP_UM[0]) <= PIXEL_UM / 2
    assert abs(height_um - EXTENT_PX[1] * MPP_UM[1]) <= PIXEL_UM / 2


def test_it_says_how_it_was_made_and_what_it_is_not_for(heatmap: Path) -> None:
    with tifffile.TiffFile(heatmap) as tiff:
        root = ET.fromstring(tiff.ome_metadata)
    image = root.find(f"{OME}Image")
    assert image is not None
    assert image.get("Name") == "slide <one> & more: adipose tissue"
    text = image.findtext(f"{OME}Description")
    assert text is not None
    for part in ("adipose tissue", "measured", "0 not analysed", "(estimated)", "Research use only"):
        assert part in text


def test_unknown_is_never_low() -> None:
    field = small_field()
    pixels = pixels_from_scores(field.scores, field.known)
    assert ((pixels == NOT_ANALYSED) == ~field.known).all()
    assert (pixels[field.known] >= 1).all()
    recovered = (pixels[field.known].astype(float) - 1) / 254
    assert np.abs(recovered - field.scores[field.known]).max() <= 0.5 / 254 + 1e-6


def level_pixels(path: Path, index: int) -> NDArray[np.uint8]:
    with closing(open_slide(path)) as source:
        level = source.pyramid.levels[index]
        picture = np.zeros((level.height, level.width), np.uint8)
        for row in range(level.rows):
            for col in range(level.columns):
                tile = source.read_tile(TileKey(index, col, row))
                y, x = row * level.tile_height, col * level.tile_width
                picture[y : y + tile.shape[0], x : x + tile.shape[1]] = tile[..., 0]
        return picture


def test_foveola_opens_its_own_heatmap(tmp_path: Path) -> None:
    extent_px = (60_000, 20_000)  # more than one tile a level
    field = small_field(extent_px=extent_px)
    path = tmp_path / "map.ome.tiff"
    write_heatmap(field, path, extent_px=extent_px, slide_name="slide")
    with closing(open_slide(path)) as source:
        assert source.info.mpp_um == pytest.approx((16, 16))
        assert len(source.pyramid.levels) == 4
    coarsest = level_pixels(path, 3)
    pixels = pixels_from_scores(field.scores, field.known)
    assert np.array_equal(coarsest, pixels[:, : coarsest.shape[1]])


def test_a_query_that_no_xml_may_hold_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "map.ome.tiff"
    field = small_field("a\x00b\x1b[31m <&> \ud800 é")
    write_heatmap(field, path, extent_px=EXTENT_PX, slide_name="\udcff")
    with tifffile.TiffFile(path) as tiff:
        root = ET.fromstring(tiff.ome_metadata)
    image = root.find(f"{OME}Image")
    assert image is not None
    assert "<&> \\ud800 é" in image.attrib["Name"]
