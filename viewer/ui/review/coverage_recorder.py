"""Records what one slide view displays, ten times a second, while somebody is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import hypot
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget

from viewer.review.coverage import Display
from viewer.review.viewing_stream import Viewed
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from viewer.render.frame import FrameReport
    from viewer.review.coverage import Coverage
    from viewer.review.recordings import Recording, Recordings
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.view.camera import View

INTERVAL_MS = 100
IDLE_AFTER_S = 60.0
"""So long without moving the view or the pointer over it, nobody may be there: time stops counting."""
NOMINAL_POWER = 40.0
"""The magnification of 1:1 on a slide without a pixel size."""
_LONGEST_SAMPLE_S = 0.5  # what a busy window displayed in between is not known


class CoverageRecorder(QObject):
    """``recording``: of the slide that the view shows, None without one."""

    changed = Signal()
    """More was displayed."""

    def __init__(self, slide_view: SlideView, recordings: Recordings) -> None:
        super().__init__(slide_view)
        self._view, self._recordings = slide_view, recordings
        self.recording: Recording | None = None
        self._sampled_s = self._active_s = monotonic()
        self._sampled_view: View | None = None
        self._is_sharp = False
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self._sample)
        slide_view.source_changed.connect(self._start)
        slide_view.frame_report.connect(self._frame_drawn)
        slide_view.view_changed.connect(self._note_activity)
        slide_view.cursor_moved.connect(self._note_activity)
        self._start()

    @property
    def coverage(self) -> Coverage | None:
        """Of the slide that the view shows."""
        return None if self.recording is None else self.recording.coverage

    @property
    def display(self) -> Display:
        """What the view displays now, for no time yet."""
        canvas, camera = self._view.canvas, self._view.camera
        return Display(
            view=camera.view,
            size_px=canvas.size_px,
            aspect=camera.aspect,
            magnification=self.power / camera.view.downsample,
            duration_s=0.0,
            is_sharp=self._is_sharp,
            covered=_covered(canvas.native),
        )

    @property
    def power(self) -> float:
        """The magnification of a view with one slide pixel on each logical pixel; nominal where the slide's
        scale is unknown."""
        magnification = self._view.magnification
        if magnification is None:
            return NOMINAL_POWER * self._view.canvas.pixel_ratio
        return magnification * self._view.camera.target.downsample

    def _start(self) -> None:
        source = self._view.source
        self._sampled_s = self._active_s = monotonic()
        self._sampled_view, self._is_sharp = None, False
        if source is None:
            self.recording = None
            self._timer.stop()
        else:
            self.recording = self._recordings.of(source)
            self._timer.start()

    def _frame_drawn(self, report: FrameReport) -> None:
        self._is_sharp = report.complete and report.holes == 0

    def _note_activity(self, *_signal_arguments: object) -> None:
        self._active_s = monotonic()

    def _sample(self) -> None:
        now_s = monotonic()
        duration_s, before = now_s - self._sampled_s, self._sampled_view
        view = self._view.camera.view
        self._sampled_s, self._sampled_view = now_s, view
        is_there = now_s - self._active_s <= IDLE_AFTER_S and self._view.isVisible() and _in_front(self._view)
        if self.recording is None or before is None or duration_s > _LONGEST_SAMPLE_S or not is_there:
            return
        now = self.display
        display = replace(now, duration_s=duration_s, speed=_speed(now, before, duration_s))
        self.recording.coverage.add(display)
        gaze = self._view.canvas.gaze_on_slide
        self.recording.stream.add(
            Viewed(
                utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
                at_s=now_s - duration_s - self.recording.opened_s,
                is_moving=view != before,
                display=display,
                pixel_ratio=self._view.canvas.pixel_ratio,
                overlays=tuple(overlay.name for overlay in self._view.overlays.drawn),
                gaze=None if gaze is None else gaze[:2],
            )
        )
        if display.counts:
            self.changed.emit()


def _speed(display: Display, before: View, duration_s: float) -> float:
    """Widths of the screen per second."""
    view = display.view
    moved_px = hypot(view.centre_x - before.centre_x, (view.centre_y - before.centre_y) * display.aspect)
    return moved_px / view.downsample / max(display.size_px[0], 1.0) / duration_s


def _in_front(widget: QWidget) -> bool:
    """Whether the reader works in this window: not in another program, nor in a dialog over it."""
    return widget.isActiveWindow() and QApplication.activeModalWidget() is None


def _covered(native: QWidget) -> tuple[Rect, ...]:
    """What legends, messages and floating panels hide of a canvas, in its pixels."""
    area, window, parent = native.rect(), native.window(), native.parentWidget()
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    above = native.findChildren(QWidget, options=direct)
    above += parent.findChildren(QWidget, options=direct) if parent is not None else []
    floating = [dock for dock in window.findChildren(QDockWidget, options=direct) if dock.isFloating()]
    rects = []
    for widget in (*above, *floating):
        if widget is native or not widget.isVisible():
            continue
        corner = native.mapFromGlobal(widget.mapToGlobal(widget.rect().topLeft()))
        common = area.intersected(widget.rect().translated(corner))
        if not common.isEmpty():
            rects.append(Rect(common.left(), common.top(), common.right() + 1, common.bottom() + 1))
    return tuple(rects)
