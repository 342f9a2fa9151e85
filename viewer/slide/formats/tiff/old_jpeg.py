"""JPEG as TIFF 6.0 wrote it (compression 6), made into whole streams.

Its tiles are whole streams already; or one header (tag JPEGInterchangeFormat) stands for all; or the tables
alone stand in tags of their own. Source: TIFF 6.0, section 22; TIFF Technical Note 2 on its faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.codecs.jpeg_stream import JpegError, read_header
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.ifd import TiffFormatError

if TYPE_CHECKING:
    from viewer.slide.formats.tiff.layout import TiffImage

_HEADER_OFFSET, _RESTARTS = 513, 515
_QUANTISATION, _DC_TABLES, _AC_TABLES, _SUBSAMPLING = 519, 520, 521, 530
_MAX_HEADER_BYTES = 65536
_SOI, _SOS, _EOI = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


def whole_stream(image: TiffImage, data: bytes, rows: int) -> bytes:
    """The JPEG stream of a tile of ``rows`` rows. Raises CodecError where nothing says how it is coded."""
    if data.startswith(_SOI):
        try:
            read_header(data)
        except JpegError:
            data = data[2:]  # a start marker and a scan: the header is elsewhere
        else:
            return data
    try:
        header = _interchange_header(image, rows) or _header_of_tags(image, rows)
    except (TiffFormatError, EOFError, OSError, OverflowError, TypeError, ValueError) as error:
        # The tags may hold any number of numbers of any kind.
        raise CodecError(strings.DAMAGED_DATA.format(coding=image.coding, error=error)) from None
    if data.startswith(_SOS):
        header = header[: header.rindex(_SOS)]
    return header + data + (b"" if data.endswith(_EOI) else _EOI)


def _interchange_header(image: TiffImage, rows: int) -> bytes | None:
    """The header that stands before the first tile up to its scan, its frame made as high as this one; None
    without one.
    """
    offset = image.ifd.number(_HEADER_OFFSET, 0)
    size = min(_MAX_HEADER_BYTES, image.ifd.file.size_bytes - offset)
    if offset <= 0 or size <= 0:
        return None
    try:
        data = image.ifd.file.read(offset, size)
        header = read_header(data)
    except (JpegError, EOFError):
        return None
    end = len(header.original)
    while data[end : end + 2] != _SOS:
        end += 2 + int.from_bytes(data[end + 2 : end + 4], "big")
        if end >= size:
            return None
    end += 2 + int.from_bytes(data[end + 2 : end + 4], "big")
    sides = len(header.original) - 5 - 3 * header.components  # of the frame, at the end of the header
    frame = rows.to_bytes(2, "big") + image.tile_width.to_bytes(2, "big")
    return data[:sides] + frame + data[sides + 4 : end]


def _header_of_tags(image: TiffImage, rows: int) -> bytes:
    """A header, up to its scan, made of the tables in tags of their own."""
    samples = image.tile_samples
    places = [image.ifd.numbers(tag).tolist() for tag in (_QUANTISATION, _DC_TABLES, _AC_TABLES)]
    if not all(len(each) >= samples for each in places):
        raise CodecError(strings.NO_OLD_JPEG_TABLES)
    read = image.ifd.file.read
    out = bytearray(_SOI)
    for index in range(samples):
        out += _segment(0xDB, bytes([index]) + read(places[0][index], 64))
        for kind, offset in ((0x00, places[1][index]), (0x10, places[2][index])):
            counts = read(offset, 16)
            out += _segment(0xC4, bytes([kind | index]) + counts + read(offset + 16, sum(counts)))
    if restarts := image.ifd.number(_RESTARTS, 0):
        out += _segment(0xDD, restarts.to_bytes(2, "big"))
    across, down = (image.ifd.numbers(_SUBSAMPLING).tolist() or [2, 2])[:2] if samples == 3 else (1, 1)
    sampling = [(across << 4 | down) & 0xFF, 0x11, 0x11]
    frame = b"\x08" + rows.to_bytes(2, "big") + image.tile_width.to_bytes(2, "big") + bytes([samples])
    frame += b"".join(bytes([index + 1, sampling[index], index]) for index in range(samples))
    scan = b"".join(bytes([index + 1, index << 4 | index]) for index in range(samples))
    return bytes(out + _segment(0xC0, frame) + _segment(0xDA, bytes([samples]) + scan + b"\x00\x3f\x00"))


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
