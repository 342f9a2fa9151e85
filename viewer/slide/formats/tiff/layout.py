"""The images of a TIFF file: what the tags of each say. Reads no pixels. Source: TIFF 6.0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import isqrt, prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from viewer.slide.formats.codecs.cielab import CIELAB, ICCLAB, ITULAB
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.ifd import MAX_NUMBERS, Ifd, TiffFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource

    # Byte offset and byte count of every tile.
    TileTable: TypeAlias = tuple[NDArray[np.uint64], NDArray[np.uint64]]

MAX_SIDE_PX = 2**31
MAX_TILE_PX = 4096 * 4096
MIN_TILE_PX = 8  # TIFF itself requires multiples of 16
MAX_RAW_TILE_BYTES = 2**28
MAX_RAW_STRIP_BYTES = 2**30
MAX_PART_BYTES = 2**24

JPEG, JPEG_2000_RGB = 7, 33005
COMPRESSIONS = {
    1: "uncompressed", 2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 6: "old-style JPEG", JPEG: "JPEG",
    8: "deflate", 22610: "JPEG XR", 32773: "PackBits", 32946: "deflate", 33003: "JPEG 2000",
    33004: "JPEG 2000", JPEG_2000_RGB: "JPEG 2000", 33007: "JPEG", 34712: "JPEG 2000", 34887: "LERC",
    34892: "JPEG", 34925: "LZMA", 34926: "Zstandard", 34927: "WebP", 34933: "PNG", 34934: "JPEG XR",
    50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 50013: "deflate", 52546: "JPEG XL",
}  # fmt: skip
"""The name of each coding that is decoded, by its TIFF number."""

# Codings of pixels in colours: each decodes to RGB whatever the TIFF calls it.
_COLOUR_CODINGS = ("JPEG", "old-style JPEG", "JPEG 2000", "JPEG XL", "JPEG XR", "PNG", "WebP")

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
LAB = (CIELAB, ICCLAB, ITULAB)
_COLOUR_SAMPLES = {RGB: 3, YCBCR: 3, CMYK: 4, **dict.fromkeys(LAB, 3)}

# TIFF's SampleFormat; 4 is "undefined", which writers use for plain unsigned samples.
SampleKind: TypeAlias = Literal["unsigned", "signed", "float", "other"]
_SAMPLE_KINDS: dict[int, SampleKind] = {1: "unsigned", 2: "signed", 3: "float", 4: "unsigned"}
_DTYPE_KINDS = {"unsigned": "u", "signed": "i", "float": "f"}
_WHOLE_BITS = (8, 16, 32, 64)

# The TIFF bit of NewSubfileType that marks a transparency mask.
_MASK_BIT = 4


@dataclass(frozen=True, slots=True)
class TiffImage:
    """One image of a TIFF: its size, how it is cut and how its samples are coded.

    A stripped image counts as tiles as wide as the image and ``tile_height`` rows high. Long strips without
    compression count as several shorter ones, of up to MAX_PART_BYTES. ``alpha`` is the index of the sample
    that is alpha, None where there is none. ``plane_ifds`` are the directories of its planes, where each is
    an image of its own. ``chroma``: how many px, across and down, share a Cb and a Cr that the codec itself
    does not spread.
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
    sample_kind: SampleKind
    samples: int
    separate_planes: bool
    predictor: int
    fill_order: int
    orientation: int
    alpha: int | None
    is_premultiplied: bool
    is_mask: bool
    chroma: tuple[int, int] = (1, 1)
    plane_ifds: tuple[Ifd, ...] = ()

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
    def coding(self) -> str:
        """The name of its compression."""
        return COMPRESSIONS[self.compression]

    @property
    def tile_samples(self) -> int:
        """Samples a pixel of one tile of the file: all, or one where planes are separate."""
        return 1 if self.separate_planes else self.samples

    @property
    def colour_samples(self) -> int:
        """How many of the samples, the first ones, make the colour: 1 of grey and of a palette."""
        return _COLOUR_SAMPLES.get(self.photometric, 1)

    @property
    def unseen_samples(self) -> int:
        """How many samples a pixel are neither colour nor alpha."""
        return self.samples - self.colour_samples - (self.alpha is not None)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of decoded samples, in native byte order; ``sample_kind`` is not "other"."""
        size = next((size for size in _WHOLE_BITS if self.bits <= size), 64) // 8
        return np.dtype(f"{_DTYPE_KINDS[self.sample_kind]}{size}")

    @property
    def is_plain_ycbcr(self) -> bool:
        """Whether its colours are YCbCr that no codec makes RGB of."""
        is_left = self.separate_planes or COMPRESSIONS.get(self.compression) not in _COLOUR_CODINGS
        return self.photometric == YCBCR and is_left

    @property
    def has_units(self) -> bool:
        """Whether its samples lie in data units: the Y of several px, then their Cb and Cr."""
        return self.chroma != (1, 1) and not self.separate_planes

    def units_of_rows(self, rows: int) -> tuple[int, int, int]:
        """How many data units lie in ``rows`` of a tile, down and across, and of how many samples each is."""
        across, down = self.chroma
        return -(-rows // down), -(-self.tile_width // across), across * down + 2

    @property
    def raw_tile_bytes(self) -> int:
        """Bytes of one decoded tile: all samples, or one where planes are separate."""
        full = self.tile_width * self.tile_height * self.tile_samples * -(-self.bits // 8)
        return max(full, self.bytes_of_rows(self.tile_height))

    def bytes_of_rows(self, rows: int) -> int:
        """Bytes of so many rows of a decoded tile or strip; each row begins on a whole byte."""
        if self.has_units:
            return prod(self.units_of_rows(rows)) * -(-self.bits // 8)
        return rows * -(-self.tile_width * self.tile_samples * self.bits // 8)

    @property
    def strip_rows(self) -> int:
        """How many rows each strip of a stripped image has in the file, but the last."""
        return min(self.ifd.number(278, self.height), self.height)

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
    bits, formats = ifd.whole_numbers(258), ifd.whole_numbers(339)
    if samples < 1 or len(set(bits)) > 1 or len(set(formats)) > 1:
        raise TiffFormatError(strings.IMAGE_SAMPLES.format(samples=samples, bits=bits, formats=formats))
    sample_format = formats[0] if formats else 1
    photometric = ifd.number(262, BLACK_IS_ZERO)
    alpha, is_premultiplied = _alpha(ifd, _COLOUR_SAMPLES.get(photometric, 1), samples)
    image = TiffImage(
        ifd=ifd,
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        tiled=tiled,
        compression=ifd.number(259, 1),
        photometric=photometric,
        bits=bits[0] if bits else 1,
        sample_kind=_SAMPLE_KINDS.get(sample_format, "other"),
        samples=samples,
        separate_planes=ifd.number(284, 1) == 2 and samples > 1,
        predictor=ifd.number(317, 1),
        fill_order=ifd.number(266, 1),
        orientation=ifd.number(274, 1),
        alpha=alpha,
        is_premultiplied=is_premultiplied,
        is_mask=bool(ifd.number(254, 0) & _MASK_BIT) or photometric == 4,
    )
    if image.is_plain_ycbcr:
        image = replace(image, chroma=_chroma(ifd))
    return image if tiled or image.compression != 1 else replace(image, tile_height=_part_rows(image))


def _chroma(ifd: Ifd) -> tuple[int, int]:
    """By the tag YCbCrSubsampling, whose default is (2, 2)."""
    shared = ifd.whole_numbers(530) or [2, 2]
    if len(shared) != 2 or not {1, 2, 4}.issuperset(shared):
        raise TiffFormatError(strings.IMAGE_CHROMA.format(shared=shared))
    return shared[0], shared[1]


def _part_rows(image: TiffImage) -> int:
    """How many rows of a strip without compression are read at once: a single strip may be cut anywhere,
    several only into equal parts, and data units not at all. Planes of several sizes are left whole.
    """
    rows, step = image.tile_height, image.chroma[1]
    most = step * max(1, MAX_PART_BYTES // max(1, image.bytes_of_rows(step)))
    if rows <= most or (image.chroma != (1, 1) and image.separate_planes):
        return rows
    if image.rows == 1:
        return most
    divisors = (divisor for divisor in range(1, isqrt(rows) + 1) if rows % divisor == 0)
    parts = (part for divisor in divisors for part in (divisor, rows // divisor))
    return max((part for part in parts if part <= most and part % step == 0), default=rows)


def _alpha(ifd: Ifd, colours: int, samples: int) -> tuple[int | None, bool]:
    """Which sample is alpha, and whether the colours are multiplied by it, by the ExtraSamples tag."""
    extras = ifd.whole_numbers(338)
    for index, kind in enumerate(extras, start=samples - len(extras)):
        if kind in (1, 2) and index >= colours:
            return index, kind == 1
    return None, False


def unsupported_reason(image: TiffImage) -> str | None:
    """Why Foveola does not decode an image itself, for people; None where it does."""
    tile = {"width": image.tile_width, "height": image.tile_height}
    if image.compression not in COMPRESSIONS:
        return strings.COMPRESSION.format(number=image.compression)
    if image.sample_kind == "other":
        return strings.COMPLEX_SAMPLES
    low_bits = 1 if image.sample_kind == "unsigned" else 16 if image.sample_kind == "float" else 8
    if not low_bits <= image.bits <= 64 or (
        image.bits not in _WHOLE_BITS and (image.bits > 16 or image.sample_kind != "unsigned")
    ):
        return strings.BITS.format(bits=image.bits)
    if image.tile_width * image.tile_height > MAX_TILE_PX and image.tiled:
        return strings.TILES_LARGE.format(**tile)
    if image.tiled and min(image.tile_width, image.tile_height) < MIN_TILE_PX:
        return strings.TILES_SMALL.format(**tile)
    if image.raw_tile_bytes > (MAX_RAW_TILE_BYTES if image.tiled else MAX_RAW_STRIP_BYTES):
        return (strings.TILE_BYTES if image.tiled else strings.STRIP_BYTES).format(**tile)
    return _unsupported_colour(image)


def _unsupported_colour(image: TiffImage) -> str | None:
    if image.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, *LAB):
        return strings.COLOUR_SPACE.format(number=image.photometric)
    if image.is_plain_ycbcr and image.coding not in _COLOUR_CODINGS:
        is_whole_bytes = (image.bits, image.sample_kind) == (8, "unsigned")
        if not is_whole_bytes or (image.has_units and (image.samples != 3 or image.coding == "LERC")):
            return strings.YCBCR.format(bits=image.bits, samples=image.samples, coding=image.coding)
        if image.has_units and image.predictor != 1:
            return strings.PREDICTOR.format(number=image.predictor)
    is_plain = image.coding not in _COLOUR_CODINGS and image.sample_kind == "unsigned"
    if image.photometric in LAB and not (
        is_plain and image.bits in ((8, 16) if image.alpha is None else (8,))
    ):
        return strings.LAB_SAMPLES.format(bits=image.bits, coding=image.coding)
    if image.samples < image.colour_samples:
        return strings.COLOUR_SAMPLES.format(samples=image.samples)
    if image.photometric == PALETTE and (
        image.samples != 1 or image.bits > 8 or image.sample_kind != "unsigned"
    ):
        return strings.PALETTE_BITS
    is_jpeg = image.compression in (6, JPEG, 33007, 34892)
    if is_jpeg and image.tile_samples > 4:
        return strings.JPEG_SAMPLES.format(samples=image.samples)
    if is_jpeg and image.tile_samples == 3 and image.photometric not in (RGB, YCBCR):
        return strings.JPEG_NO_COLOURS.format(number=image.photometric)
    if is_jpeg and (image.bits not in (8, 12, 16) or image.sample_kind != "unsigned"):
        return strings.JPEG_BITS.format(bits=image.bits)
    if image.coding == "WebP" and (image.samples not in (3, 4) or image.bits != 8 or image.separate_planes):
        return strings.WEBP_SAMPLES.format(samples=image.samples, bits=image.bits)
    if image.coding == "CCITT" and (image.samples, image.bits) != (1, 1):
        return strings.CCITT_SAMPLES.format(samples=image.samples, bits=image.bits)
    if image.predictor not in (1, 2) and (image.predictor, image.sample_kind) != (3, "float"):
        return strings.PREDICTOR.format(number=image.predictor)
    return None


def read_tile_table(image: TiffImage) -> TileTable:
    """Byte offset and byte count of every tile, row by row (plane by plane where planes are separate).

    Raises TiffFormatError where the table is shorter than the image's size requires or does not fit in the
    file.
    """
    if image.plane_ifds:
        one = replace(image, samples=1, separate_planes=False, plane_ifds=())
        planes = [read_tile_table(replace(one, ifd=ifd)) for ifd in image.plane_ifds]
        of_planes = [np.concatenate(part) for part in zip(*planes, strict=True)]
        return of_planes[0], of_planes[1]
    if not image.tiled and image.tile_height < image.strip_rows:
        return _table_of_parts(image, read_tile_table(replace(image, tile_height=image.strip_rows)))
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
        if not image.tiled:
            last = counts.reshape(-1, image.rows)[:, -1]
            rows = image.height - (image.rows - 1) * image.tile_height
            np.minimum(last, np.uint64(image.bytes_of_rows(rows)), out=last)
    return offsets, counts


def _table_of_parts(image: TiffImage, strips: TileTable) -> TileTable:
    """Where the parts of strips without compression lie. What a strip is too short for has a byte, too few
    to be decoded, so that it does not count as left out.
    """
    planes = image.samples if image.separate_planes else 1
    if image.tiles_per_plane * planes > MAX_NUMBERS:
        raise TiffFormatError(strings.IMAGE_TILES.format(count=image.tiles_per_plane * planes))
    part_bytes = image.bytes_of_rows(image.tile_height)
    before = np.arange(-(-image.strip_rows // image.tile_height)) * part_bytes
    # Compared with the file's size before anything is added, which could wrap around.
    offsets, counts = (np.minimum(of, image.ifd.file.size_bytes).astype(np.int64) for of in strips)
    held = (offsets > 0) & (counts > 0)
    parts = (
        np.where(held[:, None], offsets[:, None] + before, 0),
        np.where(held[:, None], np.clip(counts[:, None] - before, 1, part_bytes), 0),
    )
    shape = planes, -1
    starts, sizes = (of.reshape(shape)[:, : image.rows].ravel().astype(np.uint64) for of in parts)
    return starts, sizes


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
    """The bytes of one tile or strip. Of a strip no more are read than it can need: some writers count what
    follows it too.

    Raises TiffFormatError where a tile has more than it can need, EOFError or OSError where the bytes cannot
    be read: a count beyond the end of the file is damage, not a missing count.
    """
    if not image.tiled and offset + count <= file.size_bytes:
        count = min(count, image.max_coded_tile_bytes)
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
