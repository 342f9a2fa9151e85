"""Macros and other pictures beside a slide that nothing but their pixels and levels tells apart."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from tests.slide.formats.tiff_pages import SIZE, STRIPPED, TILED
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff import pictures, strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    Pages = list[tuple[NDArray[np.uint8], dict[str, Any]]]

MACRO = 700, 300
"""The size of one that has more pixels than the slide, no name and no mark."""


@pytest.mark.parametrize("kind", [TILED, STRIPPED], ids=["tiled", "stripped"])
@pytest.mark.parametrize("macro_first", [False, True])
def test_the_picture_with_levels_is_the_slide_though_a_macro_has_more_pixels(
    kind: dict[str, Any],
    macro_first: bool,
    slide: NDArray[np.uint8],
    picture: Picture,
    show: Callable[..., Source],
) -> None:
    pages = [(slide, kind), (slide[::2, ::2], kind)]
    pages.insert(0 if macro_first else 2, (picture(*MACRO), kind))
    info = show(pages).info
    assert info.file_levels[0] == SIZE
    listed = {(image.width, image.height): image.is_slide for image in info.images}
    assert listed == {SIZE: True, MACRO: False}


def test_a_picture_that_has_levels_itself_is_not_a_macro(
    slide: NDArray[np.uint8], picture: Picture, show: Callable[..., Source]
) -> None:
    larger = picture(*MACRO)
    pages = [(larger, {}), (larger[::2, ::2], {}), (slide, {}), (slide[::2, ::2], {})]
    assert show(pages).info.file_levels[0] == MACRO


@pytest.mark.parametrize("other_um", [{}, {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}])
def test_a_damaged_pixel_size_costs_nothing_else(
    other_um: dict[str, Any], slide: NDArray[np.uint8], picture: Picture, show: Callable[..., Source]
) -> None:
    pages = [(picture(*MACRO), other_um), (slide, {"resolution": (7, 7)}), (slide[::2, ::2], {})]
    path = show(pages).info.path
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[1].tags["XResolution"].offset + 8
    with path.open("r+b") as file:
        file.seek(place)
        file.write((2**31).to_bytes(4, "little"))
    with closing(open_slide(path)) as source:
        assert source.info.reader == "tiff (direct)"
        assert source.info.file_levels == (SIZE, (240, 180))
        assert source.info.mpp_um is None
        assert strings.TAGS_LOST.format(codes="282") in source.info.notes


@pytest.mark.parametrize("damaged", [0, 1])
@pytest.mark.parametrize("below", [False, True])
def test_a_damaged_picture_gives_way_to_one_that_can_be_read(
    damaged: int, below: bool, slide: NDArray[np.uint8], picture: Picture, show: Callable[..., Source]
) -> None:
    pages = [(picture(*MACRO), {}), (slide, {"subifds": 1} if below else {}), (slide[::2, ::2], {})]
    path = show(pages).info.path
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[damaged].tags[324].offset + 8
    with path.open("r+b") as file:
        file.seek(place)
        file.write((2**31).to_bytes(4, "little"))
    with closing(open_slide(path)) as source:
        assert source.info.file_levels[0] == (MACRO, SIZE)[1 - damaged]


@pytest.mark.parametrize("kind", [TILED, STRIPPED], ids=["tiled", "stripped"])
@pytest.mark.parametrize("below", [False, True])
def test_levels_whose_pixels_cannot_be_read_make_no_picture_the_slide(
    below: bool, kind: dict[str, Any], picture: Picture, show: Callable[..., Source]
) -> None:
    small = picture(300, 190)
    pages = [
        (picture(*MACRO), kind),
        (small, {**kind, "subifds": 1} if below else kind),
        (small[::2, ::2], kind),
    ]
    source = show(pages)
    assert source.info.file_levels[0] == (300, 190)
    with tifffile.TiffFile(source.info.path) as tiff:
        page = tiff.pages[1]
        damaged = [page, page.pages[0] if below else tiff.pages[2]]
        places = [
            place for each in damaged for place in zip(each.dataoffsets, each.databytecounts, strict=True)
        ]
    with source.info.path.open("r+b") as file:
        for offset, count in places:
            file.seek(offset)
            file.write(bytes(count))
    with closing(open_slide(source.info.path)) as opened:
        assert opened.info.file_levels[0] == MACRO


def test_a_picture_larger_than_any_macro_may_lack_levels(
    slide: NDArray[np.uint8], picture: Picture, show: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_MOST_MACRO_PX", MACRO[0] * MACRO[1] - 1)
    assert show([(picture(*MACRO), {}), (slide, {}), (slide[::2, ::2], {})]).info.file_levels[0] == MACRO


def test_pages_of_a_level_s_shape_that_show_something_else_are_no_levels(
    slide: NDArray[np.uint8], other: NDArray[np.uint8], picture: Picture, show: Callable[..., Source]
) -> None:
    larger = picture(*MACRO)
    pages = [(larger, {}), (slide, {}), (other[::2, ::2], {})]
    assert show(pages).info.file_levels[0] == MACRO
    alike = np.ascontiguousarray(larger[::-2, ::-2][..., ::-1])
    pages = [(larger, {}), (alike, {}), (slide, {}), (slide[::2, ::2], {})]
    assert show(pages).info.file_levels[0] == SIZE


def test_the_resolution_tags_show_a_macro(
    slide: NDArray[np.uint8], picture: Picture, show: Callable[..., Source]
) -> None:
    def resolution(um: float) -> dict[str, Any]:
        return {"resolution": (1e4 / um, 1e4 / um), "resolutionunit": "CENTIMETER"}

    pages = [(picture(*MACRO), resolution(20)), (slide, resolution(0.5))]
    assert show(pages).info.file_levels[0] == SIZE
    assert show([(pages[0][0], resolution(1)), pages[1]]).info.file_levels[0] == MACRO
