"""LZW as TIFF has it, by libtiff: where a stream is damaged imagecodecs writes beyond its memory."""

from __future__ import annotations

import io
import struct

from PIL import Image

_SHORT, _LONG = 3, 4
_HEADER = struct.Struct("<2sHI")
_ENTRY = struct.Struct("<HHII")


def lzw_decode(data: bytes | memoryview, out: int) -> bytes:
    """The ``out`` bytes that a stream holds. Raises ValueError where it is damaged or holds fewer."""
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
