"""JPEG, JPEG 2000 and other coded pictures against what their encoders were given; claims that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest

from tests.messages import pattern
from viewer.slide.formats.codecs import strings
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.codecs.jpeg import JpegDecoder
from viewer.slide.formats.codecs.jpeg_2000 import decode_jpeg_2000, read_codestream_header
from viewer.slide.formats.codecs.pictures import decode_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Picture = Callable[[int, int], NDArray[np.uint8]]

SIDE = 64


def decoder(*, stated_ycbcr: bool = False) -> JpegDecoder:
    return JpegDecoder(stated_ycbcr=stated_ycbcr, is_binding=False)


@pytest.fixture
def inks(picture: Picture) -> NDArray[np.uint8]:
    pixels = picture(SIDE, SIDE)
    return np.concatenate([pixels, pixels[..., :1]], axis=2)


class TestJpeg:
    @pytest.mark.parametrize("space", ["CMYK", "YCCK"])
    def test_four_components(self, space: str, inks: NDArray[np.uint8]) -> None:
        data = imagecodecs.jpeg8_encode(inks, level=97, colorspace="CMYK", outcolorspace=space)
        decoded = decoder().decode(data, SIDE, SIDE, 4, bits=8)
        assert np.abs(decoded.astype(int) - inks).mean() < 3

    def test_two_components(self, inks: NDArray[np.uint8]) -> None:
        data = imagecodecs.jpeg8_encode(inks[..., :2].copy(), level=97)
        decoded = decoder().decode(data, SIDE, SIDE, 2, bits=8)
        assert np.abs(decoded.astype(int) - inks[..., :2]).mean() < 3

    def test_lossless_ycbcr_is_made_rgb(self, picture: Picture) -> None:
        """The decoder itself never transforms what is without loss."""
        stored = np.full((SIDE, SIDE, 3), (120, 100, 160), np.uint8)
        data = imagecodecs.jpeg8_encode(stored, lossless=True).replace(b"RGB", b"\1\2\3")
        for start in (b"\xff\xc3", b"\xff\xda"):
            at = data.index(start) + (10 if start == b"\xff\xc3" else 5)
            step = 3 if start == b"\xff\xc3" else 2
            data = bytearray(data)
            data[at : at + 3 * step : step] = b"\1\2\3"
            data = bytes(data)
        data = data.replace(b"Adobe", b"Nobdy")
        decoded = decoder(stated_ycbcr=True).decode(data, SIDE, SIDE, 3, bits=8)
        assert decoded[0, 0].tolist() == [165, 107, 70, 255]

    def test_half_of_lossless_is_the_mean(self, picture: Picture) -> None:
        pixels = picture(SIDE, SIDE)
        data = imagecodecs.jpeg8_encode(pixels, lossless=True)
        half = decoder().decode(data, SIDE, SIDE, 3, bits=8, halve=True)
        boxed = pixels.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        assert np.abs(half[..., :3] - boxed).max() <= 0.5

    def test_other_bits_than_stated(self, picture: Picture) -> None:
        data = imagecodecs.jpeg8_encode(picture(SIDE, SIDE))
        with pytest.raises(CodecError, match=pattern(strings.TILE_BITS, found=8, expected=12)):
            decoder().decode(data, SIDE, SIDE, 3, bits=12)

    def test_tables_that_are_none(self) -> None:
        with pytest.raises(CodecError, match=strings.NO_JPEG_TABLES):
            JpegDecoder(stated_ycbcr=True, is_binding=True, tables=b"tables")


class TestJpeg2000:
    def encoded(self, pixels: NDArray[np.uint8]) -> bytes:
        data: bytes = imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True)
        return data

    def refused(self, data: bytes, reason: str, bits: int = 8) -> None:
        with pytest.raises(CodecError, match=reason):
            decode_jpeg_2000(data, SIDE, SIDE, 3, bits=bits, stated_ycbcr=False)

    def test_claims_that_do_not_fit(self, picture: Picture) -> None:
        data = self.encoded(picture(SIDE, SIDE))
        self.refused(b"", strings.NO_JPEG_2000_HEADER)
        self.refused(data[:45], strings.NO_JPEG_2000_HEADER)
        self.refused(data, pattern(strings.TILE_BITS, found=8, expected=16), bits=16)
        for side in (0, 1):
            self.refused(data[:24] + bytes([0, 0, 0, side] * 2) + data[32:], pattern(strings.INNER_TILES))
        self.refused(self.encoded(picture(SIDE, 32)), pattern(strings.TILE_SAMPLES, height=32))
        for length in (60, 120, len(data) - 10):
            cut_short = pattern(strings.DAMAGED, coding="JPEG 2000", error=strings.CUT_SHORT)
            self.refused(data[:length], cut_short)
        self.refused(data[:24] + bytes(3) + b"\x20" + data[28:], cut_short)
        damaged = bytearray(data)
        style = data.index(b"\xff\x52")
        damaged[style + 4 : style + 14] = b"\xff" * 10
        self.refused(bytes(damaged), pattern(strings.DAMAGED, coding="JPEG 2000"))

    def test_a_file_is_checked_by_the_codestream_that_is_decoded(self, picture: Picture) -> None:
        pixels = picture(SIDE, SIDE)
        file: bytes = imagecodecs.jpeg2k_encode(pixels, codecformat="jp2", reversible=True)
        decoy = self.encoded(picture(SIDE, 32))
        box = (8 + len(decoy)).to_bytes(4, "big") + b"uuid" + decoy
        behind = file.index(b"jp2h") - 4
        data = file[:behind] + box + file[behind:]
        decoded = decode_jpeg_2000(data, SIDE, SIDE, 3, bits=8, stated_ycbcr=False)
        np.testing.assert_array_equal(decoded, pixels)
        for start in (4, 0, 2**32 - 1):  # boxes that end nowhere
            self.refused(start.to_bytes(4, "big") + b"uuid" + decoy, strings.NO_JPEG_2000_HEADER)

    def test_header_without_coding_style_transforms_nothing(self, picture: Picture) -> None:
        data = self.encoded(picture(SIDE, SIDE))
        assert read_codestream_header(data).is_transformed
        style, part = data.index(b"\xff\x52"), data.index(b"\xff\x90")
        assert not read_codestream_header(data[:style] + data[part:]).is_transformed

    def test_segments_before_the_coding_style_are_stepped_over(self, picture: Picture) -> None:
        data = self.encoded(picture(SIDE, SIDE))
        style = data.index(b"\xff\x52")
        comment = b"\xff\x64\x00\x08\x00\x01text"[:10]
        assert read_codestream_header(data[:style] + comment + data[style:]).is_transformed


def test_a_picture_of_another_form_is_not_decoded(picture: Picture) -> None:
    data = imagecodecs.png_encode(picture(SIDE, SIDE))
    for shape, kind in (((SIDE, SIDE, 4), "u1"), ((SIDE, SIDE, 3), "u2"), ((8, 8, 3), "u1")):
        with pytest.raises(CodecError, match=pattern(strings.DAMAGED, coding="PNG")):
            decode_picture("PNG", data, shape, np.dtype(kind))
