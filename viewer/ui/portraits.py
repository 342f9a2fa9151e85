"""Small pictures of slides for lists, made one by one in a thread of low priority, kept as PNG files.

The newest request is served first: it is what the reader is looking at. Pictures come from the tissue levels,
never from label or macro images.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from viewer.folders import cache_dir
from viewer.log import logger
from viewer.saving import SaveError, save_atomically
from viewer.slide.source import SlideError, TileError, open_slide
from viewer.slide.thumbnail import thumbnail
from viewer.ui.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey
    from viewer.slide.source import SlideInfo, Source

log = logger("ui")

PORTRAIT_PX = 192
MAX_KEPT = 2000
_SIZE_KEY = "Slide size"
_NICENESS = 15


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


class _Stoppable:
    """A source whose next read fails once the maker is stopped."""

    def __init__(self, source: Source, stopped: threading.Event) -> None:
        self._source, self._stopped = source, stopped

    @property
    def info(self) -> SlideInfo:
        return self._source.info

    @property
    def pyramid(self) -> Pyramid:
        return self._source.pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        if self._stopped.is_set():
            raise _StoppedError
        return self._source.read_tile(key)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        return self._source.read_associated_image(name)

    def close(self) -> None:
        self._source.close()


class PortraitMaker(QObject):
    """Makes portraits in its own thread and hands them out in the GUI thread."""

    made = Signal(object)
    """A Portrait."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._outbox = Outbox()
        self._wanted: list[Path] = []
        self._condition = threading.Condition()
        self._stopped = threading.Event()
        self._may_work = threading.Event()
        self._may_work.set()
        self._thread: threading.Thread | None = None

    def request(self, path: Path) -> None:
        """Have a portrait made; the newest request comes first."""
        with self._condition:
            if path in self._wanted:
                self._wanted.remove(path)
            self._wanted.append(path)
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="foveola-portraits", daemon=True)
            self._thread.start()

    def forget_requests(self) -> None:
        """Drop what has not been begun: the list it was for is gone."""
        with self._condition:
            self._wanted.clear()

    def set_paused(self, paused: bool) -> None:
        """Hold back between slides, while the reader waits for tiles."""
        if paused:
            self._may_work.clear()
        else:
            self._may_work.set()

    def close(self, *, wait_s: float = 1.0) -> None:
        """Stop, and wait for the thread, at most ``wait_s`` seconds."""
        self._stopped.set()
        self._outbox.close()
        self._may_work.set()
        with self._condition:
            self._wanted.clear()
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)
            if self._thread.is_alive():
                log.warning("the thread of slide pictures did not end in time and is left behind")

    def _work(self) -> None:
        """Runs in the maker's own thread."""
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        prune(MAX_KEPT)
        while True:
            with self._condition:
                while not self._wanted and not self._stopped.is_set():
                    self._condition.wait()
                if self._stopped.is_set():
                    return
                path = self._wanted.pop()
            self._may_work.wait()
            try:
                portrait = portrait_of(path, stopped=self._stopped)
            except _StoppedError:
                return
            except Exception as error:  # one slide must not end the pictures of all others
                log.exception("the picture of %s failed unexpectedly", path)
                portrait = Portrait(path, reason=f"{type(error).__name__}: {error}")
            self._outbox.post(lambda portrait=portrait: self.made.emit(portrait))  # type: ignore[misc]


def portrait_of(path: Path, *, stopped: threading.Event | None = None) -> Portrait:
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
        pixels = thumbnail(_Stoppable(source, stopped or threading.Event()), PORTRAIT_PX)
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
