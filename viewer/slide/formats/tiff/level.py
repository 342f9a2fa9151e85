"""TiffLevel: any rectangle of one level of a TIFF, put together from the file's own tiles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.engine_tiles import (
    BAND_BYTES,
    cached_if_cut,
    engine_tile_size,
    is_cut,
    region_of_pieces,
    strip_tile_size,
)
from viewer.slide.formats.shared_pieces import SharedPieces
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.ifd import TiffFormatError
from viewer.slide.formats.tiff.layout import coded_tile
from viewer.slide.pixels import background_tile, halved, opaque_rgba
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.tiff.layout import TiffImage, TileTable
    from viewer.slide.formats.tiff.mask import TileMask
    from viewer.slide.formats.tiff.pieces import PieceDecoder

    # The bytes of tiles of the file by (column, row), one for each plane and one of the mask, if there is
    # one; none for a tile that it leaves out.
    CodedPieces: TypeAlias = dict[tuple[int, int], list[bytes]]


class TiffLevel:
    """One level. ``reduce`` is 1 for a level of the file, 2 for the level that is decoded from it at half
    size.

    ``mask`` says which of its pixels are blank. ``missing`` gives the pixels of a tile that the file does
    not hold: (x, y), (width, height) in pixels of the image to straight RGBA; None for background.
    """

    def __init__(
        self,
        file: ByteSource,
        image: TiffImage,
        decoder: PieceDecoder,
        table: TileTable,
        *,
        background_rgb: tuple[int, int, int],
        reduce: int = 1,
        mask: TileMask | None = None,
        missing: Callable[[tuple[int, int], tuple[int, int]], NDArray[np.uint8]] | None = None,
    ) -> None:
        self._file = file
        self._table = table
        self._image = image
        self._decoder = decoder
        self._offsets, self._counts = table
        self._background_rgb = background_rgb
        self._reduce = reduce
        self._mask = mask
        self._missing = missing
        self.width = -(-image.width // reduce)
        self.height = -(-image.height // reduce)
        self._piece_width = image.tile_width // reduce
        self._piece_height = image.tile_height // reduce
        whole = image.tile_width, image.tile_height
        self._pieces_are_shared = self.is_stripped or is_cut(*whole)
        self.piece: Callable[[int, int], NDArray[np.uint8]]
        """One tile or strip of the file, whole, by column and row, of 1 to 4 samples. Raises TileError."""
        if self.is_stripped:
            self.engine_tile = strip_tile_size(image.width, image.height)
            piece_bytes = image.tile_width * image.tile_height * 4
            # Those of four rows of tiles.
            self.piece = SharedPieces(self._read_samples, piece_bytes=piece_bytes, cache_bytes=4 * BAND_BYTES)
        else:
            self.engine_tile = engine_tile_size(*whole)
            self.piece = cached_if_cut(self._read_samples, *whole)

    @property
    def is_stripped(self) -> bool:
        """Whether the file holds strips as wide as the level instead of tiles."""
        return not self._image.tiled

    @property
    def tiles_beyond_file(self) -> int:
        """How many tiles lie outside the file, as they do when it was cut short."""
        size = np.uint64(self._file.size_bytes)
        # Compared without a sum, which could wrap around.
        outside = (self._counts > size) | (self._offsets > size - np.minimum(self._counts, size))
        return int(np.count_nonzero(outside & (self._counts > 0)))

    @property
    def can_halve(self) -> bool:
        """Whether ``halved`` works for this level."""
        is_plain = self._mask is None and not self._pieces_are_shared
        return self._reduce == 1 and self._decoder.codec.can_halve and is_plain

    def halved(self) -> TiffLevel:
        """The level of half the size, decoded from the tiles of this one."""
        return TiffLevel(
            self._file,
            self._image,
            self._decoder,
            self._table,
            background_rgb=self._background_rgb,
            reduce=2,
            missing=self._missing,
        )

    def sample_pieces(self, count: int) -> list[tuple[int, int]]:
        """(column, row) of up to ``count`` tiles that the file holds, from the first to the last."""
        present = np.flatnonzero(self._counts[: self._image.tiles_per_plane])
        chosen = present[np.unique(np.linspace(0, present.size - 1, min(count, present.size)).astype(int))]
        return [(int(index) % self._image.columns, int(index) // self._image.columns) for index in chosen]

    def holds(self, x: int, y: int, width: int, height: int) -> bool:
        """Whether the file holds all tiles of this rectangle."""
        columns, rows = self._pieces_in(x, y, width, height)
        return all(
            self._offsets[row * self._image.columns + column]
            and self._counts[row * self._image.columns + column]
            for row in rows
            for column in columns
        )

    def fetch_region(self, x: int, y: int, width: int, height: int) -> CodedPieces:
        """What ``read_region`` decodes for this rectangle. Raises TileError.

        Pieces that tiles share are left out: ``read_region`` fetches each once for all tiles cut from it.
        """
        if self._pieces_are_shared:
            return {}
        columns, rows = self._pieces_in(x, y, width, height)
        return {(column, row): self._fetch_piece(column, row) for row in rows for column in columns}

    def read_region(
        self, x: int, y: int, width: int, height: int, coded: CodedPieces | None = None
    ) -> NDArray[np.uint8]:
        """(height, width, 4) opaque RGBA of a rectangle inside the level, from ``coded`` where it was fetched
        before. Raises TileError.
        """
        size = self._piece_width, self._piece_height
        piece_at = partial(self._decode_samples, coded) if coded else self.piece
        if not self._pieces_are_shared and (x % size[0], y % size[1], width, height) == (0, 0, *size):
            pixels = piece_at(x // size[0], y // size[1])  # the usual case, not copied
            is_opaque = self._mask is None and self._decoder.codec.gives_opaque_rgba
            return pixels if is_opaque else opaque_rgba(pixels, self._background_rgb)
        return region_of_pieces(piece_at, size, (x, y, width, height), self._background_rgb)

    def _pieces_in(self, x: int, y: int, width: int, height: int) -> tuple[range, range]:
        """Columns and rows of the tiles of the file that a rectangle touches."""
        piece_width, piece_height = self._piece_width, self._piece_height
        columns = range(x // piece_width, -(-(x + width) // piece_width))
        return columns, range(y // piece_height, -(-(y + height) // piece_height))

    def _fetch_piece(self, column: int, row: int) -> list[bytes]:
        image = self._image
        first = row * image.columns + column
        indices = [first + plane * image.tiles_per_plane for plane in self._decoder.codec.planes]
        places = [(int(self._offsets[index]), int(self._counts[index])) for index in indices]
        if not all(map(all, places)):
            return []
        try:
            planes = [coded_tile(image, self._file, offset, count) for offset, count in places]
            return planes if self._mask is None else [*planes, self._mask.fetch(self._file, first)]
        except (TiffFormatError, EOFError, OSError) as error:
            raise self._tile_error(column, row, error) from error

    def _read_samples(self, column: int, row: int) -> NDArray[np.uint8]:
        return self._decode_samples({(column, row): self._fetch_piece(column, row)}, column, row)

    def _decode_samples(self, coded: CodedPieces, column: int, row: int) -> NDArray[np.uint8]:
        planes, codec = coded[column, row], self._decoder.codec
        if not planes:
            return self._missing_piece(column, row)
        if self._reduce == 2:
            try:
                return codec.decode_half(planes[0])
            except CodecError:
                pass  # a border tile of another size, or a damaged one
        try:
            if self._mask is None:
                pixels = self._decoder.decode(planes, column, row)
            else:
                pixels = self._decoder.decode(planes[:-1], column, row)
                pixels = self._mask.laid_on(pixels, planes[-1])
        except (CodecError, TiffFormatError, EOFError, OSError) as error:
            raise self._tile_error(column, row, error) from error
        return pixels if self._reduce == 1 else halved(pixels)

    def _tile_error(self, column: int, row: int, error: Exception) -> TileError:
        return TileError(
            strings.TILE.format(
                locator=self._file.locator,
                column=column,
                row=row,
                width=self.width,
                height=self.height,
                error=error,
            )
        )

    def _missing_piece(self, column: int, row: int) -> NDArray[np.uint8]:
        if self._missing is None:
            return background_tile(self._piece_width, self._piece_height, self._background_rgb)
        image = self._image
        x, y = column * image.tile_width, row * image.tile_height
        width, height = min(image.tile_width, image.width - x), min(image.tile_height, image.height - y)
        pixels = opaque_rgba(self._missing((x, y), (width, height)), self._background_rgb)
        padding = ((0, image.tile_height - height), (0, image.tile_width - width), (0, 0))
        piece = np.pad(pixels, padding, mode="edge")
        if self._reduce == 1:
            return piece
        return halved(piece)
