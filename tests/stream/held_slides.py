"""A fake slide that decides when each read ends, so that tests of the streamer rest on no timing.

A moving view allows one read at a time with one worker: the order of reads is then the order of the wanted
list.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.pixels import RGBA_8
from viewer.stream.streamer import Streamer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from viewer.slide.source import Source

PATIENCE_S = 20.0
"""How long a test waits for what must come; reached only where the test fails."""

TILE_PX = 8
TILE_BYTES = 4 * (8 * 8 + 4 * 4)
"""With its mips, two for a slide of one level."""

KEYS = [TileKey(0, col, 0) for col in range(12)]


class FakeSource:
    """Tiles of one grey value, read when the test says so; remembers what was asked for, and how many at
    once."""

    is_remote = False

    def __init__(self) -> None:
        self.info = SimpleNamespace(samples=RGBA_8)
        self.pyramid = Pyramid.from_sizes([(len(KEYS) * TILE_PX, TILE_PX)], [(TILE_PX, TILE_PX)])
        self.errors: dict[TileKey, BaseException] = {}
        self.asked: list[TileKey] = []
        self.most_at_once = 0
        self._reading = 0
        self._held: set[TileKey] = set()
        self._changed = threading.Condition()

    def hold(self, *keys: TileKey) -> None:
        """Reads of these tiles do not end before ``let_go``."""
        with self._changed:
            self._held.update(keys)

    def let_go(self, *keys: TileKey) -> None:
        """End the reads of these tiles; of all, where none is named."""
        with self._changed:
            self._held -= set(keys) or set(self._held)
            self._changed.notify_all()

    def wait_requested(self, *keys: TileKey) -> None:
        """Until the reads of all these tiles have begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: set(keys) <= set(self.asked), PATIENCE_S)

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        with self._changed:
            self.asked.append(key)
            self._reading += 1
            self.most_at_once = max(self.most_at_once, self._reading)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: key not in self._held, PATIENCE_S)
            self._reading -= 1
        if key in self.errors:
            raise self.errors[key]
        return np.full((TILE_PX, TILE_PX, 4), 10 * key.col, np.uint8)


class FarSource(FakeSource):
    """A remote slide: what the fake source reads is fetched, then decoded; ``decoded`` keeps what was."""

    is_remote = True

    def __init__(self) -> None:
        super().__init__()
        self.decoded: list[TileKey] = []
        self.may_decode = threading.Event()
        self.may_decode.set()

    def fetch_tile(self, key: TileKey) -> bytes:
        return super().read_tile(key).tobytes()

    def decode_tile(self, key: TileKey, fetched: bytes) -> NDArray[np.uint8]:
        self.decoded.append(key)
        assert self.may_decode.wait(PATIENCE_S)
        return np.frombuffer(fetched, np.uint8).reshape(TILE_PX, TILE_PX, 4)


class Arrivals:
    """The ``on_tile`` of a streamer: counts tiles for the screen."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, PATIENCE_S)


@contextmanager
def streaming(
    source: FakeSource,
    on_tile: Callable[[], None],
    *,
    workers: int = 1,
    tiles: int = 100,
    pinned: Sequence[TileKey] = (),
) -> Iterator[Streamer]:
    """A streamer of a moving view, whose memory holds ``tiles``; closed at the end."""
    as_source: Source = source  # type: ignore[assignment]  # streamers read tiles and ask for nothing else
    streamer = Streamer(
        as_source, cache_bytes=tiles * TILE_BYTES, on_tile=on_tile, workers=workers, pinned=pinned
    )
    streamer.set_moving(True)
    try:
        yield streamer
    finally:
        source.let_go()
        if isinstance(source, FarSource):
            source.may_decode.set()
        assert streamer.close(PATIENCE_S)


def load(streamer: Streamer, arrivals: Arrivals, *keys: TileKey) -> None:
    """Want tiles that are not in memory yet, and wait until all have come in."""
    before = arrivals.count
    streamer.request(keys, urgent=len(keys))
    arrivals.wait_for(before + len(keys))
