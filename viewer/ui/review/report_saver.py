"""Saves the report of the case that is read, in a thread: pictures are read from its slides."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.errors import FoveolaError
from viewer.ui.review import strings
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.dialogs import choose_save_path
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from viewer.review.database.record import Record
    from viewer.ui.widgets.messages import MessageArea


class ReportSaver(QObject):
    """``close`` ends its thread."""

    noted = Signal(str)
    """A sentence for the status line."""

    def __init__(self, messages: MessageArea, window: QWidget) -> None:
        super().__init__(window)
        self._messages, self._window = messages, window
        self._thread = BackgroundWorker("report")

    def choose(self, record: Record, case_id: str) -> None:
        """Let the reader choose a file, and save the report of a case to it."""
        kinds = {".pdf": strings.PDF_FILE, ".html": strings.HTML_FILE, ".json": strings.JSON_FILE}
        proposed = Path.home() / f"{case_id}.pdf"
        file = choose_save_path(self._window, strings.SAVE_REPORT, proposed, kinds)
        if file is not None:
            self.noted.emit(strings.REPORT_BEING_SAVED.format(file=file.name))
            self._thread.run(
                partial(_write, record, case_id, file),
                lambda _done: self.noted.emit(strings.REPORT_SAVED.format(file=file.name)),
                self._show_error,
            )

    def close(self) -> None:
        """End the thread."""
        self._thread.close(wait_s=0.3)

    def _show_error(self, error: Exception) -> None:
        if not isinstance(error, FoveolaError):
            raise error
        self._messages.show_message(MessageKind.ERROR, str(error))


def _write(record: Record, case_id: str, file: Path) -> None:
    from viewer.review.report.write import write_report  # imports what only a report needs

    write_report(record, case_id, file)
