"""The OpenSlide reader: facts, tiles, and bad tiles that must not cost the slide."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.messages import pattern
from viewer.slide.formats import strings
from viewer.slide.formats.openslide import (
    OpenSlideSource,
    background_from_properties,
    bounds_from_properties,
    mpp_from_properties,
    open_openslide,
)
from viewer.slide.formats.openslide_handle import OpenSlideHandle
from viewer.slide.geometry import Rect, TileKey
from viewer.slide.resolution import objective_power, pixel_aspect
from viewer.slide.source import NotThisReader, SlideError, TileError
from viewer.slide.strings import NO_SUCH_TILE, TILE_OF_CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile

    FileAt = Callable[[Path], SlideFile]

IMAGE_WIDTH, OFFSETS, COUNTS = 256, 324, 325


@pytest.fixture
def slide(
    aperio_slide: Callable[..., Path], patch_tiff: Callable[..., None], file_at: FileAt
) -> Iterator[OpenSlideSource]:
    """An Aperio slide of 5 × 4 tiles of 256 px, whose tile (1, 0) is damaged."""
    path = aperio_slide(width=1200, height=900, ratios=(1, 4), tile=256)
    patch_tiff(path, 0, OFFSETS, {1: 8})
    source = open_openslide(file_at(path))
    yield source
    source.close()


def test_facts_are_openslide_s(slide: OpenSlideSource) -> None:
    info = slide.info
    assert (info.format, info.reader, info.mpp_um) == ("Aperio SVS", "openslide", (0.5, 0.5))
    assert info.file_levels == ((1200, 900), (300, 225))
    assert [level.tile_width for level in slide.pyramid.levels] == [256, 256]


def test_tiles_put_together_are_the_level(
    slide: OpenSlideSource,
    whole_level: Callable[..., NDArray[np.uint8]],
    openslide_level: Callable[..., NDArray[np.uint8]],
) -> None:
    np.testing.assert_array_equal(whole_level(slide, 1)[..., :3], openslide_level(slide.info.path, 1))


def test_small_file_tiles_are_read_512_px_at_a_time(
    aperio_slide: Callable[..., Path], file_at: FileAt
) -> None:
    source = open_openslide(file_at(aperio_slide(tile=64)))
    assert source.pyramid.levels[0].tile_width == 512
    source.close()


def test_bad_tile_is_one_tile_error_and_the_rest_works(slide: OpenSlideSource) -> None:
    good = slide.read_tile(TileKey(0, 2, 0))
    for _ in range(3):
        with pytest.raises(TileError, match=pattern(strings.OPENSLIDE_UNREADABLE, level=0)):
            slide.read_tile(TileKey(0, 1, 0))
        np.testing.assert_array_equal(slide.read_tile(TileKey(0, 2, 0)), good)


def test_bad_tile_of_one_thread_does_not_fail_the_tiles_of_others(slide: OpenSlideSource) -> None:
    """OpenSlide's handle dies under all of them; a good tile must come through all the same."""
    good = {column: slide.read_tile(TileKey(0, column, 1)) for column in range(4)}
    wrong: list[object] = []

    def read_good(column: int) -> None:
        for _ in range(25):
            try:
                if not np.array_equal(slide.read_tile(TileKey(0, column, 1)), good[column]):
                    wrong.append(column)
            except TileError as error:
                wrong.append(error)

    def read_bad() -> None:
        for _ in range(25):
            try:
                slide.read_tile(TileKey(0, 1, 0))
                wrong.append("the bad tile was read")
            except TileError:
                pass

    threads = [threading.Thread(target=read_good, args=(column,)) for column in range(2)]
    threads.append(threading.Thread(target=read_bad))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_reads_after_closing_and_outside_fail(slide: OpenSlideSource) -> None:
    with pytest.raises(TileError, match=pattern(NO_SUCH_TILE)):
        slide.read_tile(TileKey(0, 99, 0))
    slide.close()
    slide.close()
    with pytest.raises(TileError, match=pattern(TILE_OF_CLOSED)):
        slide.read_tile(TileKey(0, 0, 0))


def test_unknown_associated_image_is_a_key_error(slide: OpenSlideSource) -> None:
    with pytest.raises(KeyError):
        slide.read_associated_image("label")


def test_associated_image_beyond_reason_is_not_allocated(
    slide: OpenSlideSource, monkeypatch: pytest.MonkeyPatch, file_at: FileAt
) -> None:
    handle = OpenSlideHandle(file_at(slide.info.path))
    monkeypatch.setattr(handle, "associated_images", ("label",))
    size = {"openslide.associated.label.width": "70000", "openslide.associated.label.height": "70000"}
    monkeypatch.setattr(handle, "properties", size)
    with pytest.raises(
        SlideError, match=pattern(strings.ASSOCIATED_SIZE, name="label", width=70000, height=70000)
    ):
        handle.read_associated_image("label")
    handle.close()


def test_slide_of_which_no_tile_can_be_read_is_refused(
    aperio_slide: Callable[..., Path], patch_tiff: Callable[..., None], file_at: FileAt
) -> None:
    path = aperio_slide(width=300, height=200, ratios=(1,), tile=256)
    patch_tiff(path, 0, OFFSETS, {0: 8, 1: 8})
    with pytest.raises(NotThisReader, match=pattern(strings.OPENSLIDE_NO_TILE)):
        open_openslide(file_at(path))


def test_deleted_file_cannot_be_reopened_after_a_bad_tile(slide: OpenSlideSource) -> None:
    slide.info.path.unlink()
    for column in (1, 2):
        with pytest.raises(TileError):
            slide.read_tile(TileKey(0, column, 0))


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [
        (323, 2**24, pattern(strings.OPENSLIDE_TILES, width=64, height=2**24)),
        (COUNTS, 2**32 - 1, pattern(strings.OPENSLIDE_TILES, width=64, height=64, size=2**32 - 1)),
        (323, 1, pattern(strings.OPENSLIDE_TILES, width=64, height=1)),
        (IMAGE_WIDTH, None, strings.OPENSLIDE_BROKEN_TIFF),
    ],
)
def test_claims_that_would_end_the_process_do_not_reach_openslide(
    tag: int,
    value: int | None,
    reason: str,
    aperio_slide: Callable[..., Path],
    patch_tiff: Callable[..., None],
    file_at: FileAt,
) -> None:
    """OpenSlide allocates what a tile claims, and GLib aborts where that fails."""
    path = aperio_slide(width=300, height=200, ratios=(1,), tile=64)
    if value is not None:
        patch_tiff(path, 0, tag, {0: value})
    else:
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(NotThisReader, match=reason):
        open_openslide(file_at(path))


def test_byte_counts_that_are_no_whole_numbers_do_not_reach_openslide(
    tmp_path: Path, file_at: FileAt
) -> None:
    path = tmp_path / "a.tif"
    one_rational = struct.pack("<HHHII", 1, COUNTS, 5, 1, 26)
    path.write_bytes(b"II*\0\x08\0\0\0" + one_rational + bytes(4 + 8))
    with pytest.raises(NotThisReader, match=strings.OPENSLIDE_BROKEN_TIFF):
        open_openslide(file_at(path))


def test_unknown_file_is_refused(tmp_path: Path, file_at: FileAt) -> None:
    path = tmp_path / "a.svs"
    path.write_text("no slide")
    with pytest.raises(NotThisReader, match=strings.OPENSLIDE_UNKNOWN_FORMAT):
        open_openslide(file_at(path))


@pytest.mark.parametrize(
    ("properties", "mpp_um"),
    [
        ({}, None),
        ({"openslide.mpp-x": "0.25"}, None),
        ({"openslide.mpp-x": "0.25", "openslide.mpp-y": "nonsense"}, None),
        ({"openslide.mpp-x": "inf", "openslide.mpp-y": "0.25"}, None),
        ({"openslide.mpp-x": "0.25", "openslide.mpp-y": "0.26"}, (0.25, 0.26)),
        ({"openslide.mpp-x": "353", "openslide.mpp-y": "353"}, (353.0, 353.0)),
        ({"openslide.mpp-x": "1e-320", "openslide.mpp-y": "1e-320"}, None),
        ({"openslide.mpp-x": "1e300", "openslide.mpp-y": "1e300"}, None),
        ({"openslide.mpp-x": "0.001", "openslide.mpp-y": "1"}, None),
        ({"openslide.mpp-x": "0.1", "openslide.mpp-y": "1"}, (0.1, 1.0)),
    ],
)
def test_mpp(properties: dict[str, str], mpp_um: tuple[float, float] | None) -> None:
    assert mpp_from_properties(properties) == mpp_um


@pytest.mark.parametrize(
    ("unit", "resolution", "mpp_um"),
    [
        ("centimeter", 40_000, 0.25),
        ("centimeter", 28, None),
        ("inch", 101_600, 0.25),
        ("inch", 2400, None),
        ("unknown", 40_000, None),
        ("inch", 0, None),
    ],
)
def test_plain_tiffs_resolution_counts_within_reason(
    unit: str, resolution: int, mpp_um: float | None
) -> None:
    properties = {
        "openslide.vendor": "generic-tiff",
        "tiff.ResolutionUnit": unit,
        "tiff.XResolution": str(resolution),
        "tiff.YResolution": str(resolution),
    }
    expected = None if mpp_um is None else pytest.approx((mpp_um, mpp_um))
    assert mpp_from_properties(properties) == expected


@pytest.mark.parametrize(
    ("mpp_um", "aspect"), [(None, 1.0), ((0.25, 0.25), 1.0), ((28.969, 28.968), 1.0), ((0.5, 0.6), 1.2)]
)
def test_pixel_aspect(mpp_um: tuple[float, float] | None, aspect: float) -> None:
    assert pixel_aspect(mpp_um) == pytest.approx(aspect)


@pytest.mark.parametrize(
    ("value", "power"),
    [("40", 40.0), ("0.5", 0.5), ("0", None), ("1e300", None), ("1e-9", None), ("x", None)],
)
def test_powers_that_no_objective_has_are_not_believed(value: str, power: float | None) -> None:
    assert objective_power({"openslide.objective-power": value}, "openslide.objective-power") == power


@pytest.mark.parametrize(
    ("value", "rgb"),
    [
        (None, (255, 255, 255)),
        ("F0E080", (240, 224, 128)),
        ("F0", (255, 255, 255)),
        ("white!", (255, 255, 255)),
    ],
)
def test_background(value: str | None, rgb: tuple[int, int, int]) -> None:
    properties = {} if value is None else {"openslide.background-color": value}
    assert background_from_properties(properties) == rgb


@pytest.mark.parametrize(
    ("bounds", "rect"),
    [
        ((), Rect(0, 0, 1000, 800)),
        ((100, 50, 300, 200), Rect(100, 50, 400, 250)),
        ((900, 700, 300, 200), Rect(900, 700, 1000, 800)),
        ((2000, 0, 10, 10), Rect(0, 0, 1000, 800)),
        (("x", 0, 10, 10), Rect(0, 0, 1000, 800)),
    ],
)
def test_bounds_are_clipped_to_the_slide(bounds: tuple[object, ...], rect: Rect) -> None:
    names = ("x", "y", "width", "height")
    properties = {f"openslide.bounds-{name}": str(value) for name, value in zip(names, bounds, strict=False)}
    assert bounds_from_properties(properties, 1000, 800) == rect
