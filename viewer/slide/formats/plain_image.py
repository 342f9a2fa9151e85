"""Plain images (PNG, JPEG, BMP, WebP, GIF, JPEG 2000, PNM, AVIF) through Pillow: checked, then decoded whole.

Only formats with well-maintained decoders are allowed. ``info.notes`` names what is lost on the way to 8-bit
colours.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from viewer.slide.formats import strings
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.codecs.pillow_switches import pillow_unlimited
from viewer.slide.geometry import Rect
from viewer.slide.source import NotThisReader, SlideError, SlideInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "JPEG2000", "PPM", "AVIF")
MAX_PX = 200_000_000
MAX_ICC_BYTES = 16 * 2**20

# What Pillow's decoders raise for damaged files; RuntimeError: that of AVIF.
DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, RuntimeError, struct.error, zlib.error),
    Image.DecompressionBombError,
)

_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(path: Path, *, max_px: int = MAX_PX) -> Source:
    """Open a plain image of one level. ``max_px`` bounds what is decoded: about 4 bytes of memory a pixel.

    The resolution that photographs state is not that of tissue: ``mpp_um`` is None. Raises NotThisReader
    where the file is none of the formats, SlideError where it is too large or damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
            check_webp_size(head, max_px)
            file.seek(0)
            with _opened(file) as (image, messages):
                width, height = image.size
                if width * height > max_px:
                    reason = strings.IMAGE_TOO_LARGE.format(width=width, height=height, most=max_px)
                    raise SlideError(path, reason)
                name = image.format or "image"
                notes = _notes_before_decoding(image)
                notes += [strings.PILLOW_WARNING.format(warning=text) for text in messages]
                icc_profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
                image.load()
                turn = _turn(image, notes)
                pixels, more_notes = pixels_of_image(image.transpose(turn) if turn is not None else image)
                notes += more_notes
    except UnidentifiedImageError:
        raise NotThisReader(path, _unidentified(head)) from None
    except _TooLarge as error:
        raise SlideError(path, str(error)) from None
    except DECODE_ERRORS as error:
        raise SlideError(path, strings.IMAGE_DAMAGED.format(error=error)) from error
    height, width = pixels.shape[:2]
    if icc_profile and len(icc_profile) > MAX_ICC_BYTES:
        reason = strings.ICC_LARGER_THAN.format(most_mib=MAX_ICC_BYTES >> 20)
        notes.append(strings.UNCORRECTED_COLOURS.format(reason=reason))
        icc_profile = None
    info = SlideInfo(
        path=path,
        format=name,
        reader="image",
        reader_reason=strings.IMAGE_REASON,
        bounds=Rect(0.0, 0.0, float(width), float(height)),
        file_levels=((width, height),),
        icc_profile=icc_profile or None,
        notes=tuple(notes),
    )
    return ArraySource(info, pixels)


def pixels_of_image(image: Image.Image) -> tuple[NDArray[np.uint8], list[str]]:
    """The decoded 8-bit pixels of an image, (h, w) grey, (h, w, 2), (h, w, 3) or (h, w, 4), and what was
    lost.
    """
    if image.mode.startswith("I;16") or image.mode == "I":
        samples = np.asarray(image).astype(np.int64)
        if samples.min() < 0:
            samples -= samples.min()
        shift = max(0, int(samples.max()).bit_length() - 8)
        note = strings.DEEP_SAMPLES.format(white=(256 << shift) - 1)
        return (samples >> shift).astype(np.uint8), [note]
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, np.float32))
        low, high = float(values.min()), float(values.max())
        scaled = (values - low) * (255 / (high - low) if high > low else 0)
        return scaled.astype(np.uint8), [strings.REAL_SAMPLES.format(low=low, high=high)]
    notes = []
    if image.mode == "CMYK":
        notes.append(strings.PRINTING_COLOURS)
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "PA") or (image.mode in ("L", "RGB") and "transparency" in image.info):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA" if image.mode in ("RGBa", "La") else "RGB")
    return np.asarray(image), notes


def check_webp_size(head: bytes, max_px: int) -> None:
    """Raise ValueError where a WebP's header claims more than ``max_px``; other files pass.

    Pillow's WebP decoder allocates the whole picture while it opens the file. Source: RFC 9649.
    """
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return
    kind = head[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    else:
        width = int.from_bytes(head[26:28], "little") & 0x3FFF
        height = int.from_bytes(head[28:30], "little") & 0x3FFF
    if width * height > max_px:
        raise _TooLarge(strings.WEBP_TOO_LARGE.format(width=width, height=height))


def _unidentified(head: bytes) -> str:
    """Why Pillow names no format: the file is of none, or its header is cut short behind these bytes."""
    for name in FORMATS:
        begins_alike = Image.OPEN[name][1]
        if begins_alike is not None and begins_alike(head) is True:
            return strings.IMAGE_HEADER_DAMAGED.format(format=name)
    return strings.IMAGE_OTHER_FORMAT.format(formats=", ".join(FORMATS))


class _TooLarge(ValueError):
    """A header claims more pixels than may be decoded."""


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[tuple[ImageFile.ImageFile, list[str]]]:
    """An image whose header alone was read, and Pillow's warnings about it.

    One header is read at a time; pixels are decoded by many threads.
    """
    with pillow_unlimited() as caught:
        image = Image.open(file, formats=FORMATS)
    with image:
        yield image, [str(warning.message) for warning in caught]


def _turn(image: Image.Image, notes: list[str]) -> Image.Transpose | None:
    """How the orientation tag (EXIF 2.32, 4.6.4) turns the picture; None for not at all."""
    is_sound = True
    with pillow_unlimited() as caught:
        try:
            orientation = image.getexif().get(_EXIF_ORIENTATION)
        except DECODE_ERRORS:
            orientation, is_sound = None, False
    if caught or not is_sound:
        notes.append(strings.EXIF_DAMAGED)
    return _TURNS.get(orientation) if isinstance(orientation, int) else None


def _notes_before_decoding(image: ImageFile.ImageFile) -> list[str]:
    """What the header holds and the decoded picture does not: more frames, more bits."""
    notes = []
    if getattr(image, "is_animated", False):
        notes.append(strings.FIRST_PICTURE_SHOWN)
        image.seek(0)
    if any("16" in str(tile[3]) for tile in image.tile) and not image.mode.startswith("I"):
        notes.append(strings.SHOWN_IN_8_BITS)
    return notes
