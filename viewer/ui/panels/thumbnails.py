"""Small pictures of slides for lists, made one by one in a thread, kept as PNG files.

The newest rows asked for are served first: they are what the reader looks at. The thread stands still while
tiles of the open slide are missing. It has no low priority of the system's: holding Python's lock, it would
hold back the window. Pictures come from the tissue, never from label or macro images.
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
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey
    from viewer.slide.pixels import Pixels
    from viewer.slide.source import SlideInfo

log = logger("ui")

PORTRAIT_PX = 192
MAX_KEPT = 2000
_SIZE_KEY = "Slide size"
_ONE_GLANCE_S = 0.05
"""Requests that follow each other quicker than this come from one look at a list, and are served in order."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """What a list shows of a slide: its size in pixels and a picture, or the reason why there is none.

    A slide may open and still have no picture: then ``size_px`` is there and ``reason`` says why.
    """

    path: Path
    size_px: tuple[int, int] | None = None
    image: QImage | None = None
    reason: str = ""


class _StoppedError(Exception):
    """The maker was stopped in the middle of a slide."""


class Pace:
    """Holds work back, or ends it, at the points where the work asks."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._may_work = threading.Event()
        self._may_work.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def hold(self, held: bool) -> None:
        """Stand still at the next point, or go on."""
        if held and not self.stopped:
            self._may_work.clear()
        else:
            self._may_work.set()

    def stop(self) -> None:
        """End at the next point, also where work stands still."""
        self._stopped.set()
        self._may_work.set()

    def point(self) -> None:
        """Wait while held. Raises an error that ends the work once it is stopped."""
        self._may_work.wait()
        if self.stopped:
            raise _StoppedError


class _Paced(Source):
    """A source whose reads keep the pace."""

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
    """Makes portraits in its own thread and hands them out in the GUI thread."""

    made = Signal(object)
    """A Portrait."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._outbox = GuiThreadQueue()
        self._wanted: dict[Path, tuple[int, int]] = {}
        self._glance = self._requests = 0
        self._last_request_s = 0.0
        self._condition = threading.Condition()
        self._pace = Pace()
        self._thread: threading.Thread | None = None

    def request(self, path: Path) -> None:
        """Have a portrait made: what one glance asks for in its order, newer glances before older ones."""
        now_s = monotonic()
        with self._condition:
            self._requests += 1
            if now_s - self._last_request_s > _ONE_GLANCE_S:
                self._glance += 1
            self._last_request_s = now_s
            self._wanted[path] = (-self._glance, self._requests)
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="foveola-portraits", daemon=True)
            self._thread.start()

    def set_paused(self, paused: bool) -> None:
        """Stand still while the reader waits for tiles."""
        self._pace.hold(paused)

    def close(self, *, wait_s: float = 1.0) -> None:
        """Stop, and wait for the thread, at most ``wait_s`` seconds."""
        self._pace.stop()
        self._outbox.close()
        with self._condition:
            self._wanted.clear()
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)
            if self._thread.is_alive():
                log.warning("the thread of slide pictures did not end in time and is left behind")

    def _work(self) -> None:
        """Runs in the maker's own thread."""
        prune(MAX_KEPT)
        while True:
            with self._condition:
                while not self._wanted and not self._pace.stopped:
                    self._condition.wait()
                if self._pace.stopped:
                    return
                path = min(self._wanted, key=self._wanted.__getitem__)
                del self._wanted[path]
            try:
                self._pace.point()
                portrait = portrait_of(path, pace=self._pace)
            except _StoppedError:
                return
            except Exception as error:  # one slide must not end the pictures of all others
                log.exception("the picture of %s failed unexpectedly", path)
                portrait = Portrait(path, reason=f"{type(error).__name__}: {error}")
            self._outbox.post(lambda portrait=portrait: self.made.emit(portrait))  # type: ignore[misc]


def portrait_of(path: Path, *, pace: Pace | None = None) -> Portrait:
    """The portrait of a slide, from the cache folder or made and kept there. Failures are told in it."""
    try:
        kept = _kept_file(path)
    except OSError as error:
        return Portrait(path, reason=(error.strerror or str(error)).lower())
    found = _kept(path, kept)
    if found is not None:
        return found
    try:
        source = open_slide(path)
    except SlideError as error:
        return Portrait(path, reason=error.reason)
    try:
        size_px = (source.pyramid.width, source.pyramid.height)
        pixels = thumbnail(_Paced(source, pace or Pace()), PORTRAIT_PX)
    except TileError as error:
        return Portrait(path, size_px, reason=f"no picture: {error}")
    finally:
        source.close()
    data = _png(pixels, size_px)
    try:
        save_atomically(kept, data)
    except SaveError as error:
        log.warning("the picture of %s is not kept: %s", path.name, error.reason)
    return Portrait(path, size_px, QImage.fromData(data))


def prune(most: int) -> None:
    """Delete the oldest pictures of the cache folder beyond ``most``."""
    files = (
        sorted(_folder().glob("*.png"), key=lambda file: file.stat().st_mtime) if _folder().is_dir() else []
    )
    for file in files[: max(0, len(files) - most)]:
        file.unlink(missing_ok=True)


def _folder() -> Path:
    return cache_dir() / "portraits"


def _kept_file(path: Path) -> Path:
    facts = path.stat()
    key = f"{path.absolute()}|{facts.st_size}|{facts.st_mtime_ns}|{PORTRAIT_PX}"
    return _folder() / f"{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:32]}.png"


def _kept(path: Path, file: Path) -> Portrait | None:
    """What the cache folder holds; None for nothing, or for something damaged, which is then made anew."""
    try:
        data = file.read_bytes()
        with Image.open(io.BytesIO(data)) as picture:
            width, height = (int(number) for number in picture.info[_SIZE_KEY].split("x"))
    except (OSError, KeyError, ValueError):
        return None
    image = QImage.fromData(data)
    return None if image.isNull() else Portrait(path, (width, height), image)


def _png(pixels: NDArray[np.uint8], size_px: tuple[int, int]) -> bytes:
    facts = PngImagePlugin.PngInfo()
    facts.add_text(_SIZE_KEY, f"{size_px[0]}x{size_px[1]}")
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "PNG", pnginfo=facts)
    return buffer.getvalue()
