"""Maps in TIFF: ours come back, others lie by their pixel size or are stretched, false ones are not."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from tests.relevance.fields import EXTENT_PX, small_field
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.heatmap.ome_tiff import write_attention, write_heatmap
from viewer.relevance.patches.grid import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

EXTENT = (4096, 2048)
GRID = PatchGrid.over(*EXTENT, (0.5, 0.5))  # 16 × 8 patches of 256 px
RAMP = np.linspace(0, 1, 64 * 32, dtype=np.float32).reshape(32, 64)  # 64 level-0 px a pixel


def laid(path: Path, *, mpp_estimated: bool = False, column: str | None = None) -> Any:
    return read_map(path, EXTENT, GRID, mpp_estimated=mpp_estimated, column=column)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(FeatureFileError) as raised:
        laid(path, **options)
    assert str(path) in str(raised.value)
    return raised.value.reason


def test_our_own_heatmap_comes_back(tmp_path: Path) -> None:
    field, path = small_field("fat & <stroma>"), tmp_path / "a.ome.tiff"
    write_heatmap(field, path, extent_px=EXTENT_PX, slide_name="a")
    back = read_map(path, EXTENT_PX, field.grid, mpp_estimated=True)
    assert (back.field.known == field.known).all()
    np.testing.assert_allclose(back.field.scores, np.where(field.known, field.scores, 0), atol=1 / 254)
    assert back.field.provenance.query == "fat & <stroma>"
    assert back.field.provenance.software == "Foveola"
    assert len(back.notes) == 2


def test_our_own_attention_comes_back_as_means_of_tokens(tmp_path: Path) -> None:
    field, path = small_field(), tmp_path / "a.ome.tiff"
    tokens = np.repeat(np.repeat(field.scores, 16, 0), 16, 1)
    known = np.repeat(np.repeat(field.known, 16, 0), 16, 1)
    write_attention(
        tokens,
        known,
        field.grid,
        path,
        provenance=field.provenance,
        unit="x",
        extent_px=EXTENT_PX,
        slide_name="a",
    )
    back = read_map(path, EXTENT_PX, field.grid, mpp_estimated=True).field
    assert back.provenance.query == "adipose tissue"
    assert (back.known == field.known).all()
    np.testing.assert_allclose(back.scores, np.where(field.known, field.scores, 0), atol=1 / 254)


@pytest.mark.parametrize("kind", ["OME", "resolution", "nothing"])
def test_a_map_of_floats_lies_over_the_whole_slide(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.ome.tif" if kind == "OME" else "a.tif")
    values = RAMP.copy()
    values[:4, :4] = np.nan
    options: dict[str, Any] = {}
    if kind == "OME":
        options["metadata"] = {"PhysicalSizeX": 32.0, "PhysicalSizeY": 32.0}
    if kind == "resolution":
        options.update(resolution=(312.5, 312.5), resolutionunit="CENTIMETER")
    tifffile.imwrite(path, values, tile=(16, 16), compression="zlib", **options)
    made = laid(path)
    assert not made.field.known[0, 0]
    assert made.field.known.sum() == 127
    expected = RAMP.reshape(8, 4, 16, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(made.field.scores[1:], expected[1:], atol=1e-6)
    assert any("stretched" in note for note in made.notes) == (kind == "nothing")


def test_a_pyramid_whose_finest_level_is_too_large_is_read_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(RAMP)
        writer.write(RAMP[::2, ::2] * 0 + 0.5, subfiletype=1)
    assert laid(path).field.scores[-1, -1] > 0.9
    monkeypatch.setattr("viewer.relevance.exchange.tiff.MAX_PIXELS", 600)
    assert (laid(path).field.scores == 0.5).all()
    monkeypatch.setattr("viewer.relevance.exchange.tiff.MAX_PIXELS", 60)
    assert re.search(pattern(strings.TOO_MANY_PIXELS), refused(path))


def test_levels_in_sub_directories_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(RAMP, subifds=1)
        writer.write(RAMP[::2, ::2] * 0 + 0.5, subfiletype=1)
    monkeypatch.setattr("viewer.relevance.exchange.tiff.MAX_PIXELS", 600)
    assert (laid(path).field.scores == 0.5).all()


def test_whole_numbers_are_parts_of_the_largest_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((32, 64), 51, np.uint8))
    made = laid(path)
    assert made.field.scores[0, 0] == pytest.approx(0.2)
    assert re.search(pattern(strings.WHOLE_NUMBERS, largest=255), made.notes[2])
    tifffile.imwrite(path, (RAMP > 0.5).astype(np.uint8))
    assert laid(path).field.scores[-1, -1] == 1


def test_channels_are_named_and_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    stack = np.stack([RAMP, 1 - RAMP])
    tifffile.imwrite(path, stack, metadata={"axes": "CYX", "Channel": {"Name": ["stroma", "tumour"]}})
    assert re.search(pattern(strings.SEVERAL_COLUMNS, names="'stroma', 'tumour'"), refused(path))
    assert laid(path, column="tumour").field.scores[0, 0] > 0.9
    xml = tifffile.tiffcomment(path)
    tifffile.imwrite(path, stack, photometric="minisblack", metadata=None, description=f"\n{xml}")
    assert laid(path, column="tumour").field.scores[0, 0] > 0.9
    tifffile.imwrite(path, stack, metadata={"axes": "CYX"})
    assert laid(path, column="C 2").field.scores[0, 0] > 0.9
    for planar in ("contig", "separate"):
        plain = tmp_path / f"{planar}.tif"
        data = np.moveaxis(stack, 0, -1) if planar == "contig" else stack
        tifffile.imwrite(plain, data, photometric="minisblack", planarconfig=planar)
        assert "'page 1, channel 1', 'page 1, channel 2'" in refused(plain)
        assert laid(plain, column="page 1, channel 2").field.scores[0, 0] > 0.9


def test_maps_of_another_slide_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, RAMP, metadata={"PhysicalSizeX": 16.0, "PhysicalSizeY": 16.0})
    assert re.search(
        pattern(
            strings.OF_OTHER_SIZE,
            width_mm="1.02",
            height_mm="0.512",
            slide_width_mm="2.05",
            slide_height_mm="1.02",
        ),
        refused(path),
    )
    assert "stretched" in laid(path, mpp_estimated=True).notes[1]
    tifffile.imwrite(path, RAMP[:, :40])
    assert re.search(pattern(strings.OF_OTHER_SHAPE), refused(path))


def test_pictures_that_are_no_maps_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((32, 64, 3), np.uint8), photometric="rgb")
    assert re.search(pattern(strings.IN_COLOURS), refused(path))
    for photometric in ("miniswhite", "minisblack"):
        tifffile.imwrite(path, RAMP > 0.5, photometric=photometric)
        assert re.search(pattern(strings.ONE_BIT), refused(path))
    tifffile.imwrite(path, np.zeros((32, 64), np.uint8), photometric="miniswhite")
    assert re.search(pattern(strings.WHITE_IS_ZERO), refused(path))
    tifffile.imwrite(path, np.zeros((32, 64), np.uint8), compression="jpeg")
    assert re.search(pattern(strings.COMPRESSION, name="JPEG"), refused(path))
    tifffile.imwrite(path, np.zeros((32, 64), np.complex64))
    assert re.search(pattern(strings.WRONG_SAMPLES, bits=64), refused(path))
    tifffile.imwrite(path, np.full((32, 64), np.nan, np.float32))
    assert re.search(pattern(strings.NONE_IS_A_NUMBER), refused(path))
    path.write_bytes(b"II*\0")
    assert re.search(pattern(strings.NOT_TIFF), refused(path))
    path.unlink()
    assert "no such file" in refused(path)


@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_map_in_lzw_is_read_and_a_damaged_one_refused(
    tmp_path: Path, tile: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RAMP, compression="lzw", tile=tile, rowsperstrip=None if tile else 8)
    expected = RAMP.reshape(8, 4, 16, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(laid(path).field.scores, expected, atol=1e-6)
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        offsets, counts = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
    rng = np.random.default_rng(2)
    refusals = []
    for _ in range(100):
        data = bytearray(whole)
        place = int(rng.integers(len(offsets)))
        for at in rng.integers(0, counts[place], 4):
            data[offsets[place] + at] = rng.integers(256)
        path.write_bytes(data)
        try:
            laid(path)  # what is still a stream gives other numbers
        except FeatureFileError as error:
            refusals.append(error.reason)
    assert len(refusals) > 30
    assert all("pixels are damaged" in reason for reason in refusals)
    path.write_bytes(whole)
    monkeypatch.setattr("viewer.relevance.exchange.tiff._MAX_LZW_BYTES", 100)
    assert re.search(pattern(strings.LZW_TOO_LARGE), refused(path))


def test_tiles_that_are_left_out_are_not_taken_for_low(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    values = RAMP.copy()
    values[:16, :16] = 0
    tifffile.imwrite(path, values, tile=(16, 16), compression="zlib")
    assert laid(path).field.known.all()
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages[0].tags["TileByteCounts"].valueoffset
        step = 8 if tiff.pages[0].tags["TileByteCounts"].dtype == 16 else 4
        step = 2 if tiff.pages[0].tags["TileByteCounts"].dtype == 3 else step
    data = bytearray(path.read_bytes())
    data[at : at + step] = bytes(step)
    path.write_bytes(data)
    assert re.search(pattern(strings.MISSING_TILES), refused(path))


def test_claims_are_checked_before_anything_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RAMP, compression="zlib")
    data = path.read_bytes()
    for tag, value in ((256, 200_000_000), (256, 4_000_000), (258, 3), (278, 0)):
        at = data.index(struct.pack("<H", tag), 8)
        wrong = data[: at + 2] + struct.pack("<HII", 4, 1, value) + data[at + 12 :]
        path.write_bytes(wrong)
        assert refused(path)
    start = data.rindex(b"\x78")
    path.write_bytes(data[:start] + b"\xff" * (len(data) - start))
    assert re.search(pattern(strings.PIXELS_DAMAGED), refused(path))
