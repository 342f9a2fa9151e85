"""Progress of an analysis: what is done, the time left, and buttons that pause or stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from viewer.overlay.strings import ALL_ANALYSED
from viewer.ui.overlays import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from viewer.relevance.worker.messages import Progress

_PERMILLE = 1000
_LINES = 2


def progress_in_words(progress: Progress) -> str:
    """ "1,203 of 9,800 patches, 3 of 40 regions, about 12 s left; 3 could not be read"."""
    template = strings.ONE_PATCH_DONE if progress.total == 1 else strings.PATCHES_DONE
    parts = [template.format(done=progress.done - progress.failed, total=progress.total)]
    regions, tokens, between = progress.regions, progress.tokens, progress.between
    in_parts = progress.in_parts
    if regions is not None and regions.done < regions.total > 1:
        parts.append(strings.REGIONS_DONE.format(done=regions.done, total=regions.total))
    if tokens is not None and tokens.done < tokens.total:
        parts.append(strings.TOKENS_DONE.format(done=tokens.done - tokens.failed, total=tokens.total))
    if between is not None:
        parts.append(strings.OVERLAPS_DONE.format(done=between.done - between.failed, total=between.total))
    if in_parts is not None and in_parts.done < in_parts.total:
        parts.append(strings.IN_PARTS_DONE.format(done=in_parts.done, total=in_parts.total))
    if progress.finished:
        failed = any(part.failed for part in progress.parts)
        parts.append(strings.DONE if failed else ALL_ANALYSED)
        if progress.more_tokens:
            parts.append(strings.TOKENS_WHERE_ZOOMED)
    elif progress.seconds_left and not progress.paused:
        parts.append(strings.TIME_LEFT.format(time=time_left_in_words(progress.seconds_left)))
    if progress.paused:
        parts.append(strings.PAUSED)
    text = ", ".join(parts)
    if progress.failed:
        text += strings.PATCHES_FAILED.format(count=progress.failed)
    if tokens is not None and tokens.failed:
        text += strings.TOKENS_FAILED.format(count=tokens.failed)
    return text


def analysed_in_words(progress: Progress | None) -> str:
    """ "62 % analysed", rounded down; "" before there is any progress. Patches that are analysed in
    parts, too, count once more: their values may still change."""
    if progress is None:
        return ""
    done, total = progress.done - progress.failed, progress.total
    if progress.in_parts is not None:
        done += progress.in_parts.done - progress.in_parts.failed
        total += progress.in_parts.total
    return ALL_ANALYSED if done >= total else strings.SHARE_ANALYSED.format(percent=100 * done // total)


def time_left_in_words(seconds: float) -> str:
    """In whole seconds below a minute and a half, else in whole minutes."""
    if seconds < 90:
        return strings.ABOUT_SECONDS.format(seconds=max(1, round(seconds)))
    return strings.ABOUT_MINUTES.format(minutes=round(seconds / 60))


class AnalysisBar(QWidget):
    """Hidden until an analysis has begun; ``in_place``: always shown, in the same height, so that nothing
    below it moves, and with Resume after Stop. ``stop_tip``: the tooltip of Stop, which depends on the page.
    """

    pause_toggled = Signal(bool)
    stop_pressed = Signal()

    def __init__(self, stop_tip: str, *, in_place: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._in_place = in_place
        self._bar = QProgressBar(maximum=_PERMILLE, textVisible=False)
        self._bar.setAccessibleName(strings.PROGRESS_NAME)
        self._bar.setFixedHeight(em_px(0.6))
        self._text = QLabel(wordWrap=True)
        self._text.setProperty("muted", True)
        self._pause = QPushButton(strings.PAUSE)
        self._pause.setCheckable(True)
        self._pause.setToolTip(strings.PAUSE_TIP)
        self._pause.toggled.connect(self._pause_toggled)
        self._stop = QPushButton(strings.STOP)
        self._stop.setToolTip(stop_tip)
        self._stop.clicked.connect(self.stop_pressed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(em_px(0.2))
        layout.addWidget(self._bar)
        self._buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for button in (self._pause, self._stop):
            self._buttons.addWidget(button, 1)
        layout.addLayout(self._buttons)
        layout.addWidget(self._text)  # last: buttons stay where they are when it wraps
        if in_place:
            self._text.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._text.setFixedHeight(_LINES * self._text.fontMetrics().lineSpacing())
        self.end("")

    @property
    def words(self) -> str:
        return self._text.text()

    @property
    def beside_px(self) -> int:
        """The width in which Pause and Stop are beside each other, in logical pixels."""
        return 2 * self._widest_px + self._buttons.spacing()

    def minimumSizeHint(self) -> QSize:
        """As wide as its widest button: there is room for both below each other."""
        return QSize(self._widest_px, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put Stop below Pause where there is no room for both beside each other."""
        super().resizeEvent(event)
        beside = self.width() >= self.beside_px
        directions = QBoxLayout.Direction
        self._buttons.setDirection(directions.LeftToRight if beside else directions.TopToBottom)

    def begin(self) -> None:
        """The analysis was requested, and has reported no progress yet."""
        self._show_paused(False)
        self._bar.setValue(0)
        self._set_text(strings.STARTING)
        self._set_running(True)
        self.show()

    def take_over(
        self, progress: Progress | None, *, running: bool, ended: str = "", asked: bool = True
    ) -> None:
        """Show another analysis: its progress, None while it is ``running`` without any yet or has ``ended``
        for that reason.
        """
        if progress is not None:
            self.show_progress(progress, asked=asked)
        elif running:
            self.begin()
        else:
            self.end(ended)

    def show_progress(self, progress: Progress, *, asked: bool = True) -> None:
        """Show the progress that the analysis reports. ``asked`` False: the present query cannot be answered,
        and what is analysed is for other queries.
        """
        done = sum(part.done for part in progress.parts)
        total = sum(part.total for part in progress.parts)
        self._bar.setValue(0 if not asked else _PERMILLE * done // total if total else _PERMILLE)
        self._set_text(progress_in_words(progress) if asked else strings.QUERY_NOT_ANALYSED)
        self._show_paused(progress.paused)
        self._set_running(progress.paused or not progress.finished)
        self.show()

    def end(self, reason: str) -> None:
        """Show why the analysis ended before it was done; "": there is none."""
        self._set_text(reason or strings.NOT_BEGUN)
        self._set_running(False)
        self._show_paused(self._in_place and bool(reason))
        self._pause.setEnabled(bool(reason))
        if not reason:
            self._bar.setValue(0)
        self.setVisible(self._in_place or bool(reason))

    @property
    def _widest_px(self) -> int:
        return max(button.minimumSizeHint().width() for button in (self._pause, self._stop))

    def _set_text(self, text: str) -> None:
        self._text.setText(text)
        self._text.setToolTip(text)
        self._bar.setAccessibleDescription(text)

    def _set_running(self, running: bool) -> None:
        self._bar.setVisible(running or self._in_place)
        for button in (self._pause, self._stop):
            button.setVisible(running or self._in_place)
            button.setEnabled(running)

    def _show_paused(self, paused: bool) -> None:
        self._pause.blockSignals(True)
        self._pause.setChecked(paused)
        self._pause.blockSignals(False)
        self._pause.setText(strings.RESUME if paused else strings.PAUSE)

    def _pause_toggled(self, paused: bool) -> None:
        self._show_paused(paused)
        self.pause_toggled.emit(paused)
