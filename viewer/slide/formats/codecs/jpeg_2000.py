"""JPEG 2000, HTJ2K too: codestreams and JP2 files to samples, RGB where the codestream can say so.

Source: ITU-T T.800 (A.5.1 size, A.6.1 coding style, I.5.3.3 colour), T.814 (HTJ2K).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import imagecodecs

from viewer.slide.formats.codecs import strings
from viewer.slide.formats.codecs.codec_error import CodecError, check_claim
from viewer.slide.formats.codecs.ycbcr import rgb_from_ycbcr

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A JPEG 2000 stream has its own tiles inside; a scanner writes one. The decoder allocates for each before any
# pixel.
MAX_INNER_TILES = 256

_SIZE, _CODING_STYLE, _TILE_PART = b"\xff\x51", 0xFF52, 0xFF90
_COLOUR_OF_SYCC = b"colr\x01\x00\x00\x00\x00\x00\x12"
_SEARCHED_BYTES = 65536  # of a JP2 file, for its codestream: an ICC profile may lie before it


class CodestreamHeader(NamedTuple):
    """The main header: ``is_transformed`` is the component transform, which the decoder undoes to RGB."""

    width: int
    height: int
    components: int
    bits: int
    is_subsampled: bool
    is_transformed: bool
    is_sycc: bool


def read_codestream_header(data: bytes) -> CodestreamHeader:
    """Raises CodecError where there is none, or where it claims more inner tiles than any scanner writes."""
    start = 0 if data[:2] == b"\xff\x4f" else data[:_SEARCHED_BYTES].find(b"\xff\x4f" + _SIZE)
    header = data[start : start + 42]
    if start < 0 or len(header) < 42 or header[2:4] != _SIZE:
        raise CodecError(strings.NO_JPEG_2000_HEADER)
    x1, y1, x0, y0, tile_width, tile_height = (
        int.from_bytes(header[8 + 4 * i : 12 + 4 * i], "big") for i in range(6)
    )
    components = int.from_bytes(header[40:42], "big")
    depths = data[start + 42 : start + 42 + 3 * components]
    if len(depths) < 3 * components or not components:
        raise CodecError(strings.NO_JPEG_2000_HEADER)
    if min(tile_width, tile_height) < 1 or -(-x1 // tile_width) * -(-y1 // tile_height) > MAX_INNER_TILES:
        raise CodecError(strings.INNER_TILES.format(width=tile_width, height=tile_height))
    return CodestreamHeader(
        width=x1 - x0,
        height=y1 - y0,
        components=components,
        bits=1 + max(depth & 0x7F for depth in depths[::3]),
        is_subsampled=any(depths[3 * i + 1 : 3 * i + 3] != b"\x01\x01" for i in range(components)),
        is_transformed=_is_transformed(data, start + 4 + int.from_bytes(header[4:6], "big")),
        is_sycc=_COLOUR_OF_SYCC in data[:start],
    )


def _is_transformed(data: bytes, position: int) -> bool:
    """What the coding style in the main header says; ``position`` is behind the size segment."""
    while (marker := int.from_bytes(data[position : position + 2], "big")) not in (0, _TILE_PART):
        if marker == _CODING_STYLE:
            return data[position + 8 : position + 9] != b"\0"
        position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4], "big"))
    return False


def decode_jpeg_2000(
    data: bytes, width: int, height: int, samples: int, *, bits: int, stated_ycbcr: bool
) -> NDArray[Any]:
    """(height, width, samples) of a stream that must be of this form. Raises CodecError.

    ``stated_ycbcr`` tells what three components are that the codestream neither transforms nor subsamples;
    YCbCr is made RGB. The decoder itself makes RGB of transformed, subsampled and sYCC ones.
    """
    header = read_codestream_header(data)
    check_claim((header.width, header.height, header.components), (width, height, samples))
    if (header.bits > 8) != (bits > 8) or header.bits > bits:
        raise CodecError(strings.TILE_BITS.format(found=header.bits, expected=bits))
    try:
        pixels: NDArray[Any] = imagecodecs.jpeg2k_decode(data)
    except (imagecodecs.Jpeg2kError, ValueError) as error:
        raise CodecError(strings.DAMAGED.format(coding="JPEG 2000", error=error)) from None
    pixels = pixels.reshape(height, width, samples)
    if pixels.itemsize != (2 if bits > 8 else 1):
        raise CodecError(strings.TILE_BITS.format(found=8 * pixels.itemsize, expected=bits))
    done = header.is_transformed or header.is_subsampled or header.is_sycc
    return rgb_from_ycbcr(pixels, header.bits) if stated_ycbcr and samples == 3 and not done else pixels
