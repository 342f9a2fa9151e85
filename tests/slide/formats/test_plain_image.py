"""Plain images: what Pillow decodes comes out as tiles, what is lost is said, what is damaged is refused."""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.messages import pattern
from viewer.slide.formats import strings
from viewer.slide.formats.plain_image import open_image
from viewer.slide.geometry import TileKey
from viewer.slide.source import NotThisReader, SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT = 300, 130


@pytest.fixture
def rgb(picture: Any) -> NDArray[np.uint8]:
    return np.asarray(picture(WIDTH, HEIGHT))


def whole(path: Path, **options: Any) -> NDArray[np.uint8]:
    """The image's two tiles side by side."""
    with closing(open_image(path, **options)) as source:
        assert source.pyramid.levels[0].columns == 2
        return np.concatenate([source.read_tile(TileKey(0, column, 0)) for column in range(2)], axis=1)


def notes(path: Path) -> str:
    with closing(open_image(path)) as source:
        return " ".join(source.info.notes)


@pytest.mark.parametrize("ending", ["png", "bmp", "ppm", "webp", "jp2"])
def test_lossless_formats_keep_every_pixel(tmp_path: Path, rgb: NDArray[np.uint8], ending: str) -> None:
    path = tmp_path / f"image.{ending}"
    Image.fromarray(rgb).save(path, **({"lossless": True} if ending == "webp" else {}))
    pixels = whole(path)
    assert pixels.shape == (HEIGHT, WIDTH, 4)
    assert np.array_equal(pixels[..., :3], rgb)
    assert (pixels[..., 3] == 255).all()


@pytest.mark.parametrize(("ending", "name"), [("jpg", "JPEG"), ("avif", "AVIF")])
def test_lossy_formats_are_close_and_state_no_mpp(
    tmp_path: Path, rgb: NDArray[np.uint8], ending: str, name: str
) -> None:
    path = tmp_path / f"image.{ending}"
    Image.fromarray(rgb).save(path, quality=95, dpi=(300, 300))
    assert np.abs(whole(path)[..., :3].astype(int) - rgb).mean() < 3
    with closing(open_image(path)) as source:
        assert source.info.mpp_um is None
        assert (source.info.format, source.info.reader) == (name, "image")
        assert source.info.file_levels == ((WIDTH, HEIGHT),)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_cameras_orientation_is_applied(tmp_path: Path, rgb: NDArray[np.uint8], orientation: int) -> None:
    upright = {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.swapaxes(0, 1),
        6: np.rot90(rgb, -1),
        7: rgb[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(rgb, 1),
    }[orientation]
    path = tmp_path / "image.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(path, exif=exif)
    with closing(open_image(path)) as source:
        level = source.pyramid.levels[0]
        assert (level.height, level.width) == upright.shape[:2]
        tile = source.read_tile(TileKey(0, 0, 0))
        assert np.array_equal(tile[..., :3], upright[:256, :256])


def test_damaged_camera_notes_are_said(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    cut_short = b"Exif\0\0II*\0" + struct.pack("<IHHHII", 8, 1, 0x010F, 2, 0xFFFF, 0xFFFF0000) + bytes(4)
    Image.fromarray(rgb).save(tmp_path / "image.jpg", exif=cut_short)
    assert strings.PILLOW_WARNING.partition("{")[0] + "Tag data" in notes(tmp_path / "image.jpg")
    Image.fromarray(rgb).save(tmp_path / "image.png", exif=b"Exif\0\0nonsense")
    assert strings.EXIF_DAMAGED in notes(tmp_path / "image.png")


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[:, 200:] = (10, 20, 30, 255)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    Image.fromarray(rgba).quantize(8).save(tmp_path / "palette.png")
    for name in ("rgba.png", "palette.png"):
        pixels = whole(tmp_path / name)
        assert pixels[0, 0].tolist() == [255, 255, 255, 255]
        assert pixels[0, 299].tolist() == [10, 20, 30, 255]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_grey_and_palette_images(tmp_path: Path, rgb: NDArray[np.uint8], mode: str) -> None:
    image = Image.fromarray(rgb).convert("L").convert(mode)
    image.save(tmp_path / "image.png")
    assert np.array_equal(whole(tmp_path / "image.png")[..., :3], np.asarray(image.convert("RGB")))


def test_16_bit_grey_is_shifted_and_said(tmp_path: Path) -> None:
    samples = np.linspace(0, 4095, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    Image.fromarray(samples).save(tmp_path / "image.png")
    assert np.array_equal(whole(tmp_path / "image.png")[..., 0], samples >> 4)
    assert strings.DEEP_SAMPLES.format(white=4095) in notes(tmp_path / "image.png")


def test_16_bit_colour_is_said(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\x80\x12" * 3 * 300
    path = tmp_path / "deep.png"
    header = struct.pack(">IIBBBBB", 300, 2, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * 2))
        + chunk(b"IEND", b"")
    )
    assert whole(path)[0, 0].tolist() == [128, 128, 128, 255]
    assert strings.SHOWN_IN_8_BITS in notes(path)


def test_printing_colours_are_converted_and_said(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    Image.fromarray(rgb).convert("CMYK").save(tmp_path / "image.jpg", quality=95)
    assert np.abs(whole(tmp_path / "image.jpg")[..., :3].astype(int) - rgb).mean() < 6
    assert strings.PRINTING_COLOURS in notes(tmp_path / "image.jpg")


def test_the_first_of_several_pictures_is_shown_and_said(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert whole(tmp_path / "film.gif")[5, 5].tolist() == [255, 0, 0, 255]
    assert strings.FIRST_PICTURE_SHOWN in notes(tmp_path / "film.gif")


def test_the_colour_profile_is_kept(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(rgb).save(tmp_path / "image.png", icc_profile=profile)
    with closing(open_image(tmp_path / "image.png")) as source:
        assert source.info.icc_profile == profile


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "gif", "webp", "jp2"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_truncated_file_is_refused(
    tmp_path: Path, rng: np.random.Generator, ending: str, part: float
) -> None:
    path = tmp_path / f"image.{ending}"
    Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(SlideError, match=r"image\.\w+: "):
        open_image(path)


@pytest.mark.parametrize(
    ("ending", "options"), [("png", {}), ("webp", {}), ("webp", {"lossless": True}), ("gif", {})]
)
def test_too_many_pixels_are_refused_before_decoding(
    tmp_path: Path, ending: str, options: dict[str, bool]
) -> None:
    path = tmp_path / f"image.{ending}"
    Image.new("RGB", (WIDTH, HEIGHT)).save(path, **options)
    with pytest.raises(
        SlideError, match=f"{pattern(strings.IMAGE_TOO_LARGE)}|{pattern(strings.WEBP_TOO_LARGE)}"
    ):
        open_image(path, max_px=WIDTH * HEIGHT - 1)
    open_image(path, max_px=WIDTH * HEIGHT).close()


def test_a_png_that_claims_a_gigapixel_is_refused_without_a_warning(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "bomb.png")
    data = bytearray((tmp_path / "bomb.png").read_bytes())
    data[16:24] = struct.pack(">II", 100_000, 100_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "bomb.png").write_bytes(data)
    limit = Image.MAX_IMAGE_PIXELS
    with (
        warnings.catch_warnings(record=True) as complaints,
        pytest.raises(SlideError, match=pattern(strings.IMAGE_TOO_LARGE, width="100,000", height="100,000")),
    ):
        open_image(tmp_path / "bomb.png")
    assert complaints == []
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("content", [b"text", b"%PDF-1.7 and so on", b"II*\0" + bytes(60)])
def test_other_files_are_left_to_other_readers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NotThisReader, match=pattern(strings.IMAGE_OTHER_FORMAT)):
        open_image(tmp_path / "file")


@pytest.mark.parametrize("ending", ["avif", "png", "jpg", "gif", "jp2"])
def test_an_image_that_is_cut_short_is_called_so(tmp_path: Path, rgb: NDArray[np.uint8], ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.fromarray(rgb).save(path)
    data = path.read_bytes()
    for length in (24, len(data) // 2):
        path.write_bytes(data[:length])
        with pytest.raises(SlideError, match="damaged or cut short"):
            open_image(path)


def test_damaged_avif_is_refused(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    """Pillow raises another error for it than for other formats."""
    path = tmp_path / "a.avif"
    Image.fromarray(rgb).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(0x5A ^ byte for byte in data[len(data) // 2 :])
    path.write_bytes(data)
    with pytest.raises(SlideError, match=pattern(strings.IMAGE_DAMAGED)):
        open_image(path)
