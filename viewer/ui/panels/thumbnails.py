"""Thumbnails of slides for lists, made one by one in a thread and cached as PNG files.

The newest requests are served first, because their rows are visible now. The thread is paused while tiles of
the open slide are missing. It does not run at a low system priority: it would hold Python's lock for longer
and so delay the window. Thumbnails show tissue, never label or macro images.
"""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from viewer.common.atomic_write import SaveError, save_atomically
from viewer.common.log import logger
from viewer.common.paths import cache_dir
from viewer.slide.formats.registry import open_slide
from viewer.slide.source import SlideError, Source, TileError
from viewer.slide.thumbnail import thumbnail
from viewer.ui.panels import strings
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey
    from viewer.slide.pixels import Pixels
    from viewer.slide.source import SlideInfo

log = logger("ui")

THUMBNAIL_PX = 192
MAX_CACHED = 2000
_SIZE_KEY = "Slide size"
_BATCH_GAP_S = 0.05
"""Requests that follow each other more quickly than this form a batch, which is served in order."""


@dataclass(frozen=True, slots=True)
class SlideThumbnail:
    """The size of a slide in pixels and its thumbnail, or the ``reason`` why there is none.

    A slide that opens but has no thumbnail has both ``size_px`` and ``reason``.
    """

    path: Path
    size_px: tuple[int, int] | None = None
    image: QImage | None = None
    reason: str = ""


class _StoppedError(Exception):
    """The worker was stopped in the middle of a slide."""


class Pace:
    """Pauses or ends work at the points where that work calls ``point``."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._running = threading.Event()
        self._running.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def hold(self, held: bool) -> None:
        """Pause at the next point, or go on."""
        if held and not self.stopped:
            self._running.clear()
        else:
            self._running.set()

    def stop(self) -> None:
        """End at the next point, also while paused."""
        self._stopped.set()
        self._running.set()

    def point(self) -> None:
        """Wait while paused. Raises _StoppedError once stopped, which ends the work."""
        self._running.wait()
        if self.stopped:
            raise _StoppedError


class _Paced(Source):
    """A source with a pace point before each tile."""

    def __init__(self, source: Source, pace: Pace) -> None:
        self._source, self._pace = source, pace

    @property
    def info(self) -> SlideInfo:
        return self._source.info

    @property
    def pyramid(self) -> Pyramid:
        return self._source.pyramid

    def read_tile(self, key: TileKey) -> Pixels:
        self._pace.point()
        return self._source.read_tile(key)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        return self._source.read_associated_image(name)

    def close(self) -> None:
        self._source.close()


class ThumbnailWorker(QObject):
    """Makes thumbnails in its own thread and emits them in the GUI thread."""

    made = Signal(object)
    """A SlideThumbnail."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gui_queue = GuiThreadQueue()
        self._pending: dict[Path, tuple[int, int]] = {}
        self._batch = self._requests = 0
        self._last_request_s = 0.0
        self._condition = threading.Condition()
        self._pace = Pace()
        self._thread: threading.Thread | None = None

    def request(self, path: Path) -> None:
        """Have a thumbnail made: newer batches of requests before older ones, each batch in its order."""
        now_s = monotonic()
        with self._condition:
            self._requests += 1
            if now_s - self._last_request_s > _BATCH_GAP_S:
                self._batch += 1
            self._last_request_s = now_s
            self._pending[path] = (-self._batch, self._requests)
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="foveola-thumbnails", daemon=True)
            self._thread.start()

    def set_paused(self, paused: bool) -> None:
        """Pause while tiles of the open slide are missing."""
        self._pace.hold(paused)

    def close(self, *, wait_s: float = 1.0) -> None:
        """Stop, and wait for the thread, at most ``wait_s`` seconds."""
        self._pace.stop()
        self._gui_queue.close()
        with self._condition:
            self._pending.clear()
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)
            if self._thread.is_alive():
                log.warning("the thumbnail thread did not end in time and is left running")

    def _work(self) -> None:
        """Runs in the worker's own thread."""
        prune(MAX_CACHED)
        while True:
            with self._condition:
                while not self._pending and not self._pace.stopped:
                    self._condition.wait()
                if self._pace.stopped:
                    return
                path = min(self._pending, key=self._pending.__getitem__)
                del self._pending[path]
            try:
                self._pace.point()
                made = slide_thumbnail(path, pace=self._pace)
            except _StoppedError:
                return
            except Exception as error:  # one slide must not end the thumbnails of all others
                log.exception("the thumbnail of %s failed unexpectedly", path)
                made = SlideThumbnail(path, reason=f"{type(error).__name__}: {error}")
            self._gui_queue.post(lambda made=made: self.made.emit(made))  # type: ignore[misc]


def slide_thumbnail(path: Path, *, pace: Pace | None = None) -> SlideThumbnail:
    """The thumbnail of a slide, from the cache folder or made and cached. A failure is its ``reason``."""
    try:
        cached = _cached_file(path)
    except OSError as error:
        return SlideThumbnail(path, reason=(error.strerror or str(error)).lower())
    found = _read_cached(path, cached)
    if found is not None:
        return found
    try:
        source = open_slide(path)
    except SlideError as error:
        return SlideThumbnail(path, reason=error.reason)
    try:
        size_px = (source.pyramid.width, source.pyramid.height)
        pixels = thumbnail(_Paced(source, pace or Pace()), THUMBNAIL_PX)
    except TileError as error:
        return SlideThumbnail(path, size_px, reason=strings.NO_THUMBNAIL.format(error=error))
    finally:
        source.close()
    data = _png(pixels, size_px)
    try:
        save_atomically(cached, data)
    except SaveError as error:
        log.warning("the thumbnail of %s is not cached: %s", path.name, error.reason)
    return SlideThumbnail(path, size_px, QImage.fromData(data))


def prune(most: int) -> None:
    """Delete the oldest thumbnails of the cache folder beyond ``most``."""
    files = (
        sorted(_folder().glob("*.png"), key=lambda file: file.stat().st_mtime) if _folder().is_dir() else []
    )
    for file in files[: max(0, len(files) - most)]:
        file.unlink(missing_ok=True)


def _folder() -> Path:
    return cache_dir() / "thumbnails"


def _cached_file(path: Path) -> Path:
    facts = path.stat()
    key = f"{path.absolute()}|{facts.st_size}|{facts.st_mtime_ns}|{THUMBNAIL_PX}"
    return _folder() / f"{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:32]}.png"


def _read_cached(path: Path, file: Path) -> SlideThumbnail | None:
    """The cached thumbnail; None where there is none or it is damaged, and it is then made anew."""
    try:
        data = file.read_bytes()
        with Image.open(io.BytesIO(data)) as picture:
            width, height = (int(number) for number in picture.info[_SIZE_KEY].split("x"))
    except (OSError, KeyError, ValueError):
        return None
    image = QImage.fromData(data)
    return None if image.isNull() else SlideThumbnail(path, (width, height), image)


def _png(pixels: NDArray[np.uint8], size_px: tuple[int, int]) -> bytes:
    facts = PngImagePlugin.PngInfo()
    facts.add_text(_SIZE_KEY, f"{size_px[0]}x{size_px[1]}")
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "PNG", pnginfo=facts)
    return buffer.getvalue()
