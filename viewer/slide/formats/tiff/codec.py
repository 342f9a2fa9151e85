"""TileCodec: the bytes of one TIFF tile to 8-bit pixels, whatever the compression and the colours.

The codec libraries do the work outside the GIL. The size that a tile claims is checked before they
allocate for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from viewer.slide.formats.codecs.cielab import rgb_from_lab
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.codecs.jpeg import JpegDecoder
from viewer.slide.formats.codecs.jpeg_2000 import decode_jpeg_2000
from viewer.slide.formats.codecs.pictures import decode_picture
from viewer.slide.formats.codecs.ycbcr import StatedYcbcr, spread
from viewer.slide.formats.tiff import layout as tiff
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.old_jpeg import whole_stream
from viewer.slide.formats.tiff.raw import LOSSLESS, raw_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.slide.formats.sample_range import SampleRange

_APERIO_YCBCR, _APERIO_RGB = 33003, tiff.JPEG_2000_RGB
_JPEG = ("JPEG", "old-style JPEG")
_MAX_TABLES_BYTES = 65536
_CHROMA_PLANES = (1, 2)
_LUMA_WEIGHTS, _FULL_RANGE = (0.299, 0.587, 0.114), (0, 255, 128, 255, 128, 255)  # where no tag states them
_AROUND_LERC: dict[int, Callable[..., bytes | bytearray]] = {
    1: imagecodecs.deflate_decode,
    2: imagecodecs.zstd_decode,
}


class TileCodec:
    """Decodes the tiles of one image. Holds no pixels; safe to use from many threads.

    ``shown`` is what numbers of more or fewer than 8 bits are shown over. ``is_aperio``: Aperio wrote the
    file, whose compression 33003 holds YCbCr; what others write under that number is what the tags state.
    """

    def __init__(
        self, image: tiff.TiffImage, *, shown: SampleRange | None = None, is_aperio: bool = False
    ) -> None:
        self._image = image
        self._shown = shown
        self._samples = image.tile_samples
        self._jpeg = None
        if image.coding in _JPEG:
            self._jpeg = JpegDecoder(
                stated_ycbcr=image.photometric == tiff.YCBCR,
                is_binding=True,
                tables=image.ifd.raw(347, at_most=_MAX_TABLES_BYTES),
            )
        is_ycbcr = image.photometric == tiff.YCBCR or (is_aperio and image.compression == _APERIO_YCBCR)
        self._jpeg_2000_ycbcr = is_ycbcr and image.compression != _APERIO_RGB
        self._palette = _palette(image) if image.photometric == tiff.PALETTE else None
        self._ycbcr = _stated_ycbcr(image) if image.is_plain_ycbcr else None
        self._small_planes = None
        if image.chroma != (1, 1) and image.separate_planes:
            width, height = (
                -(-side // by)
                for side, by in zip((image.tile_width, image.tile_height), image.chroma, strict=True)
            )
            small = replace(image, tile_width=width, tile_height=height, chroma=(1, 1))
            self._small_planes = TileCodec(small, shown=shown)

    @property
    def planes(self) -> tuple[int, ...]:
        """Which planes of the file make one tile of pixels: of separate ones those of the colours and of
        alpha.
        """
        image = self._image
        if not image.separate_planes:
            return (0,)
        return *range(image.colour_samples), *(() if image.alpha is None else (image.alpha,))

    @property
    def gives_opaque_rgba(self) -> bool:
        """Whether ``decode`` gives four samples with nothing transparent among them."""
        return self._palette is not None or self._is_fast_colour

    @property
    def can_halve(self) -> bool:
        """Whether ``decode_half`` works: JPEG whose 8 px blocks, and 16 px chroma blocks, halve to whole
        pixels.
        """
        image = self._image
        whole = image.tile_width % 16 == 0 and image.tile_height % 16 == 0
        fits = self._is_fast_colour or (image.samples == 1 and image.bits == 8 and image.coding == "JPEG")
        return fits and image.tiled and whole

    def overrules_tags(self, data: bytes) -> bool:
        """Whether a tile is JPEG whose colours are others than the TIFF states. Raises CodecError."""
        if self._jpeg is None or self._samples != 3:
            return False
        stream = self._whole_jpeg(data, self._image.tile_height)
        return self._jpeg.is_ycbcr(stream) != (self._image.photometric == tiff.YCBCR)

    def decode(self, planes: list[bytes], rows: int) -> NDArray[np.uint8]:
        """``rows`` × tile width of grey (h, w, 1), grey + alpha (2), RGB (3) or straight RGBA (4).

        ``planes`` are the bytes of the tile, one item a plane. Raises CodecError.
        """
        samples = [self._plane(plane, data, rows) for plane, data in enumerate(planes)]
        return self._display(samples[0] if len(samples) == 1 else np.concatenate(samples, axis=2))

    def _plane(self, plane: int, data: bytes, rows: int) -> NDArray[Any]:
        if self._small_planes is None or plane not in _CHROMA_PLANES:
            return self.samples(data, rows)
        shared = self._image.chroma
        small = self._small_planes.samples(data, -(-rows // shared[1]))
        return spread(small, shared, self._image.tile_width, rows)

    def decode_half(self, data: bytes) -> NDArray[np.uint8]:
        """A JPEG tile at half its size, opaque RGBA or grey, through the decoder's own 4×4 inverse transform:
        half the time. Raises CodecError.
        """
        return self._display(self._decode_jpeg(data, self._image.tile_height, halve=True))

    def samples(self, data: bytes, rows: int) -> NDArray[Any]:
        """(rows, tile width, samples) as the file codes them; 8-bit JPEG in colours as RGBA. Raises
        CodecError.
        """
        image = self._image
        if image.coding in _JPEG:
            return self._decode_jpeg(data, rows)
        if image.coding in LOSSLESS:
            return raw_samples(image, data, rows).view(image.dtype)
        width, samples = image.tile_width, self._samples
        if image.coding == "JPEG 2000":
            stated_ycbcr = self._jpeg_2000_ycbcr
            return decode_jpeg_2000(data, width, rows, samples, bits=image.bits, stated_ycbcr=stated_ycbcr)
        if image.coding == "LERC":
            data = self._plain_lerc(data)
        return decode_picture(image.coding, data, (rows, width, samples), image.dtype)

    @property
    def _is_fast_colour(self) -> bool:
        return self._image.coding in _JPEG and self._samples == 3 and self._image.bits == 8

    def _decode_jpeg(self, data: bytes, rows: int, *, halve: bool = False) -> NDArray[Any]:
        assert self._jpeg is not None, "a JPEG image"
        image = self._image
        stream = self._whole_jpeg(data, rows)
        return self._jpeg.decode(stream, image.tile_width, rows, self._samples, bits=image.bits, halve=halve)

    def _whole_jpeg(self, data: bytes, rows: int) -> bytes:
        return whole_stream(self._image, data, rows) if self._image.coding == "old-style JPEG" else data

    def _plain_lerc(self, data: bytes) -> bytes:
        """LERC without the compression around it, which tag LercParameters names: 1 deflate, 2 Zstandard."""
        kind = self._image.ifd.whole_numbers(50674)[1:2]
        decoder = _AROUND_LERC.get(kind[0]) if kind else None
        try:
            return bytes(decoder(data, out=self._image.max_coded_tile_bytes)) if decoder else data
        except (RuntimeError, ValueError) as error:
            raise CodecError(strings.DAMAGED_DATA.format(coding="LERC", error=error)) from None

    def _display(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Samples, interpreted by the file's tags, as 8-bit grey, RGB or RGBA."""
        image = self._image
        if self._palette is not None:
            return np.take(self._palette, samples[..., 0]).view(np.uint8).reshape(*samples.shape[:2], 4)
        pixels: NDArray[np.uint8] = samples if self._shown is None else self._shown.in_8_bits(samples)
        if self._is_fast_colour:
            return pixels
        colours = pixels[..., : image.colour_samples]
        if image.photometric == tiff.WHITE_IS_ZERO:
            colours = 255 - colours
        elif image.photometric in tiff.LAB:
            colours = rgb_from_lab(colours, image.photometric)
        elif image.photometric == tiff.CMYK:
            colours = _rgb_from_cmyk(colours)
        elif self._ycbcr is not None:
            colours = self._ycbcr.rgb(colours)
        if image.alpha is None:
            return colours
        at = image.colour_samples if image.separate_planes else image.alpha
        alpha = pixels[..., at : at + 1]
        if image.is_premultiplied:
            colours = _straight(colours, alpha)
        return np.concatenate([colours, alpha], axis=2)


def _palette(image: tiff.TiffImage) -> NDArray[np.uint32]:
    """RGBA colours, four bytes in one number, one for each sample that 8 bits can hold."""
    values = image.ifd.numbers(320)
    count = 1 << image.bits
    if values.size != 3 * count:
        raise CodecError(strings.PALETTE.format(count=values.size // 3, expected=count))
    colours = np.full((256, 4), 255, np.uint8)
    # TIFF gives 16 bits a colour; the high byte is the colour of 8-bit writers, which fill both bytes or the
    # high one.
    colours[:count, :3] = (values.reshape(3, count).T.astype(np.uint16) >> 8).astype(np.uint8)
    packed: NDArray[np.uint32] = colours.view(np.uint32)[:, 0]
    return packed


def _stated_ycbcr(image: tiff.TiffImage) -> StatedYcbcr:
    """By the tags YCbCrCoefficients and ReferenceBlackWhite. Raises CodecError."""
    weights, levels = (
        (image.ifd.numbers(tag) if tag in image.ifd else np.array(default)).tolist()
        for tag, default in ((529, _LUMA_WEIGHTS), (532, _FULL_RANGE))
    )
    try:
        if (len(weights), len(levels)) == (3, 6):
            return StatedYcbcr(weights, levels)
    except ValueError:
        pass
    raise CodecError(strings.YCBCR_SCALE.format(numbers=[*weights, *levels]))


def _straight(colours: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Premultiplied colours to straight ones."""
    wide = alpha.astype(np.uint16)
    straight = (colours.astype(np.uint16) * 255 + wide // 2) // np.maximum(wide, 1)
    rounded: NDArray[np.uint8] = np.minimum(straight, 255).astype(np.uint8)
    return rounded


def _rgb_from_cmyk(inks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Printing inks to light, without their profile, as libtiff does."""
    light = 255 - inks.astype(np.uint16)
    rgb: NDArray[np.uint8] = (light[..., :3] * light[..., 3:] // 255).astype(np.uint8)
    return rgb
