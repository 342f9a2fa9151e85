"""The tiles and strips of a TIFF whose pixels are fewer or more than its tags say.

Writers leave the padding off the tiles at the right and lower border, or pad the last strip. Each coding
knows how much it holds, so that a size is taken only where the data fill it to the last row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.tiff.layout import MAX_RAW_STRIP_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.formats.tiff.codec import TileCodec
    from viewer.slide.formats.tiff.layout import TiffImage

    MakeCodec: TypeAlias = Callable[[TiffImage], TileCodec]
    # Of so many rows.
    Decode: TypeAlias = Callable[[TileCodec, int], NDArray[Any]]

# RowsPerStrip may be any number beyond the image's height; a strip that is padded to it was written so.
MAX_STRIP_ROWS = 65535


class PieceDecoder:
    """Decodes tiles, or strips, by column and row. Holds no pixels; safe to use from many threads."""

    def __init__(self, image: TiffImage, make_codec: MakeCodec) -> None:
        self._image = image
        self._make_codec = make_codec
        self.codec = make_codec(image)

    def decode(self, planes: list[bytes], column: int, row: int) -> NDArray[np.uint8]:
        """One tile, whole, or one strip of the rows that the image has for it; samples as
        ``TileCodec.decode`` gives them. Raises CodecError.
        """
        return self._whole(lambda codec, rows: codec.decode(planes, rows), column, row)

    def samples(self, data: bytes, column: int, row: int) -> NDArray[Any]:
        """Of one plane of it, as ``TileCodec.samples`` gives them. Raises CodecError."""
        return self._whole(lambda codec, rows: codec.samples(data, rows), column, row)

    def _whole(self, decode: Decode, column: int, row: int) -> NDArray[Any]:
        image = self._image
        rows_left = image.height - row * image.tile_height
        rows = image.tile_height if image.tiled else min(image.tile_height, rows_left)
        try:
            return decode(self.codec, rows)
        except CodecError:
            pixels = self._decode_odd(decode, self._other_sizes(column, row))
            if pixels is None:
                raise
        missing = max(0, rows - pixels.shape[0]), image.tile_width - pixels.shape[1]
        return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")[:rows]

    def _other_sizes(self, column: int, row: int) -> Iterable[tuple[int, int]]:
        """(width, height) that a border tile or the last strip may have."""
        image = self._image
        whole = image.tile_width, image.tile_height
        left = image.width - column * whole[0], image.height - row * whole[1]
        width, height = min(whole[0], left[0]), min(whole[1], left[1])
        if not image.tiled:
            padded = whole[0], image.ifd.number(278, height)
            return (padded,) if height < padded[1] <= MAX_STRIP_ROWS else ()
        return dict.fromkeys(
            size for size in ((width, height), (width, whole[1]), (whole[0], height)) if size != whole
        )

    def _decode_odd(self, decode: Decode, sizes: Iterable[tuple[int, int]]) -> NDArray[Any] | None:
        for width, height in sizes:
            odd = replace(self._image, tile_width=width, tile_height=height)
            if odd.raw_tile_bytes > MAX_RAW_STRIP_BYTES:
                continue  # RowsPerStrip is only a claim
            codec = self._make_codec(odd)
            try:
                pixels = decode(codec, height)
            except CodecError:
                continue
            if not _holds_more(codec, decode, height + odd.chroma[1]):
                return pixels
        return None


def _holds_more(codec: TileCodec, decode: Decode, rows: int) -> bool:
    """Whether there are pixels for so many rows: data without a header fill any smaller size too."""
    try:
        decode(codec, rows)
    except CodecError:
        return False
    return True
