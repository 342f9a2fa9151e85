"""Which image of a TIFF is the slide, which are its levels, and which are images of their own."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from tests.slide.formats.tiff_pages import REDUCED, SIZE, STRIPPED
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    Pages = list[tuple[NDArray[np.uint8], dict[str, Any]]]


def numbers(source: Source) -> list[int]:
    return [image.number for image in source.info.images]


def sizes(source: Source) -> list[tuple[int, int]]:
    return list(source.info.file_levels)


PYRAMID = [SIZE, (240, 180), (120, 90)]


class TestSlide:
    @pytest.mark.parametrize("flags", [{}, REDUCED])
    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
    def test_pages_of_a_pyramid_come_in_any_order(
        self, order: tuple[int, ...], flags: dict[str, int], slide: NDArray[np.uint8], show: Any
    ) -> None:
        levels = [(slide[:: 2**power, :: 2**power], flags if power else {}) for power in range(3)]
        source = show([levels[index] for index in order])
        assert sizes(source) == PYRAMID
        assert source.info.images == ()

    def test_a_thumbnail_before_the_slide_is_another_image(
        self, slide: NDArray[np.uint8], show: Any, whole_level: WholeLevel
    ) -> None:
        pages = [(slide[::8, ::8], STRIPPED), (slide, {}), (slide[::2, ::2], REDUCED)]
        source = show(pages)
        assert sizes(source) == PYRAMID[:2]
        np.testing.assert_array_equal(whole_level(source, 0)[..., :3], slide)
        assert [(image.number, image.is_slide) for image in source.info.images] == [(1, False), (2, True)]
        note = strings.SEVERAL_IMAGES.format(count=2, number=2, width=480, height=360)
        assert note in source.info.notes

    @pytest.mark.parametrize(
        "description",
        [
            "Macro",
            "label 960x720",
            "Scanner 9\nLabel Image\n",
            '{"type": "overview"}',
            "Name=thumbnail;mpp=8",
            "<ImageType>Overview</ImageType>",
        ],
    )
    def test_an_image_that_is_called_otherwise_is_not_the_slide(
        self, description: str, slide: NDArray[np.uint8], other: NDArray[np.uint8], show: Any
    ) -> None:
        large = other.repeat(2, axis=0).repeat(2, axis=1)
        source = show([(large, {"description": description}), (slide, {"description": "a labelled slide"})])
        assert sizes(source) == [SIZE]
        assert source.info.images[0].name in description.lower()

    def test_macro_flag_of_aperio_marks_a_macro(
        self, slide: NDArray[np.uint8], other: NDArray[np.uint8], show: Any
    ) -> None:
        source = show([(other.repeat(2, axis=0).repeat(2, axis=1), {"subfiletype": 9}), (slide, {})])
        assert sizes(source) == [SIZE]

    def test_the_slide_may_lie_below_its_thumbnail(self, slide: NDArray[np.uint8], show: Any) -> None:
        source = show([(slide[::4, ::4], {"subifds": 2, **REDUCED}), (slide, {}), (slide[::2, ::2], REDUCED)])
        assert sizes(source) == PYRAMID
        assert source.info.images == ()

    def test_one_malformed_page_costs_itself(
        self, tmp_path: Path, slide: NDArray[np.uint8], show: Any, patch_tiff: Any
    ) -> None:
        show([(slide, {}), (slide[::2, ::2], REDUCED), (slide[::4, ::4], REDUCED)])
        patch_tiff(tmp_path / "a.tif", 1, 256, {0: 0})
        source = open_slide(tmp_path / "a.tif")
        assert sizes(source) == [PYRAMID[0], PYRAMID[2]]
        source.close()


class TestLevels:
    @pytest.mark.parametrize("flags", [{}, REDUCED])
    @pytest.mark.parametrize("first", [False, True])
    def test_another_picture_of_the_same_shape_is_no_level(
        self,
        first: bool,
        flags: dict[str, int],
        slide: NDArray[np.uint8],
        other: NDArray[np.uint8],
        show: Any,
    ) -> None:
        pages = [(slide, {}), (slide[::2, ::2], REDUCED)]
        pages.insert(0 if first else 2, (other[::4, ::4], flags))
        source = show(pages)
        assert sizes(source) == PYRAMID[:2]
        assert len(source.info.images) == 2

    def test_plain_pictures_are_told_apart_by_their_colour(self, show: Any) -> None:
        plain = np.full((360, 480, 3), 240, np.uint8)
        green = np.full((180, 240, 3), (0, 200, 0), np.uint8)
        assert sizes(show([(plain, {}), (green, REDUCED)])) == [SIZE]
        assert sizes(show([(plain, {}), (plain[::2, ::2], REDUCED)])) == PYRAMID[:2]

    @pytest.mark.parametrize("below", [False, True])
    def test_a_level_in_strips_beside_tiled_ones(
        self,
        below: bool,
        slide: NDArray[np.uint8],
        other: NDArray[np.uint8],
        show: Any,
        whole_level: WholeLevel,
    ) -> None:
        """One in a SubIFD, or called a smaller version; another picture that is called so is none."""
        flags = {**STRIPPED, "rowsperstrip": 16, **({} if below else REDUCED)}
        pages = [
            (slide, {"subifds": 2} if below else {}),
            (slide[::2, ::2], REDUCED),
            (slide[::4, ::4], flags),
        ]
        source = show([*pages, (other[::4, ::4], STRIPPED | REDUCED)])
        assert sizes(source) == PYRAMID
        assert len(source.info.images) == 2
        np.testing.assert_array_equal(whole_level(source, 2)[..., :3], slide[::4, ::4])

    @pytest.mark.parametrize("shift_px", [0, 2])
    def test_levels_may_be_cut_a_few_pixels_aside(
        self, shift_px: int, slide: NDArray[np.uint8], show: Any
    ) -> None:
        moved = np.roll(slide[::2, ::2], shift_px, axis=(0, 1))
        assert sizes(show([(slide, {}), (moved, {})])) == PYRAMID[:2]

    def test_sixteen_bits_are_compared_by_the_bits_in_use(self, slide: NDArray[np.uint8], show: Any) -> None:
        """12 bits in 16: their high bytes alone would all look plain."""
        deep = slide.astype(np.uint16) * 16
        wrong = deep[::-2, ::-2]
        assert sizes(show([(deep, {}), (deep[::2, ::2], {})])) == PYRAMID[:2]
        assert sizes(show([(deep, {}), (wrong, {})])) == [SIZE]

    @pytest.mark.parametrize("flags", [{}, REDUCED])
    def test_levels_in_sub_directories_need_neither_ome_nor_flags(
        self, flags: dict[str, int], slide: NDArray[np.uint8], show: Any, whole_level: WholeLevel
    ) -> None:
        source = show([(slide, {"subifds": 2}), (slide[::2, ::2], flags), (slide[::4, ::4], flags)])
        assert sizes(source) == PYRAMID
        assert source.info.reader == "tiff (direct)"
        np.testing.assert_array_equal(whole_level(source, 2)[..., :3], slide[::4, ::4])

    def test_each_of_two_pyramids_keeps_its_levels(
        self, slide: NDArray[np.uint8], other: NDArray[np.uint8], show: Any, whole_level: WholeLevel
    ) -> None:
        pages = [(slide, {}), (other, {}), (slide[::2, ::2], {}), (other[::2, ::2], {})]
        for image, pixels in ((1, slide), (2, other)):
            source = show(pages, image=image)
            assert sizes(source) == PYRAMID[:2]
            assert numbers(source) == [1, 2]
            np.testing.assert_array_equal(whole_level(source, 1)[..., :3], pixels[::2, ::2])

    def test_flagged_levels_belong_to_the_page_before_them(
        self, slide: NDArray[np.uint8], other: NDArray[np.uint8], show: Any, whole_level: WholeLevel
    ) -> None:
        pages = [(slide, {}), (slide[::2, ::2], REDUCED), (other, {}), (other[::4, ::4], REDUCED)]
        assert sizes(show(pages)) == PYRAMID[:2]
        source = show(pages, image=3)
        assert sizes(source) == [SIZE, PYRAMID[2]]
        np.testing.assert_array_equal(whole_level(source, 1)[..., :3], other[::4, ::4])

    @pytest.mark.parametrize("image", [None, 2])
    def test_a_coarse_page_that_cannot_be_read_is_no_level(
        self, image: int | None, tmp_path: Path, slide: NDArray[np.uint8], show: Any, patch_tiff: Any
    ) -> None:
        show([(slide, {}), (slide[::2, ::2], REDUCED)])
        path = tmp_path / "a.tif"
        patch_tiff(path, 1 if image is None else 0, 259, {0: 4711})
        with closing(open_slide(str(path) if image is None else f"{path}#image={image}")) as source:
            assert sizes(source) == ([SIZE] if image is None else [PYRAMID[1]])


class TestOme:
    @pytest.fixture
    def ome(self, show: Any) -> Callable[..., Source]:
        def write(*images: tuple[NDArray[np.uint8], int, dict[str, Any]], image: int | None = None) -> Source:
            pages: Pages = []
            for pixels, levels, facts in images:
                pages.append((pixels, {"subifds": levels, "metadata": {"axes": "YXS", **facts}}))
                pages += [
                    (pixels[:: 2**power, :: 2**power], {**REDUCED, "metadata": {}})
                    for power in range(1, levels + 1)
                ]
            return show(pages, image=image, ome=True)

        return write

    def test_images_are_never_levels_of_each_other(
        self, slide: NDArray[np.uint8], ome: Any, whole_level: WholeLevel
    ) -> None:
        images = (slide, 0, {"Name": "roi 1"}), (slide[::2, ::2], 0, {"Name": "roi 2"})
        source = ome(*images)
        assert sizes(source) == [SIZE]
        assert [image.name for image in source.info.images] == ["roi 1", "roi 2"]
        second = ome(*images, image=2)
        np.testing.assert_array_equal(whole_level(second, 0)[..., :3], slide[::2, ::2])

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"Name": "macro"}, {"Name": "slide"}),
            ({"Name": "label image"}, {}),
            ({"PhysicalSizeX": 8, "PhysicalSizeY": 8}, {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}),
        ],
    )
    def test_a_macro_is_told_by_its_name_or_its_pixels(
        self,
        first: dict[str, Any],
        second: dict[str, Any],
        slide: NDArray[np.uint8],
        other: NDArray[np.uint8],
        ome: Any,
    ) -> None:
        source = ome((other.repeat(2, axis=0).repeat(2, axis=1), 0, first), (slide, 2, second))
        assert sizes(source) == PYRAMID
        assert [image.is_shown for image in source.info.images] == [False, True]

    def test_each_image_has_its_own_scale(
        self, slide: NDArray[np.uint8], other: NDArray[np.uint8], ome: Any
    ) -> None:
        images = [
            (pixels, 1, {"PhysicalSizeX": um, "PhysicalSizeY": um})
            for pixels, um in ((slide, 0.25), (other, 0.5), (slide[::-1], 1.0))
        ]
        for number, mpp_um in ((None, 0.25), (2, 0.5), (3, 1.0)):
            source = ome(*images, image=number)
            assert source.info.mpp_um == (mpp_um, mpp_um)
            assert sizes(source) == PYRAMID[:2]

    def test_planes_of_an_image_are_no_images(self, slide: NDArray[np.uint8], show: Any) -> None:
        stack = np.stack([slide[..., 0]] * 3)
        planes = {"photometric": "minisblack", "metadata": {"axes": "ZYX", "Name": "stack"}}
        pages = [(stack, planes), (slide, {"metadata": {"axes": "YXS"}})]
        source = show(pages, ome=True)
        assert numbers(source) == [1, 4]
        with pytest.raises(SlideError, match=pattern(strings.NO_SUCH_IMAGE, number=2, numbers="1, 4")):
            show(pages, ome=True, image=2)

    def test_broken_xml_is_said_and_not_used(self, slide: NDArray[np.uint8], show: Any) -> None:
        source = show([(slide, {"description": "<OME><Image>"}), (slide[::2, ::2], REDUCED)])
        assert sizes(source) == PYRAMID[:2]
        (note,) = source.info.notes
        assert re.fullmatch(pattern(strings.OME_NOT_USED), note)


class TestNumber:
    def test_a_level_and_a_missing_page_are_no_images(self, slide: NDArray[np.uint8], show: Any) -> None:
        pages = [(slide, {}), (slide[::2, ::2], {})]
        for number in (2, 3):
            with pytest.raises(SlideError, match=pattern(strings.NO_SUCH_IMAGE, number=number, numbers="1")):
                show(pages, image=number)

    def test_of_an_aperio_slide_only_the_slide_is_opened(self, aperio_slide: Callable[..., Path]) -> None:
        path = aperio_slide()
        open_slide(f"{path}#image=1").close()
        with pytest.raises(SlideError, match=pattern(strings.NO_SUCH_IMAGE, number=2, numbers="1")):
            open_slide(f"{path}#image=2")

    def test_where_the_slide_cannot_be_read_no_other_image_is_shown_for_it(
        self, tmp_path: Path, slide: NDArray[np.uint8], show: Any, patch_tiff: Any
    ) -> None:
        """OpenSlide would open the first page."""
        show([(slide[::4, ::4], {}), (slide[::-1], {})])
        patch_tiff(tmp_path / "a.tif", 1, 259, {0: 4711})
        with pytest.raises(SlideError, match=pattern(strings.COMPRESSION, number=4711)):
            open_slide(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("directory", "tag", "value"),
    [
        pytest.param(0, 330, 2**31, id="no directory there"),
        pytest.param(0, None, 2**31, id="more of them than bytes"),
        pytest.param(1, 256, 0, id="malformed"),
        pytest.param(1, 259, 4711, id="unknown coding"),
        pytest.param(1, None, 2**31, id="no table of tiles"),
    ],
)
def test_levels_that_cannot_be_read_are_missed_in_a_note(
    directory: int,
    tag: int | None,
    value: int,
    show: Callable[..., Source],
    slide: NDArray[np.uint8],
    patch_tiff: Callable[..., None],
) -> None:
    source = show([(slide, {"subifds": 1}), (slide[::2, ::2], REDUCED)])
    path = source.info.path
    assert len(source.info.file_levels) == 2
    assert strings.LEVELS_UNREADABLE not in source.info.notes
    if directory == 0 and tag:
        patch_tiff(path, 0, 330, {0: value})
    else:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            found = page.pages[0].tags[tag or 324] if directory else page.tags[330]
            field = found.offset + (8 if directory else 4)  # the place of its values; how many there are
            place = field if tag is None else found.valueoffset
            size = 2 if tag == 259 else 4
        with path.open("r+b") as file:
            file.seek(place)
            file.write(value.to_bytes(size, "little"))
    with closing(open_slide(path)) as damaged:
        assert damaged.info.file_levels == (SIZE,)
        assert strings.LEVELS_UNREADABLE in damaged.info.notes


@pytest.mark.parametrize("is_flagged", [False, True])
def test_a_page_of_a_level_s_shape_is_missed_only_where_the_file_calls_it_a_level(
    is_flagged: bool, show: Callable[..., Source], slide: NDArray[np.uint8], patch_tiff: Callable[..., None]
) -> None:
    path = show([(slide, {}), (slide[::2, ::2], REDUCED if is_flagged else {})]).info.path
    patch_tiff(path, 1, 259, {0: 4711})
    with closing(open_slide(path)) as source:
        assert source.info.file_levels == (SIZE,)
        assert (strings.LEVELS_UNREADABLE in source.info.notes) == is_flagged
        assert numbers(source) == [1, 2]
