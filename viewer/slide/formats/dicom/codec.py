"""FrameCodec: the bytes of one DICOM frame to 8-bit grey or colours, whatever its transfer syntax.

Source: DICOM PS3.5, 8.2 and A.4 (transfer syntaxes), PS3.3 C.7.6.3.1.2 (photometric interpretation). Colours
come from the codestream where it tells them: what the header states about them is often wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.codecs.jpeg import JpegDecoder
from viewer.slide.formats.codecs.jpeg_2000 import decode_jpeg_2000, read_codestream_header
from viewer.slide.formats.codecs.pictures import decode_picture
from viewer.slide.formats.codecs.ycbcr import full_from_units, rgb_from_ycbcr
from viewer.slide.formats.dicom import strings
from viewer.slide.formats.dicom.dataset import BIG_ENDIAN, DEFLATED, IMPLICIT
from viewer.slide.formats.sample_range import SampleRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.formats.dicom.palette import Palette

_SYNTAXES = "1.2.840.10008.1.2"
NATIVE = "uncompressed"
CODINGS = {
    IMPLICIT: NATIVE,
    f"{_SYNTAXES}.1": NATIVE,
    f"{_SYNTAXES}.1.98": NATIVE,
    DEFLATED: NATIVE,
    BIG_ENDIAN: NATIVE,
    f"{_SYNTAXES}.5": "RLE",
    **{f"{_SYNTAXES}.4.{number}": "JPEG" for number in (50, 51, 53, 55, 57, 70)},
    **{f"{_SYNTAXES}.4.{number}": "JPEG-LS" for number in (80, 81)},
    **{f"{_SYNTAXES}.4.{number}": "JPEG 2000" for number in (90, 91, 92, 93)},
    **{f"{_SYNTAXES}.4.{number}": "JPEG XL" for number in (110, 111, 112)},
    **{f"{_SYNTAXES}.4.{number}": "HTJ2K" for number in (201, 202, 203)},
}
"""The name of each coding that is decoded, by its transfer syntax."""

_JPEG_2000 = ("JPEG 2000", "HTJ2K")
PALETTE = "PALETTE COLOR"
INVERTED = "MONOCHROME1"
"""Grey whose lowest number is white."""
COLOURS = {INVERTED: 1, "MONOCHROME2": 1, PALETTE: 1, "RGB": 3}
COLOURS |= dict.fromkeys(("YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"), 3)
"""Samples a pixel of each photometric interpretation that is shown."""


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How the frames of an image are coded; ``bits`` are those in use of the 8 or 16 of a sample.

    ``is_signed``: two's complement in these bits. ``palette``: the colours that the numbers stand for.
    """

    coding: str
    width: int
    height: int
    colours: str
    bits: int
    is_planar: bool
    is_big_endian: bool
    is_signed: bool = False
    palette: Palette | None = None

    @property
    def samples(self) -> int:
        return COLOURS[self.colours]

    @property
    def is_ycbcr(self) -> bool:
        """Whether the header states YCbCr."""
        return self.colours.startswith("YBR")

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("u1" if self.bits <= 8 else ">u2" if self.is_big_endian else "<u2")

    @property
    def is_halved(self) -> bool:
        """Whether two pixels share their chroma, as in YBR_FULL_422 without compression."""
        return self.coding == NATIVE and self.colours == "YBR_FULL_422"

    @property
    def frame_bytes(self) -> int:
        """Of a frame without compression."""
        samples = 2 if self.is_halved else self.samples
        return self.width * self.height * samples * self.dtype.itemsize

    @property
    def max_coded_bytes(self) -> int:
        """An upper bound of the bytes of a coded frame: no codec doubles its input."""
        return 2 * self.frame_bytes + 65536


class FrameCodec:
    """Decodes the frames of one image. Holds no pixels; safe to use from many threads."""

    def __init__(self, form: FrameForm) -> None:
        self._form = form
        self._jpeg = JpegDecoder(stated_ycbcr=form.is_ycbcr, is_binding=False)
        self._shown = SampleRange(0, (1 << form.bits) - 1) if form.bits != 8 else None

    def agrees_with_header(self, data: bytes) -> bool:
        """Whether a frame holds the colours that the header states, as OpenSlide takes for granted; it also
        takes YBR_ICT and YBR_RCT for transformed by the codestream. Raises CodecError.
        """
        form = self._form
        if form.samples == 1:
            return True
        if form.coding == "JPEG":
            return self._jpeg.is_ycbcr(data) == form.is_ycbcr
        if form.coding in _JPEG_2000:
            header = read_codestream_header(data)
            is_undone = header.is_transformed and not header.is_subsampled
            return is_undone or (form.colours == "RGB" and not (header.is_subsampled or header.is_sycc))
        return True

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """(h, w, 1) grey, (h, w, 3) RGB or (h, w, 4) opaque RGBA. Raises CodecError."""
        form = self._form
        pixels = self._samples(data)
        if form.is_signed:  # counted from the lowest number, which is black
            half = 1 << (form.bits - 1)
            pixels = (pixels.view(f"u{pixels.itemsize}") & (2 * half - 1)) ^ half
            if form.palette is not None:
                pixels = pixels.astype(np.int32) - half
        if form.palette is not None:
            return form.palette(pixels)
        shown: NDArray[np.uint8] = pixels if self._shown is None else self._shown.in_8_bits(pixels)
        return 255 - shown if form.colours == INVERTED else shown

    def _samples(self, data: bytes) -> NDArray[Any]:
        """(h, w, samples) of the file's bits, in colours RGB; 8-bit JPEG in colours RGBA."""
        form = self._form
        width, height, samples = form.width, form.height, form.samples
        native = form.dtype.newbyteorder("=")
        if form.coding == "JPEG":
            return self._jpeg.decode(data, width, height, samples, bits=form.bits)
        if form.coding in _JPEG_2000:
            is_ycbcr = form.is_ycbcr
            return decode_jpeg_2000(
                data, width, height, samples, bits=8 * native.itemsize, stated_ycbcr=is_ycbcr
            )
        if form.coding == "JPEG XL":  # which makes RGB of YCbCr by itself
            return decode_picture(form.coding, data, (height, width, samples), native)
        if form.coding == "JPEG-LS":
            pixels = decode_picture(form.coding, data, (height, width, samples), native)
        elif form.coding == "RLE":
            pixels = self._unpacked(data)
        else:
            pixels = self._native(data)
        return rgb_from_ycbcr(pixels, form.bits) if form.is_ycbcr else pixels

    def _unpacked(self, data: bytes) -> NDArray[Any]:
        form = self._form
        native = form.dtype.newbyteorder("=")
        size = form.width * form.height * form.samples
        try:
            planes = imagecodecs.dicomrle_decode(data, native, out=size * native.itemsize)
        except (RuntimeError, ValueError) as error:  # the base of every imagecodecs error
            raise CodecError(strings.FRAME_BYTES.format(found=error, expected=size)) from None
        pixels = np.frombuffer(planes, native)
        if pixels.size != size:
            raise CodecError(strings.FRAME_BYTES.format(found=pixels.size, expected=size))
        return np.moveaxis(pixels.reshape(form.samples, form.height, form.width), 0, 2)

    def _native(self, data: bytes) -> NDArray[Any]:
        form = self._form
        if len(data) < form.frame_bytes:
            raise CodecError(strings.FRAME_BYTES.format(found=len(data), expected=form.frame_bytes))
        numbers = np.frombuffer(data[: form.frame_bytes], form.dtype).astype(form.dtype.newbyteorder("="))
        if form.is_halved:
            pairs = numbers.reshape(form.height, form.width // 2, 4)
            return full_from_units(pairs, (2, 1), form.width, form.height)
        if form.is_planar:
            return np.moveaxis(numbers.reshape(form.samples, form.height, form.width), 0, 2)
        return numbers.reshape(form.height, form.width, form.samples)
