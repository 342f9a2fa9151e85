"""Tiles of a TIFF that are compressed without loss, and know nothing of pixels: bytes to numbers."""

from __future__ import annotations

import lzma
import struct
from math import prod
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.codecs.ycbcr import full_from_units
from viewer.slide.formats.tiff import strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.slide.formats.tiff.layout import TiffImage

_LONG = 4
_MAX_LZMA_BYTES = 2**28  # the largest dictionary of xz -9 takes a quarter
_HEADER = struct.Struct("<2sHI")
_ENTRY = struct.Struct("<HHII")


def lzw_decode(data: bytes | memoryview, out: int) -> memoryview:
    """The first ``out`` bytes of a stream. Raises RuntimeError where it is damaged or holds fewer.

    By libtiff in memory: Pillow's prints what is damaged, and imagecodecs' own LZW writes beyond its memory.
    """
    decoded: NDArray[np.uint8] = imagecodecs.tiff_decode(
        _file_of_strip(data, {256: out, 257: 1, 258: 8, 259: 5})
    )
    return decoded.reshape(-1).data


def _file_of_strip(data: bytes | memoryview, tags: dict[int, int]) -> bytes:
    """A TIFF of one strip, for libtiff: ``tags`` are width, height, bits and coding."""
    tags = {**tags, 262: 1, 277: 1, 278: tags[257], 279: len(data)}
    tags[273] = _HEADER.size + 2 + (len(tags) + 1) * _ENTRY.size + 4
    entries = (_ENTRY.pack(tag, _LONG, 1, value) for tag, value in sorted(tags.items()))
    head = _HEADER.pack(b"II", 42, _HEADER.size) + struct.pack("<H", len(tags))
    return b"".join((head, *entries, struct.pack("<I", 0), data))


def _fax_decode(data: bytes, tags: dict[int, int]) -> NDArray[np.uint8]:
    """(rows, width) of 0 and 1. Raises ValueError for damaged group 4; the others go on at the next row.

    Pillow's libtiff prints what is damaged, and gives rows made up from there on.
    """
    try:
        bits: NDArray[np.bool_] = imagecodecs.tiff_decode(_file_of_strip(data, tags))
    except RuntimeError:  # its words are those of another function
        raise ValueError(strings.FAX_DAMAGED) from None
    return bits.view(np.uint8)


def packbits_decode(data: bytes, out: int) -> bytes:
    """The first ``out`` bytes of runs; what follows them is not theirs. Raises RuntimeError.

    Source: TIFF 6.0, section 9.
    """
    try:
        return bytes(imagecodecs.packbits_decode(data, out=out))
    except RuntimeError:
        position = filled = 0  # more than so many bytes, or a run that is cut short
    while filled < out and position < len(data):
        head = data[position]
        if head < 128:
            filled += head + 1
            position += head + 2
        else:
            filled += 257 - head if head > 128 else 0
            position += 2 if head > 128 else 1
    return bytes(imagecodecs.packbits_decode(data[:position], out=filled)[:out])


def lzma_decode(data: bytes, out: int) -> bytes:
    """The first ``out`` bytes of a stream, which may end before ``data`` does. Raises ValueError."""
    try:
        return lzma.LZMADecompressor(memlimit=_MAX_LZMA_BYTES).decompress(data, max_length=out)
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from error


def zstd_decode(data: bytes, out: int) -> bytes:
    """A frame of ``out`` bytes at most, without what follows it. Raises ValueError or RuntimeError."""
    return bytes(imagecodecs.zstd_decode(data[: _zstd_frame_bytes(data)], out=out))


def _zstd_frame_bytes(data: bytes) -> int:
    """Where the frame at the start of ``data`` ends, by the sizes of its blocks. Source: RFC 8878, 3.1.1."""
    flags = data[4] if len(data) > 4 else 0
    is_single = flags >> 5 & 1
    content = (is_single, 2, 4, 8)[flags >> 6]
    position = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3] + content
    while position + 3 <= len(data):
        head = int.from_bytes(data[position : position + 3], "little")
        position += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)  # a run is one byte, repeated
        if head & 1:
            return position + 4 * (flags >> 2 & 1)
    return len(data)


_DECODERS: dict[str, Callable[..., bytes | bytearray | memoryview]] = {
    "LZW": lzw_decode,
    "deflate": imagecodecs.deflate_decode,
    "PackBits": packbits_decode,
    "LZMA": lzma_decode,
    "Zstandard": zstd_decode,
}
LOSSLESS = ("uncompressed", "CCITT", *_DECODERS)
"""The codings that ``raw_samples`` decodes."""

# TIFF keeps differencing to these; with others the Predictor tag is ignored, as libtiff does.
_DIFFERENCED = ("LZW", "deflate", "LZMA", "Zstandard")

_FROM_THE_RIGHT = 2
"""FillOrder: the first bit is the lowest of its byte."""


def raw_samples(image: TiffImage, data: bytes, rows: int) -> NDArray[Any]:
    """(rows, tile width, samples) of a tile without loss, as whole numbers of the file's bits, or of the next
    8 or 16: floats are still to be viewed as such. Raises CodecError.
    """
    if not image.has_units:
        return _stored_samples(image, data, (rows, image.tile_width, image.tile_samples))
    units = _stored_samples(image, data, image.units_of_rows(rows))
    return full_from_units(units, image.chroma, image.tile_width, rows)


def _stored_samples(image: TiffImage, data: bytes, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Samples as they lie in a tile. Raises CodecError."""
    rows = shape[0]
    if image.fill_order == _FROM_THE_RIGHT:
        data = bytes(imagecodecs.bitorder_decode(data))
    dtype = np.dtype(f"u{image.dtype.itemsize}").newbyteorder(image.ifd.byte_order)
    row_samples = shape[1] * shape[2]
    is_packed = image.bits != 8 * dtype.itemsize
    size = rows * -(-row_samples * image.bits // 8) if is_packed else prod(shape) * dtype.itemsize
    decoder = _DECODERS.get(image.coding)
    try:
        if image.coding == "CCITT":
            tags = {256: row_samples, 257: rows, 258: 1, 259: image.compression}
            return _fax_decode(data, {**tags, 292: image.ifd.number(292, 0)}).reshape(shape)
        raw = decoder(data, out=size) if decoder else data[:size]
    except (RuntimeError, ValueError) as error:  # the base of every imagecodecs error; of lzma
        raise CodecError(strings.DAMAGED_DATA.format(coding=image.coding, error=error)) from None
    if len(raw) != size:
        raise CodecError(strings.TILE_BYTE_COUNT.format(found=len(raw), expected=size))
    if is_packed:
        native = dtype.newbyteorder("=")
        numbers: NDArray[Any] = imagecodecs.packints_decode(
            bytes(raw), native, image.bits, runlen=row_samples
        )
        return numbers.reshape(shape)
    is_differenced = image.coding in _DIFFERENCED
    if image.predictor == 3 and is_differenced:
        shuffled = np.frombuffer(raw, f"f{dtype.itemsize}").reshape(shape)
        undone: NDArray[Any] = imagecodecs.floatpred_decode(shuffled, axis=1)
        return undone.view(dtype.newbyteorder("="))
    samples = np.frombuffer(raw, dtype).reshape(shape)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if image.predictor == 2 and is_differenced:
        whole: NDArray[Any] = imagecodecs.delta_decode(samples, axis=1)
        return whole
    return samples
