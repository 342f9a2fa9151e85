"""TileMask: the mask of an image inside its file, as cloud-optimised TIFFs keep what is blank.

Source: TIFF 6.0 (NewSubfileType, bit 2); COG (OGC 21-026): a mask is cut like the image it belongs to.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.sample_range import SampleRange
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.codec import TileCodec
from viewer.slide.formats.tiff.ifd import TiffFormatError
from viewer.slide.formats.tiff.layout import (
    BLACK_IS_ZERO,
    TiffImage,
    coded_tile,
    image_from_ifd,
    read_tile_table,
    unsupported_reason,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.tiff.ifd import Ifd


class TileMask:
    """The tiles of a mask, which are those of its image. Raises TiffFormatError for a malformed table."""

    def __init__(self, image: TiffImage) -> None:
        self.image = image
        shown = SampleRange(0, (1 << image.bits) - 1) if image.bits < 8 else None
        self.codec = TileCodec(image, shown=shown)
        self._offsets, self._counts = read_tile_table(image)

    def fetch(self, file: ByteSource, index: int) -> bytes:
        """The bytes of a tile, none where the file leaves it out: all of it is blank."""
        offset, count = int(self._offsets[index]), int(self._counts[index])
        return coded_tile(self.image, file, offset, count) if offset and count else b""

    def laid_on(self, pixels: NDArray[np.uint8], data: bytes) -> NDArray[np.uint8]:
        """Pixels as ``TileCodec.decode`` gives them with what is blank transparent. Raises CodecError."""
        rows = pixels.shape[0]
        visible = self.codec.decode([data], rows) if data else np.zeros((rows, pixels.shape[1], 1), np.uint8)
        return with_alpha(pixels, visible)


def with_alpha(pixels: NDArray[np.uint8], visible: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey or colours, with or without alpha, made transparent where ``visible`` (h, w, 1) is 0."""
    samples = pixels.shape[2]
    if samples in (2, 4):
        visible = np.minimum(visible, pixels[..., -1:])
        pixels = pixels[..., :-1]
    return np.concatenate([pixels, visible], axis=2)


def masks_of(images: list[TiffImage], ifds: list[Ifd], notes: list[str]) -> list[TileMask | None]:
    """The mask of each level, None where it has none; a note is added where one is not used."""
    in_file = _masks(ifds)
    masks: list[TileMask | None] = []
    for image in images:
        mask = _mask_of(image, in_file)
        if mask is not None and not _is_cut_alike(mask, image):
            notes.extend([] if strings.MASK_UNUSED in notes else [strings.MASK_UNUSED])
            mask = None
        masks.append(TileMask(mask) if mask is not None else None)
    return masks


def _masks(ifds: list[Ifd]) -> list[TiffImage]:
    """The well-formed masks among the directories."""
    images = []
    for ifd in ifds:
        with suppress(TiffFormatError):
            images.append(image_from_ifd(ifd))
    return [image for image in images if image.is_mask]


def _mask_of(image: TiffImage, masks: list[TiffImage]) -> TiffImage | None:
    """The mask that belongs to an image: the first of its size; None without one that can be used."""
    for mask in masks:
        if (mask.width, mask.height) == (image.width, image.height):
            plain = replace(mask, photometric=BLACK_IS_ZERO)
            return plain if plain.samples == 1 and unsupported_reason(plain) is None else None
    return None


def _is_cut_alike(mask: TiffImage, image: TiffImage) -> bool:
    """Whether the tiles of both lie over each other."""
    cuts = [(each.tiled, each.tile_width, each.tile_height) for each in (mask, image)]
    return cuts[0] == cuts[1]
