"""Where the frames of a DICOM image lie in its file. Source: DICOM PS3.5, A.4 (fragments in items)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.dicom import strings
from viewer.slide.formats.dicom.dataset import DicomError

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource

    # Of each frame the (offset, count) of its parts in the file.
    FrameTable: TypeAlias = list[list[tuple[int, int]]]

MAX_FRAMES = 4_000_000  # a slide of half a million px each way in frames of 256 px
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_HEAD_BYTES = 8
_SEARCHED_BYTES, _MOST_BYTES_BEFORE_PIXELS = 1 << 22, 1 << 28
_PIXELS_IN_ITEMS = bytes.fromhex("e07f1000 4f420000 ffffffff")  # the element's tag, VR and undefined length


def native_frames(offset: int, length: int, count: int, frame_bytes: int) -> FrameTable:
    """Frames without compression, one behind the other. Raises DicomError where they do not fit."""
    if count * frame_bytes > length:
        raise DicomError(strings.FRAME_COUNT.format(claimed=count, found=length // max(frame_bytes, 1)))
    return [[(offset + index * frame_bytes, frame_bytes)] for index in range(count)]


def frames_in_items(file: ByteSource, offset: int, count: int) -> FrameTable:
    """Frames in items, after the item of their offsets: one item each, or those from one offset to the next.

    The items are counted in the file, whatever is stated. Raises DicomError where they are not ``count``
    frames.
    """
    try:
        table, position = _item(file, offset)
        stated = np.frombuffer(file.read(*table), "<u4") if table and table[1] <= 4 * MAX_FRAMES else None
        first = position
        fragments: list[tuple[int, int]] = []
        while position < file.size_bytes:
            fragment, position = _item(file, position)
            if fragment is None:
                break
            fragments.append(fragment)
            if len(fragments) > MAX_FRAMES:
                raise DicomError(strings.FRAME_COUNT.format(claimed=count, found=len(fragments)))
    except (EOFError, ValueError) as error:
        raise DicomError(strings.CUT_SHORT.format(error=error)) from None
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    if count == 1 and fragments:
        return [fragments]
    if stated is not None and stated.size == count:
        return _grouped(fragments, stated, first)
    raise DicomError(strings.FRAME_COUNT.format(claimed=count, found=len(fragments)))


def first_in_items(file: ByteSource, position: int, at_most: int) -> bytes:
    """The first fragment of the first frame, whose pixel data is looked for behind ``position``: between them
    may lie the positions of a hundred thousand frames. Empty where it is not found, or of more than
    ``at_most`` bytes. Raises DicomError, EOFError.
    """
    end = min(file.size_bytes, position + _MOST_BYTES_BEFORE_PIXELS)
    while position < end:
        data = file.read(position, min(_SEARCHED_BYTES, end - position))
        at = data.find(_PIXELS_IN_ITEMS)
        if at >= 0:
            _, start = _item(file, position + at + len(_PIXELS_IN_ITEMS))
            fragment, _ = _item(file, start)
            return file.read(*fragment) if fragment and fragment[1] <= at_most else b""
        position += max(1, len(data) - len(_PIXELS_IN_ITEMS))
    return b""


def _grouped(fragments: list[tuple[int, int]], offsets: NDArray[np.uint32], first: int) -> FrameTable:
    """Fragments by frame: those whose items begin between one stated offset and the next."""
    starts = np.array([start - _HEAD_BYTES - first for start, _ in fragments], np.int64)
    owners = np.searchsorted(offsets.astype(np.int64), starts, side="right") - 1
    frames: FrameTable = [[] for _ in range(offsets.size)]
    for owner, fragment in zip(owners.tolist(), fragments, strict=True):
        frames[max(owner, 0)].append(fragment)
    if not all(frames):
        raise DicomError(strings.FRAME_COUNT.format(claimed=offsets.size, found=len(fragments)))
    return frames


def _item(file: ByteSource, position: int) -> tuple[tuple[int, int] | None, int]:
    """Where the value of an item lies, None behind the last one, and where the next item begins."""
    group, element, length = struct.unpack("<HHI", file.read(position, _HEAD_BYTES))
    tag, start = group << 16 | element, position + _HEAD_BYTES
    if tag == _SEQUENCE_END:
        return None, start
    if tag != _ITEM or length > file.size_bytes - start:
        raise DicomError(strings.ITEM_EXPECTED.format(offset=position))
    return (start, length), start + length
