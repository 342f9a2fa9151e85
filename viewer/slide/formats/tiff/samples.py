"""The numbers that a TIFF image holds, of any kind, unscaled: for images that are maps, not pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.slide.formats.tiff.layout import coded_tile, read_tile_table
from viewer.slide.formats.tiff.raw import raw_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.tiff.layout import TiffImage
    from viewer.slide.formats.tiff.pieces import PieceDecoder

_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
_BITS = {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
_PREDICTORS = {"u": (1, 2), "i": (1, 2), "f": (1, 2, 3)}


def kind_of_numbers(image: TiffImage) -> np.dtype[Any] | None:
    """The dtype of its samples; None where ``read_numbers`` does not support them."""
    kind = _KINDS.get(image.ifd.number(339, 1))
    if kind is None or image.bits not in _BITS[kind] or image.predictor not in _PREDICTORS[kind]:
        return None
    return np.dtype(f"{kind}{image.bits // 8}") if image.fill_order in (1, 2) else None


def read_numbers(file: ByteSource, image: TiffImage, sample: int) -> NDArray[Any]:
    """One sample of every pixel: (height, width) of ``kind_of_numbers``, which is not None, of an image
    that is compressed without loss.

    Raises TiffFormatError, CodecError, EOFError and OSError for what is damaged or cannot be read: part of
    an image is never returned as the whole.
    """
    kind = kind_of_numbers(image)
    assert kind is not None, "checked by the caller"
    offsets, counts = read_tile_table(image)
    numbers = np.empty((image.height, image.width), kind)
    first = sample * image.tiles_per_plane if image.separate_planes else 0
    for tile in range(image.tiles_per_plane):
        top = tile // image.columns * image.tile_height
        left = tile % image.columns * image.tile_width
        rows = image.tile_height if image.tiled else min(image.tile_height, image.height - top)
        data = coded_tile(image, file, int(offsets[first + tile]), int(counts[first + tile]))
        values = raw_samples(image, data, rows)[..., 0 if image.separate_planes else sample]
        here = numbers[top : top + image.tile_height, left : left + image.tile_width]
        here[...] = np.ascontiguousarray(values[: here.shape[0], : here.shape[1]]).view(kind)
    return numbers


def read_stripped(file: ByteSource, image: TiffImage, decoder: PieceDecoder) -> NDArray[np.uint8]:
    """The whole image: (height, width, samples) of 1 to 4 samples as ``TileCodec.decode`` gives them; strips
    that the file leaves out are white.

    Raises CodecError or EOFError for a damaged strip: part of an image is never shown as the whole.
    """
    offsets, counts = read_tile_table(image)
    pixels: NDArray[np.uint8] | None = None
    left_out = []
    for strip in range(image.rows):
        rows = slice(strip * image.tile_height, (strip + 1) * image.tile_height)
        indices = [strip + plane * image.tiles_per_plane for plane in decoder.codec.planes]
        if not all(offsets[index] and counts[index] for index in indices):
            left_out.append(rows)
            continue
        planes = [coded_tile(image, file, int(offsets[index]), int(counts[index])) for index in indices]
        decoded = decoder.decode(planes, 0, strip)
        if image.rows == 1:
            return decoded  # uncopied: it may take half a gigabyte
        if pixels is None:
            pixels = np.empty((image.height, image.width, decoded.shape[2]), np.uint8)
        pixels[rows] = decoded
    if pixels is None:
        return np.full((image.height, image.width, 1), 255, np.uint8)
    for rows in left_out:
        pixels[rows] = 255
    return pixels
