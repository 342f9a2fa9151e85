"""The GL canvas: Qt and vispy events in, frames out. Where the wheel-to-frame flow is put together.

A frame is drawn when the camera moves, when tiles came in, while something fades, and otherwise not at all.
While tiles are still missing at rest, frames are held back to thirty a second: on few cores each frame is
paid for with tiles; the frame that completes the picture is drawn at once. All GL lives in the
``TileEngine``, which is rebuilt whenever the canvas gets another GL context.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Protocol

from OpenGL import GL
from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from vispy import app
from vispy.gloo.glir import GlirParser

from gpu.errors import GpuError
from gpu.gl.tile_renderer import Foveation
from viewer.overlay.layer import OverlayScene, OverlayStack
from viewer.render.frame import FrameReport, Look, Steering
from viewer.render.shape_drawing import ShapeDrawing
from viewer.render.tile_engine import TileEngine
from viewer.ui.canvas.frame_stats import FrameClock, FrameStats
from viewer.ui.canvas.pointer_control import HandControl
from viewer.view.acuity import tangent_per_px
from viewer.view.camera import Camera, View, slide_from_screen
from viewer.view.gaze import GazeMoment, GazePoint, GazeSource, PointerGaze, SlideGaze, attention_weight
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget
    from vispy.app.canvas import DrawEvent, KeyEvent, MouseEvent

    from viewer.overlay.shapes import ShapeSet
    from viewer.stream.streamer import Streamer

_FRAME_INTERVAL_S = 1 / 62
_PARTIAL_FRAME_INTERVAL_S = 1 / 30
_JUMP_HOLD_S = 0.04
"""After a jump the old picture stays this long for the new one to come in sharp, not flashing a blur."""
_LONGEST_STEP_S = 0.05
_ARROWS = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """How long a frame may upload while the view moves and at rest, and how long a new tile fades in."""

    moving_ms: float = 3.0
    rest_ms: float = 12.0
    fade_ms: float = 100.0


@dataclass(frozen=True, slots=True)
class DisplaySize:
    """How large the display is and from how far it is seen."""

    diagonal_inch: float = 24.0
    distance_cm: float = 60.0


class VectorLayer(Protocol):
    """Something drawn over the tiles, in the canvas's GL context."""

    def draw(self, view: View, size_px: tuple[float, float], pixel_ratio: float) -> None:
        """Draw for a view that counts in logical pixels, of a canvas of ``size_px`` logical pixels."""

    def context_lost(self) -> None:
        """The GL context is gone with everything in it: rebuild at the next draw."""


class _Wake(QObject):
    """Carries "a tile came in" from decode threads to the GUI thread, one signal for however many tiles."""

    tiles_arrived = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pending = False

    def __call__(self) -> None:
        if not self._pending:
            self._pending = True
            self.tiles_arrived.emit()

    def clear(self) -> None:
        """Call before tiles are taken, so that one that comes in meanwhile signals again."""
        self._pending = False


class SlideCanvas(app.Canvas):
    """Draws one slide. ``on_frame(report)`` is called after each frame, ``on_pointer(point or None)`` with
    the slide point under the cursor whenever slide or cursor moved, ``on_failure(reason)`` where this slide
    cannot be drawn with this OpenGL."""

    def __init__(
        self,
        parent: QWidget,
        *,
        on_frame: Callable[[FrameReport], None],
        on_pointer: Callable[[tuple[float, float] | None], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self.camera = Camera(View(0.0, 0.0, 1.0))
        self.hand = HandControl(self.camera)
        self.clock = FrameClock()
        self.layers: list[VectorLayer] = []
        self.kept_shapes: tuple[ShapeSet, ...] = ()
        """Of vector layers, the shapes that pictures of the view keep."""
        self.budget = FrameBudget()
        self.look = Look()
        self.overlays = OverlayStack()
        self.steering = Steering()
        self.gaze: GazeSource = PointerGaze()
        self.foveated = False
        self.display_size = DisplaySize()
        self.prefetch = True
        self.finish_frames = False
        """Wait for the GPU at the end of each frame: for benchmarks, which time what can be seen."""
        self.engine_cpu_ms = 0.0
        """Processor time that this thread spent on the last frame before it waited for the GPU. Only measured
        with ``finish_frames``: on some machines measuring takes as long as planning."""
        self._streamer: Streamer | None = None
        self._engine: TileEngine | None = None
        self._gpu_cache_bytes = 0
        self._last_frame_s = self._last_step_s = self._hold_until_s = 0.0
        self._pointer_px: tuple[float, float] | None = None
        self._pointer_view: View | None = None
        self._undrawable = False
        self._on_frame, self._on_pointer, self._on_failure = on_frame, on_pointer, on_failure
        super().__init__(
            app="pyside6", parent=parent, keys=None, show=False, vsync=True, config={"samples": 0}
        )
        self.events.ignore_callback_errors = False  # vispy would only print them
        self.wake = _Wake(self.native)
        self.wake.tiles_arrived.connect(self._tiles_arrived, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self.native, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.native.update)
        self.native.setMouseTracking(True)

    @property
    def engine(self) -> TileEngine | None:
        return self._engine

    @property
    def pixel_ratio(self) -> float:
        return float(self.native.devicePixelRatioF())

    @property
    def size_px(self) -> tuple[float, float]:
        """Width and height in logical pixels."""
        return float(self.native.width()), float(self.native.height())

    @property
    def screen(self) -> Screen:
        width, height = self.size_px
        ratio = self.pixel_ratio
        return Screen(round(width * ratio), round(height * ratio), self.camera.aspect)

    def frame_stats(self, report: FrameReport) -> FrameStats:
        """Figures of the engine for the frame of this report."""
        clock, streamer, engine = self.clock, self._streamer, self._engine
        if streamer is None or engine is None:
            return FrameStats()
        return FrameStats(
            fps=clock.fps,
            frame_ms_last=clock.last_ms,
            frame_ms_p50=clock.percentile_ms(0.5),
            frame_ms_p95=clock.percentile_ms(0.95),
            level=report.level,
            levels_count=len(streamer.source.pyramid.levels),
            visible_tiles=report.visible_tiles,
            missing_tiles=report.missing,
            queue_length=streamer.queue_length,
            in_flight=streamer.in_flight,
            cpu_cache_bytes=streamer.cache_nbytes,
            cpu_cache_tiles=streamer.cache_tiles,
            gpu_tiles=engine.resident_tiles,
            gpu_capacity=engine.pool.layers,
            uploads_last_frame=report.uploads,
            failed_tiles=streamer.failed_count,
        )

    def show_slide(self, streamer: Streamer | None, gpu_cache_bytes: int) -> None:
        """Draw the streamer's slide from now on, or nothing. What the GPU holds of the last one is
        released."""
        self.release()
        self._streamer = streamer
        self._gpu_cache_bytes = gpu_cache_bytes
        self._undrawable = False
        self._timer.stop()
        self.native.update()

    def release(self) -> None:
        """Free the GL objects of the slide."""
        if self._engine is not None:
            self.set_current()
            self._engine.release()
            self._engine = None

    def picture(self) -> NDArray[np.uint8]:
        """The present view, without vector layers but for ``kept_shapes``, (h, w, 4) RGBA in framebuffer
        pixels. Raises RuntimeError before the first frame."""
        if self._engine is None:
            raise RuntimeError("there is no picture yet")
        self.set_current()
        view = self.framebuffer_view(self.camera.view)
        shapes = ShapeDrawing(self.kept_shapes, self.pixel_ratio) if self.kept_shapes else None
        try:
            return self._engine.picture(
                view, self.screen, self.look, now_s=perf_counter(), scene=self._scene(), shapes=shapes
            )
        finally:
            if shapes is not None:
                shapes.release()

    def request_frame(self) -> None:
        """Draw soon, at most once for however many requests; without a slide there is nothing to draw."""
        if self._streamer is not None:
            self._schedule(_FRAME_INTERVAL_S - (perf_counter() - self._last_frame_s))

    def framebuffer_view(self, view: View) -> View:
        """A view in logical pixels as one in framebuffer pixels."""
        return replace(view, downsample=view.downsample / self.pixel_ratio)

    def on_initialize(self, _event: object) -> None:
        """A new GL context: the first, or another one after the canvas moved to another window. Names of the
        old one mean nothing here, so everything is dropped without a call and rebuilt."""
        self._engine = None
        self._undrawable = False
        self.context.shared.parser = GlirParser()
        for layer in self.layers:
            layer.context_lost()

    def on_draw(self, _event: DrawEvent) -> None:
        started_s = perf_counter()
        cpu_started_s = thread_time() if self.finish_frames else 0.0
        engine = self._engine or self._made_engine()
        if engine is None or self._streamer is None:
            self.context.clear(color=(*self.look.surround_rgb, 1.0))
            return
        self.camera.step(min(started_s - self._last_step_s, _LONGEST_STEP_S))
        self._last_step_s = started_s
        moving = self.camera.moving or self.hand.holding
        self._streamer.set_moving(moving)
        gaze, tangent = self._gaze_in_framebuffer(), self._tangent_per_px()
        view, target = self.framebuffer_view(self.camera.view), self.framebuffer_view(self.camera.target)
        foveation = Foveation(gaze[:2], tangent, gaze.radius_deg) if gaze and self.foveated else None
        report = engine.frame(
            view,
            target,
            self.screen,
            replace(self.look, foveation=foveation) if foveation else self.look,
            velocity=self.camera.velocity if self.prefetch else None,
            now_s=started_s,
            upload_budget_ms=self.budget.moving_ms if moving else self.budget.rest_ms,
            fade_s=self.budget.fade_ms / 1e3,
            scene=self._scene(),
            steering=replace(self.steering, attention=attention_weight(target, self.screen, gaze, tangent)),
        )
        for layer in self.layers:
            layer.draw(self.camera.view, self.size_px, self.pixel_ratio)
        if self.finish_frames:
            self.engine_cpu_ms = (thread_time() - cpu_started_s) * 1e3
            GL.glFinish()
        self._last_frame_s = perf_counter()
        self.clock.add(started_s, self._last_frame_s)
        if self.camera.moving or report.fading or report.upload_backlog or self.foveated:
            self._schedule(_FRAME_INTERVAL_S - (self._last_frame_s - started_s))
        if self._pointer_px is not None and self.camera.view != self._pointer_view:
            self._report_pointer()  # the slide moved under a cursor that rests
        self._on_frame(report)

    def on_resize(self, _event: object) -> None:
        if self._engine is not None and not self._engine.serves(self.screen):
            self.release()  # the next frame makes a larger one
        self.request_frame()

    def on_mouse_wheel(self, event: MouseEvent) -> None:
        notches = event.delta[1] or event.delta[0]  # some platforms turn shift-wheel sideways
        if "Shift" in event.modifiers:
            self.hand.turn(notches, tuple(event.pos), self.size_px)
        else:
            self.hand.wheel(notches, tuple(event.pos), self.size_px)
        event.handled = True
        self.camera_moved()

    def on_mouse_press(self, event: MouseEvent) -> None:
        if event.button in (1, 3):
            self.hand.press(tuple(event.pos))
            self.native.setCursor(Qt.CursorShape.ClosedHandCursor)

    def on_mouse_move(self, event: MouseEvent) -> None:
        if event.is_dragging and self.hand.holding:
            self.hand.drag(tuple(event.pos))
            self.camera_moved()
        self._pointer_px = float(event.pos[0]), float(event.pos[1])
        self._pointer_moved()

    def on_mouse_release(self, event: MouseEvent) -> None:
        if event.button in (1, 3):
            self.hand.release(tuple(event.pos))
            self.native.unsetCursor()
            self.camera_moved()

    def on_mouse_double_click(self, event: MouseEvent) -> None:
        self.hand.double_click(tuple(event.pos), self.size_px)
        self.camera_moved()

    def on_key_press(self, event: KeyEvent) -> None:
        name = event.key.name if event.key is not None else ""
        if name in _ARROWS and not event.modifiers:
            self.hand.step(*_ARROWS[name], self.size_px)
            self.camera_moved()

    def pointer_left(self) -> None:
        """The cursor is no longer over the slide."""
        self._pointer_px = None
        self._pointer_moved()

    def camera_moved(self) -> None:
        """Draw the moving camera's frames from now on."""
        if not self._timer.isActive():
            self._last_step_s = max(self._last_step_s, perf_counter() - _FRAME_INTERVAL_S)
        self.request_frame()

    def camera_jumped(self) -> None:
        """Decode what the new view lacks, and draw when it is complete or the hold is over."""
        if self._engine is None or self._streamer is None:
            self.request_frame()
            return
        self._engine.request(self.framebuffer_view(self.camera.view), self.screen, self.steering)
        self._hold_until_s = perf_counter() + _JUMP_HOLD_S
        self._timer.start(0 if self._streamer.urgent_left == 0 else round(_JUMP_HOLD_S * 1e3))

    def _made_engine(self) -> TileEngine | None:
        """The engine for the slide; None without one, or where the GPU refuses it, which is reported once."""
        if self._streamer is None or self._undrawable:
            return None
        try:
            self._engine = TileEngine(self._streamer, self._gpu_cache_bytes, self.screen)
        except GpuError as error:
            self._undrawable = True
            self._on_failure(str(error))
        return self._engine

    def gaze_now(self) -> GazePoint | None:
        """Where the reader looks on the canvas, in logical pixels."""
        corner, display = self.native.mapToGlobal(QPoint(0, 0)), self.native.screen().geometry()
        origin_px = float(corner.x() - display.x()), float(corner.y() - display.y())
        display_px = float(display.width()), float(display.height())
        return self.gaze.sample(GazeMoment(perf_counter(), self._pointer_px, origin_px, display_px))

    @property
    def gaze_on_slide(self) -> SlideGaze | None:
        """Where on the slide the reader looks; None while it is unknown."""
        gaze = None if self._streamer is None else self.gaze_now()
        if gaze is None:
            return None
        view = self.camera.view
        at = slide_from_screen(view, self.size_px, self.camera.aspect, gaze.x_px, gaze.y_px)
        tangent = self._tangent_per_px() * self.pixel_ratio / view.downsample
        return SlideGaze(*at, tangent, gaze.radius_deg)

    def _gaze_in_framebuffer(self) -> GazePoint | None:
        gaze, ratio = self.gaze_now(), self.pixel_ratio
        return None if gaze is None else GazePoint(gaze.x_px * ratio, gaze.y_px * ratio, gaze.radius_deg)

    def _tangent_per_px(self) -> float:
        """Of a framebuffer pixel."""
        display = self.native.screen().geometry()
        size, ratio = self.display_size, self.pixel_ratio
        display_px = display.width() * ratio, display.height() * ratio
        return tangent_per_px(display_px, size.diagonal_inch, size.distance_cm)

    def _scene(self) -> OverlayScene:
        at, ratio = self._pointer_px, self.pixel_ratio
        pointer_px = None if at is None else (at[0] * ratio, at[1] * ratio)
        return self.overlays.scene(pointer_px=pointer_px, pixel_ratio=ratio)

    def _pointer_moved(self) -> None:
        self._report_pointer()
        if self.overlays.follows_pointer:
            self.request_frame()

    def _report_pointer(self) -> None:
        self._pointer_view = view = self.camera.view
        at = self._pointer_px
        point = None if at is None else slide_from_screen(view, self.size_px, self.camera.aspect, *at)
        self._on_pointer(point)

    def _tiles_arrived(self) -> None:
        self.wake.clear()
        if self._streamer is None:
            return
        due_s = max(self._last_frame_s + _PARTIAL_FRAME_INTERVAL_S, self._hold_until_s)
        self._schedule(0.0 if self._streamer.urgent_left == 0 else due_s - perf_counter())

    def _schedule(self, delay_s: float) -> None:
        delay_ms = max(0, round(delay_s * 1e3))
        if not self._timer.isActive() or delay_ms < self._timer.remainingTime():
            self._timer.start(delay_ms)
