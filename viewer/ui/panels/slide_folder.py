"""The slides panel: the slides of a folder, or chosen files, in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from viewer.common.log import logger
from viewer.slide.file_names import natural_key
from viewer.slide.formats.registry import is_listed
from viewer.slide.formats.tile_tree.detection import is_tile_folder
from viewer.ui.panels import strings
from viewer.ui.panels.slide_list import SlideEntry, SlideList
from viewer.ui.widgets.background_worker import NewestWork, raise_defect
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QPaintEvent

    from viewer.ui.panels.thumbnails import ThumbnailWorker

log = logger("ui")

MAX_LISTED = 10_000


def slides_in(folder: Path) -> list[SlideEntry]:
    """The slides of a folder by name, at most 10,000. Raises OSError where it cannot be listed."""
    found: list[Path] = []
    for path in folder.iterdir():
        if is_listed(path):
            found.append(path)
            if len(found) == MAX_LISTED:
                log.warning("%s holds more than %d slides; the rest is not listed", folder, MAX_LISTED)
                break
    return entries_of(sorted(found, key=natural_key))


def entries_of(paths: Sequence[Path]) -> list[SlideEntry]:
    """List entries of slides in the order given, missing ones too; folders that are no slide are left out."""
    entries: list[SlideEntry] = []
    for path in paths:
        try:
            if not path.is_dir():
                entries.append(SlideEntry(path, path.stat().st_size))
            elif is_tile_folder(path):
                entries.append(SlideEntry(path, 0, is_folder=True))
        except OSError:
            entries.append(SlideEntry(path, None))
    return entries


class _OneLine(QLabel):
    """The middle of a longer text is left out: more lines in a narrow panel would take a height that the
    panel does not ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setMargin(em_px(0.4))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect().adjusted(self.margin(), 0, -self.margin(), 0)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        at = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.style().drawItemText(painter, room, at, self.palette(), True, text, self.foregroundRole())
        painter.end()


class SlideFolder(QWidget):
    """The panel: a heading and the list. Folders and files are read in a thread, so a slow share stops no
    window; ``close_work`` ends it."""

    chosen = Signal(object)
    """The path of a slide to open."""
    listed = Signal()
    """Another list of slides is shown."""
    failed = Signal(object, str)
    """A folder that cannot be listed, and the reason."""

    def __init__(self, thumbnails: ThumbnailWorker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.SLIDES)
        self._reading = NewestWork("slide-list")
        self._folder: Path | None = None
        """What is listed or being read; None for chosen files."""
        self._expected: frozenset[Path] = frozenset()
        """The chosen files that are being read."""
        self._current: Path | None = None
        self._heading = _OneLine(strings.NO_FOLDER)
        self._heading.setProperty("muted", True)
        self._list = SlideList(thumbnails)
        self._list.setAccessibleName(strings.SLIDE_LIST)
        self._list.setAccessibleDescription(strings.SLIDE_LIST_DESCRIPTION)
        self._list.chosen.connect(self.chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._heading)
        layout.addWidget(self._list, 1)
        self.setFocusProxy(self._list)

    @property
    def slide_list(self) -> SlideList:
        """The list without its heading."""
        return self._list

    @property
    def is_chosen(self) -> bool:
        """Whether the list is of chosen files, and not of all in a folder."""
        return self._folder is None and not self._expected

    def take_out(self, path: Path) -> None:
        """Take a chosen file out of the list; the file stays."""
        self._fill_chosen([entry for entry in self.entries if entry.path != path])

    @property
    def entries(self) -> Sequence[SlideEntry]:
        return self._list.slides.entries

    def show_folder(self, folder: Path, *, open_first: bool = False) -> None:
        """List a folder, once; with ``open_first`` choose its first slide."""
        if folder == self._folder and not open_first:
            return
        self._folder, self._expected = folder, frozenset()
        show = partial(self._show, folder, open_first=open_first)
        self._reading.run(partial(slides_in, folder), show, partial(self._not_listed, folder))

    def show_files(self, paths: Sequence[Path]) -> None:
        """List files from anywhere, in the order given, once they are read."""
        self._folder, self._expected = None, frozenset(paths)
        self._reading.run(partial(entries_of, paths), self._fill_chosen, raise_defect)

    def set_current(self, path: Path) -> None:
        """The slide that is open: marked in the list, and the one that ``beyond`` counts from."""
        self._current = path
        self._list.select(path)

    def go_past(self, path: Path) -> None:
        """Have ``beyond`` count from a slide that could not be opened, to reach those behind it."""
        if self.contains(path):
            self._current = path

    def contains(self, path: Path) -> bool:
        """Whether a slide is in the list, or in that which is being read."""
        return path in self._expected or self._list.slides.row_of(path) >= 0

    def beyond(self, step: int, *, opening: Path | None = None) -> list[SlideEntry]:
        """The slides after the open one for a ``step`` of 1, those before it for −1, the nearest first; all
        where none is open. ``opening``: counts instead, where it is in the list."""
        entries = list(self.entries)
        start = opening if opening is not None and self.contains(opening) else self._current
        row = -1 if start is None else self._list.slides.row_of(start)
        if row < 0:
            return entries[::step]
        return entries[row + 1 :] if step > 0 else entries[:row][::-1]

    def close_work(self, *, wait_s: float = 0.5) -> None:
        """Wait at most ``wait_s`` seconds for a listing in progress."""
        self._reading.close(wait_s=wait_s)

    def _show(self, folder: Path, entries: list[SlideEntry], *, open_first: bool) -> None:
        counts = {0: strings.NO_SLIDES, 1: strings.ONE_SLIDE}
        count = counts.get(len(entries), strings.SLIDE_COUNT).format(count=len(entries))
        self._fill(entries, strings.FOLDER_HEADING.format(folder=folder.name or folder, count=count))
        if open_first:
            if entries:
                self.chosen.emit(entries[0].path)
            else:
                self.failed.emit(folder, strings.EMPTY_FOLDER)

    def _not_listed(self, folder: Path, error: Exception) -> None:
        self._folder = None
        reason = (getattr(error, "strerror", "") or str(error)).lower()
        self.failed.emit(folder, strings.FOLDER_UNREADABLE.format(reason=reason))

    def _fill_chosen(self, entries: list[SlideEntry]) -> None:
        template = strings.CHOSEN_SLIDE if len(entries) == 1 else strings.CHOSEN_SLIDES
        self._fill(entries, template.format(count=len(entries)))

    def _fill(self, entries: list[SlideEntry], heading: str) -> None:
        self._expected = frozenset()
        self._heading.setText(heading)
        self._heading.setToolTip(heading)
        self._list.slides.set_entries(entries)
        if self._current is not None:
            self._list.select(self._current)
        self.listed.emit()
