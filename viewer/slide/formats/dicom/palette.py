"""Palette: the colours that the numbers of a DICOM image stand for. Source: PS3.3, C.7.6.3.1.5 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from viewer.slide.formats.dicom import strings
from viewer.slide.formats.dicom.dataset import DicomError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.formats.dicom.dataset import Dataset

_DESCRIPTORS = 0x00281101, 0x00281102, 0x00281103
_TABLES = 0x00281201, 0x00281202, 0x00281203
_SEGMENTED = 0x00281221


class Palette(NamedTuple):
    """``colours`` (n, 3), the first of which is that of the number ``first``, and of all below."""

    first: int
    colours: NDArray[np.uint8]

    def __call__(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """(h, w, 3) RGB of (h, w, 1) whole numbers."""
        places = numbers[..., 0].astype(np.int32) - self.first
        return self.colours[np.clip(places, 0, len(self.colours) - 1)]


def palette_from_header(header: Dataset, *, is_signed: bool) -> Palette:
    """``is_signed``: the pixels are, and so is what the first colour stands for. Raises DicomError."""
    if _SEGMENTED in header.values:
        raise DicomError(strings.PALETTE_SEGMENTED)
    tables: list[NDArray[np.uint16]] = []
    firsts: set[int] = set()
    for descriptor, table in zip(_DESCRIPTORS, _TABLES, strict=True):
        description = header.values.get(descriptor, b"")
        if len(description) != 6:
            raise DicomError(strings.PALETTE)
        stated = np.frombuffer(description, f"{header.byte_order}u2")
        if stated[2] not in (8, 16):
            raise DicomError(strings.PALETTE)
        firsts.add(int(stated.view(f"{header.byte_order}i2")[1] if is_signed else stated[1]))
        tables.append(_entries(header, table, count=int(stated[0]) or 65536, bits=int(stated[2])))
    if len(firsts) > 1 or len({table.size for table in tables}) > 1:
        raise DicomError(strings.PALETTE)
    values = np.stack(tables, axis=1)
    # Colours of 16 bits that none of three planes uses beyond 8 were written by programs that know 8.
    return Palette(firsts.pop(), (values >> (8 if values.max() > 255 else 0)).astype(np.uint8))


def _entries(header: Dataset, tag: int, *, count: int, bits: int) -> NDArray[np.uint16]:
    """Entries of 8 bits lie two in a word, or one in each, as older programs wrote them."""
    data = header.values.get(tag, b"")
    words = np.frombuffer(data[: len(data) // 2 * 2], f"{header.byte_order}u2").astype("<u2")
    entries = words.view(np.uint8).astype(np.uint16) if bits == 8 and words.size < count else words
    if entries.size < count:
        raise DicomError(strings.PALETTE)
    return entries[:count]
