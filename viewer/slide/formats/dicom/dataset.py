"""The header of a DICOM file: its elements up to the pixels, each checked against the file before it is read.

Written for hostile input: lengths, nesting and counts are only claims. Source: DICOM PS3.5 (7: elements,
sequences; A: transfer syntaxes), PS3.10 (7: the file).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from viewer.slide.formats.dicom import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.slide.byte_source import ByteSource

PIXEL_DATA = 0x7FE00010
TRANSFER_SYNTAX = 0x00020010
_GROUP_LENGTH = 0x00020000
IMPLICIT, BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"

_PREAMBLE_BYTES, _MAGIC = 128, b"DICM"
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = tuple(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_MAX_DEPTH = 16
MAX_ELEMENTS = 20_000_000
_KEPT_VALUE_BYTES = 16 << 20  # longer ones, of no use here, are stepped over
_BUFFER_BYTES = 1 << 16

# Sequences that are read; in implicit VR nothing else tells those of stated length.
SHARED_GROUPS, FRAME_GROUPS = 0x52009229, 0x52009230
PIXEL_MEASURES, PLANE_POSITION, OPTICAL_PATHS = 0x00289110, 0x0048021A, 0x00480105
_SEQUENCES = frozenset((SHARED_GROUPS, FRAME_GROUPS, PIXEL_MEASURES, PLANE_POSITION, OPTICAL_PATHS))


class DicomError(Exception):
    """The file is not DICOM, or contradicts itself."""


@dataclass(slots=True)
class Dataset:
    """Elements by tag: values as bytes, sequences as lists of items. ``pixel_data`` is where the pixels are:
    offset, and length in bytes or None where they are in items. ``end`` is where reading stopped, before the
    tag ``end_tag``; None at the end of the file.
    """

    byte_order: Literal["<", ">"] = "<"
    values: dict[int, bytes] = field(default_factory=dict)
    sequences: dict[int, list[Dataset]] = field(default_factory=dict)
    pixel_data: tuple[int, int | None] | None = None
    end: int = 0
    end_tag: int | None = None

    def texts(self, tag: int) -> list[str]:
        """The parts of a text value, none where it is absent."""
        text = self.values.get(tag, b"").decode("latin-1").strip(" \0")
        return [part.strip() for part in text.split("\\")] if text else []

    def text(self, tag: int) -> str:
        """The first part of a text value, empty where it is absent."""
        return next(iter(self.texts(tag)), "")

    def reals(self, tag: int) -> list[float]:
        """Numbers written as text, none where one of them is no finite number."""
        try:
            numbers = [float(part) for part in self.texts(tag)]
        except ValueError:
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    def whole(self, tag: int, default: int = 0) -> int:
        """The number of a binary value (US, UL, SL)."""
        value = self.values.get(tag, b"")
        order: Literal["little", "big"] = "little" if self.byte_order == "<" else "big"
        return int.from_bytes(value, order, signed=True) if len(value) in (2, 4) else default

    def items(self, *tags: int) -> Sequence[Dataset]:
        """The items of a sequence in the first item of a sequence …, none where one is absent."""
        found: Sequence[Dataset] = [self]
        for tag in tags:
            found = found[0].sequences.get(tag, []) if found else []
        return found


def begins_like_dicom(file: ByteSource) -> bool:
    """Whether the file has the preamble of a DICOM file."""
    end = _PREAMBLE_BYTES + len(_MAGIC)
    return file.size_bytes > end and file.read(_PREAMBLE_BYTES, len(_MAGIC)) == _MAGIC


def read_dataset(file: ByteSource, *, until: int = PIXEL_DATA) -> Dataset:
    """The elements before the pixels, or before the tag ``until``, of a file that begins like DICOM. Raises
    DicomError.
    """
    try:
        reader = _Reader(file)
        reader.position = _PREAMBLE_BYTES + len(_MAGIC)
        dataset = Dataset()
        reader.elements(dataset, end=file.size_bytes, until=0x00030000, depth=0)
        syntax = dataset.text(TRANSFER_SYNTAX)
        reader.is_explicit = syntax != IMPLICIT
        reader.byte_order = dataset.byte_order = ">" if syntax == BIG_ENDIAN else "<"
        dataset.end_tag = None
        reader.elements(dataset, end=file.size_bytes, until=until, depth=0)
    except EOFError as error:
        raise DicomError(strings.CUT_SHORT.format(error=error)) from None
    return dataset


def deflated_from(file: ByteSource) -> int | None:
    """Where the deflated elements of a file that begins like DICOM begin, by the length of its first group;
    None where they are not deflated. Raises DicomError.
    """
    try:
        reader, first = _Reader(file), Dataset()
        reader.position = _PREAMBLE_BYTES + len(_MAGIC)
        reader.elements(first, end=file.size_bytes, until=_GROUP_LENGTH + 1, depth=0)
        start = first.end + first.whole(_GROUP_LENGTH)
        reader.elements(first, end=min(start, file.size_bytes), until=TRANSFER_SYNTAX + 1, depth=0)
    except EOFError as error:
        raise DicomError(strings.CUT_SHORT.format(error=error)) from None
    return start if first.text(TRANSFER_SYNTAX) == DEFLATED else None


class _Reader:
    """Reads elements one after the other, through a buffer."""

    def __init__(self, file: ByteSource) -> None:
        self._file = file
        self._start, self._buffer = 0, b""
        self._left = MAX_ELEMENTS
        self.position = 0
        self.is_explicit = True
        self.byte_order: Literal["<", ">"] = "<"

    def elements(self, into: Dataset, *, end: int, until: int, depth: int) -> None:
        """Elements up to ``end``, to the tag ``until`` (left unread) or to the end of an item."""
        if depth > _MAX_DEPTH:
            raise DicomError(strings.TOO_DEEP)
        while self.position < end:
            before = self.position
            tag, vr, length = self._head()
            if tag >= until and depth == 0:
                self.position = into.end = before
                into.end_tag = tag
                if tag == PIXEL_DATA:
                    at, length = self._pixels()
                    into.pixel_data = at, None if length == _UNDEFINED else length
                return
            if tag == _ITEM_END:
                return
            if vr == b"SQ" or length == _UNDEFINED or (tag in _SEQUENCES and not self.is_explicit):
                was_explicit = self.is_explicit
                self.is_explicit = was_explicit and vr != b"UN"  # PS3.5, 6.2.2: what is unknown is implicit
                items = self._items(length, depth, is_kept=tag in _SEQUENCES)
                self.is_explicit = was_explicit
                if items:
                    into.sequences[tag] = items
            elif length > min(_KEPT_VALUE_BYTES, end - self.position):
                if length > end - self.position:
                    raise DicomError(strings.VALUE_SIZE.format(tag=f"{tag:08X}", size=length))
                self.position += length
            else:
                into.values.setdefault(tag, self._take(length))

    def _items(self, length: int, depth: int, *, is_kept: bool) -> list[Dataset]:
        """The items of a sequence whose head was read, none where it is not kept."""
        items: list[Dataset] = []
        end = self._file.size_bytes if length == _UNDEFINED else self.position + length
        while self.position < end:
            at = self.position
            tag, _, size = self._head()
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM:
                raise DicomError(strings.ITEM_EXPECTED.format(offset=at))
            item = Dataset(self.byte_order)
            item_end = end if size == _UNDEFINED else min(end, self.position + size)
            self.elements(item, end=item_end, until=1 << 32, depth=depth + 1)
            if is_kept:
                items.append(item)
        return items

    def _pixels(self) -> tuple[int, int]:
        """Where the value of the element at the position begins, and its length."""
        _, _, length = self._head()
        return self.position, length

    def _head(self) -> tuple[int, bytes, int]:
        """Tag, VR and length of an element; items have no VR, and implicit elements none either."""
        self._left -= 1
        if self._left < 0:
            raise DicomError(strings.TOO_MANY_ELEMENTS.format(count=MAX_ELEMENTS))
        group, element = struct.unpack(self.byte_order + "HH", self._take(4))
        tag = group << 16 | element
        if group == 0xFFFE or not self.is_explicit:
            (length,) = struct.unpack(self.byte_order + "I", self._take(4))
            return tag, b"", length
        vr = self._take(2)
        if vr in _LONG_VRS:
            self._take(2)
            (length,) = struct.unpack(self.byte_order + "I", self._take(4))
        else:
            (length,) = struct.unpack(self.byte_order + "H", self._take(2))
        return tag, vr, length

    def _take(self, count: int) -> bytes:
        """The next bytes. Raises EOFError."""
        at = self.position - self._start
        if not 0 <= at <= len(self._buffer) - count:
            size = max(count, min(_BUFFER_BYTES, self._file.size_bytes - self.position))
            self._start, self._buffer, at = self.position, self._file.read(self.position, size), 0
        self.position += count
        return self._buffer[at : at + count]
