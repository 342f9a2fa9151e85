"""Opens slides into the active view and closes them; in threads, so that a slow share never stops the window.

One opening counts at a time: a newer one, or Cancel, supersedes it, and its slide is closed as soon as its
thread returns. A thread that hangs in a system call cannot be ended; it is left behind.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.common.log import logger
from viewer.slide.formats.tile_tree.detection import is_tile_folder
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError
from viewer.ui.shell import strings
from viewer.ui.widgets.background_worker import NewestWork, raise_defect
from viewer.ui.widgets.gui_thread import GuiThreadQueue
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.panels.scale_keeper import ScaleKeeper
    from viewer.ui.panels.slide_folder import SlideFolder
    from viewer.ui.panels.slide_list import SlideEntry
    from viewer.ui.shell.persistence import Persistence
    from viewer.ui.shell.view_area import ViewArea
    from viewer.ui.widgets.messages import MessageArea

    Progress = Callable[[float, float], None]
    Prepare = Callable[[Path, Progress], None]

log = logger("ui")

_NAMED = 3
"""Of the files that were passed over; more are counted."""
_UNREAD_MS = 2000
"""A note that stood for less was not read: the next step repeats it. A timer tells, as keys that waited while
the window was too busy to show the note come before it."""


class OpeningCancelledError(Exception):
    """Raised from a progress report to stop a preparation that was cancelled."""


@dataclass(eq=False, slots=True)
class _Job:
    locator: Locator
    prepare: Prepare | None
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class SlideOpener(QObject):
    """Opens one slide at a time with ``open_source``, in a thread. All signals are sent in the GUI thread."""

    started = Signal(object)
    """The locator of what is being opened."""
    progressed = Signal(float)
    """How much of the preparation is done, 0 to 1; not sent without a preparation."""
    opened = Signal(object)
    """An open Source, which now belongs to the listener."""
    failed = Signal(object, str)
    """The locator, and why it could not be opened."""
    cancelled = Signal(object)

    def __init__(self, parent: QObject | None = None, *, open_source: Callable[[Locator], Source]) -> None:
        super().__init__(parent)
        self._open_source = open_source
        self._gui_queue = GuiThreadQueue()
        self._job: _Job | None = None
        self._threads: list[threading.Thread] = []

    @property
    def opening(self) -> Locator | None:
        """What is being opened, None where nothing is."""
        return None if self._job is None else self._job.locator

    def open(self, where: Path | str | Locator, *, prepare: Prepare | None = None) -> None:
        """Start to open a slide; ``prepare(path, progress)`` makes the file first, in the same thread."""
        self._drop()
        job = self._job = _Job(Locator.parse(where), prepare)
        job.thread = threading.Thread(target=self._work, args=(job,), name="foveola-open", daemon=True)
        self._threads = [thread for thread in self._threads if thread.is_alive()] + [job.thread]
        self.started.emit(job.locator)
        job.thread.start()

    def cancel(self) -> None:
        """Cancel the present opening, if any."""
        job = self._drop()
        if job is not None:
            self.cancelled.emit(job.locator)

    def close(self, *, wait_s: float = 1.0) -> None:
        """Cancel, and wait at most ``wait_s`` seconds for all threads to end."""
        self._drop()
        self._gui_queue.close()
        deadline = monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
            if thread.is_alive():
                log.warning("an opening did not end in time and is left behind")

    def _drop(self) -> _Job | None:
        job, self._job = self._job, None
        if job is not None:
            job.cancelled.set()
        return job

    def _work(self, job: _Job) -> None:
        """Open the slide; runs in the job's thread."""
        source: Source | None = None
        reason = ""
        try:
            if job.prepare is not None:
                job.prepare(job.locator.path, lambda done, total: self._report(job, done / total))
            source = self._open_source(job.locator)
        except OpeningCancelledError:
            return
        except SlideError as error:
            reason = error.reason
        except Exception as error:  # a reader may raise anything
            log.exception("opening %s failed unexpectedly", job.locator)
            reason = strings.NOT_READABLE.format(kind=type(error).__name__, error=error)
        posted = self._gui_queue.post(lambda: self._finish(job, source, reason))
        if not posted and source is not None:
            source.close()

    def _report(self, job: _Job, share: float) -> None:
        if job.cancelled.is_set():
            raise OpeningCancelledError
        self._gui_queue.post(lambda: self.progressed.emit(share) if job is self._job else None)

    def _finish(self, job: _Job, source: Source | None, reason: str) -> None:
        if job is not self._job:
            if source is not None:
                source.close()
            return
        self._job = None
        if source is not None:
            self.opened.emit(source)
        else:
            log.info("not opened: %s: %s", job.locator, reason)
            self.failed.emit(job.locator, reason)


@dataclass(frozen=True, slots=True)
class FileMark:
    """The path and size of an open file; the size is None where it could not be read."""

    path: Path
    size_bytes: int | None

    @classmethod
    def of(cls, path: Path) -> FileMark:
        """The file as it is now."""
        return cls(path, _size_bytes(path))

    def failure_reason(self) -> str:
        """A sentence on why tiles of the file may fail now."""
        size_bytes = _size_bytes(self.path)
        if size_bytes is None:
            return strings.FILE_GONE
        if self.size_bytes is not None and size_bytes != self.size_bytes:
            return strings.FILE_CHANGED.format(now=size_bytes, before=self.size_bytes)
        return strings.FILE_DAMAGED


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _slides_among(locators: list[Locator]) -> list[Locator]:
    """All but folders of slides."""
    return [locator for locator in locators if not _is_list_of_slides(locator)]


def _is_list_of_slides(locator: Locator) -> bool:
    try:
        return locator.is_local and locator.path.is_dir() and not is_tile_folder(locator.path)
    except OSError:  # opening it states why
        return False


class Slides(QObject):
    """Opens slides into the active view and closes them; updates the folder list and the reader's state.
    ``close_work`` ends its threads."""

    changed = Signal()
    """A slide was opened or closed."""
    listed = Signal()
    """Several slides, or a folder, are to be opened: they are in the folder list."""
    list_ended = Signal()
    """There is no further slide in the folder list that can be opened."""
    images_requested = Signal()
    """The images of the file that is shown are to be listed."""
    another_slide_requested = Signal()
    another_folder_requested = Signal()

    def __init__(
        self,
        area: ViewArea,
        folder: SlideFolder,
        persistence: Persistence,
        scales: ScaleKeeper,
        messages: MessageArea,
    ) -> None:
        super().__init__()
        self._area, self._folder, self._persistence, self._messages = area, folder, persistence, messages
        self._scales = scales
        self._target_view = area.active_view
        """The view that was active when the opening started."""
        self._marks: dict[SlideView, FileMark] = {}
        self._ahead: list[SlideEntry] | None = None
        """What is still to be tried of a step through the list; None for a slide that was chosen."""
        self._passed: dict[Path, str] = {}
        """The files that the steps in quick succession passed over, and why they cannot be opened."""
        self._unread = QTimer(self, singleShot=True)
        self.opener = SlideOpener(self, open_source=scales.open_source)
        self._paths = NewestWork("given-paths")
        opening = messages.opening
        self.opener.started.connect(lambda locator: opening.begin(locator.name))
        self.opener.progressed.connect(opening.set_progress)
        for ended in (self.opener.opened, self.opener.failed, self.opener.cancelled):
            ended.connect(opening.end)
        opening.cancel_pressed.connect(self._cancel)
        self.opener.opened.connect(self._show)
        self.opener.failed.connect(self._report_failure)
        folder.chosen.connect(self.open)
        folder.failed.connect(self._report_folder_failure)

    def open_paths(self, places: Sequence[Path | str | Locator]) -> None:
        """Open the first of several files and list the others, or list a folder and open its first slide.
        Which they are is read in a thread; a newer opening supersedes it."""
        locators = [Locator.parse(place).absolute() for place in places]
        if locators:
            self._cancel()
            self._messages.opening.begin(locators[0].name)
            found = partial(self._open_files, locators)
            self._paths.run(partial(_slides_among, locators), found, raise_defect)

    def _open_files(self, locators: list[Locator], files: list[Locator]) -> None:
        self._messages.opening.end()
        if not files:
            self.listed.emit()
            self._folder.show_folder(locators[0].path, open_first=True)
            return
        if len(files) > 1:
            self.listed.emit()
            self._folder.show_files([locator.path for locator in files if locator.is_local])
        self.open(files[0])

    def open(self, where: Path | str | Locator, *, prepare: Prepare | None = None) -> None:
        """Open a slide; the present one stays until it is open. ``prepare`` makes the file first."""
        self._ahead = None
        self._begin(where, prepare)

    def step(self, step: int) -> None:
        """Open the next slide of the folder list for 1, the one before for −1, past files that cannot be
        opened, which a note names. A step during an opening counts from what is being opened."""
        opening = self.opener.opening
        if self._ahead is None or (opening is None and not self._unread.isActive()):
            self._passed = {}
        self._ahead = self._folder.beyond(step, opening=None if opening is None else opening.path)
        self._open_next()

    def _open_next(self) -> None:
        assert self._ahead is not None
        while self._ahead and self._ahead[0].problem:
            entry = self._ahead.pop(0)
            self._passed[entry.path] = entry.problem
        if self._ahead:
            path, shown = self._ahead.pop(0).path, self._area.active_view.source
            if self.opener.opening is not None and shown is not None and shown.info.path == path:
                self.opener.cancel()  # back to where the reader is
            else:
                self._begin(path)
        else:
            self._messages.clear()
            self._report_passed()
            self.list_ended.emit()

    def _begin(self, where: Path | str | Locator, prepare: Prepare | None = None) -> None:
        self._paths.drop()
        self._messages.clear()
        self._target_view = self._area.active_view
        self.opener.open(Locator.parse(where).absolute(), prepare=prepare)

    def _cancel(self) -> None:
        """End what is being opened, and what is to be."""
        self._paths.drop()
        self._messages.opening.end()
        self.opener.cancel()

    def close_work(self) -> None:
        """End the threads; one that hangs in a system call is left behind."""
        self._unread.stop()
        self._paths.close(wait_s=0.1)
        self.opener.close(wait_s=0.5)

    def close(self) -> None:
        """Close the active view's slide."""
        self._persistence.remember_views()
        self._area.active_view.set_source(None)
        self._persistence.save_state()
        self.changed.emit()

    def report_failed_tiles(self) -> None:
        """Show that tiles of the active view failed, once per slide; the status line counts them."""
        view = self._area.active_view
        mark = self._marks.pop(view, None) if view.failed_tiles else None
        if mark is not None:
            self._messages.show_message(
                MessageKind.WARNING,
                strings.TILES_FAILED.format(slide=mark.path.name, reason=mark.failure_reason()),
                buttons={strings.READ_AGAIN: view.retry_failed_tiles},
            )

    def _show(self, source: Source) -> None:
        self._persistence.remember_views()
        view, path = self._target_view, source.info.path
        self._marks[view] = FileMark.of(path)
        view.set_source(source, given=self._scales.given_to(source))
        last = self._persistence.state.last_view(source.info.locator)
        if last is not None:
            view.restore(last)
        self._persistence.state.opened(path)
        self._persistence.save_state()
        if not self._folder.contains(path):
            self._folder.show_folder(path.parent)
        self._folder.set_current(path)
        self._persistence.change("viewing", last_folder=str(path.parent))
        if source.info.notes:
            buttons = {strings.OTHER_IMAGES: self.images_requested.emit} if source.info.images else {}
            notes = "\n".join(source.info.notes)
            self._messages.show_message(MessageKind.INFORMATION, notes, buttons=buttons)
        if self._ahead is not None:
            self._report_passed()
        self.changed.emit()

    def _report_passed(self) -> None:
        """Name the files that a step through the list passed over."""
        if not self._passed:
            return
        self._unread.start(_UNREAD_MS)
        path, reason = next(iter(self._passed.items()))
        text = strings.ONE_PASSED.format(slide=path.name, reason=_as_sentence(reason))
        if len(self._passed) > 1:
            names = [path.name for path in list(self._passed)[:_NAMED]]
            more = [strings.MORE_PASSED.format(count=len(self._passed) - _NAMED)]
            listed = ", ".join(names + (more if len(self._passed) > _NAMED else []))
            missing = all(_size_bytes(path) is None for path in self._passed)
            many = strings.MANY_MISSING if missing else strings.MANY_PASSED
            text = many.format(count=len(self._passed), slides=listed)
        self._messages.show_message(MessageKind.WARNING, text)

    def _report_failure(self, locator: Locator, reason: str) -> None:
        if self._ahead is not None:
            self._passed[locator.path] = reason
            self._open_next()
            return
        self._folder.go_past(locator.path)
        text = strings.NOT_OPENED.format(slide=locator.name, reason=_as_sentence(reason))
        if self._target_view.source is not None:
            text = f"{text} {strings.SLIDE_STAYS_OPEN}"
        self._messages.show_message(
            MessageKind.ERROR,
            text,
            buttons={
                strings.TRY_AGAIN: partial(self.open, locator),
                strings.OPEN_ANOTHER: self.another_slide_requested.emit,
            },
        )

    def _report_folder_failure(self, folder: Path, reason: str) -> None:
        self._messages.show_message(
            MessageKind.ERROR,
            strings.FOLDER_NOT_LISTED.format(folder=folder.name or folder, reason=reason),
            buttons={strings.OPEN_ANOTHER_FOLDER: self.another_folder_requested.emit},
        )


def _as_sentence(reason: str) -> str:
    """A reason without its last stop, to begin a sentence with."""
    return f"{reason[:1].upper()}{reason[1:]}".rstrip(".")
