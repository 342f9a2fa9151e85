"""How many bytes an LZW stream of a TIFF decodes to, by its codes alone. Source: TIFF 6.0, section 13.

libtiff prints to the terminal when it is asked for more than a stream holds, which trying the size of a tile
does. Nothing is decoded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLEAR, _END, _FIRST = 256, 257, 258
_MAX_BITS = 12
# The codes from one Clear to the next, which comes when the table is full, or a few codes later.
_NUMBERS = np.arange((1 << _MAX_BITS) - _FIRST + 8)
# A code grows by a bit one entry before the table would need it; the first code of all makes no entry.
_WIDTHS = np.clip(np.frexp(_FIRST + _NUMBERS)[1], 9, _MAX_BITS).astype(np.int64)
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)[:-1]])
_BYTES_PER_CLEAR = 256  # encoders clear when the table is full, after some thousands
_MOST_BYTES = 2**23


def lzw_length(data: bytes, at_most: int) -> int | None:
    """The length of a stream, counted no further than ``at_most`` requires; of a damaged one up to there.

    None where it is not known: long streams, those in the order of bits of before 1988, and those that do not
    clear the table as encoders do.
    """
    if len(data) > _MOST_BYTES or data[:1] == b"\0":
        return None
    stored = np.frombuffer(data + bytes(3), np.uint8).astype(np.int64)
    words = stored[:-2] << 16 | stored[1:-1] << 8 | stored[2:]
    end = 8 * len(data)
    position, length = 0, 0
    for _ in range(2 + len(data) // _BYTES_PER_CLEAR):
        count = int(np.searchsorted(_STARTS + _WIDTHS, end - position, side="right"))
        starts, widths = position + _STARTS[:count], _WIDTHS[:count]
        codes = words[starts >> 3] >> (24 - (starts & 7) - widths) & ((1 << widths) - 1)
        marks = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        held = int(marks[0]) if marks.size else count
        whole, size = _bytes_of(codes[:held])
        length += size
        if held == _NUMBERS.size:
            return None
        if length >= at_most or whole < held or held == count or codes[held] == _END:
            return length
        position = int(starts[held] + widths[held])
    return None


def _bytes_of(codes: NDArray[np.int64]) -> tuple[int, int]:
    """How many of the codes after a Clear can be read, and the bytes they stand for: each for one, or for
    those of an earlier code and one more.
    """
    numbers = _NUMBERS[: codes.size]
    is_entry = codes >= _FIRST
    earlier = np.where(is_entry, codes - _FIRST, numbers)
    damaged = np.flatnonzero(is_entry & (earlier >= numbers))
    whole = int(damaged[0]) if damaged.size else codes.size
    more, earlier = is_entry[:whole].astype(np.int64), earlier[:whole]
    while (more[earlier] > 0).any():
        more, earlier = more + more[earlier], earlier[earlier]
    return whole, int(more.sum()) + whole
