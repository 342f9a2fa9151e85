"""Zoomify, IIIF, Google Maps and SZI: every level whole, blank tiles blank, bad trees refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from tests.slide.formats.tile_tree.trees import halve, level_pixels, write_tiles
from viewer.slide.formats.registry import is_listed, open_slide
from viewer.slide.formats.strings import WEBP_TOO_LARGE
from viewer.slide.formats.tile_tree import strings
from viewer.slide.geometry import TileKey
from viewer.slide.identity import slide_identity
from viewer.slide.source import SlideError, TileError
from viewer.slide.strings import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Levels = list[NDArray[np.uint8]]

WIDTH, HEIGHT, TILE_PX = 1101, 703, 256


@pytest.fixture
def levels(picture: Any) -> Levels:
    """Four levels of one picture, finest first, 2x apart, rounded up."""
    found = [picture(WIDTH, HEIGHT)]
    while max(found[-1].shape) > TILE_PX:
        found.append(halve(found[-1]))
    return found


def write_zoomify(folder: Path, levels: Levels) -> Path:
    """A tree of PNG files, in groups of 256 tiles counted from the coarsest level."""
    count = 0

    def name(tier: int) -> Callable[[int, int], str]:
        def numbered(column: int, row: int) -> str:
            nonlocal count
            count += 1
            return f"TileGroup{(count - 1) // 256}/{tier}-{column}-{row}.png"

        return numbered

    for tier, pixels in enumerate(reversed(levels)):
        write_tiles(folder, pixels, TILE_PX, name(tier))
    height, width = levels[0].shape[:2]
    (folder / "ImageProperties.xml").write_text(
        f'<IMAGE_PROPERTIES WIDTH="{width}" HEIGHT="{height}" NUMTILES="{count}" NUMIMAGES="1" '
        f'VERSION="1.8" TILESIZE="{TILE_PX}" />'
    )
    return folder


def write_iiif(folder: Path, levels: Levels, version: int, ending: str = "jpg") -> Path:
    height, width = levels[0].shape[:2]
    for index, pixels in enumerate(levels):
        scale = 2**index

        def name(column: int, row: int, scale: int = scale) -> str:
            x, y = column * TILE_PX * scale, row * TILE_PX * scale
            w, h = min(TILE_PX * scale, width - x), min(TILE_PX * scale, height - y)
            region = "full" if (w, h) == (width, height) else f"{x},{y},{w},{h}"
            size = f"{-(-w // scale)}," + (f"{-(-h // scale)}" if version == 3 else "")
            return f"{region}/{size}/0/default.{ending}"

        write_tiles(folder, pixels, TILE_PX, name)
    described = {
        "@context": f"http://iiif.io/api/image/{version}/context.json",
        "width": width,
        "height": height,
        "tiles": [{"width": TILE_PX, "scaleFactors": [2**index for index in range(len(levels))]}],
    }
    (folder / "info.json").write_text(json.dumps(described))
    return folder


def write_google(folder: Path, levels: Levels, name: str = "{z}/{row}/{column}.png") -> Path:
    """``name`` may state ``from_below``, the row as TMS counts it; tiles are padded above then."""
    top = len(levels) - 1
    for index, pixels in enumerate(levels):
        height, width = (-(-side // TILE_PX) * TILE_PX for side in pixels.shape[:2])
        padded = np.full((height, width, 3), 255, np.uint8)
        above = height - pixels.shape[0] if "from_below" in name else 0
        padded[above : above + pixels.shape[0], : pixels.shape[1]] = pixels

        def named(column: int, row: int, z: int = top - index, rows: int = height // TILE_PX) -> str:
            return name.format(z=z, row=row, column=column, from_below=rows - 1 - row)

        write_tiles(folder, padded, TILE_PX, named)
    return folder


def write_dzi(path: Path, levels: Levels) -> Path:
    """A tree without overlap whose levels end where one tile holds the picture, as libvips writes it."""
    height, width = levels[0].shape[:2]
    path.write_text(
        f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="png" Overlap="0" '
        f'TileSize="{TILE_PX}"><Size Height="{height}" Width="{width}"/></Image>'
    )
    for index, pixels in enumerate(reversed(levels)):
        write_tiles(path.with_name(f"{path.stem}_files") / str(index), pixels, TILE_PX, "{}_{}.png".format)
    return path


@pytest.mark.parametrize("without_tiles", ["", "TileGroup1", "TileGroup007"])
def test_zoomify(without_tiles: str, tmp_path: Path, levels: Levels) -> None:
    folder = write_zoomify(tmp_path / "slide", levels)
    (folder / without_tiles).mkdir(exist_ok=True)
    for path in (folder, folder / "ImageProperties.xml"):
        with closing(open_slide(path)) as source:
            assert (source.info.format, source.info.path) == ("Zoomify", folder)
            assert len(source.pyramid.levels) == len(levels)
            for index, pixels in enumerate(levels):
                assert np.array_equal(level_pixels(source, index), pixels)


def test_zoomify_levels_that_were_rounded_down(tmp_path: Path, picture: Any) -> None:
    found = [picture(1025, 700)]
    for width, height in ((512, 350), (256, 175)):
        found.append(np.asarray(Image.fromarray(found[0]).resize((width, height))))
    with closing(open_slide(write_zoomify(tmp_path, found))) as source:
        assert source.info.file_levels == ((1025, 700), (512, 350), (256, 175))
        assert np.array_equal(level_pixels(source, 1), found[1])


@pytest.mark.parametrize("fits_px", [1101, 1])
def test_zoomify_of_fewer_or_more_levels(fits_px: int, tmp_path: Path, levels: Levels) -> None:
    """As libvips writes it with ``--depth one`` and ``onepixel``."""
    found = levels[:1]
    while max(found[-1].shape[:2]) > fits_px:
        found.append(halve(found[-1]))
    with closing(open_slide(write_zoomify(tmp_path, found))) as source:
        assert len(source.info.file_levels) == min(len(found), len(levels))
        for index in range(len(source.info.file_levels)):
            assert np.array_equal(level_pixels(source, index), found[index])


def test_zoomify_without_its_blank_tiles(tmp_path: Path, picture: Any) -> None:
    """libvips leaves them out, and counts only those that it writes."""
    found = [np.full((1200, 1400, 3), 255, np.uint8)]
    found[0][300:500, 300:500] = picture(200, 200)
    while max(found[-1].shape) > TILE_PX:
        found.append(halve(found[-1]))
    folder = write_zoomify(tmp_path, found)
    blank = [path for path in folder.glob("*/*.png") if np.asarray(Image.open(path)).min() == 255]
    for path in blank:
        path.unlink()
    description = folder / "ImageProperties.xml"
    assert len(blank) > 20
    description.write_text(description.read_text().replace('S="44"', f'S="{44 - len(blank)}"'))
    with closing(open_slide(folder)) as source:
        for index, pixels in enumerate(found):
            assert np.array_equal(level_pixels(source, index), pixels)


def test_zoomify_groups_of_256_tiles(tmp_path: Path) -> None:
    shades = np.random.default_rng(0).integers(0, 255, (9, 32, 3), np.uint8)
    found = [np.kron(shades, np.ones((TILE_PX, TILE_PX, 1), np.uint8))]
    while max(found[-1].shape) > TILE_PX:
        found.append(halve(found[-1]))
    folder = write_zoomify(tmp_path, found)
    assert (folder / "TileGroup1").is_dir()
    with closing(open_slide(folder)) as source:
        drawn = [source.read_tile(TileKey(0, column, 8))[0, 0, :3].tolist() for column in range(32)]
        assert drawn == shades[8].tolist()


@pytest.mark.parametrize("version", [2, 3])
def test_iiif(tmp_path: Path, levels: Levels, version: int) -> None:
    folder = write_iiif(tmp_path / "slide", levels, version)
    for path in (folder, folder / "info.json"):
        with closing(open_slide(path)) as source:
            assert (source.info.format, source.info.path) == ("IIIF", folder)
            for index, pixels in enumerate(levels):
                assert np.abs(level_pixels(source, index).astype(int) - pixels).mean() < 4


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_iiif_tiles_of_another_coding(ending: str, tmp_path: Path, levels: Levels) -> None:
    """info.json need not name it; tiles that are not found are never shown as blank ones."""
    folder = write_iiif(tmp_path, levels, 3, ending)
    with closing(open_slide(folder)) as source:
        for index, pixels in enumerate(levels):
            assert np.abs(level_pixels(source, index).astype(int) - pixels).mean() < 4
    for tile in folder.glob("*/*/0/*"):
        tile.unlink()
    with pytest.raises(SlideError, match="is missing"):
        open_slide(folder)


def test_google_tiles_end_with_the_last_stored_one(tmp_path: Path, levels: Levels) -> None:
    with closing(open_slide(write_google(tmp_path, levels))) as source:
        assert source.info.file_levels[0] == (1280, 768)
        assert source.info.notes == (strings.SIZE_NOT_STATED,)
        for index, pixels in enumerate(levels):
            height, width = pixels.shape[:2]
            assert np.array_equal(level_pixels(source, index)[:height, :width], pixels)


@pytest.mark.parametrize("count", [1, 4])
def test_tiles_in_folders_of_columns(count: int, tmp_path: Path, levels: Levels) -> None:
    """Known by their edges, at whatever depth: "XYZ", as web maps have it."""
    with closing(open_slide(write_google(tmp_path, levels[:count], "{z}/{column}/{row}.png"))) as source:
        assert (source.info.format, source.info.notes) == ("XYZ tiles", (strings.SIZE_NOT_STATED,))
        assert source.info.file_levels[0] == (1280, 768)
        for index, pixels in enumerate(levels[:count]):
            height, width = pixels.shape[:2]
            assert np.array_equal(level_pixels(source, index)[:height, :width], pixels)


def test_tiles_whose_rows_are_counted_from_below(tmp_path: Path, picture: Any) -> None:
    """As gdal2tiles writes them (TMS): levels lie on each other at their lower border."""
    pixels = picture(WIDTH, HEIGHT + 1)
    found = [pixels]
    while max(found[-1].shape) > TILE_PX:
        found.append(np.ascontiguousarray(found[-1][::-2, ::2][::-1]))
    with closing(open_slide(write_google(tmp_path, found, "{z}/{column}/{from_below}.png"))) as source:
        assert source.info.format == "TMS tiles"
        assert source.info.file_levels == ((1280, 2048), (640, 1024), (320, 512), (160, 256))
        assert source.info.bounds.y0 == 2048 - 768
        for index, expected in enumerate(found):
            height, width = expected.shape[:2]
            assert np.array_equal(level_pixels(source, index)[-height:, :width], expected)


@pytest.mark.parametrize("kind", ["one tile", "blank", "noise"])
def test_the_order_of_tiles_that_do_not_show_it_is_said(kind: str, tmp_path: Path) -> None:
    pixels = np.full((512, 768, 3), 200, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 255, pixels.shape, np.uint8)
    write_google(tmp_path, [pixels[:256, :256]] if kind == "one tile" else [pixels])
    with closing(open_slide(tmp_path)) as source:
        assert (strings.ORDER_ASSUMED in source.info.notes) == (kind != "one tile")
        assert source.info.format == "Google Maps"


@pytest.mark.parametrize("is_skipped", [False, True])
def test_google_tiles_of_one_level_alone(is_skipped: bool, tmp_path: Path, levels: Levels) -> None:
    """As ``vips dzsave --layout google --depth one`` writes them, blank tiles left out or not."""
    whole = levels[0].copy()
    write_google(tmp_path, levels[:1])
    assert (tmp_path / "0/2/4.png").is_file()
    if is_skipped:
        shutil.rmtree(tmp_path / "0/0")
        (tmp_path / "0/1/0.png").unlink()
        Image.new("RGB", (TILE_PX, TILE_PX), "white").save(tmp_path / "blank.png")
        whole[:TILE_PX] = whole[: 2 * TILE_PX, :TILE_PX] = 255
    with closing(open_slide(tmp_path)) as source:
        assert source.info.file_levels == ((1280, 768),)
        assert np.array_equal(level_pixels(source, 0)[:HEIGHT, :WIDTH], whole)


def test_google_tiles_whose_coarsest_one_is_left_out(tmp_path: Path) -> None:
    pixels = np.full((1024, 1024, 3), 255, np.uint8)
    pixels[:64, :64, 1] = 200
    found = [pixels, halve(pixels), halve(halve(pixels))]
    write_google(tmp_path, found)
    for left_out in ("0/0/0", "1/0/0", "1/0/1", "1/1/0"):
        (tmp_path / f"{left_out}.png").unlink()
    Image.new("RGB", (TILE_PX, TILE_PX), "white").save(tmp_path / "blank.png")
    with closing(open_slide(tmp_path)) as source:
        assert source.info.file_levels == ((1024, 1024), (512, 512), (256, 256))
        assert np.array_equal(level_pixels(source, 0), pixels)
        assert (level_pixels(source, 1) == 255).all()
        assert (level_pixels(source, 2) == 255).all()


def test_a_blank_tile_without_others_is_no_slide(tmp_path: Path) -> None:
    (tmp_path / "0/0").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "blank.png")
    with pytest.raises(SlideError, match=pattern(strings.TILE_NOT_FOUND, tile="0/0/0")):
        open_slide(tmp_path)


def test_deepzoom_of_fewer_levels_and_of_one(tmp_path: Path, levels: Levels) -> None:
    with closing(open_slide(write_dzi(tmp_path / "few.dzi", levels))) as source:
        assert len(source.info.file_levels) == len(levels)
        assert source.info.notes == ()
        assert np.array_equal(level_pixels(source, 1), levels[1])
    with closing(open_slide(write_dzi(tmp_path / "one.dzi", levels[:1]))) as source:
        assert source.info.file_levels == ((WIDTH, HEIGHT),)
        assert np.array_equal(level_pixels(source, 0), levels[0])


@pytest.mark.parametrize("inner", ["", "slide/"])
def test_szi(tmp_path: Path, levels: Levels, inner: str) -> None:
    write_dzi(tmp_path / "slide.dzi", levels)
    with zipfile.ZipFile(tmp_path / "slide.szi", "w") as archive:
        for file in (tmp_path / "slide.dzi", *(tmp_path / "slide_files").rglob("*.png")):
            archive.write(file, f"{inner}{file.relative_to(tmp_path)}")
    with closing(open_slide(tmp_path / "slide.szi")) as source:
        assert source.info.reader_reason == strings.SZI_REASON
        for index, pixels in enumerate(levels):
            assert np.array_equal(level_pixels(source, index), pixels)
    with pytest.raises(TileError):
        source.read_tile(TileKey(0, 0, 0))


def test_missing_tiles_are_blank_only_where_the_coarser_level_is(tmp_path: Path, picture: Any) -> None:
    pixels = np.full((1024, 1024, 3), (236, 240, 238), np.uint8)
    pixels[:512, :512] = picture(512, 512)
    found = [pixels, halve(pixels), halve(halve(pixels))]
    path = write_dzi(tmp_path / "slide.dzi", found)
    tiles = tmp_path / "slide_files" / "2"
    for name in ("3_3", "2_2", "3_0"):
        (tiles / f"{name}.png").unlink()
    (tmp_path / "slide_files" / "1" / "1_1.png").unlink()  # the coarser tile of two of them
    with closing(open_slide(path)) as source:
        for column, row in ((3, 3), (2, 2), (3, 0)):
            assert (source.read_tile(TileKey(0, column, row)) == (236, 240, 238, 255)).all()
        (tiles / "1_1.png").unlink()
        with pytest.raises(TileError, match=pattern(strings.TILE_MISSING, file="slide_files/2/1_1.png")):
            source.read_tile(TileKey(0, 1, 1))


def test_folders_of_tiles_are_listed_and_told_apart(tmp_path: Path, levels: Levels) -> None:
    first = write_zoomify(tmp_path / "first", levels)
    second = write_zoomify(tmp_path / "second", [255 - pixels for pixels in levels])
    shutil.copytree(first, tmp_path / "copy")
    found = {}
    for folder in (first, second, tmp_path / "copy"):
        assert is_listed(folder)
        with closing(open_slide(folder)) as source:
            found[folder.name] = slide_identity(source)
    assert found["first"] == found["copy"]
    assert found["first"] != found["second"]
    assert not is_listed(tmp_path)
    with pytest.raises(SlideError, match=FOLDER):
        open_slide(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<other/>", strings.ZOOMIFY_NO_IMAGE),
        ("<IMAGE_PROPERTIES", pattern(strings.NOT_XML)),
        ('<IMAGE_PROPERTIES WIDTH="9" HEIGHT="9" NUMTILES="7" TILESIZE="256"/>', "7 tiles"),
        ('<IMAGE_PROPERTIES WIDTH="-9" HEIGHT="9" NUMTILES="7" TILESIZE="256"/>', "WIDTH"),
        ('<IMAGE_PROPERTIES WIDTH="9" HEIGHT="9" NUMTILES="1" TILESIZE="256"/>', "tile 0-0-0 is missing"),
    ],
)
def test_bad_zoomify_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "ImageProperties.xml").write_text(text)
    with pytest.raises(SlideError, match=reason):
        open_slide(tmp_path)


IIIF = {"@context": "http://iiif.io/api/image/2/context.json", "width": 9, "height": 9}


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ([], strings.IIIF_NO_IMAGE),
        ({"width": 9}, strings.IIIF_NO_IMAGE),
        (IIIF, strings.IIIF_NO_TILES),
        (IIIF | {"tiles": [{"width": 256, "scaleFactors": "1"}]}, strings.IIIF_NO_TILES),
        (IIIF | {"tiles": [{"width": 256, "scaleFactors": [2]}]}, strings.IIIF_NO_TILES),
        (IIIF | {"tiles": [{"width": 256, "scaleFactors": [0]}]}, "scaleFactors"),
        (IIIF | {"tiles": [{"width": True, "scaleFactors": [1]}]}, "tiles/width"),
        (IIIF | {"width": 1e300, "tiles": [{}]}, "width"),
    ],
)
def test_bad_iiif_is_refused(tmp_path: Path, stated: Any, reason: str) -> None:
    (tmp_path / "info.json").write_text(json.dumps(stated))
    with pytest.raises(SlideError, match=reason):
        open_slide(tmp_path)


def test_json_that_is_none_or_too_deep_is_refused(tmp_path: Path) -> None:
    for text in ("{", "[" * 100_000):
        (tmp_path / "info.json").write_text(text)
        with pytest.raises(SlideError, match=pattern(strings.NOT_JSON)):
            open_slide(tmp_path / "info.json")


def test_bad_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.szi"
    for data in (b"", b"PK\x05\x06", b"nothing" * 100):
        path.write_bytes(data)
        with pytest.raises(SlideError):
            open_slide(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no slide")
    with pytest.raises(SlideError, match=pattern(strings.SZI_NO_TREE)):
        open_slide(path)
    claimed = bytearray(path.read_bytes())
    claimed[-10:-6] = (2**31).to_bytes(4, "little")
    path.write_bytes(claimed)
    with pytest.raises(SlideError, match=strings.ARCHIVE_TOO_LARGE):
        open_slide(path)


def test_an_archive_of_many_folders_and_no_tree_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "slide.szi", "w") as archive:
        for number in range(5_000):
            archive.writestr(f"{number}/", "")
        archive.writestr("too/deep/slide.dzi", "")
    with pytest.raises(SlideError, match=pattern(strings.SZI_NO_TREE)):
        open_slide(tmp_path / "slide.szi")


@pytest.mark.parametrize("side_px", [4097, 25_000])
def test_google_tiles_larger_than_any_tile_are_refused(tmp_path: Path, side_px: int) -> None:
    (tmp_path / "0/0").mkdir(parents=True)
    Image.new("L", (256, 256)).save(tmp_path / "0/0/0.jpg")
    claimed = side_px.to_bytes(2, "big") * 2
    (tmp_path / "0/0/0.jpg").write_bytes(
        (tmp_path / "0/0/0.jpg").read_bytes().replace(b"\x01\x00\x01\x00\x01", claimed + b"\x01", 1)
    )
    with pytest.raises(SlideError, match=pattern(strings.TILE_UNREADABLE, file="0/0/0.jpg")):
        open_slide(tmp_path)


def test_a_google_tile_of_webp_is_not_decoded_to_measure_it(tmp_path: Path) -> None:
    (tmp_path / "0/0").mkdir(parents=True)
    claimed = b"VP8X" + (10).to_bytes(4, "little") + bytes(4) + (30_000).to_bytes(3, "little") * 2
    (tmp_path / "0/0/0.webp").write_bytes(b"RIFF" + (100).to_bytes(4, "little") + b"WEBP" + claimed)
    with pytest.raises(SlideError, match=pattern(WEBP_TOO_LARGE, width="30,001", height="30,001")):
        open_slide(tmp_path)


def test_a_damaged_tile_of_an_archive_is_an_error_of_its_own(tmp_path: Path, levels: Levels) -> None:
    write_dzi(tmp_path / "slide.dzi", levels)
    with zipfile.ZipFile(tmp_path / "slide.szi", "w") as archive:
        for file in (tmp_path / "slide.dzi", *(tmp_path / "slide_files").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path))
        damaged = archive.getinfo("slide_files/3/0_0.png").header_offset + 200
    data = bytearray((tmp_path / "slide.szi").read_bytes())
    data[damaged : damaged + 50] = bytes(50)
    (tmp_path / "slide.szi").write_bytes(data)
    with closing(open_slide(tmp_path / "slide.szi")) as source:
        with pytest.raises(TileError, match=pattern(strings.TILE_UNREADABLE)):
            source.read_tile(TileKey(0, 0, 0))
        source.read_tile(TileKey(0, 1, 0))
