"""``foveola bench navigate``: replays jumps and pans in the real window and times each until it is seen.

A jump is instant (no spring, no fade) and has settled when every visible tile of the target level is on the
GPU, drawn at full weight, and the GPU has finished. A pan step is one sample a frame. Every frame ends
with ``glFinish``, so that times include the drawing.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.bench import strings
from viewer.common.errors import FoveolaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.common.settings import Settings
    from viewer.slide.geometry import Rect
    from viewer.ui.canvas.slide_view import SlideView

Place = tuple[float, float, float]
"""Centre x and y in slide pixels, and slide pixels per framebuffer pixel."""

_JUMPS = 200
_PANS = 240
_SETTLE_LIMIT_S = 10.0
_PULSE_MS = 200
"""An event comes at least this often, so that limits are checked when nothing else happens."""
_FIRST_PICTURE_LIMIT_S = 60.0


class TraceError(FoveolaError, ValueError):
    """A file that is not a valid trace."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Places to jump to one after the other, and places to pan through, one a frame."""

    jumps: tuple[Place, ...]
    pans: tuple[Place, ...]


def read_trace(path: Path) -> Trace:
    """A trace file: ``{"jumps": [[cx, cy, downsample], …], "pans": [[cx, cy, downsample], …]}``.

    Raises TraceError naming the file and what is wrong with it.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TraceError(strings.NOT_A_TRACE.format(path=path, error=error)) from error
    if not isinstance(table, dict):
        raise TraceError(strings.TRACE_TABLE.format(path=path))
    return Trace(
        *(tuple(_place(path, name, entry) for entry in table.get(name, [])) for name in ("jumps", "pans"))
    )


def random_trace(bounds: Rect, size_px: tuple[float, float], seed: int = 0) -> Trace:
    """200 jumps to random fields and magnifications (downsample 1 to what fits the slide, evenly in its
    logarithm), then a pan of 240 frames across the slide at downsample 2."""
    rng = np.random.default_rng(seed)
    widest = max(bounds.width / size_px[0], bounds.height / size_px[1], 2.0)
    jumps = []
    for _ in range(_JUMPS):
        downsample = float(np.exp(rng.uniform(0.0, np.log(widest))))
        x = float(rng.uniform(bounds.x0, bounds.x1))
        y = float(rng.uniform(bounds.y0, bounds.y1))
        jumps.append((x, y, downsample))
    step = 24.0  # slide pixels a frame: 12 screen pixels, a brisk hand
    x0 = max(bounds.x0, bounds.centre[0] - step * _PANS / 2)
    pans = [(x0 + step * i, bounds.centre[1] + step * i * 0.3, 2.0) for i in range(_PANS)]
    return Trace(tuple(jumps), tuple(pans))


def navigate(
    path: Path,
    *,
    settings: Settings,
    trace: Trace | None = None,
    size_px: tuple[int, int] = (1280, 800),
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Open the slide in the window at ``size_px`` framebuffer pixels, replay the trace, and return the
    figures.

    Raises DisplayError without a display, SlideError for a slide that cannot be opened, TimeoutError for a
    place that is not sharp after ten seconds.
    """
    from PySide6.QtCore import QEventLoop, QTimer

    from viewer.slide.formats.registry import open_for_viewing
    from viewer.ui.shell.app import application

    with application(settings.replace("streaming", fade_ms=0)) as (qt, window):
        view = window.view
        ratio = view.canvas.pixel_ratio
        view.setFixedSize(round(size_px[0] / ratio), round(size_px[1] / ratio))
        qt.processEvents()
        # Sleep until an event, as the application does: polling would take a core from the decoders.
        waiting = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        pulse = QTimer(qt, interval=_PULSE_MS)
        pulse.start()
        run = _Run(view, partial(qt.processEvents, waiting))
        started_s = perf_counter()
        view.set_source(open_for_viewing(path))
        first_picture_ms = run.until(lambda: run.complete, started_s, _FIRST_PICTURE_LIMIT_S)
        assert view.source is not None
        trace = trace or random_trace(view.source.info.bounds, size_px)
        jump_ms = run.jumps(trace.jumps, progress)
        frame_ms, engine_cpu_ms = run.pans(trace.pans)
        pulse.stop()
        view.close_slide()
    return {
        "slide": path.name,
        "size_px": list(size_px),
        "first_picture_ms": round(first_picture_ms, 2),
        "jump_ms": _summary(jump_ms),
        "frame_ms": _summary(frame_ms),
        "engine_cpu_ms": _summary(engine_cpu_ms),
        "frames_with_holes": run.frames_with_holes,
        "rss_mb": round(_peak_rss_mb(), 1),
    }


class _Run:
    """Drives a view and times what it draws."""

    def __init__(self, view: SlideView, process_events: Callable[[], object]) -> None:
        self._view = view
        self._process_events = process_events
        self._frames = 0
        self._frame_ended_s = 0.0
        self._had_picture = False
        self.complete = False
        self.frames_with_holes = 0
        view.canvas.finish_frames = True
        view.frame_report.connect(self._frame_drawn)

    def _frame_drawn(self, report: Any) -> None:
        self._frames += 1
        self._frame_ended_s = perf_counter()
        self.complete = report.complete and report.holes == 0
        self._had_picture |= report.holes == 0
        self.frames_with_holes += self._had_picture and report.holes > 0

    def until(
        self, condition: Callable[[], bool], started_s: float, limit_s: float = _SETTLE_LIMIT_S
    ) -> float:
        """Milliseconds from ``started_s`` until the condition holds, events being processed meanwhile."""
        while not condition():
            self._process_events()
            if perf_counter() - started_s > limit_s:
                raise TimeoutError(strings.NOT_SHARP.format(limit_s=limit_s, frame=self._view.frame_stats))
        return (perf_counter() - started_s) * 1e3

    def jumps(self, places: Sequence[Place], progress: Callable[[int, int], None] | None) -> list[float]:
        """Milliseconds from each jump to the end of the frame that shows it complete."""
        settle_ms = []
        for index, place in enumerate(places):
            started_s = perf_counter()
            self._go_to(place)
            self.complete = False
            self.until(lambda: self.complete, started_s)
            settle_ms.append((self._frame_ended_s - started_s) * 1e3)
            if progress is not None:
                progress(index + 1, len(places))
        return settle_ms

    def pans(self, places: Sequence[Place]) -> tuple[list[float], list[float]]:
        """Of each frame: milliseconds from the move to the finished frame, and the GUI thread's processor
        time in the engine."""
        frame_ms, engine_cpu_ms = [], []
        for place in places:
            frames = self._frames
            started_s = perf_counter()
            self._go_to(place)
            self._view.canvas.native.update()  # as a dragging hand: this frame now, not when it is complete
            frame_ms.append(self.until(partial(self._drawn_since, frames), started_s))
            engine_cpu_ms.append(self._view.canvas.engine_cpu_ms)
        return frame_ms, engine_cpu_ms

    def _drawn_since(self, frames: int) -> bool:
        return self._frames > frames

    def _go_to(self, place: Place) -> None:
        x, y, downsample = place
        ratio = self._view.canvas.pixel_ratio
        self._view.go_to(x, y, downsample=downsample * ratio, instant=True)


def _place(path: Path, name: str, entry: object) -> Place:
    match entry:
        case [int() | float() as x, int() | float() as y, int() | float() as downsample] if downsample > 0:
            return float(x), float(y), float(downsample)
    raise TraceError(strings.TRACE_PLACE.format(path=path, name=name, entry=entry))


def _summary(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {"median": 0.0, "p95": 0.0, "max": 0.0}
    return {
        "median": round(float(np.median(values)), 2),
        "p95": round(float(np.percentile(values, 95)), 2),
        "max": round(max(values), 2),
    }


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
