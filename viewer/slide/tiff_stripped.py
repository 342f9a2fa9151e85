"""TIFFs without tiles: the strips decoded one after the other into one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.tiff_ifd import TiffFormatError
from viewer.slide.tiff_layout import coded_tile, read_tile_table
from viewer.slide.tile_codec import TileCodec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.byte_source import FileBytes
    from viewer.slide.tiff_layout import TiffImage


def read_stripped(file: FileBytes, image: TiffImage, *, shift: int, max_px: int) -> NDArray[np.uint8]:
    """The whole image: (height, width, samples) of 1 to 4 samples as ``TileCodec.decode`` gives them.

    ``shift`` as for ``TileCodec``.

    Raises TiffFormatError for images of more than ``max_px`` pixels, CodecError or EOFError for a damaged
    strip: a part of an image is not shown as if it were the whole.
    """
    if image.width * image.height > max_px:
        size = f"{image.width}×{image.height} px"
        raise TiffFormatError(f"it has {size} but no tiles; up to {max_px} pixels are read as a whole")
    codec = TileCodec(image, shift=shift)
    offsets, counts = read_tile_table(image)
    pixels: NDArray[np.uint8] | None = None
    for strip in range(image.rows):
        top = strip * image.tile_height
        rows = min(image.tile_height, image.height - top)
        indices = [strip + plane * image.tiles_per_plane for plane in range(codec.planes)]
        planes = [coded_tile(image, file, int(offsets[index]), int(counts[index])) for index in indices]
        decoded = codec.decode(planes, rows)
        if pixels is None:
            pixels = np.empty((image.height, image.width, decoded.shape[2]), np.uint8)
        pixels[top : top + rows] = decoded
    assert pixels is not None  # an image has at least one row
    return pixels
