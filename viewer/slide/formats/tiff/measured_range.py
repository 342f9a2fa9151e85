"""The range that the samples of a TIFF image are shown over, where they are of more than 8 bits or signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.sample_range import SampleRange, range_of
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.codec import TileCodec
from viewer.slide.formats.tiff.ifd import TiffFormatError
from viewer.slide.formats.tiff.layout import LAB, PALETTE, coded_tile, read_tile_table
from viewer.slide.formats.tiff.pieces import PieceDecoder

if TYPE_CHECKING:
    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.tiff.layout import TiffImage

_MEASURED_TILES, _MEASURED_PX = 16, 4_000_000
"""How much of an image is looked at: so many tiles, and small ones up to so many pixels."""


def shown_range(file: ByteSource, image: TiffImage) -> SampleRange | None:
    """From which number to which the samples are shown; None where they are shown as they are, as bytes.

    Fewer than 8 bits: all that they can count. Otherwise as tiles spread over the image have them:
    whole numbers from 0 in as many bits as the largest takes (a camera's 12 of 16), where one is negative
    from the lowest to the highest, real ones of 0 to 1 over that, others from the lowest to the highest.
    """
    if image.photometric in (PALETTE, *LAB) or (image.bits == 8 and image.sample_kind == "unsigned"):
        return None
    if image.bits < 8:
        return SampleRange(0, (1 << image.bits) - 1)
    if image.bits == 8:
        return SampleRange(-128, 127)
    measured = _measured(file, image)
    if measured is None:
        return SampleRange(0, 1)
    if image.sample_kind == "float":
        return SampleRange(0, 1) if measured.low >= 0 and measured.high <= 1 else measured
    if measured.low < 0:
        return measured
    return SampleRange(0, (1 << max(8, int(measured.high).bit_length())) - 1)


def range_note(image: TiffImage, shown: SampleRange) -> str | None:
    """The sentence about it; None where nothing is lost."""
    if image.bits < 8:
        return None
    if image.bits == 8:
        return strings.SIGNED
    if image.bits == 16 and image.sample_kind == "unsigned":
        return strings.SHOWN_IN_8_BITS.format(white=int(shown.high))
    kind = strings.SAMPLE_KINDS[image.sample_kind]
    return strings.SHOWN_OVER_RANGE.format(kind=kind, bits=image.bits, low=shown.low, high=shown.high)


def _measured(file: ByteSource, image: TiffImage) -> SampleRange | None:
    """Lowest and highest number of the tiles looked at, alpha left out; tiles that fail are met again, and
    reported, when they are read.
    """
    decoder, (offsets, counts) = PieceDecoder(image, TileCodec), read_tile_table(image)
    colours = slice(image.colour_samples) if not image.separate_planes else slice(None)
    seen = image.tiles_per_plane * (image.colour_samples if image.separate_planes else 1)
    present = np.flatnonzero(counts[:seen])
    found: list[SampleRange] = []
    most = max(_MEASURED_TILES, _MEASURED_PX // (image.tile_width * image.tile_height))
    chosen = np.linspace(0, present.size - 1, min(most, present.size)).astype(int)
    for index in present[np.unique(chosen)]:
        row, column = divmod(int(index) % image.tiles_per_plane, image.columns)
        try:
            data = coded_tile(image, file, int(offsets[index]), int(counts[index]))
            measured = range_of(decoder.samples(data, column, row)[..., colours])
        except (CodecError, TiffFormatError, EOFError):
            continue
        if measured is not None:
            found.append(measured)
    if not found:
        return None
    return SampleRange(min(each.low for each in found), max(each.high for each in found))
