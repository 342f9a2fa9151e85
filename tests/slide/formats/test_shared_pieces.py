"""SharedPieces: decoded once for many threads, kept within bounds, tried again after a failure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from viewer.slide.formats.shared_pieces import SharedPieces
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = np.zeros((4, 4, 4), np.uint8)


def test_threads_that_ask_for_one_piece_share_it() -> None:
    calls, begun, goes_on = [], threading.Event(), threading.Event()

    def decode(column: int, row: int) -> NDArray[np.uint8]:
        calls.append((column, row))
        begun.set()
        assert goes_on.wait(10)
        return PIECE

    pieces = SharedPieces(decode, piece_bytes=64, cache_bytes=256)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(pieces, 1, 2) for _ in range(4)]
        assert begun.wait(10)
        goes_on.set()
        assert all(each.result() is PIECE for each in asked)
    assert calls == [(1, 2)]


def test_the_least_recently_used_is_dropped() -> None:
    calls: list[int] = []

    def decode(column: int, _row: int) -> NDArray[np.uint8]:
        calls.append(column)
        return PIECE

    pieces = SharedPieces(decode, piece_bytes=64, cache_bytes=192)
    for column in (0, 1, 2, 0, 3, 0, 2, 1):
        pieces(column, 0)
    assert calls == [0, 1, 2, 3, 1]


def test_two_are_kept_however_large_and_one_is_decoded_at_a_time() -> None:
    running = threading.Lock()

    def decode(_column: int, _row: int) -> NDArray[np.uint8]:
        assert running.acquire(blocking=False)
        running.release()
        return PIECE

    pieces = SharedPieces(decode, piece_bytes=2**30, cache_bytes=64)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pieces, range(40), [0] * 40))
    assert pieces(0, 0) is pieces(1, 0) is pieces(0, 0) is PIECE


def test_a_failure_is_not_kept() -> None:
    failures = [TileError("damaged")]

    def decode(_column: int, _row: int) -> NDArray[np.uint8]:
        if failures:
            raise failures.pop()
        return PIECE

    pieces = SharedPieces(decode, piece_bytes=64, cache_bytes=256)
    with pytest.raises(TileError, match="damaged"):
        pieces(0, 0)
    assert pieces(0, 0) is PIECE
