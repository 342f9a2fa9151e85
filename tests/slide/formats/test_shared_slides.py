"""The real slides: pixels equal to OpenSlide's, and no odd or truncated file that hangs, crashes or eats
memory.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image, ImageOps

from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff.strings import PLANES
from viewer.slide.geometry import TileKey

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slides

DIRECT = {
    "CMU-1-Small-Region.svs": 1,
    "appendix-crop-HE.svs": 3,
    "cog_hirise_mars.tif": 3,
    "cog_rgb.tif": 2,
    "cog_world.tif": 7,
    "colon-submucosal-lipoma-HE.svs": 3,
    "pancreas-crop-HE.svs": 3,
    "tcga-cr-7395-jp2k.svs": 2,
}
GOOD = [*DIRECT, "4D-series.ome.tiff", "OS-1-detail.ome.tif", "camelyon-overview.dcm", "test3-DAPI-2.ndpi"]

# OpenSlide addresses levels in whole level-0 pixels and reads in blocks of 4096: beyond the first block, a
# level whose ratio is odd (3.9999) comes back shifted by a fraction of a pixel.
FIRST_BLOCK_PX = 4096

ADDRESS_SPACE_BYTES = 3 * 2**30

READ_SOME_TILES = """
import json, os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import TileKey
from viewer.slide.source import SlideError, TileError

def read(path):
    try:
        source = open_slide(path)
    except SlideError as error:
        return {"refused": str(error)}
    good, bad = 0, []
    for index, level in enumerate(source.pyramid.levels):
        middle, last = (level.columns // 2, level.rows // 2), (level.columns - 1, level.rows - 1)
        for column, row in {(0, 0), middle, last}:
            try:
                source.read_tile(TileKey(index, column, row))
                good += 1
            except TileError as error:
                bad.append(str(error))
    for name in source.info.associated_images:
        try:
            source.read_associated_image(name)
        except SlideError as error:
            bad.append(str(error))
    source.close()
    with open("/proc/self/status") as status:  # getrusage would tell of the process that started this one
        peak_mb = int(status.read().split("VmHWM:")[1].split()[0]) / 1024
    return {"refused": None, "good": good, "bad": bad, "peak_mb": peak_mb}

for path, length in json.loads(sys.argv[2]):
    if length:
        os.truncate(path, length)
    print(json.dumps(read(path)), flush=True)
"""


def survive(*files: tuple[Path, int]) -> list[dict[str, object]]:
    """Open files, one after another, and read tiles of them, in a process of its own with 3 GiB of address
    space and 60 s. A file is cut to the given length first; 0 leaves it as it is.
    """
    paths = json.dumps([(str(path), length) for path, length in files])
    done = subprocess.run(
        [sys.executable, "-c", READ_SOME_TILES, str(ADDRESS_SPACE_BYTES), paths],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, f"{files[len(results)]}: exit {done.returncode}\n{done.stderr}"
    assert len(results) == len(files)
    return results


@pytest.mark.parametrize("name", DIRECT)
def test_direct_pixels_are_equal_to_openslide(name: str, shared_slides: Path) -> None:
    """Every corner and 24 random tiles of every level of the file, bit for bit."""
    rng = random.Random(name)
    path = shared_slides / name
    source = open_slide(path)
    assert source.info.reader == "tiff (direct)"
    assert len(source.info.file_levels) == DIRECT[name]
    sizes = [(level.width, level.height) for level in source.pyramid.levels]
    with openslide.OpenSlide(path) as slide:
        for file_level, size in enumerate(slide.level_dimensions):
            index = sizes.index(size)
            level = source.pyramid.levels[index]
            downsample = slide.level_downsamples[file_level]
            places = {(column, row) for column in (0, level.columns - 1) for row in (0, level.rows - 1)}
            places |= {(rng.randrange(level.columns), rng.randrange(level.rows)) for _ in range(24)}
            block = np.asarray(
                slide.read_region((0, 0), file_level, tuple(min(side, FIRST_BLOCK_PX) for side in size))
            )
            for column, row in places:
                key = TileKey(index, column, row)
                width, height = source.pyramid.tile_size(key)
                x, y = column * level.tile_width, row * level.tile_height
                tile = source.read_tile(key)
                if x + width <= block.shape[1] and y + height <= block.shape[0]:
                    np.testing.assert_array_equal(tile, block[y : y + height, x : x + width])
                    continue
                location = round(x * downsample), round(y * downsample)
                reference = np.asarray(slide.read_region(location, file_level, (width, height)))
                if (location[0] / downsample, location[1] / downsample) == (x, y):
                    np.testing.assert_array_equal(tile, reference)
                else:
                    assert np.abs(tile.astype(int) - reference).mean() < 3
    source.close()


@pytest.mark.parametrize("name", ["colon-submucosal-lipoma-HE.svs", "pancreas-crop-HE.svs"])
def test_derived_level_is_the_box_filtered_finer_one(name: str, shared_slides: Path) -> None:
    source = open_slide(shared_slides / name)
    half, full = source.pyramid.levels[1], source.pyramid.levels[0]
    assert (half.width, half.height) == (-(-full.width // 2), -(-full.height // 2))
    rng = random.Random(1)
    for _ in range(12):
        column, row = rng.randrange(half.width // 256), rng.randrange(half.height // 256)
        tile = source.read_tile(TileKey(1, column, row))[..., :3]
        quads = [
            [source.read_tile(TileKey(0, 2 * column + right, 2 * row + down))[..., :3] for right in (0, 1)]
            for down in (0, 1)
        ]
        boxed = (
            np.block([[[quad] for quad in line] for line in quads])
            .reshape(256, 2, 256, 2, 3)
            .mean(axis=(1, 3))
        )
        assert np.abs(tile - boxed).mean() < 1
        assert abs((tile - boxed).mean()) < 0.2
    source.close()


def test_first_of_35_planes_is_shown_and_said_so(shared_slides: Path) -> None:
    source = open_slide(shared_slides / "4D-series.ome.tiff")
    assert (source.pyramid.width, source.pyramid.height) == (439, 167)
    assert source.info.planes.plane_count == 35
    assert PLANES.format(planes=35) in source.info.notes
    assert source.read_tile(TileKey(0, 0, 0)).std() > 1
    source.close()


def test_label_and_macro_of_an_aperio_slide(shared_slides: Path) -> None:
    source = open_slide(shared_slides / "CMU-1-Small-Region.svs")
    assert source.info.associated_images == ("label", "macro", "thumbnail")
    assert source.read_associated_image("label").shape == (463, 387, 4)
    source.close()


def test_icc_profile_of_an_aperio_slide(shared_slides: Path) -> None:
    source = open_slide(shared_slides / "tcga-cr-7395-jp2k.svs")
    assert source.info.icc_profile is not None
    assert source.info.icc_profile[36:40] == b"acsp"
    source.close()


@pytest.mark.parametrize(
    ("name", "format_"), [("test3-DAPI-2.ndpi", "Hamamatsu"), ("camelyon-overview.dcm", "DICOM WSI")]
)
def test_other_vendors_are_read_by_openslide(name: str, format_: str, shared_slides: Path) -> None:
    source = open_slide(shared_slides / name)
    assert (source.info.reader, source.info.format) == ("openslide", format_)
    assert source.info.mpp_um is not None
    assert source.read_tile(TileKey(0, 0, 0)).shape[2] == 4
    source.close()


def test_odd_files_are_refused_or_survived(shared_slides: Path) -> None:
    paths = sorted((shared_slides / "odd").iterdir())
    for path, result in zip(paths, survive(*((path, 0) for path in paths)), strict=True):
        if path.name == "😐.svs":
            assert result["bad"] == []
        else:
            assert path.name in str(result["refused"]), f"{path.name} was opened: {result}"


@pytest.mark.parametrize(
    "name",
    [
        "bioformats_jpeg2000_33003.ome.tif",
        "qupath_jpeg_photometric_rgb.ome.tif",
        "jpeg2000_33004.tif",
        "fillorder2.tif",
        "int16_tiled.tif",
        "zstack_three_pages.tif",
        "rgb_as_three_planes.ome.tif",
    ],
)
def test_reported_files_are_shown_as_tifffile_reads_them(name: str, shared_slides: Path) -> None:
    path = shared_slides / "found" / name
    expected = tifffile.imread(path)
    expected = expected[0] if name.startswith("zstack") else expected
    expected = np.moveaxis(expected, 0, 2) if name.startswith("rgb_as") else np.atleast_3d(expected)
    np.testing.assert_array_equal(picture_of(path), np.broadcast_to(expected, (*expected.shape[:2], 3)))


def test_reported_dicom_file_holds_other_colours_than_it_states(shared_slides: Path) -> None:
    """The same tissue as in the TIFF beside it, at another quality."""
    dicom = picture_of(shared_slides / "found" / "dicom_jpeg_marked_rgb.dcm").astype(int)
    assert np.abs(dicom - picture_of(shared_slides / "found" / "fillorder2.tif")).mean() < 3


def test_reported_orientation_and_alpha_are_shown_as_pillow_shows_them(shared_slides: Path) -> None:
    with Image.open(shared_slides / "found" / "test_orient6.tif") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    shown = picture_of(shared_slides / "found" / "test_orient6.tif")
    np.testing.assert_array_equal(shown, expected[..., None].repeat(3, axis=2))
    stored = tifffile.imread(shared_slides / "found" / "tiff_strip_planar_16bit_RGBa.tiff") / 65535
    shown = picture_of(shared_slides / "found" / "tiff_strip_planar_16bit_RGBa.tiff")
    on_white = 255 * (np.moveaxis(stored[:3], 0, 2) + 1 - stored[3, ..., None])
    assert np.abs(shown - on_white).max() < 2


def picture_of(path: Path) -> NDArray[np.uint8]:
    """All of level 0, (h, w, 3)."""
    with closing(open_slide(path)) as source:
        level = source.pyramid.levels[0]
        keys = [TileKey(0, column, row) for row in range(level.rows) for column in range(level.columns)]
        rows = [
            np.concatenate([source.read_tile(key) for key in keys if key.row == row], axis=1)
            for row in range(level.rows)
        ]
        return np.concatenate(rows)[..., :3]


@pytest.mark.parametrize("name", GOOD)
def test_truncated_copies_are_refused_or_survived(name: str, shared_slides: Path, tmp_path: Path) -> None:
    rng = random.Random(name)
    copy = tmp_path / name
    copy.write_bytes((shared_slides / name).read_bytes())
    lengths = sorted((rng.randrange(1, copy.stat().st_size) for _ in range(10)), reverse=True)
    for length, result in zip(lengths, survive(*((copy, length) for length in lengths)), strict=True):
        if result["refused"] is not None:
            assert name in str(result["refused"])
        else:
            assert all(name in error for error in result["bad"]), result
            assert result["peak_mb"] < 400, f"{length} bytes of {name}: {result}"
