"""TileCodec: the bytes of one TIFF tile to 8-bit pixels, whatever the compression and the colours.

The codec libraries do the work outside the GIL. The size that a tile claims is checked before they
allocate for it.
"""

from __future__ import annotations

import io
import struct
from math import prod
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import simplejpeg
from PIL import Image

from viewer.slide.formats.tiff import layout as tiff
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.jpeg_stream import (
    JpegError,
    JpegHeader,
    adobe_segment,
    read_header,
    tables_segments,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_SHORT, _LONG = 3, 4
_HEADER = struct.Struct("<2sHI")
_ENTRY = struct.Struct("<HHII")


def lzw_decode(data: bytes | memoryview, out: int) -> bytes:
    """The first ``out`` bytes of a stream. Raises ValueError where it is damaged or holds fewer."""
    entries = [
        (256, _LONG, out),  # width: all in one row
        (257, _LONG, 1),
        (258, _SHORT, 8),
        (259, _SHORT, 5),
        (262, _SHORT, 1),
        (277, _SHORT, 1),
        (278, _LONG, 1),
        (279, _LONG, len(data)),
    ]
    offset = _HEADER.size + 2 + (len(entries) + 1) * _ENTRY.size + 4
    entries.append((273, _LONG, offset))
    file = io.BytesIO()
    file.write(_HEADER.pack(b"II", 42, _HEADER.size) + struct.pack("<H", len(entries)))
    for tag, kind, value in sorted(entries):
        file.write(_ENTRY.pack(tag, kind, 1, value))
    file.write(struct.pack("<I", 0))
    file.write(data)
    try:
        with Image.open(file, formats=["TIFF"]) as image:
            return image.tobytes()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


# A JPEG 2000 stream has its own tiles inside; a scanner writes one. The decoder allocates for each before any
# pixel.
MAX_JPEG_2000_TILES = 256

_RAW_DECODERS: dict[int, Callable[..., bytes | bytearray | memoryview]] = {
    5: lzw_decode,
    8: imagecodecs.deflate_decode,
    32773: imagecodecs.packbits_decode,
    32946: imagecodecs.deflate_decode,
    34925: imagecodecs.lzma_decode,
    50000: imagecodecs.zstd_decode,
}

# TIFF keeps horizontal differencing to these; with others the Predictor tag is ignored, as libtiff does.
_DIFFERENCED = (5, 8, 32946, 34925, 50000)


class CodecError(Exception):
    """A tile that cannot be decoded, or whose data contradict the file's tags."""


class TileCodec:
    """Decodes the tiles of one image. Holds no pixels; safe to use from many threads.

    ``shift`` is how many low bits of 16-bit samples are dropped to show them in 8. ``trust_jfif`` decodes
    a tile that is a JFIF stream as YCbCr, by definition, even where the TIFF calls it RGB: Bio-Formats writes
    such files. libtiff follows the TIFF, so this is only for files that OpenSlide does not open.
    """

    def __init__(self, image: tiff.TiffImage, *, shift: int = 8, trust_jfif: bool = False) -> None:
        self._image = image
        self._shift = shift
        self._samples = 1 if image.separate_planes else image.samples
        tables = image.ifd.raw(347, at_most=65536) if image.compression == tiff.JPEG else None
        try:
            self._jpeg_prefix = tables_segments(tables)
        except JpegError as error:
            raise CodecError(str(error)) from None
        self._jfif_prefix: bytes | None = None
        if trust_jfif and self._samples == 3:
            self._jfif_prefix = adobe_segment(ycbcr=True) + self._jpeg_prefix
        if image.photometric in (tiff.RGB, tiff.YCBCR) and self._samples == 3:
            self._jpeg_prefix = adobe_segment(ycbcr=image.photometric == tiff.YCBCR) + self._jpeg_prefix
        self._jpeg_header: JpegHeader | None = None
        self._palette = _palette(image) if image.photometric == tiff.PALETTE else None

    @property
    def planes(self) -> int:
        """How many tiles of the file make one tile of pixels: 3 for RGB in separate planes, else 1."""
        return 3 if self._image.separate_planes and self._image.photometric == tiff.RGB else 1

    @property
    def gives_opaque_rgba(self) -> bool:
        """Whether ``decode`` gives four samples with nothing transparent among them."""
        return self._palette is not None or (self._image.compression == tiff.JPEG and self._samples == 3)

    @property
    def can_halve(self) -> bool:
        """Whether ``decode_half`` works: JPEG whose 8 px blocks, and 16 px chroma blocks, halve to whole
        pixels.
        """
        image = self._image
        whole = image.tile_width % 16 == 0 and image.tile_height % 16 == 0
        return image.compression == tiff.JPEG and self.planes == 1 and image.tiled and whole

    def decode(self, planes: list[bytes], rows: int) -> NDArray[np.uint8]:
        """``rows`` × tile width of grey (h, w, 1), grey + alpha (2), RGB (3) or straight RGBA (4).

        ``planes`` are the bytes of the tile, one item a plane. Raises CodecError.
        """
        samples = [self._decode_samples(data, rows) for data in planes]
        return self._display(samples[0] if len(samples) == 1 else np.concatenate(samples, axis=2))

    def peak(self, data: bytes, rows: int) -> int:
        """The largest sample of a tile as the file codes it. Raises CodecError."""
        return int(self._decode_samples(data, rows).max())

    def decode_half(self, data: bytes) -> NDArray[np.uint8]:
        """A JPEG tile at half its size, opaque RGBA, through the decoder's own 4×4 inverse transform: half
        the time.
        """
        image = self._image
        return self._decode_jpeg(data, image.tile_height, "RGBA", halve=True)

    def _decode_samples(self, data: bytes, rows: int) -> NDArray[Any]:
        """(rows, tile width, samples) as the file codes them, 8 or 16 bits; JPEG already as RGBA or grey."""
        image = self._image
        if image.compression == tiff.JPEG:
            return self._decode_jpeg(data, rows, "RGBA" if self._samples == 3 else "GRAY")
        if image.compression in (tiff.JPEG_2000, tiff.JPEG_2000_RGB, tiff.JPEG_2000_YCBCR):
            return self._decode_jpeg_2000(data, rows)
        if image.compression == tiff.WEBP:
            return self._decode_webp(data, rows)
        return self._decode_raw(data, rows)

    def _decode_jpeg(self, data: bytes, rows: int, colours: str, *, halve: bool = False) -> NDArray[np.uint8]:
        width = self._image.tile_width
        try:
            # The tiles of a file begin alike: the header of the one before usually fits, and saves parsing
            # it.
            header = self._jpeg_header
            if header is None or not data.startswith(header.original):
                self._jpeg_header = header = read_header(
                    data, self._jpeg_prefix, jfif_prefix=self._jfif_prefix
                )
            if (header.width, header.height, header.components) != (width, rows, self._samples):
                raise _contradiction(
                    header.width, header.height, header.components, (width, rows, self._samples)
                )
            stream = header.rewritten + data[len(header.original) :]
            if not halve:
                whole: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, colours)
                return whole
            half: NDArray[np.uint8] = simplejpeg.decode_jpeg(
                stream, colours, min_width=width // 2, min_height=rows // 2, min_factor=2
            )
        except (JpegError, ValueError) as error:
            raise CodecError(strings.DAMAGED.format(coding="JPEG", error=error)) from None
        if half.shape[:2] != (rows // 2, width // 2):
            raise CodecError(strings.HALF_TILE.format(shape=half.shape))
        return half

    def _decode_jpeg_2000(self, data: bytes, rows: int) -> NDArray[Any]:
        image = self._image
        _check_jpeg_2000(data, image.tile_width, rows, self._samples)
        try:
            pixels = imagecodecs.jpeg2k_decode(data)
        except (imagecodecs.Jpeg2kError, ValueError) as error:
            raise CodecError(strings.DAMAGED.format(coding="JPEG 2000", error=error)) from None
        pixels = pixels.reshape(rows, image.tile_width, -1)
        if pixels.dtype.itemsize * 8 != image.bits or pixels.shape[2] != self._samples:
            raise CodecError(strings.TILE_PIXELS.format(dtype=pixels.dtype, shape=pixels.shape))
        return _rgb_from_ycbcr(pixels) if image.compression == tiff.JPEG_2000_YCBCR else pixels

    def _decode_webp(self, data: bytes, rows: int) -> NDArray[np.uint8]:
        pixels = np.empty((rows, self._image.tile_width, self._samples), np.uint8)
        try:
            # Filled in place: a stream of another size is refused before it is decoded.
            imagecodecs.webp_decode(data, hasalpha=self._samples == 4, out=pixels)
        except (imagecodecs.WebpError, ValueError) as error:
            raise CodecError(strings.DAMAGED.format(coding="WebP", error=error)) from None
        return pixels

    def _decode_raw(self, data: bytes, rows: int) -> NDArray[Any]:
        return raw_samples(self._image, data, rows)

    def _display(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Samples, interpreted by the file's tags, as 8-bit grey, RGB or RGBA."""
        image = self._image
        if samples.dtype == np.uint16:
            samples = np.minimum(samples >> self._shift, 255)
        pixels: NDArray[np.uint8] = samples.astype(np.uint8, copy=False)
        if image.compression == tiff.JPEG and pixels.shape[2] == 4:
            return pixels
        if self._palette is not None:
            return np.take(self._palette, pixels[..., 0]).view(np.uint8).reshape(*pixels.shape[:2], 4)
        if image.sample_kind == "signed":
            pixels = pixels ^ np.uint8(0x80)  # −128…127 to 0…255
        if image.photometric == tiff.WHITE_IS_ZERO:
            pixels = np.concatenate([255 - pixels[..., :1], pixels[..., 1:]], axis=2)
        colours = 3 if image.photometric in (tiff.RGB, tiff.YCBCR) and pixels.shape[2] >= 3 else 1
        if image.extra_sample not in (1, 2) or pixels.shape[2] != colours + 1:
            return pixels[..., :colours]
        return _straight(pixels) if image.extra_sample == 1 else pixels


def raw_samples(image: tiff.TiffImage, data: bytes, rows: int) -> NDArray[Any]:
    """(rows, tile width, samples) of a tile without loss, as whole numbers of the file's bits: floats are
    still to be viewed as such. Raises CodecError.
    """
    dtype = np.dtype(f"u{image.bits // 8}").newbyteorder(image.ifd.byte_order)
    shape = (rows, image.tile_width, 1 if image.separate_planes else image.samples)
    size = prod(shape) * dtype.itemsize
    decoder = _RAW_DECODERS.get(image.compression)
    try:
        raw = decoder(data, out=size) if decoder else data[:size]
    except (RuntimeError, ValueError) as error:  # the base of every imagecodecs error; of lzw
        coding = tiff.COMPRESSIONS[image.compression]
        raise CodecError(strings.DAMAGED_DATA.format(coding=coding, error=error)) from None
    if len(raw) != size:
        raise CodecError(strings.TILE_BYTE_COUNT.format(found=len(raw), expected=size))
    if image.predictor == 3 and image.compression in _DIFFERENCED:
        shuffled = np.frombuffer(raw, f"f{dtype.itemsize}").reshape(shape)
        return imagecodecs.floatpred_decode(shuffled, axis=1).view(dtype.newbyteorder("="))
    samples = np.frombuffer(raw, dtype).reshape(shape)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if image.predictor == 2 and image.compression in _DIFFERENCED:
        return imagecodecs.delta_decode(samples, axis=1)
    return samples


def _palette(image: tiff.TiffImage) -> NDArray[np.uint32]:
    """256 RGBA colours, four bytes in one number."""
    values = image.ifd.numbers(320)
    if values.size != 768:
        raise CodecError(strings.PALETTE.format(count=values.size // 3))
    colours = np.empty((256, 4), np.uint8)
    # TIFF gives 16 bits a colour; the high byte is the colour of 8-bit writers, which fill both bytes or the
    # high one.
    colours[:, :3] = (values.reshape(3, 256).T.astype(np.uint16) >> 8).astype(np.uint8)
    colours[:, 3] = 255
    packed: NDArray[np.uint32] = colours.view(np.uint32)[:, 0]
    return packed


def _straight(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Premultiplied alpha to straight alpha."""
    alpha = pixels[..., -1:].astype(np.uint16)
    colours = (pixels[..., :-1].astype(np.uint16) * 255 + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([np.minimum(colours, 255).astype(np.uint8), pixels[..., -1:]], axis=2)


def _rgb_from_ycbcr(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Full-range YCbCr to RGB with JFIF 1.02's decimals taken exactly, rounded; for Aperio's 33003."""
    y, cb, cr = (pixels[..., channel].astype(np.int32) for channel in range(3))
    cb -= 128
    cr -= 128
    red = y + (1402 * cr + 500) // 1000
    green = y + (-34414 * cb - 71414 * cr + 50_000) // 100_000
    blue = y + (1772 * cb + 500) // 1000
    rgb: NDArray[np.int32] = np.stack([red, green, blue], axis=2)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def _contradiction(width: int, height: int, samples: int, expected: tuple[int, int, int]) -> CodecError:
    """For a tile whose header states another width, height or samples a pixel than ``expected``."""
    return CodecError(
        strings.TILE_SAMPLES.format(
            width=width,
            height=height,
            samples=samples,
            expected_width=expected[0],
            expected_height=expected[1],
            expected_samples=expected[2],
        )
    )


def _check_jpeg_2000(data: bytes, width: int, height: int, components: int) -> None:
    """Compare the size segment (ITU-T T.800, A.5.1) with the tile before the decoder allocates for it."""
    start = 0 if data[:2] == b"\xff\x4f" else data[:512].find(b"\xff\x4f\xff\x51")
    header = data[start : start + 42]
    if start < 0 or len(header) < 42 or header[2:4] != b"\xff\x51":
        raise CodecError(strings.NO_JPEG_2000_HEADER)
    x1, y1, x0, y0, tile_width, tile_height = (
        int.from_bytes(header[8 + 4 * i : 12 + 4 * i], "big") for i in range(6)
    )
    found = int.from_bytes(header[40:42], "big")
    if (x1 - x0, y1 - y0, found) != (width, height, components):
        raise _contradiction(x1 - x0, y1 - y0, found, (width, height, components))
    sampling = data[start + 42 : start + 42 + 3 * components]
    if any(sampling[3 * i + 1 : 3 * i + 3] != b"\x01\x01" for i in range(components)):
        raise CodecError(strings.SUBSAMPLED)
    if min(tile_width, tile_height) < 1 or -(-x1 // tile_width) * -(-y1 // tile_height) > MAX_JPEG_2000_TILES:
        raise CodecError(strings.INNER_TILES.format(width=tile_width, height=tile_height))
