"""Every way a TIFF can code its tiles: the pixels are the written ones, and the same as OpenSlide's."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from viewer.slide.formats.tiff import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    OpenSlideLevel = Callable[[Path, int], NDArray[np.uint8]]

APERIO = "Aperio Image Library v11.2.1\n430x300 (64x64) J2K|AppMag = 20"


def write(
    path: Path, pixels: NDArray[Any], *, byteorder: str = "<", bigtiff: bool = False, **options: Any
) -> Path:
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=bigtiff) as tiff:
        tiff.write(pixels, tile=options.pop("tile", (64, 64)), metadata=None, **options)
    return path


@pytest.mark.parametrize(
    "compression", ["none", "lzw", "deflate", "zlib", "packbits", "zstd", "lzma", "webp", "jpeg2000"]
)
@pytest.mark.parametrize("bigtiff", [False, True])
def test_lossless_codecs_give_the_written_pixels(
    compression: str, bigtiff: bool, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(430, 300)
    source = opened(
        write(tmp_path / "a.tif", pixels, photometric="rgb", compression=compression, bigtiff=bigtiff)
    )
    assert source.info.reader == "tiff (direct)"
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", ["lzw", "deflate", "zstd"])
def test_horizontal_differencing_is_undone(
    byteorder: str,
    compression: str,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(130, 100)
    path = write(
        tmp_path / "a.tif",
        pixels,
        photometric="rgb",
        compression=compression,
        predictor=True,
        byteorder=byteorder,
    )
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], pixels)


def test_differencing_tag_without_a_codec_that_does_it_is_ignored_as_in_openslide(
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    openslide_level: OpenSlideLevel,
) -> None:
    path = write(
        tmp_path / "a.tif", picture(130, 100), photometric="rgb", compression="packbits", predictor=True
    )
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], openslide_level(path, 0))


def adobe(transform: int) -> bytes:
    return b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


@pytest.mark.parametrize("marker", ["none", "jfif", "adobe says RGB", "adobe says YCbCr"])
@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_jpeg_colours_follow_the_tiff_tags_whatever_the_markers_say(
    marker: str,
    photometric: str,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    openslide_level: OpenSlideLevel,
    patch_tiff: Callable[..., None],
) -> None:
    """RGB JPEG without an Adobe marker must not be taken for YCbCr, nor the reverse."""
    pixels = picture(64, 64)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=98, subsampling=0, keep_rgb=photometric == "rgb")
    encoded = buffer.getvalue()
    frame = encoded.index(b"\xff\xdb")  # the encoder's own colour marker lies before its tables
    markers = {
        "none": b"",
        "jfif": b"\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0",
        "adobe says RGB": adobe(0),
        "adobe says YCbCr": adobe(1),
    }
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            iter([b"\xff\xd8" + markers[marker] + encoded[frame:]]),
            shape=(64, 64, 3),
            dtype=np.uint8,
            tile=(64, 64),
            photometric="ycbcr",
            compression="jpeg",
            metadata=None,
        )
    patch_tiff(path, 0, 262, {0: 2 if photometric == "rgb" else 6})
    ours = whole_level(opened(path), 0)[..., :3]
    np.testing.assert_array_equal(ours, openslide_level(path, 0))
    assert np.abs(ours.astype(int) - pixels).mean() < 4


@pytest.mark.parametrize("compression", ["deflate", "jpeg"])
def test_rgb_in_separate_planes(
    compression: str,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    openslide_level: OpenSlideLevel,
) -> None:
    planes = np.ascontiguousarray(np.moveaxis(picture(430, 300), 2, 0))
    path = write(
        tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", compression=compression
    )
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], openslide_level(path, 0))


@pytest.mark.parametrize(
    ("photometric", "compression"),
    [("minisblack", "deflate"), ("miniswhite", "deflate"), ("minisblack", "jpeg"), ("palette", "deflate")],
)
def test_one_sample_becomes_the_colour_that_openslide_shows(
    photometric: str,
    compression: str,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    openslide_level: OpenSlideLevel,
) -> None:
    ramp = np.arange(256)
    options = {}
    if photometric == "palette":
        options["colormap"] = np.stack([ramp * 257, ramp[::-1] * 257, np.full(256, 30000)]).astype(np.uint16)
    path = write(
        tmp_path / "a.tif",
        picture(430, 300)[..., 0],
        photometric=photometric,
        compression=compression,
        **options,
    )
    np.testing.assert_array_equal(whole_level(opened(path), 0)[..., :3], openslide_level(path, 0))


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_transparent_pixels_lie_on_white(
    kind: str,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    openslide_level: OpenSlideLevel,
) -> None:
    pixels = picture(300, 200)
    alpha = np.clip(np.arange(300) - 20, 0, 255)[None, :, None].repeat(200, axis=0)
    if kind == "assocalpha":
        pixels = (pixels * alpha // 255).astype(np.uint8)
    rgba = np.concatenate([pixels, alpha.astype(np.uint8)], axis=2)
    path = write(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=[kind], compression="deflate")
    ours = whole_level(opened(path), 0)[..., :3]
    assert (ours[:, :20] == 255).all()
    # OpenSlide rounds twice: to premultiplied and back.
    assert np.abs(ours.astype(int) - openslide_level(path, 0)).max() <= 2


def test_a_fourth_sample_that_is_no_alpha_is_left_out_and_said_so(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(100, 100)
    four = np.concatenate([pixels, np.zeros((100, 100, 1), np.uint8)], axis=2)
    source = opened(write(tmp_path / "a.tif", four, photometric="rgb", extrasamples=["unspecified"]))
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)
    assert strings.MORE_SAMPLES.format(count=1) in source.info.notes


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("tile", [(64, 64), None])
def test_16_bits_are_scaled_by_the_bits_in_use_and_said_so(
    byteorder: str,
    tile: tuple[int, int] | None,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    """A 12-bit camera in 16-bit samples would be black if the low byte were simply dropped."""
    grey = picture(200, 150)[..., 0]
    deep = grey.astype(np.uint16) * 16
    deep[0, 0] = 4095
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, byteorder=byteorder) as tiff:
        tiff.write(
            deep, tile=tile, photometric="minisblack", compression="deflate", predictor=True, metadata=None
        )
    source = opened(path)
    shown = whole_level(source, 0)[..., 0]
    assert shown[0, 0] == 255
    np.testing.assert_array_equal(shown[1:], grey[1:])
    assert strings.SHOWN_IN_8_BITS.format(white=4095) in source.info.notes


def test_signed_bytes_are_shifted_to_unsigned_and_said_so(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    grey = picture(100, 80)[..., 0]
    source = opened(
        write(tmp_path / "a.tif", (grey.astype(int) - 128).astype(np.int8), photometric="minisblack")
    )
    np.testing.assert_array_equal(whole_level(source, 0)[..., 0], grey)
    assert strings.SIGNED in source.info.notes


@pytest.mark.parametrize("compression", [33003, 33005])
def test_aperio_jpeg_2000_is_equal_to_openslide(
    compression: int,
    tmp_path: Path,
    opened: Opened,
    whole_level: WholeLevel,
    openslide_level: OpenSlideLevel,
) -> None:
    """33003 holds YCbCr, 33005 RGB; every pair of chroma values occurs."""
    chroma = np.mgrid[:256, :256].astype(np.uint8)
    pixels = np.dstack([np.full((256, 256), 128, np.uint8), chroma[0], chroma[1]])
    tile = imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", mct=False, reversible=True)
    path = tmp_path / "a.svs"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            iter([tile]),
            shape=(256, 256, 3),
            dtype=np.uint8,
            tile=(256, 256),
            photometric="rgb",
            compression=compression,
            description=APERIO,
            metadata=None,
        )
    source = opened(path)
    assert source.info.reader == "tiff (direct)"
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], openslide_level(path, 0))


def test_first_of_many_channels_is_shown_and_said_so(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    planes = np.ascontiguousarray(np.moveaxis(np.concatenate([picture(130, 90)] * 2, axis=2), 2, 0))
    path = write(
        tmp_path / "a.tif", planes, photometric="minisblack", planarconfig="separate", compression="deflate"
    )
    source = opened(path)
    np.testing.assert_array_equal(whole_level(source, 0)[..., 0], planes[0])
    assert strings.MORE_SAMPLES.format(count=5) in source.info.notes


@pytest.mark.parametrize(
    ("size", "tile", "engine"),
    [
        ((700, 600), 64, 256),
        ((700, 600), 128, 256),
        ((700, 600), 240, 240),
        ((700, 600), 512, 512),
        ((2100, 1100), 1024, 1024),
    ],
)
def test_small_tiles_are_gathered_into_engine_tiles(
    size: tuple[int, int],
    tile: int,
    engine: int,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
) -> None:
    pixels = picture(*size)
    source = opened(
        write(tmp_path / "a.tif", pixels, photometric="rgb", compression="lzw", tile=(tile, tile))
    )
    assert (source.pyramid.levels[0].tile_width, source.pyramid.levels[0].tile_height) == (engine, engine)
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


def test_huge_tiles_that_openslide_refuses_are_cut(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(2100, 1500)
    path = write(tmp_path / "a.tif", pixels, photometric="rgb", compression="webp", tile=(1488, 2048))
    with pytest.raises(openslide.OpenSlideError):
        openslide.OpenSlide(path)
    source = opened(path)
    assert source.pyramid.levels[0].tile_width == 512
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)


def test_stripped_image_is_decoded_whole(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(300, 200)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", compression="lzw", rowsperstrip=17, metadata=None)
    source = opened(path)
    assert source.info.reader == "tiff (whole)"
    np.testing.assert_array_equal(whole_level(source, 0)[..., :3], pixels)
