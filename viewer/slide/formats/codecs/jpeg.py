"""JpegDecoder: JPEG of any process and depth to samples, in the colours that the stream itself shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import simplejpeg

from viewer.slide.formats.codecs import strings
from viewer.slide.formats.codecs.codec_error import CodecError, check_claim
from viewer.slide.formats.codecs.jpeg_stream import (
    BASELINE_TO_PROGRESSIVE,
    LOSSLESS,
    JpegError,
    JpegHeader,
    adobe_segment,
    read_header,
    tables_markers,
)
from viewer.slide.formats.codecs.ycbcr import rgb_from_ycbcr

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RAW = "UNKNOWN"


class JpegDecoder:
    """Decodes the JPEG streams of one image. Holds no pixels; safe to use from many threads.

    ``stated_ycbcr`` is what the file states about three components, and ``is_binding`` as for
    ``JpegHeader.holds_ycbcr``. ``tables`` are those that the file keeps apart. Raises CodecError.
    """

    def __init__(self, *, stated_ycbcr: bool, is_binding: bool, tables: bytes | None = None) -> None:
        self._stated_ycbcr = stated_ycbcr
        self._is_binding = is_binding
        try:
            self._tables = tables_markers(tables)
        except JpegError as error:
            raise CodecError(str(error)) from None
        self._header: JpegHeader | None = None

    def is_ycbcr(self, data: bytes) -> bool:
        """Whether the three components of a stream are decoded as YCbCr. Raises CodecError."""
        return self._holds_ycbcr(self._header_of(data))

    def decode(
        self, data: bytes, width: int, height: int, samples: int, *, bits: int, halve: bool = False
    ) -> NDArray[Any]:
        """(height, width, samples) of a stream that must be of this form; three samples of 8 bits come as
        opaque RGBA, which costs nothing.

        ``halve``: at half the size, through the decoder's own 4×4 inverse transform, for even sides and 8
        bits. Raises CodecError.
        """
        header = self._header_of(data)
        check_claim((header.width, header.height, header.components), (width, height, samples))
        if (header.bits > 8) != (bits > 8):
            raise CodecError(strings.TILE_BITS.format(found=header.bits, expected=bits))
        is_ycbcr = samples == 3 and self._holds_ycbcr(header)
        transform = 2 if samples == 4 and header.markers.adobe_transform == 2 else int(is_ycbcr)
        prefix = (adobe_segment(transform) if samples > 2 else b"") + self._tables.segments
        stream = header.rewritten(prefix) + data[len(header.original) :]
        try:
            if header.bits == 8 and samples in (1, 3) and header.process in BASELINE_TO_PROGRESSIVE:
                return _common(stream, "GRAY" if samples == 1 else "RGBA", width, height, halve=halve)
            is_lossless = header.process == LOSSLESS  # which is never transformed by the decoder
            space = {1: "GRAYSCALE", 3: "YCBCR" if is_ycbcr and not is_lossless else "RGB"}.get(samples, _RAW)
            if samples == 4:
                space = "YCCK" if transform == 2 else "CMYK"
            out = np.empty((height, width) if samples == 1 else (height, width, samples), _dtype(bits))
            shown = {"YCBCR": "RGB", "YCCK": "CMYK"}.get(space, space)
            decoded = imagecodecs.jpeg8_decode(stream, colorspace=space, outcolorspace=shown, out=out)
        except (imagecodecs.Jpeg8Error, ValueError) as error:
            raise CodecError(strings.DAMAGED.format(coding="JPEG", error=error)) from None
        pixels: NDArray[Any] = decoded.reshape(height, width, samples)
        if is_lossless and is_ycbcr:
            pixels = rgb_from_ycbcr(pixels, header.bits)
        if samples == 3 and bits <= 8:
            return np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], axis=2)
        return pixels

    def _holds_ycbcr(self, header: JpegHeader) -> bool:
        return header.holds_ycbcr(stated=self._stated_ycbcr, tables=self._tables, is_binding=self._is_binding)

    def _header_of(self, data: bytes) -> JpegHeader:
        """The streams of a file begin alike: the header of the one before usually fits, and saves parsing."""
        header = self._header
        if header is None or not data.startswith(header.original):
            try:
                self._header = header = read_header(data)
            except JpegError as error:
                raise CodecError(strings.DAMAGED.format(coding="JPEG", error=error)) from None
        return header


def _common(stream: bytes, colours: str, width: int, height: int, *, halve: bool) -> NDArray[np.uint8]:
    """8-bit grey or colour by the fast decoder. Raises ValueError for damage, CodecError."""
    if not halve:
        whole: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, colours)
        return whole
    half: NDArray[np.uint8] = simplejpeg.decode_jpeg(
        stream, colours, min_width=width // 2, min_height=height // 2, min_factor=2
    )
    if half.shape[:2] != (height // 2, width // 2):
        raise CodecError(strings.HALF_TILE.format(shape=half.shape))
    return half


def _dtype(bits: int) -> type[np.uint8 | np.uint16]:
    return np.uint16 if bits > 8 else np.uint8
