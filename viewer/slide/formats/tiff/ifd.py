"""The structure of a TIFF file: header, directories and tag values, each checked against the file before it
is read.

Written for hostile input: a count, an offset or a chain of directories is only a claim until it is checked
against the file's size. Source: TIFF 6.0 (Adobe 1992), BigTIFF
(libtiff.gitlab.io/libtiff/specification/bigtiff.html).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from viewer.slide.formats.tiff import strings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource

MAX_IFDS = 1000
MAX_TAGS_PER_IFD = 4096
MAX_SUB_IFDS = 64
MAX_BYTES_VALUE = 64 * 2**20  # of one text or bytes tag
MAX_NUMBERS = 20_000_000  # of one tag: the tile table of a slide of a tera-pixel in 256 px tiles

_TYPES = {
    1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4",
    10: "i4", 11: "f4", 12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8",
}  # fmt: skip
_BYTES, _TEXT, _RATIONALS = 1, 2, (5, 10)

_DESCRIPTIVE = {
    270: _TEXT, 271: _TEXT, 272: _TEXT, 285: _TEXT, 305: _TEXT, 306: _TEXT, 34675: _BYTES,
    274: None, 282: None, 283: None, 296: None,
}  # fmt: skip
"""What is said about an image and is not needed to decode it, with the type of those that are no numbers."""


class TiffFormatError(Exception):
    """The file is not a TIFF, or contradicts itself."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Where a value lies: its TIFF type, how many, and the absolute byte offset.

    ``inline`` are the bytes of a short value, which the directory itself holds.
    """

    type: int
    count: int
    offset: int
    inline: bytes | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(_TYPES[self.type])

    @property
    def byte_count(self) -> int:
        return self.count * self.dtype.itemsize * (2 if self.type in _RATIONALS else 1)


@dataclass(frozen=True, slots=True)
class Ifd:
    """One image file directory, at byte ``offset``. Values that it does not hold itself are read from the
    file on demand. ``damaged``: descriptive tags that cannot be read, and are left out of ``tags``.
    """

    file: ByteSource
    byte_order: Literal["<", ">"]
    tags: dict[int, Tag]
    offset: int
    damaged: tuple[int, ...] = ()

    def __contains__(self, code: int) -> bool:
        return code in self.tags

    def numbers(self, code: int, *, at_most: int = 65536) -> NDArray[Any]:
        """All values of a numeric tag in native byte order; rationals as float64; empty where the tag is
        absent.

        Raises TiffFormatError where there are more than ``at_most`` or the value lies outside the file.
        """
        tag = self._tag(code)
        if tag is None:
            return np.empty(0, np.uint32)
        if tag.type == 2 or tag.count > at_most:
            raise TiffFormatError(strings.TAG_VALUES.format(code=code, count=tag.count, type=tag.type))
        values: NDArray[Any] = np.frombuffer(self._raw(code, tag), tag.dtype.newbyteorder(self.byte_order))
        if tag.type in _RATIONALS:
            numerators, denominators = values[0::2].astype(np.float64), values[1::2].astype(np.float64)
            values = np.full(tag.count, np.nan)
            np.divide(numerators, denominators, out=values, where=denominators != 0)
            return values
        return values.astype(tag.dtype)

    def whole_numbers(self, code: int, *, at_most: int = 65536) -> list[int]:
        """All values of an integer tag, none where it is absent. Raises TiffFormatError as ``numbers`` does,
        and for other numbers.
        """
        values = self.numbers(code, at_most=at_most)
        if values.dtype.kind not in "ui":
            raise TiffFormatError(
                strings.TAG_VALUES.format(code=code, count=values.size, type=self.tags[code].type)
            )
        whole: list[int] = values.tolist()
        return whole

    def number(self, code: int, default: int) -> int:
        """The first value of an integer tag."""
        values = self.numbers(code)
        return int(values[0]) if values.size and values.dtype.kind in "ui" else default

    def real(self, code: int) -> float | None:
        """The first value of a rational or float tag, None where absent or not finite."""
        values = self.numbers(code)
        value = float(values[0]) if values.size else float("nan")
        return value if np.isfinite(value) else None

    def raw(self, code: int, *, at_most: int = MAX_BYTES_VALUE) -> bytes | None:
        """The bytes of a tag, None where absent."""
        tag = self._tag(code)
        if tag is None:
            return None
        if tag.byte_count > at_most:
            raise TiffFormatError(strings.TAG_BYTES.format(code=code, count=tag.byte_count))
        return self._raw(code, tag)

    def text(self, code: int, *, cut_bytes: int | None = None) -> str:
        """A text tag up to its first NUL, empty where absent; read as Latin-1 where it is not UTF-8.

        ``cut_bytes``: so many of its bytes are enough; no more are read.
        """
        tag = self.tags.get(code)
        if cut_bytes is not None and tag is not None and tag.byte_count > cut_bytes:
            data = self._raw(code, replace(tag, type=_BYTES, count=cut_bytes))
        else:
            data = self.raw(code) or b""
        data = data.split(b"\0", 1)[0]
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def _tag(self, code: int) -> Tag | None:
        """What is asked for, None where absent: a claim that cannot be true costs nothing but its value."""
        tag = self.tags.get(code)
        if tag is not None and tag.byte_count > self.file.size_bytes:
            claim = {"count": tag.byte_count, "size": self.file.size_bytes}
            raise TiffFormatError(strings.TAG_BYTES_OF_FILE.format(code=code, **claim))
        return tag

    def _raw(self, code: int, tag: Tag) -> bytes:
        if tag.inline is not None:
            return tag.inline
        try:
            return self.file.read(tag.offset, tag.byte_count)
        except EOFError as error:
            raise TiffFormatError(strings.TAG_OUTSIDE.format(code=code, error=error)) from None


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one of the two kinds of TIFF, classic and BigTIFF, writes a directory."""

    byte_order: Literal["<", ">"]
    count_format: str
    entry_format: str
    inline_bytes: int
    offset_format: str


def begins_like_tiff(file: ByteSource) -> bool:
    """Whether the file has a TIFF or BigTIFF header."""
    try:
        _read_header(file)
    except TiffFormatError:
        return False
    return True


def read_ifds(file: ByteSource) -> tuple[list[Ifd], str]:
    """The main chain of directories (SubIFDs: ``sub_ifds``), up to the first 1000, and a sentence on why
    there may be more, "" for the whole chain.

    A chain that leads back, out of the file or into nonsense ends there. Raises TiffFormatError where no
    directory can be read.
    """
    layout, offset = _read_header(file)
    ifds: list[Ifd] = []
    seen: set[int] = set()
    while offset:
        if len(ifds) == MAX_IFDS:
            return ifds, strings.FIRST_IMAGES.format(count=len(ifds))
        if offset in seen:
            return ifds, strings.CHAIN_CIRCLE.format(count=len(ifds))
        seen.add(offset)
        try:
            ifd, offset = _read_ifd(file, layout, offset)
        except TiffFormatError as error:
            if not ifds:
                raise
            return ifds, strings.CHAIN_BROKEN.format(count=len(ifds), error=error)
        ifds.append(ifd)
    if not ifds:
        raise TiffFormatError(strings.NO_DIRECTORY)
    return ifds, ""


def sub_ifds(ifd: Ifd) -> list[Ifd]:
    """The directories below ``ifd``: those in its tag SubIFDs (330), and any that these lead to.

    Raises TiffFormatError where the tag itself cannot be read; a directory that cannot be read is left out.
    """
    pending = ifd.whole_numbers(330, at_most=MAX_SUB_IFDS)
    if not pending:
        return []
    layout, _ = _read_header(ifd.file)
    found: list[Ifd] = []
    seen = {ifd.offset, 0}
    while pending and len(seen) <= MAX_SUB_IFDS + 1:
        offset = pending.pop(0)
        if offset in seen:
            continue
        seen.add(offset)
        try:
            below, following = _read_ifd(ifd.file, layout, offset)
            pending += [following, *below.whole_numbers(330, at_most=MAX_SUB_IFDS)]
        except TiffFormatError:
            continue
        found.append(below)
    return found


def _read_header(file: ByteSource) -> tuple[_Layout, int]:
    if file.size_bytes < 8:
        raise TiffFormatError(strings.TOO_SHORT)
    header = file.read(0, min(16, file.size_bytes))
    order: Literal["<", ">"]
    if header[:2] == b"II":
        order = "<"
    elif header[:2] == b"MM":
        order = ">"
    else:
        raise TiffFormatError(strings.NO_TIFF_HEADER)
    (version,) = struct.unpack(order + "H", header[2:4])
    if version == 42:
        (offset,) = struct.unpack(order + "I", header[4:8])
        return _Layout(order, order + "H", order + "HHI", 4, order + "I"), offset
    if version == 43 and len(header) == 16 and struct.unpack(order + "HH", header[4:8]) == (8, 0):
        (offset,) = struct.unpack(order + "Q", header[8:16])
        return _Layout(order, order + "Q", order + "HHQ", 8, order + "Q"), offset
    raise TiffFormatError(strings.NO_TIFF_HEADER)


def _read_ifd(file: ByteSource, layout: _Layout, offset: int) -> tuple[Ifd, int]:
    """A directory and the offset of the next one (0: none)."""
    head = struct.calcsize(layout.count_format)
    entry = struct.calcsize(layout.entry_format)
    step = entry + layout.inline_bytes
    try:
        (count,) = struct.unpack(layout.count_format, file.read(offset, head))
        if not 0 < count <= MAX_TAGS_PER_IFD:
            raise TiffFormatError(strings.DIRECTORY_TAGS.format(offset=offset, count=count))
        body = file.read(offset + head, count * step + layout.inline_bytes)
    except EOFError as error:
        raise TiffFormatError(strings.DIRECTORY_OUTSIDE.format(error=error)) from None
    tags: dict[int, Tag] = {}
    for index in range(count):
        start = index * step
        code, kind, values = struct.unpack_from(layout.entry_format, body, start)
        if kind not in _TYPES:
            continue  # TIFF 6.0, section 2: readers skip fields of unknown types
        place = start + entry
        tag = Tag(kind, values, offset + head + place)
        if tag.byte_count > layout.inline_bytes:
            (pointer,) = struct.unpack_from(layout.offset_format, body, place)
            tag = replace(tag, offset=pointer)
        else:
            tag = replace(tag, inline=body[place : place + tag.byte_count])
        tags.setdefault(code, tag)
    (following,) = struct.unpack_from(layout.offset_format, body, count * step)
    damaged = tuple(
        code for code in sorted(tags.keys() & _DESCRIPTIVE.keys()) if _is_lost(file, code, tags[code])
    )
    for code in damaged:
        del tags[code]
    return Ifd(file, layout.byte_order, tags, offset, damaged), following


def _is_lost(file: ByteSource, code: int, tag: Tag) -> bool:
    """Whether a descriptive tag lies outside the file, or is text where it must be a number."""
    is_outside = tag.inline is None and tag.offset + tag.byte_count > file.size_bytes
    return is_outside or (_DESCRIPTIVE[code] is None and tag.type == _TEXT)
