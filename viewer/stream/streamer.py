"""Pixels into memory, in the plan's order, off the GUI thread.

The list of requested tiles is replaced as a whole, as often as the view moves; idle workers take its best
tile, others are dropped, and no more is in flight than there are workers. Tiles of a remote slide are fetched
first, by threads of their own that wait for the network while no core does. A tile's states:

WAITING   requested, and no worker has taken it yet (or not requested)
FETCHING  of a remote slide: on its way, or waiting to be decoded; dropped where it is no longer requested
DECODING  a worker reads it; a tile that is no longer requested then still goes to the cache
READY     decoded, in the cache
FAILED    could not be decoded; a marked tile is in the cache in its place and the key is counted
BUILDING  belongs to a level that the source is still building; read again with the next request
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from enum import Enum, auto
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from viewer.common.cores import core_count
from viewer.slide.source import TileError, TileNotReadyError
from viewer.stream.cache import ByteCache
from viewer.stream.tile import DecodedTile, decoded_tile, marked_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.slide.geometry import TileKey
    from viewer.slide.source import Source

log = logging.getLogger("foveola.stream")

_SLOW_TILE_S = 0.02
"""A screen of 30 takes 0.1 s with six threads, 0.6 s with one. JPEG on a local disk takes a tenth of that."""
_TILE_S_MEMORY = 0.9
_MOST_LOGGED = 10
"""Failed tiles of a slide; the others are only counted."""


class TileState(Enum):
    """The state of a tile; the module's docstring explains each."""

    WAITING = auto()
    FETCHING = auto()
    DECODING = auto()
    READY = auto()
    FAILED = auto()
    BUILDING = auto()


FETCHERS = 16
"""Tiles of a remote slide on their way at once. Where as many wait to be decoded, fetching pauses."""


def default_worker_count() -> int:
    """How many tiles to decode at once beside a busy GUI thread: the cores the process may use but one, at
    least one."""
    return max(1, core_count() - 1)


class Streamer:
    """Decodes the tiles of one source with a few threads into a byte-bounded cache.

    ``on_tile()`` is called from a worker thread after each tile for the screen that came in; it must not
    block. Keys in ``pinned`` are decoded at once, before any request, and stay in the cache.
    """

    def __init__(
        self,
        source: Source,
        *,
        cache_bytes: int,
        on_tile: Callable[[], None],
        workers: int = 0,
        pinned: Sequence[TileKey] = (),
    ) -> None:
        self.source = source
        self._is_remote = source.is_remote
        self._mip_levels, self._samples = source.pyramid.mip_levels, source.info.samples
        self._on_tile = on_tile
        self._pinned = frozenset(pinned)
        self._lock = threading.Condition()
        self._cache: ByteCache[TileKey, DecodedTile] = ByteCache(cache_bytes)
        self._queue: deque[TileKey] = deque(pinned)
        self._requested = dict.fromkeys(pinned)  # of a remote slide, best first
        self._fetching: set[TileKey] = set()
        self._fetched: dict[TileKey, Any] = {}  # those of them that have come in
        self._decoding: set[TileKey] = set()
        self._failed: set[TileKey] = set()
        self._logged = 0
        self._building: set[TileKey] = set()
        self._urgent: set[TileKey] = set()
        self._closed = False
        self._workers = workers or default_worker_count()
        self._moving = False
        self._tile_s = 0.0
        self._threads = [
            threading.Thread(target=self._work, name=f"foveola-decode-{index}", daemon=True)
            for index in range(self._workers + 1)
        ]
        if self._is_remote:
            self._threads += [
                threading.Thread(target=self._fetch, name=f"foveola-fetch-{index}", daemon=True)
                for index in range(FETCHERS)
            ]
        for thread in self._threads:
            thread.start()

    def request(self, keys: Sequence[TileKey], *, urgent: int = 0) -> None:
        """Replace the requested tiles, best first; the first ``urgent`` keys are for the screen."""
        with self._lock:
            self._building.clear()
            self._urgent = {key for key in keys[:urgent] if key not in self._cache}
            if self._is_remote:
                self._requested = dict.fromkeys((*keys, *self._pinned))
                for key in self._fetched.keys() - self._requested.keys():
                    self._take_fetched(key)
            taken = self._decoding | self._fetching
            self._queue = deque(key for key in keys if key not in taken and key not in self._cache)
            if self._queue:
                self._lock.notify_all()

    def set_moving(self, moving: bool) -> None:
        """Set whether the view moves: one core is then left to the GUI thread."""
        if moving != self._moving:
            with self._lock:
                self._moving = moving
                self._lock.notify_all()

    def ready(self, key: TileKey) -> DecodedTile | None:
        """The decoded tile, or None while it is not in memory."""
        with self._lock:
            return self._cache.get(key)

    def has(self, key: TileKey) -> bool:
        """Whether the tile is in memory; unlike ``ready`` this does not count as using it."""
        with self._lock:
            return key in self._cache

    def state(self, key: TileKey) -> TileState:
        with self._lock:
            if key in self._failed:
                return TileState.FAILED
            if key in self._cache:
                return TileState.READY
            if key in self._decoding:
                return TileState.DECODING
            if key in self._fetching:
                return TileState.FETCHING
            return TileState.BUILDING if key in self._building else TileState.WAITING

    def retry_failed(self) -> None:
        """Clear failures, so that tiles of a network share that is back are read again."""
        with self._lock:
            for key in self._failed:
                self._cache.discard(key)
            self._failed.clear()

    def resize_cache(self, cache_bytes: int) -> None:
        with self._lock:
            self._cache.resize(cache_bytes)

    @property
    def urgent_left(self) -> int:
        """How many tiles for the screen have not come in yet."""
        return len(self._urgent)

    @property
    def slow_reads(self) -> bool:
        """Whether fetching is what costs, so that tiles of places that are only passed are not worth it: the
        source is remote, or the mean time of its recent tiles says so."""
        return self._is_remote or self._tile_s > _SLOW_TILE_S

    @property
    def failed_count(self) -> int:
        return len(self._failed)

    @property
    def queue_length(self) -> int:
        """Requested tiles that no worker decodes yet; of a remote slide, those on their way too."""
        return len(self._queue) + len(self._fetching)

    @property
    def in_flight(self) -> int:
        return len(self._decoding)

    @property
    def cache_nbytes(self) -> int:
        return self._cache.nbytes

    @property
    def cache_tiles(self) -> int:
        return len(self._cache)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Stop the workers, but leave the source open; whether all of them ended within ``timeout_s``."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._fetched.clear()
            self._urgent.clear()  # tiles that come in from now on are not announced
            self._lock.notify_all()
        deadline_s = monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def _limit(self) -> int:
        return self._workers if self._moving else self._workers + 1

    def _fetch(self) -> None:
        while True:
            with self._lock:
                while not self._closed and (not self._queue or len(self._fetched) >= FETCHERS):
                    self._lock.wait()
                if self._closed:
                    return
                key = self._queue.popleft()
                if key in self._cache or key in self._decoding or key in self._fetching:
                    continue
                self._fetching.add(key)
            try:
                fetched = self.source.fetch_tile(key)
            except Exception as error:  # raised again, and counted, where the tile would be decoded
                fetched = error
            with self._lock:
                self._fetched[key] = fetched
                if key in self._requested:
                    self._lock.notify_all()
                else:
                    self._take_fetched(key)

    def _take_fetched(self, key: TileKey) -> Any:
        self._fetching.discard(key)
        return self._fetched.pop(key)

    @property
    def _can_decode(self) -> bool:
        return bool(self._fetched if self._is_remote else self._queue) and len(self._decoding) < self._limit

    def _work(self) -> None:
        while True:
            fetched = None
            with self._lock:
                while not self._closed and not self._can_decode:
                    self._lock.wait()
                if self._closed:
                    return
                if self._is_remote:
                    key = next(key for key in self._requested if key in self._fetched)
                    fetched = self._take_fetched(key)
                    self._lock.notify_all()  # there is room for one more to be fetched
                else:
                    key = self._queue.popleft()
                    if key in self._cache or key in self._decoding:
                        continue
                self._decoding.add(key)
            started_s = perf_counter()
            tile = self._decode(key, fetched)
            took_s = perf_counter() - started_s
            with self._lock:
                self._tile_s = _TILE_S_MEMORY * self._tile_s + (1 - _TILE_S_MEMORY) * took_s
                self._decoding.discard(key)
                urgent = key in self._urgent
                self._urgent.discard(key)
                if tile is None:
                    self._building.add(key)
                    continue
                self._cache.put(key, tile, pinned=key in self._pinned)
                if tile.failed:
                    self._failed.add(key)
                else:
                    self._failed.discard(key)
            if urgent:
                self._announce()

    def _decode(self, key: TileKey, fetched: Any) -> DecodedTile | None:
        try:
            if isinstance(fetched, Exception):
                raise fetched
            source = self.source
            pixels = source.decode_tile(key, fetched) if self._is_remote else source.read_tile(key)
            return decoded_tile(pixels, self._mip_levels, self._samples)
        except TileNotReadyError:
            return None
        except TileError as error:
            self._log_failure(key, error)
        except Exception as error:  # a bug of a reader must cost one tile, not the thread that reads the rest
            self._log_failure(key, error, trace=error)
        width, height = self.source.pyramid.tile_size(key)
        return marked_tile(width, height, self._mip_levels, self._samples)

    def _log_failure(self, key: TileKey, reason: Exception, *, trace: Exception | None = None) -> None:
        """Log the first failures: a slide that is damaged throughout must not fill the log."""
        self._logged += 1
        if self._logged <= _MOST_LOGGED:
            log.warning("tile %s: %s", tuple(key), reason, exc_info=trace)
        if self._logged == _MOST_LOGGED:
            log.info("further tiles of this slide that fail are counted only")

    def _announce(self) -> None:
        try:
            self._on_tile()
        except Exception:  # a bug of the listener must not stop the reading
            log.exception("the listener for tiles failed")
