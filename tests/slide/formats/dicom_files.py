"""Small DICOM whole-slide files, written element by element."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

UNDEFINED = 0xFFFFFFFF
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
SYNTAX = "1.2.840.10008.1.2"


def cut(pixels: NDArray[Any], side: int) -> Iterator[NDArray[Any]]:
    """Frames of ``side`` px, row by row, the last ones padded."""
    for y in range(0, pixels.shape[0], side):
        for x in range(0, pixels.shape[1], side):
            frame = pixels[y : y + side, x : x + side]
            beyond = [(0, side - frame.shape[0]), (0, side - frame.shape[1]), (0, 0)][: frame.ndim]
            yield np.ascontiguousarray(np.pad(frame, beyond, mode="edge"))


def rle(frame: NDArray[Any]) -> bytes:
    """DICOM's run lengths (PS3.5, G): each byte of each sample in a segment of its own."""
    planes = np.ascontiguousarray(np.moveaxis(np.atleast_3d(frame), 2, 0))
    wide = planes.astype(planes.dtype.newbyteorder(">")).view(np.uint8)
    wide = wide.reshape(*planes.shape, planes.itemsize)
    segments = [
        imagecodecs.packbits_encode(wide[plane, ..., byte].tobytes())
        for plane in range(planes.shape[0])
        for byte in range(planes.itemsize)
    ]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    starts = [64 + sum(map(len, segments[:index])) for index in range(len(segments))]
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(starts))) + b"".join(segments)


class Elements:
    """Elements one after another, in one of the three plain encodings."""

    def __init__(self, *, order: str = "<", is_explicit: bool = True) -> None:
        self.order, self.is_explicit = order, is_explicit
        self.data = b""

    def add(self, tag: int, vr: str, value: bytes, length: int | None = None) -> Elements:
        """An element; ``length`` states another one than the value has."""
        value += b"\0" * (len(value) % 2)
        size = len(value) if length is None else length
        head = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.is_explicit:
            head += struct.pack(self.order + "I", size)
        elif vr in ("OB", "OW", "SQ", "UN", "UT"):
            head += vr.encode() + struct.pack(self.order + "HI", 0, size)
        else:
            head += vr.encode() + struct.pack(self.order + "H", size)
        self.data += head + value
        return self

    def text(self, tag: int, vr: str, text: str) -> Elements:
        return self.add(tag, vr, text.encode() + b" " * (len(text) % 2 and vr != "UI"))

    def number(self, tag: int, value: int, kind: str = "H") -> Elements:
        return self.add(tag, {"H": "US", "I": "UL", "i": "SL"}[kind], struct.pack(self.order + kind, value))

    def sequence(self, tag: int, items: list[Elements], *, is_open: bool = False) -> Elements:
        """Items of stated lengths, or all of undefined ones that end with a mark."""
        parts = b""
        for item in items:
            size = UNDEFINED if is_open else len(item.data)
            parts += struct.pack(self.order + "HHI", 0xFFFE, 0xE000, size) + item.data
            parts += struct.pack(self.order + "HHI", 0xFFFE, 0xE00D, 0) if is_open else b""
        if is_open:
            parts += struct.pack(self.order + "HHI", 0xFFFE, 0xE0DD, 0)
        return self.add(tag, "SQ", parts, UNDEFINED if is_open else None)

    def inner(self) -> Elements:
        return Elements(order=self.order, is_explicit=self.is_explicit)


def in_items(frames: list[list[bytes]], *, offsets: bool = True) -> bytes:
    """Frames of one or more fragments in items, behind the item of their offsets."""
    starts, parts, position = [], b"", 0
    for fragments in frames:
        starts.append(position)
        for fragment in fragments:
            padded = fragment + b"\0" * (len(fragment) % 2)
            parts += struct.pack("<HHI", 0xFFFE, 0xE000, len(padded)) + padded
            position += 8 + len(padded)
    table = struct.pack(f"<{len(starts)}I", *starts) if offsets else b""
    head = struct.pack("<HHI", 0xFFFE, 0xE000, len(table)) + table
    return head + parts + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def write_dicom(
    path: Path,
    frames: list[bytes],
    *,
    syntax: str = "1",
    colours: str = "RGB",
    size: tuple[int, int] = (150, 120),
    side: int = 64,
    bits: int = 8,
    kind: str = "VOLUME",
    series: str = "1.2.3",
    sop_class: str = WHOLE_SLIDE,
    is_planar: bool = False,
    positions: list[tuple[int, int]] | None = None,
    planes: int = 1,
    first_frame: int = 0,
    spacing: str = "0.0005\\0.00025",
    is_open: bool = False,
    pixel_data: bytes | None = None,
    without: tuple[int, ...] = (),
    is_signed: bool = False,
    palette: Elements | None = None,
) -> Path:
    """A file of frames, each coded as ``syntax`` says (its last part; "" is implicit VR, "2" big-endian).

    ``positions`` are the (left, top) of each frame where they do not lie row by row; ``is_open`` writes
    sequences of undefined length; ``palette`` are the elements of one; ``pixel_data`` replaces the items of
    the frames; ``without`` leaves out elements.
    """
    uid = f"{SYNTAX}.{syntax}" if syntax else SYNTAX
    meta = Elements().text(0x00020010, "UI", uid)
    out = Elements(order=">" if syntax == "2" else "<", is_explicit=bool(syntax))
    samples = 1 if colours.startswith(("MONO", "PALETTE")) else 3
    values: list[tuple[int, str, str | int | list[Elements]]] = [
        (0x00080008, "CS", f"ORIGINAL\\PRIMARY\\{kind}\\NONE"),
        (0x00080016, "UI", sop_class),
        (0x00080060, "CS", "SM"),
        (0x0020000E, "UI", series),
        (0x00209228, "I", first_frame),
        (0x00209311, "CS", "TILED_SPARSE" if positions else "TILED_FULL"),
        (0x00280002, "H", samples),
        (0x00280004, "CS", colours),
        (0x00280006, "H", int(is_planar)),
        (0x00280008, "IS", str(len(frames))),
        (0x00280010, "H", side),
        (0x00280011, "H", side),
        (0x00280100, "H", 8 if bits <= 8 else 16),
        (0x00280101, "H", bits),
        (0x00280103, "H", int(is_signed)),
        (0x00480006, "I", size[0]),
        (0x00480007, "I", size[1]),
        (0x00480105, "SQ", [out.inner().text(0x00480112, "DS", "20")]),
        (0x00480303, "I", planes),
        (
            0x52009229,
            "SQ",
            [out.inner().sequence(0x00289110, [out.inner().text(0x00280030, "DS", spacing)])],
        ),
    ]
    if positions:
        places = [
            out.inner().sequence(
                0x0048021A, [out.inner().number(0x0048021E, x + 1, "i").number(0x0048021F, y + 1, "i")]
            )
            for x, y in positions
        ]
        values.append((0x52009230, "SQ", places))
    for tag, kind_of_value, value in values:
        if tag == 0x00480006 and palette is not None:
            out.data += palette.data
        if tag in without:
            continue
        if isinstance(value, list):
            out.sequence(tag, value, is_open=is_open)
        elif isinstance(value, int):
            out.number(tag, value, kind_of_value)
        else:
            out.text(tag, kind_of_value, value)
    is_native = syntax in ("", "1", "1.99", "2")
    if is_native:
        out.add(0x7FE00010, "OW", b"".join(frames) if pixel_data is None else pixel_data)
    else:
        data = in_items([[frame] for frame in frames]) if pixel_data is None else pixel_data
        out.add(0x7FE00010, "OB", data, UNDEFINED)
    if syntax == "1.99":
        length = Elements().number(0x00020000, len(meta.data), "I")
        meta.data = length.data + meta.data
        deflate = zlib.compressobj(wbits=-15)
        out.data = deflate.compress(out.data) + deflate.flush()
    path.write_bytes(bytes(128) + b"DICM" + meta.data + out.data)
    return path
