"""The second reader in the background: runs ``foveola review read`` for one case after the other.

A process of its own, of the lowest priority, on the same record: the models stay out of the window's process,
and what was read is recorded even where the window ends first.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, Signal

from viewer.common.log import logger
from viewer.ui.review import strings

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logger("review")

_END_MS = 300


class CaseReader(QObject):
    """``progressed``: the id of a case, and how much of it is read, 0 to 1; None: it has ended, with or
    without success. ``close`` ends it."""

    progressed = Signal(str, object)
    failed = Signal(str)
    """A sentence on why a case was not read."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: list[str] = []
        self._case = ""
        self._process: QProcess | None = None

    @property
    def waiting(self) -> int:
        """How many cases are still to be read, the present one included."""
        return len(self._waiting) + bool(self._case)

    def add(self, cases: Iterable[str], *, first: bool = False) -> None:
        """Read more cases; ``first``: before those that wait."""
        new = [case for case in cases if case != self._case and (first or case not in self._waiting)]
        rest = [case for case in self._waiting if case not in new]
        self._waiting = [*new, *rest] if first else [*rest, *new]
        self._start_next()

    def stop(self) -> None:
        """Read no further case; what is read of the present one is kept in the index."""
        self._waiting.clear()
        self._end()

    def close(self) -> None:
        """End the process without a word."""
        self.blockSignals(True)
        self.stop()

    def _start_next(self) -> None:
        if self._process is not None or not self._waiting:
            return
        self._case = self._waiting.pop(0)
        process = self._process = QProcess(self)
        process.readyReadStandardOutput.connect(self._take_lines)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._not_started)
        arguments = ["-m", "viewer", "review", "read", self._case, "--progress-lines"]
        process.start(sys.executable, arguments)
        self.progressed.emit(self._case, 0.0)

    def _take_lines(self) -> None:
        assert self._process is not None
        while self._process.canReadLine():
            line = bytes(self._process.readLine().data()).decode("utf-8", "replace")
            if line.startswith("{"):
                found = json.loads(line)
                self.progressed.emit(str(found["case"]), float(found["share"]))

    def _finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        process, case = self._process, self._case
        if process is None:
            return
        said = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        self._forget()
        if code:
            log.error("the second reader ended with %s: %s", code, said)
            last = said.splitlines()[-1] if said else strings.READER_ENDED.format(code=code)
            self.failed.emit(strings.READER_FAILED.format(reason=last))
        self.progressed.emit(case, None)
        self._start_next()

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self._waiting.clear()
            case, reason = self._case, self._process.errorString()
            self._forget()
            self.failed.emit(strings.READER_FAILED.format(reason=reason))
            self.progressed.emit(case, None)

    def _forget(self) -> None:
        if self._process is not None:
            self._process.deleteLater()
        self._process, self._case = None, ""

    def _end(self) -> None:
        process, case = self._process, self._case
        if process is None:
            return
        self._process = None  # its end is no news
        process.terminate()
        if not process.waitForFinished(_END_MS):
            process.kill()
            process.waitForFinished(_END_MS)
        process.deleteLater()
        self._case = ""
        self.progressed.emit(case, None)
