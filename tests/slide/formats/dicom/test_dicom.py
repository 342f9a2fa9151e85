"""DICOM slides that OpenSlide refuses or shows in wrong colours: pixels and facts."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from tests.slide.formats.dicom_files import Elements, cut, in_items, rle, write_dicom
from viewer.slide.formats.codecs.strings import DAMAGED
from viewer.slide.formats.dicom import strings
from viewer.slide.formats.strings import ASSOCIATED_SIZE
from viewer.slide.formats.tiff.strings import PLANES
from viewer.slide.geometry import TileKey
from viewer.slide.source import SlideError, TileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]

SIZE = (150, 120)


def jpeg(frame: NDArray[np.uint8], **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=97, **options)
    return buffer.getvalue()


def ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).convert("YCbCr"))


def coded(frames: list[NDArray[Any]], encode: Callable[[NDArray[Any]], bytes]) -> list[bytes]:
    return [encode(frame) for frame in frames]


LOSSLESS: dict[str, tuple[str, Callable[[NDArray[Any]], bytes]]] = {
    "RLE": ("5", rle),
    "JPEG lossless": ("4.70", lambda frame: imagecodecs.jpeg8_encode(frame, lossless=True)),
    "JPEG-LS": ("4.80", imagecodecs.jpegls_encode),
    "JPEG XL": ("4.110", lambda frame: imagecodecs.jpegxl_encode(frame, lossless=True)),
    "HTJ2K": ("4.201", lambda frame: imagecodecs.htj2k_encode(frame, reversible=True)),
    "JPEG 2000": ("4.90", lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True)),
}


@pytest.mark.parametrize("coding", LOSSLESS)
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("colours", ["RGB", "MONOCHROME2"])
def test_lossless_codings_give_the_written_pixels(
    coding: str,
    deep: bool,
    colours: str,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(*SIZE) if colours == "RGB" else picture(*SIZE)[..., 0]
    stored = pixels.astype(np.uint16) * 257 if deep else pixels
    syntax, encode = LOSSLESS[coding]
    frames = coded(list(cut(stored, 64)), encode)
    path = write_dicom(tmp_path / "a.dcm", frames, syntax=syntax, colours=colours, bits=16 if deep else 8)
    source = opened(path)
    expected = pixels if colours == "RGB" else pixels[..., None].repeat(3, axis=2)
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], expected)
    assert (strings.SHOWN_IN_8_BITS.format(bits=16, white=65535) in source.info.notes) == deep


@pytest.mark.parametrize("syntax", ["", "1", "2"])
@pytest.mark.parametrize("is_planar", [False, True])
@pytest.mark.parametrize(("colours", "bits"), [("RGB", 8), ("RGB", 12), ("YBR_FULL", 8), ("MONOCHROME1", 12)])
def test_frames_without_compression_in_every_encoding(
    syntax: str,
    is_planar: bool,
    colours: str,
    bits: int,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(*SIZE)
    if colours.startswith("MONO"):
        pixels = pixels[..., :1].repeat(3, axis=2)
    stored: NDArray[Any] = ycbcr(pixels) if colours == "YBR_FULL" else pixels
    if colours == "MONOCHROME1":
        stored = 255 - pixels[..., 0]
    if bits == 12:
        stored = (stored.astype(np.uint16) * 16).astype(">u2" if syntax == "2" else "<u2")
    frames = [
        (np.moveaxis(frame, 2, 0) if is_planar and frame.ndim == 3 else frame).tobytes()
        for frame in cut(stored, 64)
    ]
    options = {"syntax": syntax, "colours": colours, "bits": bits, "is_planar": is_planar}
    source = opened(write_dicom(tmp_path / "a.dcm", frames, is_open=True, **options))
    shown = whole_level(source, 0)[..., :3].astype(int)
    assert np.abs(shown - pixels).max() <= (3 if colours == "YBR_FULL" else 0)


def test_chroma_of_two_pixels_in_one_is_spread(
    tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    frame = np.empty((64, 32, 4), np.uint8)
    frame[...] = (100, 200, 128, 128)
    path = write_dicom(tmp_path / "a.dcm", [frame.tobytes()], colours="YBR_FULL_422", size=(64, 64))
    shown = whole_level(opened(path), 0)[..., :3]
    assert (shown[:, 0::2] == 100).all()
    assert (shown[:, 1::2] == 200).all()


@pytest.mark.parametrize(
    ("stated", "options"),
    [
        ("RGB", {"subsampling": 2}),  # bfconvert
        ("RGB", {"subsampling": 0}),
        ("YBR_FULL_422", {"subsampling": 0, "keep_rgb": True}),
        ("YBR_FULL_422", {"subsampling": 1}),
        ("RGB", {"subsampling": 0, "keep_rgb": True}),
    ],
)
def test_jpeg_colours_are_those_of_the_stream(
    stated: str,
    options: dict[str, Any],
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(*SIZE)
    frames = [jpeg(frame, **options) for frame in cut(pixels, 64)]
    path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.50", colours=stated)
    source = opened(path)
    assert np.abs(whole_level(source, 0)[..., :3].astype(int) - pixels).mean() < 3
    is_true = (stated == "RGB") == bool(options.get("keep_rgb"))
    assert (strings.COLOURS_OTHERWISE in source.info.reader_reason) != is_true


@pytest.mark.parametrize("syntax", ["4.91", "4.203"])
@pytest.mark.parametrize("colours", ["YBR_ICT", "YBR_FULL_422", "RGB"])
def test_jpeg_2000_that_is_not_transformed_holds_what_is_stated(
    syntax: str, colours: str, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    """Slides converted from Aperio's 33003 state YBR_ICT for YCbCr that the codestream knows nothing of."""
    pixels = picture(*SIZE)
    stored = pixels if colours == "RGB" else ycbcr(pixels)
    frames = [
        imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=False, reversible=True)
        for frame in cut(stored, 64)
    ]
    source = opened(write_dicom(tmp_path / "a.dcm", frames, syntax=syntax, colours=colours))
    assert np.abs(whole_level(source, 0)[..., :3].astype(int) - pixels).max() <= (
        0 if colours == "RGB" else 3
    )


@pytest.mark.parametrize("colours", ["YBR_ICT", "YBR_RCT", "RGB"])
def test_jpeg_2000_that_is_transformed_is_rgb_whatever_is_stated(
    colours: str, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    frames = [
        imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=True, reversible=True)
        for frame in cut(pixels, 64)
    ]
    source = opened(write_dicom(tmp_path / "a.dcm", frames, syntax="4.90", colours=colours))
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


class TestSlides:
    """Files of one series make one slide."""

    def frames(self, pixels: NDArray[np.uint8], side: int = 64) -> list[bytes]:
        return [imagecodecs.jpegls_encode(frame) for frame in cut(pixels, side)]

    def test_levels_label_and_facts_come_from_the_files_of_the_series(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        fine, coarse, label = picture(300, 200), picture(150, 100), picture(64, 64)
        options = {"syntax": "4.80"}
        opened_path = write_dicom(tmp_path / "b.dcm", self.frames(coarse), size=(150, 100), **options)
        write_dicom(tmp_path / "a.dcm", self.frames(fine), size=(300, 200), **options)
        write_dicom(tmp_path / "c.dcm", self.frames(label), size=(64, 64), kind="LABEL", **options)
        write_dicom(tmp_path / "d.dcm", self.frames(fine), size=(600, 400), series="9.9", **options)
        (tmp_path / "note.txt").write_text("no DICOM")
        (tmp_path / "e.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:700])
        (tmp_path / "folder").mkdir()
        source = opened(opened_path)
        assert (source.info.format, source.info.reader) == ("DICOM WSI", "dicom")
        assert source.info.file_levels == ((300, 200), (150, 100))
        assert source.info.mpp_um == pytest.approx((0.25, 0.5))
        assert source.info.objective_power == 20
        assert source.info.properties["dicom.Modality"] == "SM"
        np.testing.assert_array_equal(whole_level(source, 0)[..., :3], fine)
        np.testing.assert_array_equal(whole_level(source, 1)[..., :3], coarse)
        assert source.info.associated_images == ("label",)
        np.testing.assert_array_equal(source.read_associated_image("label")[..., :3], label)
        with pytest.raises(KeyError):
            source.read_associated_image("macro")

    def test_parts_of_one_level_are_put_together(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        pixels = picture(*SIZE)
        frames = self.frames(pixels)
        write_dicom(tmp_path / "a.dcm", frames[:2], syntax="4.80")
        path = write_dicom(tmp_path / "b.dcm", frames[2:], syntax="4.80", first_frame=2)
        np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)

    def test_frames_lie_where_they_state_and_gaps_are_background(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        pixels = picture(*SIZE)
        frames = self.frames(pixels)
        path = write_dicom(
            tmp_path / "a.dcm", [frames[4], frames[0]], syntax="4.80", positions=[(64, 64), (0, 0)]
        )
        shown = whole_level(opened(path), 0)[..., :3]
        np.testing.assert_array_equal(shown[:64, :64], pixels[:64, :64])
        np.testing.assert_array_equal(shown[64:, 64:128], pixels[64:, 64:128])
        assert (shown[:64, 64:] == 255).all()

    def test_colours_are_asked_of_the_first_frame_behind_all_positions(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        pixels = picture(*SIZE)
        frames = [jpeg(frame, subsampling=2) for frame in cut(pixels, 64)]
        places = [(x, y) for y in (0, 64) for x in (0, 64, 128)]
        for is_open in (False, True):
            options = {"syntax": "4.50", "positions": places, "is_open": is_open}
            source = opened(write_dicom(tmp_path / "a.dcm", frames, **options))
            assert source.info.reader == "dicom"
            assert np.abs(whole_level(source, 0)[..., :3].astype(int) - pixels).mean() < 3

    def test_more_focal_planes_are_said(self, tmp_path: Path, picture: Picture, opened: Opened) -> None:
        frames = self.frames(picture(*SIZE)) * 2
        path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80", planes=2)
        assert PLANES.format(planes=2) in opened(path).info.notes

    def test_large_frames_are_cut(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        pixels = picture(1300, 1100)
        frames = self.frames(pixels, 1280)
        path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80", size=(1300, 1100), side=1280)
        source = opened(path)
        assert source.pyramid.levels[0].tile_width == 512
        np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)

    @pytest.mark.parametrize("offsets", [False, True])
    def test_frames_in_several_fragments(
        self, offsets: bool, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        pixels = picture(*SIZE) if offsets else picture(64, 64)
        parts = [[frame[:100], frame[100:]] for frame in self.frames(pixels)]
        path = write_dicom(
            tmp_path / "a.dcm",
            [b""] * len(parts),
            syntax="4.80",
            size=(pixels.shape[1], pixels.shape[0]),
            pixel_data=in_items(parts, offsets=offsets),
        )
        np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)

    def test_items_that_end_with_the_file(
        self, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
    ) -> None:
        pixels = picture(*SIZE)
        frames = self.frames(pixels)
        items = in_items([[frame] for frame in frames])[:-8]
        path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80", pixel_data=items)
        np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)

    def test_a_damaged_frame_is_one_tile_error(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        frames = self.frames(picture(600, 300), 256)
        frames[1] = frames[1][:40]
        path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80", size=(600, 300), side=256)
        source = opened(path)
        damaged = pattern(strings.FRAME, path=path, frame=2, error="") + pattern(DAMAGED, coding="JPEG-LS")
        with pytest.raises(TileError, match=damaged):
            source.read_tile(TileKey(0, 1, 0))
        assert source.read_tile(TileKey(0, 0, 0)).shape == (256, 256, 4)
        source.close()
        with pytest.raises(TileError):
            source.read_tile(TileKey(0, 0, 0))
        with pytest.raises(TileError):
            source.read_tile(TileKey(0, 99, 0))

    def test_what_lies_beside_and_cannot_be_read_is_left_out(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        frames = self.frames(picture(*SIZE))
        write_dicom(tmp_path / "b.dcm", frames, syntax="4.80", sop_class="1.2")
        write_dicom(tmp_path / "c.dcm", frames, syntax="4.80", size=(300, 20))  # of no shape of the slide
        write_dicom(tmp_path / "d.dcm", frames, syntax="4.100", size=(150, 120))  # MPEG
        (tmp_path / "empty.dcm").touch()
        path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80", size=(300, 240))
        assert opened(path).info.file_levels == ((300, 240),)

    def test_size_of_a_pixel_that_is_not_stated_is_not_known(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        frames = self.frames(picture(*SIZE))
        for spacing in ("", "0.1", "nonsense\\0.1"):
            path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80", spacing=spacing)
            assert opened(path).info.mpp_um is None

    def test_label_beyond_reason_is_not_allocated(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        frames = self.frames(picture(*SIZE))
        path = write_dicom(tmp_path / "a.dcm", frames, syntax="4.80")
        write_dicom(tmp_path / "b.dcm", frames, syntax="4.80", kind="LABEL", size=(70_000, 70_000))
        source = opened(path)
        with pytest.raises(SlideError, match=pattern(ASSOCIATED_SIZE, name="label")):
            source.read_associated_image("label")

    def test_a_private_value_of_any_size_is_stepped_over(
        self, tmp_path: Path, picture: Picture, opened: Opened
    ) -> None:
        path = write_dicom(tmp_path / "a.dcm", self.frames(picture(*SIZE)), syntax="4.80")
        data = path.read_bytes()
        place = data.index(struct.pack("<HH", 0x0020, 0x000E))
        private = Elements().add(0x00190001, "UN", bytes(17 << 20)).data
        unknown = Elements(is_explicit=False).sequence(0x00400555, [], is_open=True).data[8:]
        head = Elements().add(0x00190002, "UN", b"", 0xFFFFFFFF).data
        path.write_bytes(data[:place] + private + head + unknown + data[place:])
        assert opened(path).info.mpp_um is not None
