"""The second reader in one window: the record, the worklist, the case that is read, the reader behind it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.errors import FoveolaError
from viewer.review.database.record import open_record
from viewer.review.protocols import DEFAULT, find_protocol, read_protocols
from viewer.review.reading.kinds import Mode
from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.new_case import NewCase
from viewer.review.worklist.priority import Order
from viewer.review.worklist.state import State
from viewer.review.worklist.worklist import Worklist, neighbour
from viewer.ui.review import strings
from viewer.ui.review.case_reader import CaseReader
from viewer.ui.review.coverage_controller import CoverageController
from viewer.ui.review.reading_controller import ReadingController
from viewer.ui.review.report_saver import ReportSaver
from viewer.ui.review.worklist_window import WorklistWindow
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from viewer.review.database.record import Record
    from viewer.review.worklist.case import Case
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.panels.thumbnails import ThumbnailWorker
    from viewer.ui.widgets.messages import MessageArea


class ReviewDesk(QObject):
    """The record opens with its first use. ``close`` ends the second reader, and closes the record."""

    changed = Signal()
    """The enabled or checked state of actions has changed."""
    noted = Signal(str)
    """A sentence for the status line."""
    shown = Signal()
    """The panel is to be shown: a case was opened."""

    def __init__(
        self,
        slide_view: SlideView,
        overlays: OverlayController,
        thumbnails: ThumbnailWorker,
        open_slide: Callable[[str], None],
        messages: MessageArea,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._window, self._messages, self._thumbnails = window, messages, thumbnails
        self._record: Record | None = None
        self.worklist: Worklist | None = None
        """None before it was opened first."""
        self.list: WorklistWindow | None = None
        self._reader, self._mode = _login_name(), Mode.BLINDED_FIRST
        self._listed: Sequence[Case] = ()
        self._share: float | None = None
        self.coverage = CoverageController(slide_view, overlays, messages, window)
        self.reading = ReadingController(slide_view, overlays, self.coverage, open_slide, messages, window)
        self.second_reader = CaseReader(self)
        self.second_reader.progressed.connect(self._take_progress)
        self.second_reader.failed.connect(self._warn)
        self.reading.worklist_pressed.connect(self.show_worklist)
        self.reading.reading_requested.connect(lambda case: self.second_reader.add([case], first=True))
        self.reports = ReportSaver(messages, window)
        self.reports.noted.connect(self.noted)
        for part in (self.coverage, self.reading):
            part.changed.connect(self.changed)
            part.noted.connect(self.noted)

    def follow(self, slide_view: SlideView) -> None:
        """Read in another view."""
        self.coverage.follow(slide_view)
        self.reading.follow(slide_view)

    def show_worklist(self) -> None:
        """Show the list of cases."""
        worklist = self._opened()
        if worklist is None:
            return
        protocols, problems = read_protocols()
        self._refresh(worklist)
        window = WorklistWindow(worklist, protocols, self._thumbnails, self._reader, self._window)
        window.open_pressed.connect(self.open_case)
        window.read_pressed.connect(self._read_all)
        window.destroyed.connect(self._forget_list)
        self.list = window
        window.show_progress(self.second_reader.waiting, self._share)
        notice = "" if self._record is None else self._record.notice
        window.show_message("\n".join(filter(None, [notice, *problems])))
        show_dialog(window)

    def offer_case(self, title: str, slide: Path) -> None:
        """Add a case of one slide, where the list has none of it yet, and show the list."""
        worklist = self._opened()
        if worklist is None:
            return
        new = NewCase(title, (CaseSlide(str(slide.absolute())),), protocol=DEFAULT)
        try:
            worklist.add([new], self._reader)
        except FoveolaError as error:
            self._warn(str(error))
        self.show_worklist()

    def open_case(self, case_id: str, reader: str, mode: Mode) -> None:
        """Open a case of the worklist; a failure is shown, and then it is not open."""
        worklist = self._opened()
        if worklist is None:
            return
        self._reader, self._mode = reader, mode
        try:
            worklist.refresh()
            protocol = find_protocol(worklist.case(case_id).protocol)
            self.reading.open_case(worklist, case_id, reader, protocol, mode)
        except FoveolaError as error:
            self._warn(str(error))
            return
        if self.list is not None:
            self._listed = list(self.list.shown)
            self.list.close()
            self._window.activateWindow()
        self.shown.emit()

    def step_case(self, step: int) -> None:
        """Open the next case of the list (1) or the one before (−1), as it was listed last."""
        worklist, session = self._opened(), self.reading.session
        if worklist is None or session is None:
            return
        case = neighbour(self._listed or worklist.cases(order=Order.ADDED), session.case, step)
        if case is None:
            self.noted.emit(strings.NO_FURTHER_CASE)
        else:
            self.open_case(case.id, self._reader, self._mode)

    def save_report(self) -> None:
        """Save the report of the case that is open, to a file that the reader chooses."""
        if self._record is not None and self.reading.session is not None:
            self.reports.choose(self._record, self.reading.session.case)

    def close(self) -> None:
        """Keep where the reader is, and end all work."""
        self.reading.leave()
        self.second_reader.close()
        self.reports.close()
        if self._record is not None:
            self._record.close()

    def _opened(self) -> Worklist | None:
        """The worklist; None where the record cannot be opened, which is shown."""
        if self.worklist is None:
            try:
                self._record = open_record()
                self.worklist = Worklist(self._record)
            except FoveolaError as error:
                self._messages.show_message(MessageKind.ERROR, str(error))
                return None
        return self.worklist

    def _refresh(self, worklist: Worklist) -> None:
        try:
            worklist.refresh()
        except FoveolaError as error:
            self._warn(str(error))

    def _read_all(self, on: bool) -> None:
        if not on:
            self.second_reader.stop()
        elif self.worklist is not None:
            unread = self.worklist.cases(states=(State.NEW, State.INDEXING))
            self.second_reader.add(case.id for case in unread)
        self._show_progress()

    def _take_progress(self, case: str, share: float | None) -> None:
        self._share = share
        self.reading.show_progress(case, share)
        if share is None and self.worklist is not None:
            self._refresh(self.worklist)
            if self.list is not None:
                self.list.show_cases()
        self._show_progress()

    def _show_progress(self) -> None:
        if self.list is not None:
            self.list.show_progress(self.second_reader.waiting, self._share)

    def _forget_list(self) -> None:
        self.list = None

    def _warn(self, text: str) -> None:
        self._messages.show_message(MessageKind.WARNING, text)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return ""
