"""Pyramids, facts, missing tiles, damage and threads of the direct TIFF path, on made slides."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from viewer.slide.formats.codecs import strings as codec_strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.source import open_tiff
from viewer.slide.geometry import TileKey
from viewer.slide.planes import PlaneAxes
from viewer.slide.source import NotThisReader, TileError
from viewer.slide.strings import CLOSED, FILE_TRUNCATED, NO_SUCH_TILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    OpenSlideLevel = Callable[[Path, int], NDArray[np.uint8]]
    AperioSlide = Callable[..., Path]
    PatchTiff = Callable[..., None]
    FileAt = Callable[[Path], SlideFile]

SUBFILE_TYPE, WIDTH, COMPRESSION, PHOTOMETRIC, SAMPLES = 254, 256, 259, 262, 277
TILE_HEIGHT, OFFSETS, COUNTS = 323, 324, 325


def sizes(source: Source) -> list[tuple[int, int]]:
    return [(level.width, level.height) for level in source.pyramid.levels]


class TestPyramid:
    def test_aperio_facts_are_openslide_s(self, aperio_slide: AperioSlide, opened: Opened) -> None:
        info = opened(aperio_slide()).info
        assert (info.format, info.reader) == ("Aperio SVS", "tiff (direct)")
        assert (info.mpp_um, info.objective_power) == ((0.5, 0.5), 20.0)
        assert info.properties["aperio.AppMag"] == "20"
        assert info.file_levels == ((1100, 830), (275, 207))
        assert info.reader_reason == strings.DIRECT.format(coding="JPEG", width=64, height=64)

    def test_level_between_levels_4x_apart_is_derived(
        self, aperio_slide: AperioSlide, opened: Opened
    ) -> None:
        source = opened(aperio_slide(width=1101, height=831, ratios=(1, 4, 8)))
        assert sizes(source) == [(1101, 831), (551, 416), (275, 207), (137, 103)]
        assert source.info.file_levels == ((1101, 831), (275, 207), (137, 103))

    def test_derived_level_is_the_box_filtered_finer_one(
        self, aperio_slide: AperioSlide, opened: Opened, whole_level: WholeLevel
    ) -> None:
        """The decoder's half-size transform keeps brightness, and details to a fraction of a grey level."""
        source = opened(aperio_slide(width=1024, height=768, tile=256))
        full, half = whole_level(source, 0)[..., :3], whole_level(source, 1)[..., :3]
        boxed = full.reshape(384, 2, 512, 2, 3).mean(axis=(1, 3))
        assert np.abs(half - boxed).mean() < 0.6
        assert abs((half - boxed).mean()) < 0.1

    def test_derived_level_of_a_grey_jpeg_is_opaque(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        path, grey = tmp_path / "a.tif", picture(640, 512)[..., 0]
        options = {"tile": (128, 128), "photometric": "minisblack", "compression": "jpeg", "metadata": None}
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(grey, **options)
            tiff.write(grey[::4, ::4].copy(), subfiletype=1, **options)
        half = whole_level(opened(path), 1)
        assert (half[..., 3] == 255).all()
        boxed = grey.reshape(256, 2, 320, 2).mean(axis=(1, 3))
        assert np.abs(half[..., 1] - boxed).mean() < 2

    def test_no_level_is_derived_between_levels_2x_apart(
        self, aperio_slide: AperioSlide, opened: Opened
    ) -> None:
        assert sizes(opened(aperio_slide(ratios=(1, 2)))) == [(1100, 830), (550, 415)]

    def test_no_level_is_derived_from_tiles_that_do_not_halve(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        path = tmp_path / "a.tif"
        pixels = picture(600, 400)
        options = {"tile": (128, 128), "photometric": "rgb", "compression": "lzw", "metadata": None}
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(pixels, **options)
            tiff.write(pixels[::4, ::4].copy(), subfiletype=1, **options)
        assert sizes(opened(path)) == [(600, 400), (150, 100)]

    @pytest.mark.parametrize("level", [0, 1])
    @pytest.mark.parametrize("size", [(1100, 830), (1089, 1025)])
    def test_file_levels_are_equal_to_openslide(
        self,
        level: int,
        size: tuple[int, int],
        aperio_slide: AperioSlide,
        opened: Opened,
        whole_level: WholeLevel,
        openslide_level: OpenSlideLevel,
    ) -> None:
        path = aperio_slide(width=size[0], height=size[1])
        pixels = whole_level(opened(path), 2 * level)
        np.testing.assert_array_equal(pixels[..., :3], openslide_level(path, level))

    def test_overviews_masks_and_other_images_are_distinguished(
        self, tmp_path: Path, picture: Picture, patch_tiff: PatchTiff, opened: Opened
    ) -> None:
        path = tmp_path / "cog.tif"
        pixels = picture(600, 400)
        options = {"tile": (128, 128), "photometric": "rgb", "compression": "deflate", "metadata": None}
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(pixels, **options)
            tiff.write(pixels[::2, ::2].copy(), subfiletype=1, **options)
            tiff.write(pixels[::2, ::2, 0].copy(), subfiletype=1, **(options | {"photometric": "minisblack"}))
            tiff.write(pixels[:300, :300].copy(), **options)
        patch_tiff(path, 2, SUBFILE_TYPE, {0: 5})
        patch_tiff(path, 2, PHOTOMETRIC, {0: 4})
        source = opened(path)
        assert source.info.reader == "tiff (direct)"
        assert sizes(source) == [(600, 400), (300, 200)]

    def test_sizes_that_no_instrument_has_are_not_believed(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        """A pixel 1e600 times as high as wide would make the field of view endless and tiles of no height."""
        path = tmp_path / "a.ome.tif"
        metadata = {"axes": "YXS", "PhysicalSizeX": 1e-300, "PhysicalSizeY": 1e300}
        with tifffile.TiffWriter(path, ome=True) as tiff:
            tiff.write(picture(300, 200), tile=(128, 128), photometric="rgb", metadata=metadata)
        source = opened(path)
        assert source.info.format == "OME-TIFF"
        assert source.info.mpp_um is None
        assert source.pyramid.pixel_aspect == 1.0

    def test_ome_levels_lie_in_sub_directories(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        path = tmp_path / "a.ome.tif"
        pixels = picture(600, 400)
        metadata = {
            "axes": "YXS",
            "PhysicalSizeX": 250,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 0.275,
            "PhysicalSizeYUnit": "µm",
        }
        options = {"tile": (128, 128), "photometric": "rgb", "compression": "lzw"}
        with tifffile.TiffWriter(path, ome=True) as tiff:
            tiff.write(pixels, subifds=2, metadata=metadata, **options)
            tiff.write(pixels[::2, ::2].copy(), subfiletype=1, **options)
            tiff.write(pixels[::4, ::4].copy(), subfiletype=1, **options)
        source = opened(path)
        assert source.info.format == "OME-TIFF"
        assert source.info.mpp_um == pytest.approx((0.25, 0.275))
        assert source.pyramid.pixel_aspect == pytest.approx(1.1)
        assert source.info.file_levels == ((600, 400), (300, 200), (150, 100))
        np.testing.assert_array_equal(whole_level(source, 2)[..., :3], pixels[::4, ::4])

    def test_ome_planes_are_counted_by_axis_and_the_first_is_shown(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        path = tmp_path / "a.ome.tif"
        stack = np.stack([picture(200, 130)[..., channel] for channel in (0, 1, 2, 0, 1, 2)]).reshape(
            3, 2, 130, 200
        )
        tifffile.imwrite(
            path, stack, ome=True, photometric="minisblack", tile=(64, 64), metadata={"axes": "ZCYX"}
        )
        source = opened(path)
        assert source.info.planes == PlaneAxes(channels=2, z=3)
        assert strings.PLANES.format(planes=6) in source.info.notes
        np.testing.assert_array_equal(whole_level(source, 0)[..., 0], stack[0, 0])

    def test_icc_profile_is_handed_on(self, tmp_path: Path, picture: Picture, opened: Opened) -> None:
        path = tmp_path / "a.tif"
        profile = bytes(range(256)) * 2
        # WebP tiles: OpenSlide refuses them, so the profile comes from the tag alone.
        tifffile.imwrite(
            path,
            picture(100, 90),
            tile=(64, 64),
            photometric="rgb",
            compression="webp",
            iccprofile=profile,
            metadata=None,
        )
        assert opened(path).info.icc_profile == profile


class TestMissingTiles:
    @pytest.mark.parametrize("tags", [(COUNTS,), (OFFSETS, COUNTS)])
    @pytest.mark.parametrize("missing_from", [0, 1])
    @pytest.mark.parametrize("description", ["Aperio {width}x{height}", "plain {tile}"])
    def test_are_what_openslide_shows(
        self,
        tags: tuple[int, ...],
        missing_from: int,
        description: str,
        aperio_slide: AperioSlide,
        patch_tiff: PatchTiff,
        opened: Opened,
        whole_level: WholeLevel,
        openslide_level: OpenSlideLevel,
    ) -> None:
        """White at level 0; Aperio's coarser levels are filled from the finer one."""
        path = aperio_slide(width=1100, height=828, description=description)
        for tag in tags:
            patch_tiff(path, missing_from, tag, dict.fromkeys([0, 3, 7], 0))
        source = opened(path)
        for level in range(2):
            shown = whole_level(source, 2 * level)[..., :3]
            np.testing.assert_array_equal(shown, openslide_level(path, level))

    def test_are_filled_in_the_derived_level_too(
        self, aperio_slide: AperioSlide, patch_tiff: PatchTiff, opened: Opened, whole_level: WholeLevel
    ) -> None:
        path = aperio_slide(width=1280, height=1280, ratios=(1, 2, 8))
        whole = whole_level(opened(path), 2)
        patch_tiff(path, 1, COUNTS, {0: 0, 11: 0})
        filled = whole_level(opened(path), 2)
        assert np.abs(whole.astype(int) - filled).mean() < 1

    def test_empty_slide_is_all_background(
        self, aperio_slide: AperioSlide, patch_tiff: PatchTiff, opened: Opened, whole_level: WholeLevel
    ) -> None:
        path = aperio_slide(width=200, height=100, ratios=(1,))
        for tag in (OFFSETS, COUNTS):
            patch_tiff(path, 0, tag, dict.fromkeys(range(8), 0))
        assert (whole_level(opened(path), 0) == 255).all()


class TestDamage:
    def test_damaged_tile_is_one_tile_error_and_the_rest_works(
        self, aperio_slide: AperioSlide, patch_tiff: PatchTiff, opened: Opened
    ) -> None:
        path = aperio_slide(width=600, height=300, ratios=(1,), tile=256)
        patch_tiff(path, 0, OFFSETS, {1: 8})
        source = opened(path)
        damaged = r"made\.svs" + pattern(strings.TILE, locator="", column=1, row=0, error="")
        with pytest.raises(TileError, match=damaged + pattern(codec_strings.DAMAGED, coding="JPEG")):
            source.read_tile(TileKey(0, 1, 0))
        assert source.read_tile(TileKey(0, 0, 0)).shape == (256, 256, 4)

    def test_jpeg_cut_short_is_a_tile_error(
        self, aperio_slide: AperioSlide, patch_tiff: PatchTiff, opened: Opened
    ) -> None:
        path = aperio_slide(width=600, height=300, ratios=(1,), tile=256)
        patch_tiff(path, 0, COUNTS, {1: 1500})
        with pytest.raises(
            TileError, match=pattern(codec_strings.DAMAGED, coding="JPEG", error="Premature end")
        ):
            opened(path).read_tile(TileKey(0, 1, 0))

    def test_tile_of_another_size_than_the_header_says_is_not_decoded(
        self, aperio_slide: AperioSlide, opened: Opened
    ) -> None:
        path = aperio_slide(width=600, height=300, ratios=(1,), tile=256)
        data = bytearray(path.read_bytes())
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = b"\xff\xf0\xff\xf0"
        path.write_bytes(data)
        with pytest.raises(TileError, match=pattern(codec_strings.TILE_SAMPLES, width=65520, height=65520)):
            opened(path).read_tile(TileKey(0, 0, 0))

    def test_tile_that_claims_more_bytes_than_its_pixels_is_not_read(
        self, aperio_slide: AperioSlide, patch_tiff: PatchTiff, opened: Opened
    ) -> None:
        path = aperio_slide(width=600, height=300, ratios=(1,), tile=256)
        patch_tiff(path, 0, COUNTS, {1: 10_000_000})
        with pytest.raises(TileError, match=pattern(strings.TILE_CLAIM, count=10_000_000)):
            opened(path).read_tile(TileKey(0, 1, 0))

    @pytest.mark.parametrize(
        ("tag", "value", "reason"),
        [
            (WIDTH, 2**31 - 1, pattern(strings.TILE_TABLE, code=324)),
            (WIDTH, 0, pattern(strings.IMAGE_SIZE, width=0, height=300)),
            (TILE_HEIGHT, 65520, pattern(strings.TILES_LARGE, width=512, height=65520)),
            (TILE_HEIGHT, 1, pattern(strings.TILES_SMALL)),
            (SAMPLES, 60000, pattern(strings.TILE_BYTES)),
            (COMPRESSION, 34661, pattern(strings.COMPRESSION, number=34661)),
            (SAMPLES, 0, pattern(strings.IMAGE_SAMPLES, samples=0)),
            (SAMPLES, 5, pattern(strings.WEBP_SAMPLES, samples=5)),
            (PHOTOMETRIC, 32803, pattern(strings.COLOUR_SPACE, number=32803)),
            (SAMPLES, 2, pattern(strings.COLOUR_SAMPLES, samples=2)),
            (PHOTOMETRIC, 3, strings.PALETTE_BITS),
            (TILE_HEIGHT, 0, pattern(strings.IMAGE_TILE_SIZE, height=0)),
        ],
    )
    def test_claims_that_cannot_be_are_refused(
        self,
        tag: int,
        value: int,
        reason: str,
        tmp_path: Path,
        picture: Picture,
        patch_tiff: PatchTiff,
        file_at: FileAt,
    ) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(
            path, picture(600, 300), tile=(256, 512), photometric="rgb", compression="webp", metadata=None
        )
        patch_tiff(path, 0, tag, {0: value})
        with pytest.raises(NotThisReader, match=reason):
            open_tiff(file_at(path))

    def test_aperio_levels_that_openslide_sees_otherwise_are_left_to_it(
        self, aperio_slide: AperioSlide, patch_tiff: PatchTiff, opened: Opened
    ) -> None:
        path = aperio_slide(ratios=(1, 4))
        patch_tiff(path, 1, WIDTH, {0: 200})  # no longer of the slide's shape
        source = opened(path)
        assert source.info.reader == "openslide"
        assert re.search(pattern(strings.OTHER_LEVELS), source.info.reader_reason)


class TestLife:
    def test_slide_cut_short_while_open_gives_tile_errors(
        self, aperio_slide: AperioSlide, opened: Opened
    ) -> None:
        path = aperio_slide(width=1100, height=830, ratios=(1,), tile=256)
        source = opened(path)
        with path.open("r+b") as file:
            file.truncate(2000)
        with pytest.raises(TileError, match=pattern(FILE_TRUNCATED)):
            source.read_tile(TileKey(0, 3, 2))

    def test_slide_deleted_while_open_goes_on(
        self, aperio_slide: AperioSlide, opened: Opened, whole_level: WholeLevel
    ) -> None:
        path = aperio_slide(ratios=(1,))
        source = opened(path)
        before = whole_level(source, 0)
        path.unlink()
        np.testing.assert_array_equal(whole_level(source, 0), before)

    def test_file_cut_short_before_opening_is_said(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(
            path, picture(600, 400), tile=(128, 128), photometric="rgb", compression="webp", metadata=None
        )
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 1)
            assert strings.TILE_BEYOND_FILE in opened(path).info.notes
            file.truncate(path.stat().st_size * 2 // 3)
        beyond = re.compile(pattern(strings.TILES_BEYOND_FILE))
        assert any(beyond.fullmatch(note) for note in opened(path).info.notes)

    def test_closing_twice_is_allowed_and_reads_after_it_fail(self, aperio_slide: AperioSlide) -> None:
        source = open_slide(aperio_slide())
        source.close()
        source.close()
        with pytest.raises(TileError, match=CLOSED):
            source.read_tile(TileKey(0, 0, 0))

    @pytest.mark.parametrize("key", [TileKey(9, 0, 0), TileKey(0, -1, 0), TileKey(0, 0, 99)])
    def test_tile_that_does_not_exist_is_a_tile_error(
        self, key: TileKey, aperio_slide: AperioSlide, opened: Opened
    ) -> None:
        with pytest.raises(TileError, match=pattern(NO_SUCH_TILE)):
            opened(aperio_slide()).read_tile(key)

    def test_unknown_associated_image_is_a_key_error(self, aperio_slide: AperioSlide, opened: Opened) -> None:
        with pytest.raises(KeyError):
            opened(aperio_slide()).read_associated_image("label")

    def test_many_threads_read_the_same_pixels_while_one_closes(self, aperio_slide: AperioSlide) -> None:
        source = open_slide(aperio_slide(width=1100, height=830, ratios=(1, 4), tile=256))
        expected = {(level, c): source.read_tile(TileKey(level, c, 0)) for level in (0, 1) for c in (0, 1)}
        wrong: list[object] = []

        def read() -> None:
            for turn in range(60):
                level, column = turn % 2, turn // 2 % 2
                try:
                    tile = source.read_tile(TileKey(level, column, 0))
                except TileError as error:
                    if "closed" not in str(error):
                        wrong.append(error)
                    return
                if not np.array_equal(tile, expected[level, column]):
                    wrong.append((level, column))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        source.close()
        for thread in threads:
            thread.join()
        assert wrong == []
