"""DeepZoom trees: tiles without their overlap, refusals with a reason, nothing read outside the folder."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from tests.slide.formats.tile_tree.trees import halve, level_pixels, write_tiles
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.strings import NO_PYRAMID
from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.opening import open_tile_tree
from viewer.slide.geometry import TileKey
from viewer.slide.source import SlideError, TileError
from viewer.slide.strings import LEVEL_TILES, NO_SUCH_TILE, TILE_OF_CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="{ending}" Overlap="{overlap}" '
    'TileSize="{tile}"><Size Height="{height}" Width="{width}"/></Image>'
)


@pytest.fixture
def tree(tmp_path: Path, picture: Any) -> Callable[..., tuple[Path, list[NDArray[np.uint8]]]]:
    """``tree(width=…, height=…, tile=…, overlap=…, ending=…)``: a tree, and its levels, finest first."""

    def make(
        *, width: int = 1130, height: int = 700, tile: int = 254, overlap: int = 1, ending: str = "png"
    ) -> tuple[Path, list[NDArray[np.uint8]]]:
        path = tmp_path / "slide.dzi"
        path.write_text(XML.format(width=width, height=height, tile=tile, overlap=overlap, ending=ending))
        pixels = np.asarray(picture(width, height))
        levels = []
        for level in range((max(width, height) - 1).bit_length(), -1, -1):
            levels.append(pixels)
            folder = tmp_path / "slide_files" / str(level)
            write_tiles(folder, pixels, tile, lambda column, row: f"{column}_{row}.{ending}", overlap)
            pixels = halve(pixels)
        return path, levels

    return make


@pytest.mark.parametrize(
    ("tile", "overlap", "engine"), [(254, 1, 254), (256, 0, 256), (510, 1, 510), (64, 2, 256), (1500, 3, 512)]
)
def test_every_level_comes_out_whole(tree: Any, tile: int, overlap: int, engine: int) -> None:
    path, levels = tree(tile=tile, overlap=overlap)
    with closing(open_tile_tree(path)) as source:
        assert source.info.file_levels == ((1130, 700), (565, 350), (283, 175), (142, 88))
        assert source.pyramid.levels[0].tile_width == engine
        for index in range(4):
            assert np.array_equal(level_pixels(source, index), levels[index])


@pytest.mark.parametrize("is_text", [False, True])
@pytest.mark.parametrize("start", ["", "\ufeff\n "])
def test_a_description_in_json(is_text: bool, start: str, tree: Any) -> None:
    path, levels = tree()
    number = str if is_text else int
    size = {"Width": number(1130), "Height": number(700)}
    image = {"xmlns": "http://schemas.microsoft.com/deepzoom/2008", "Format": "png", "Size": size}
    image |= {"Overlap": number(1), "TileSize": number(254)}
    path.write_text(start + json.dumps({"Image": image}), "utf-8")
    with closing(open_slide(path)) as source:
        assert np.array_equal(level_pixels(source, 0), levels[0])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", strings.NOT_JSON),
        ('{"Image": ' + "[" * 100_000, strings.NOT_JSON),
        ("{}", strings.DZI_NO_IMAGE),
        ('{"Image": 3}', strings.DZI_NO_IMAGE),
        ('{"Image": {"Size": []}}', strings.DZI_NO_IMAGE),
        ('{"Collection": {}}', strings.DZI_COLLECTION),
        ('{"Image": {"Size": {}, "Format": 5}}', strings.TILE_FORMAT),
        ('{"Image": {"Size": {"Width": [1]}, "Format": "png"}}', strings.NUMBER),
    ],
)
def test_bad_json_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "slide.dzi").write_text(text)
    with pytest.raises(SlideError, match=pattern(reason)):
        open_slide(tmp_path / "slide.dzi")


def test_jpeg_tiles_through_open_slide(tree: Any) -> None:
    path, levels = tree(ending="jpeg")
    with closing(open_slide(path)) as source:
        assert source.info.format == "DeepZoom"
        assert source.info.mpp_um is None
        assert np.abs(level_pixels(source, 1).astype(int) - levels[1]).mean() < 4


def test_the_tiles_themselves_show_their_suffix(tree: Any) -> None:
    """Tiles that are not found are never shown as blank ones."""
    path, levels = tree()
    path.write_text(path.read_text().replace('"png"', '"jpg"'))
    with closing(open_slide(path)) as source:
        assert np.array_equal(level_pixels(source, 0), levels[0])
    for tile in path.parent.glob("slide_files/*/*.png"):
        tile.unlink()
    with pytest.raises(SlideError, match="is missing"):
        open_slide(path)


def test_a_small_image_keeps_its_one_level(tree: Any) -> None:
    path, levels = tree(width=100, height=60)
    with closing(open_tile_tree(path)) as source:
        assert source.info.file_levels == ((100, 60),)
        assert np.array_equal(level_pixels(source, 0), levels[0])


def test_a_missing_tile_is_an_error_of_its_own(tree: Any, tmp_path: Path) -> None:
    path, _ = tree()
    (tmp_path / "slide_files" / "11" / "1_2.png").unlink()
    with closing(open_tile_tree(path)) as source:
        with pytest.raises(TileError, match=r"1_2\.png" + pattern(strings.TILE_MISSING, file="")):
            source.read_tile(TileKey(0, 1, 2))
        source.read_tile(TileKey(0, 1, 1))


def test_a_tile_of_another_size_or_damaged_is_an_error(tree: Any, tmp_path: Path) -> None:
    for ending in ("png", "jpg"):
        path, _ = tree(ending=ending)
        folder = tmp_path / "slide_files" / "11"
        Image.new("RGB", (6000, 6000)).save(folder / f"0_0.{ending}")
        (folder / f"1_0.{ending}").write_bytes((folder / f"1_0.{ending}").read_bytes()[:300])
        (folder / f"2_0.{ending}").write_bytes(b"")
        with closing(open_tile_tree(path)) as source:
            sizes = {"width": 6000, "height": 6000, "expected_width": 255, "expected_height": 255}
            with pytest.raises(TileError, match=pattern(strings.TILE_SIZE, **sizes)):
                source.read_tile(TileKey(0, 0, 0))
            for column in (1, 2):
                with pytest.raises(TileError, match=pattern(strings.TILE_UNREADABLE)):
                    source.read_tile(TileKey(0, column, 0))
        shutil.rmtree(tmp_path / "slide_files")


def test_missing_levels_are_said_or_refused(tree: Any, tmp_path: Path) -> None:
    path, levels = tree()
    shutil.rmtree(tmp_path / "slide_files" / "10")
    with closing(open_tile_tree(path)) as source:
        assert source.info.file_levels == ((1130, 700), (283, 175), (142, 88))
        assert source.info.notes == (strings.LEVELS_MISSING.format(missing=1, expected=4),)
        assert np.array_equal(level_pixels(source, 1), levels[2])
    shutil.rmtree(tmp_path / "slide_files" / "11")
    with pytest.raises(SlideError, match=pattern(strings.DZI_FINEST_MISSING)):
        open_tile_tree(path)
    shutil.rmtree(tmp_path / "slide_files")
    with pytest.raises(SlideError, match=pattern(strings.DZI_FOLDER_MISSING)):
        open_tile_tree(path)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<Image", pattern(strings.NOT_XML)),
        ("<?xml version='1.0' encoding='none such'?><Image/>", pattern(strings.NOT_XML)),
        ("<?xml version='1.0' encoding='base64'?><Image/>", pattern(strings.NOT_XML)),
        ("<?xml version='1.0' encoding='shift_jis'?><Image/>", pattern(strings.NOT_XML)),
        ("<Other/>", strings.DZI_NO_IMAGE),
        ("<Collection/>", strings.DZI_COLLECTION),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + XML, strings.DOCTYPE),
        (XML.replace("{tile}", "0"), pattern(strings.NUMBER, name="TileSize")),
        (XML.replace("{tile}", "999999"), pattern(strings.NUMBER, name="TileSize")),
        (XML.replace("{tile}", "-5"), pattern(strings.NUMBER, name="TileSize")),
        (XML.replace("{tile}", "٣"), pattern(strings.NUMBER, name="TileSize")),
        (XML.replace("{width}", "99999999999"), pattern(strings.NUMBER, name="Width")),
        (XML.replace("{height}", ""), pattern(strings.NUMBER, name="Height")),
        (XML.replace("{overlap}", "1e3"), pattern(strings.NUMBER, name="Overlap")),
        (XML.replace("{ending}", "../../etc/passwd"), pattern(strings.TILE_FORMAT)),
        ("x" * 2_000_000, strings.TOO_LARGE),
    ],
)
def test_bad_descriptions_are_refused(tree: Any, xml: str, reason: str) -> None:
    path, _ = tree(width=300, height=200)
    values = {"width": 300, "height": 200, "tile": 254, "overlap": 1, "ending": "png"}
    for name, value in values.items():
        xml = xml.replace(f"{{{name}}}", str(value))
    path.write_text(xml, encoding="utf-8")
    with pytest.raises(SlideError, match=reason):
        open_tile_tree(path)


def test_more_tiles_than_any_slide_has_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.dzi"
    values = {"width": 2 * 10**9, "height": 2 * 10**9, "tile": 256, "overlap": 0, "ending": "png"}
    xml = XML
    for name, value in values.items():
        xml = xml.replace(f"{{{name}}}", str(value))
    path.write_text(xml, encoding="utf-8")
    (tmp_path / "slide_files" / "31").mkdir(parents=True)
    (tmp_path / "slide_files" / "31" / "0_0.png").touch()
    with pytest.raises(
        SlideError, match=r"slide\.dzi: " + pattern(NO_PYRAMID, error="") + pattern(LEVEL_TILES)
    ):
        open_tile_tree(path)


def test_an_entity_hidden_in_utf_16_is_refused_too(tree: Any) -> None:
    path, _ = tree(width=300, height=200)
    path.write_bytes(
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")
    )
    with pytest.raises(SlideError, match=strings.DOCTYPE):
        open_tile_tree(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_in_place_of_a_tile_is_a_missing_tile(tree: Any, tmp_path: Path) -> None:
    path, _ = tree(width=300, height=200)
    tile = tmp_path / "slide_files" / "9" / "0_0.png"
    tile.unlink()
    os.mkfifo(tile)
    with (
        closing(open_tile_tree(path)) as source,
        pytest.raises(TileError, match=pattern(strings.TILE_MISSING)),
    ):
        source.read_tile(TileKey(0, 0, 0))


def test_a_closed_tree_and_wrong_keys(tree: Any) -> None:
    path, _ = tree(width=300, height=200)
    source = open_tile_tree(path)
    with pytest.raises(TileError, match=pattern(NO_SUCH_TILE)):
        source.read_tile(TileKey(0, 9, 0))
    with pytest.raises(KeyError):
        source.read_associated_image("label")
    source.close()
    source.close()
    with pytest.raises(TileError, match=pattern(TILE_OF_CLOSED)):
        source.read_tile(TileKey(0, 0, 0))
