"""JPEG 2000, HTJ2K too: codestreams and JP2 files to samples, RGB where the codestream can say so.

Source: ITU-T T.800 (A.5.1 size, A.6.1 coding style, I.4 boxes, I.5.3.3 colour), T.814 (HTJ2K).
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

_SIZE, _CODING_STYLE, _TILE_PART = b"\xff\x51", b"\xff\x52", b"\xff\x90"
_LEAST_PART_BYTES = 14
_COLOUR_OF_SYCC = b"colr\x01\x00\x00\x00\x00\x00\x12"
_MAX_BOXES = 100  # of a JP2 file, before its codestream


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
    start = 0 if data[:2] == b"\xff\x4f" else _codestream_in_file(data)
    header = data[start : start + 42]
    if len(header) < 42 or header[:4] != b"\xff\x4f" + _SIZE:
        raise CodecError(strings.NO_JPEG_2000_HEADER)
    x1, y1, x0, y0, tile_width, tile_height, tiles_x0, tiles_y0 = (
        int.from_bytes(header[8 + 4 * i : 12 + 4 * i], "big") for i in range(8)
    )
    components = int.from_bytes(header[40:42], "big")
    depths = data[start + 42 : start + 42 + 3 * components]
    if len(depths) < 3 * components or not components:
        raise CodecError(strings.NO_JPEG_2000_HEADER)
    tiles = 0
    if min(tile_width, tile_height) > 0:
        tiles = -(-(x1 - tiles_x0) // tile_width) * -(-(y1 - tiles_y0) // tile_height)
    if not 0 < tiles <= MAX_INNER_TILES:
        raise CodecError(strings.INNER_TILES.format(width=tile_width, height=tile_height))
    is_transformed, body = _coding_style(data, start + 4 + int.from_bytes(header[4:6], "big"))
    _check_tile_parts(data, body, tiles)
    return CodestreamHeader(
        width=x1 - x0,
        height=y1 - y0,
        components=components,
        bits=1 + max(depth & 0x7F for depth in depths[::3]),
        is_subsampled=any(depths[3 * i + 1 : 3 * i + 3] != b"\x01\x01" for i in range(components)),
        is_transformed=is_transformed,
        is_sycc=_COLOUR_OF_SYCC in data[:start],
    )


def _codestream_in_file(data: bytes) -> int:
    """Where the codestream of a JP2 file begins, by its boxes (I.4), as the decoder finds it: what looks like
    one in another box is none. The end of the file where there is none.
    """
    position = 0
    for _ in range(_MAX_BOXES):
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        head = 16 if length == 1 else 8
        if kind == b"jp2c":
            return position + head
        if length == 1:
            length = int.from_bytes(data[position + 8 : position + 16], "big")
        if length < head:
            break  # 0: the box takes all the rest
        position += length
    return len(data)


def _coding_style(data: bytes, position: int) -> tuple[bool, int]:
    """Whether the main header names a component transform, and where its tile parts begin; ``position`` is
    behind the size segment.
    """
    is_transformed = False
    while (marker := data[position : position + 2]) not in (b"", _TILE_PART):
        if marker == _CODING_STYLE:
            is_transformed = data[position + 8 : position + 9] != b"\0"
        position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4], "big"))
    return is_transformed, position


def _check_tile_parts(data: bytes, position: int, tiles: int) -> None:
    """Raise CodecError where a part is cut short or a tile has none: the decoder would make grey and blur of
    them without a word (A.4.2: a length of 0 is that of all the rest).
    """
    found: set[bytes] = set()
    while data[position : position + 2] == _TILE_PART:
        length = int.from_bytes(data[position + 6 : position + 10], "big") or len(data) - position
        if length < _LEAST_PART_BYTES or position + length > len(data):
            break
        found.add(data[position + 4 : position + 6])
        position += length
    else:
        if len(found) == tiles:
            return
    raise CodecError(strings.DAMAGED.format(coding="JPEG 2000", error=strings.CUT_SHORT))


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
    except (RuntimeError, ValueError) as error:  # the base of every imagecodecs error
        raise CodecError(strings.DAMAGED.format(coding="JPEG 2000", error=error)) from None
    pixels = pixels.reshape(height, width, samples)
    done = header.is_transformed or header.is_subsampled or header.is_sycc
    return rgb_from_ycbcr(pixels, header.bits) if stated_ycbcr and samples == 3 and not done else pixels
