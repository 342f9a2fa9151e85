"""The images of a TIFF file: what the tags of each say. Reads no pixels. Source: TIFF 6.0."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.ifd import MAX_NUMBERS, Ifd, TiffFormatError

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource

    # Byte offset and byte count of every tile.
    TileTable: TypeAlias = tuple[NDArray[np.uint64], NDArray[np.uint64]]

MAX_SIDE_PX = 2**31
MAX_TILE_PX = 4096 * 4096
MIN_TILE_PX = 8  # TIFF itself requires multiples of 16
MAX_RAW_TILE_BYTES = 2**28
MAX_RAW_STRIP_BYTES = 2**30

JPEG = 7
JPEG_2000_YCBCR, JPEG_2000_RGB, JPEG_2000 = 33003, 33005, 34712
WEBP = 50001
COMPRESSIONS = {
    1: "uncompressed", 5: "LZW", JPEG: "JPEG", 8: "deflate", 32773: "PackBits", 32946: "deflate",
    JPEG_2000_YCBCR: "JPEG 2000", JPEG_2000_RGB: "JPEG 2000", JPEG_2000: "JPEG 2000", 34925: "LZMA",
    50000: "Zstandard", WEBP: "WebP",
}  # fmt: skip

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6

# TIFF's SampleFormat; 4 is "undefined", which writers use for plain unsigned samples.
_SAMPLE_KINDS: dict[int, Literal["unsigned", "signed", "other"]] = {1: "unsigned", 2: "signed", 4: "unsigned"}

# The TIFF bit of NewSubfileType that marks a transparency mask.
_MASK_BIT = 4


@dataclass(frozen=True, slots=True)
class TiffImage:
    """One image of a TIFF: its size, how it is cut and how its samples are coded.

    A stripped image counts as tiles as wide as the image and ``tile_height`` rows high. ``extra_sample`` is
    TIFF's ExtraSamples of the last sample (0 unspecified, 1 premultiplied alpha, 2 straight alpha), None
    where there is none.
    """

    ifd: Ifd
    width: int
    height: int
    tile_width: int
    tile_height: int
    tiled: bool
    compression: int
    photometric: int
    bits: int
    sample_kind: Literal["unsigned", "signed", "other"]
    samples: int
    separate_planes: bool
    predictor: int
    extra_sample: int | None
    is_mask: bool

    @property
    def columns(self) -> int:
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        return -(-self.height // self.tile_height)

    @property
    def tiles_per_plane(self) -> int:
        return self.columns * self.rows

    @property
    def raw_tile_bytes(self) -> int:
        """Bytes of one decoded tile as the file codes it: all samples, or one where planes are separate."""
        samples = 1 if self.separate_planes else self.samples
        return self.tile_width * self.tile_height * samples * (self.bits // 8)

    @property
    def max_coded_tile_bytes(self) -> int:
        """An upper bound of the coded bytes of one tile: no codec doubles its input."""
        return 2 * self.raw_tile_bytes + 65536


def image_from_ifd(ifd: Ifd) -> TiffImage:
    """The facts of one directory. Raises TiffFormatError where they contradict each other or are out of
    range.
    """
    width, height = ifd.number(256, 0), ifd.number(257, 0)
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise TiffFormatError(strings.IMAGE_SIZE.format(width=width, height=height))
    tiled = 322 in ifd or 324 in ifd
    if tiled:
        tile_width, tile_height = ifd.number(322, 0), ifd.number(323, 0)
    else:
        tile_width, tile_height = width, min(ifd.number(278, height), height)
    if tile_width < 1 or tile_height < 1:
        raise TiffFormatError(strings.IMAGE_TILE_SIZE.format(width=tile_width, height=tile_height))
    samples = ifd.number(277, 1)
    bits, formats = ifd.numbers(258), ifd.numbers(339)
    if (
        samples < 1
        or (bits.size > 1 and len(set(bits.tolist())) > 1)
        or (formats.size and len(set(formats.tolist())) > 1)
    ):
        raise TiffFormatError(
            strings.IMAGE_SAMPLES.format(samples=samples, bits=bits.tolist(), formats=formats.tolist())
        )
    sample_format = int(formats[0]) if formats.size else 1
    extras = ifd.numbers(338)
    return TiffImage(
        ifd=ifd,
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        tiled=tiled,
        compression=ifd.number(259, 1),
        photometric=ifd.number(262, BLACK_IS_ZERO),
        bits=int(bits[0]) if bits.size else 1,
        sample_kind=_SAMPLE_KINDS.get(sample_format, "other"),
        samples=samples,
        separate_planes=ifd.number(284, 1) == 2 and samples > 1,
        predictor=ifd.number(317, 1),
        extra_sample=int(extras[-1]) if extras.size else None,
        is_mask=bool(ifd.number(254, 0) & _MASK_BIT) or ifd.number(262, BLACK_IS_ZERO) == 4,
    )


def unsupported_reason(image: TiffImage) -> str | None:
    """Why Foveola does not decode an image itself, for people; None where it does."""
    tile = {"width": image.tile_width, "height": image.tile_height}
    if image.compression not in COMPRESSIONS:
        return strings.COMPRESSION.format(number=image.compression)
    if image.sample_kind == "other":
        return strings.FLOAT_SAMPLES
    if image.bits not in (8, 16):
        return strings.BITS.format(bits=image.bits)
    if image.sample_kind == "signed" and image.bits == 16:
        return strings.SIGNED_SAMPLES
    if image.tile_width * image.tile_height > MAX_TILE_PX and image.tiled:
        return strings.TILES_LARGE.format(**tile)
    if image.tiled and min(image.tile_width, image.tile_height) < MIN_TILE_PX:
        return strings.TILES_SMALL.format(**tile)
    if image.raw_tile_bytes > (MAX_RAW_TILE_BYTES if image.tiled else MAX_RAW_STRIP_BYTES):
        return strings.TILE_BYTES.format(size=image.raw_tile_bytes)
    return _unsupported_colour(image)


def _unsupported_colour(image: TiffImage) -> str | None:
    colour_codec = image.compression in (JPEG, JPEG_2000_YCBCR)
    if image.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR):
        return strings.COLOUR_SPACE.format(number=image.photometric)
    if image.photometric == YCBCR and not (colour_codec or image.compression in (JPEG_2000_RGB, JPEG_2000)):
        return strings.YCBCR
    if image.photometric in (RGB, YCBCR) and image.samples < 3:
        return strings.COLOUR_SAMPLES.format(samples=image.samples)
    if image.photometric == PALETTE and (
        image.samples != 1 or image.bits != 8 or image.sample_kind != "unsigned"
    ):
        return strings.PALETTE_BITS
    if image.compression == JPEG and not image.separate_planes and image.samples not in (1, 3):
        return strings.JPEG_SAMPLES.format(samples=image.samples)
    if image.compression == JPEG and image.samples == 3 and image.photometric not in (RGB, YCBCR):
        return strings.JPEG_NO_COLOURS.format(number=image.photometric)
    if image.compression == JPEG and image.bits != 8:
        return strings.JPEG_BITS.format(bits=image.bits)
    if image.compression == WEBP and (
        image.samples not in (3, 4) or image.bits != 8 or image.separate_planes
    ):
        return strings.WEBP_SAMPLES.format(samples=image.samples, bits=image.bits)
    if image.predictor not in (1, 2):
        return strings.PREDICTOR.format(number=image.predictor)
    return None


def read_tile_table(image: TiffImage) -> TileTable:
    """Byte offset and byte count of every tile, row by row (plane by plane where planes are separate).

    Raises TiffFormatError where the table is shorter than the image's size requires or does not fit in the
    file.
    """
    expected = image.tiles_per_plane * (image.samples if image.separate_planes else 1)
    if expected > MAX_NUMBERS:
        raise TiffFormatError(strings.IMAGE_TILES.format(count=expected))
    tables: list[NDArray[np.uint64]] = []
    for tile_code, strip_code in ((324, 273), (325, 279)):
        code = tile_code if image.tiled and tile_code in image.ifd else strip_code
        values = image.ifd.numbers(code, at_most=MAX_NUMBERS)
        states_none = values.size == 0 or not (image.tiled or values.any())
        if tables and states_none and tables[0].any():
            values = _byte_counts(image, tables[0])
        if values.size < expected or values.dtype.kind != "u":
            raise TiffFormatError(strings.TILE_TABLE.format(expected=expected, found=values.size, code=code))
        tables.append(values[:expected].astype(np.uint64))
    offsets, counts = tables
    if image.compression == 1:  # what is claimed beyond the pixels is not theirs
        counts = np.minimum(counts, np.uint64(image.raw_tile_bytes))
    return offsets, counts


def _byte_counts(image: TiffImage, offsets: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Byte counts where the file states none, or only zeros: up to the next tile or the end of the file, and
    no more than a tile can have. Source: libtiff, which reads such files so.
    """
    ends = np.append(np.unique(offsets), np.uint64(image.ifd.file.size_bytes))
    following = ends[np.searchsorted(ends, offsets, side="right").clip(max=ends.size - 1)]
    room = following - np.minimum(offsets, following)
    most = image.raw_tile_bytes if image.compression == 1 else image.max_coded_tile_bytes
    return np.where(offsets > 0, np.minimum(room, np.uint64(most)), np.uint64(0))


def coded_tile(image: TiffImage, file: ByteSource, offset: int, count: int) -> bytes:
    """The bytes of one tile or strip.

    Raises TiffFormatError where they are more than the tile can need, EOFError or OSError where they cannot
    be read.
    """
    if count > image.max_coded_tile_bytes:
        raise TiffFormatError(strings.TILE_CLAIM.format(count=count))
    return file.read(offset, count)


def spread_missing_tiles(images: list[TiffImage], tables: list[TileTable]) -> None:
    """Mark (count 0, in place) every tile of a coarser level that overlaps a tile missing from a finer one.

    Aperio scanners leave such tiles out of level 0 only and store noise for them in the levels above.
    """
    for (fine, fine_table), (coarse, coarse_table) in pairwise(zip(images, tables, strict=True)):
        missing = (fine_table[0] == 0) | (fine_table[1] == 0)
        if not missing.any():
            continue
        # Missing tiles left of and above each tile corner: four look-ups then count those in any block.
        before = np.zeros((fine.rows + 1, fine.columns + 1), np.int64)
        before[1:, 1:] = missing.reshape(fine.rows, fine.columns).cumsum(axis=0).cumsum(axis=1)
        step_x = coarse.tile_width * fine.width / coarse.width / fine.tile_width
        step_y = coarse.tile_height * fine.height / coarse.height / fine.tile_height
        columns, rows = np.arange(coarse.columns), np.arange(coarse.rows)
        left = np.minimum(np.floor(columns * step_x).astype(int), fine.columns)
        right = np.minimum(np.ceil((columns + 1) * step_x).astype(int), fine.columns)
        top = np.minimum(np.floor(rows * step_y).astype(int), fine.rows)
        bottom = np.minimum(np.ceil((rows + 1) * step_y).astype(int), fine.rows)
        inside = (
            before[np.ix_(bottom, right)]
            - before[np.ix_(top, right)]
            - before[np.ix_(bottom, left)]
            + before[np.ix_(top, left)]
        )
        coarse_table[1][inside.ravel() > 0] = 0
