"""How far the analysis is, how long it still takes, and the buttons that hold it or end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QWidget

from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from viewer.relevance.worker.messages import Progress

_PERMILLE = 1000


def progress_in_words(progress: Progress) -> str:
    """ "1,203 of 9,800 patches, 3 of 40 regions, about 12 s left; 3 could not be read"."""
    said = [f"{progress.done - progress.failed:,} of {progress.total:,} patches"]
    regions, tokens, between = progress.regions, progress.tokens, progress.between
    if regions is not None and regions.done < regions.total > 1:
        said.append(f"{regions.done:,} of {regions.total:,} regions")
    if tokens is not None and tokens.done < tokens.total:
        said.append(f"tokens of {tokens.done - tokens.failed:,} of {tokens.total:,} patches")
    if between is not None:
        said.append(f"{between.done - between.failed:,} of {between.total:,} half-way between others")
    if progress.finished:
        said.append("done" if any(part.failed for part in progress.parts) else "all analysed")
        if progress.more_tokens:
            said.append("tokens only where you look closely")
    elif progress.seconds_left and not progress.paused:
        said.append(f"{time_left_in_words(progress.seconds_left)} left")
    if progress.paused:
        said.append("paused")
    words = ", ".join(said)
    if progress.failed:
        words += f"; {progress.failed:,} could not be read and stay not analysed"
    if tokens is not None and tokens.failed:
        words += f"; tokens of {tokens.failed:,} could not be read"
    return words


def time_left_in_words(seconds: float) -> str:
    """Rounded up as far as a guess deserves."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min"


class AnalysisBar(QWidget):
    """Hidden until there is something to tell. ``stop_does``: what Stop does here, for its tip."""

    pause_toggled = Signal(bool)
    stop_pressed = Signal()

    def __init__(self, stop_does: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = QProgressBar(maximum=_PERMILLE, textVisible=False)
        self._bar.setAccessibleName("Progress of the analysis")
        self._bar.setFixedHeight(em_px(0.6))
        self._words = QLabel(wordWrap=True)
        self._words.setProperty("muted", True)
        self._pause = QPushButton("Pause")
        self._pause.setCheckable(True)
        self._pause.setToolTip("Hold the analysis; what is analysed is kept")
        self._pause.toggled.connect(self._pause_toggled)
        self._stop = QPushButton("Stop")
        self._stop.setToolTip(stop_does)
        self._stop.clicked.connect(self.stop_pressed)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(em_px(0.2))
        layout.addWidget(self._bar, 0, 0, 1, 2)
        layout.addWidget(self._pause, 1, 0)
        layout.addWidget(self._stop, 1, 1)
        layout.addWidget(self._words, 2, 0, 1, 2)  # last: buttons stay where they are when it wraps
        for column in (0, 1):
            layout.setColumnStretch(column, 1)
        self.hide()

    @property
    def words(self) -> str:
        return self._words.text()

    def begin(self) -> None:
        """The analysis was asked for, and has not told anything yet."""
        self._show_paused(False)
        self._bar.setValue(0)
        self._say("Starting the analysis…")
        self._set_running(True)
        self.show()

    def take_over(self, progress: Progress | None, *, running: bool) -> None:
        """Show where another analysis is: ``running`` without progress yet, or ended."""
        if progress is not None:
            self.show_progress(progress)
        elif running:
            self.begin()
        else:
            self.end("")

    def show_progress(self, progress: Progress) -> None:
        """Take over what the analysis tells."""
        done = sum(part.done for part in progress.parts)
        total = sum(part.total for part in progress.parts)
        self._bar.setValue(_PERMILLE * done // total if total else _PERMILLE)
        self._say(progress_in_words(progress))
        self._show_paused(progress.paused)
        self._set_running(progress.paused or not progress.finished)
        self.show()

    def end(self, words: str) -> None:
        """The analysis has ended before it was done; why. "" hides the bar."""
        self._say(words)
        self._set_running(False)
        self.setVisible(bool(words))

    def _say(self, words: str) -> None:
        self._words.setText(words)
        self._bar.setAccessibleDescription(words)

    def _set_running(self, running: bool) -> None:
        for widget in (self._bar, self._pause, self._stop):
            widget.setVisible(running)

    def _show_paused(self, paused: bool) -> None:
        self._pause.blockSignals(True)
        self._pause.setChecked(paused)
        self._pause.blockSignals(False)
        self._pause.setText("Go on" if paused else "Pause")

    def _pause_toggled(self, paused: bool) -> None:
        self._show_paused(paused)
        self.pause_toggled.emit(paused)
