"""SharedPieces: decoded pieces of a file that several tiles are cut from."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    DecodePiece: TypeAlias = Callable[..., NDArray[np.uint8]]

_AT_ONCE_BYTES = 2**28


class SharedPieces:
    """``decode(*place)``, as of a column and a row, whose last results are kept. For many threads: a piece
    that several ask for is decoded once, and so many at a time as take 256 MiB together, at least one.

    ``piece_bytes`` is the size of one decoded piece; those of ``cache_bytes`` are kept, at least two, since
    a tile may lie over the border of two.
    """

    def __init__(self, decode: DecodePiece, *, piece_bytes: int, cache_bytes: int) -> None:
        self._decode = decode
        self._most = max(2, cache_bytes // piece_bytes)
        self._pieces: dict[tuple[int, ...], Future[NDArray[np.uint8]]] = {}  # the least recently used first
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(max(1, _AT_ONCE_BYTES // piece_bytes))

    def __call__(self, *place: int) -> NDArray[np.uint8]:
        """A decoded piece, not to be changed. Raises what ``decode`` raises; the next call tries again."""
        with self._lock:
            found = self._pieces.pop(place, None)
            piece = self._pieces[place] = found or Future()
            if len(self._pieces) > self._most:
                del self._pieces[next(iter(self._pieces))]
        if found is None:
            try:
                with self._decoding:
                    piece.set_result(self._decode(*place))
            except BaseException as error:
                with self._lock:
                    if self._pieces.get(place) is piece:
                        del self._pieces[place]
                piece.set_exception(error)
        return piece.result()
