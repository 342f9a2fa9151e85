"""One slide in one canvas: the interface for the window, its panels and its actions.

Self-contained, so that several can be side by side: it owns the source, its streamer and its canvas, and
signals what happens. Listeners that do work throttle themselves.
"""

from __future__ import annotations

from dataclasses import replace
from math import radians
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.render.frame import FrameReport, Steering
from viewer.render.tile_engine import coarsest_tiles
from viewer.slide.built_pyramid import BuiltPyramid
from viewer.stream.region_priority import region_level, region_weight
from viewer.stream.streamer import Streamer
from viewer.ui.canvas import strings
from viewer.ui.canvas.adjusted_badge import AdjustedBadge
from viewer.ui.canvas.canvas import DisplaySize, FrameBudget, SlideCanvas, VectorLayer
from viewer.ui.canvas.canvas_overlays import CanvasOverlays
from viewer.ui.canvas.colour_state import ColourState
from viewer.ui.canvas.frame_stats import FrameStats
from viewer.ui.canvas.level_builder import LevelBuilder
from viewer.ui.canvas.slide_scale import SlideScale
from viewer.view.camera import Camera, View, fitting_view

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.common.settings import Settings
    from viewer.relevance.patches.loads import Loads
    from viewer.slide.geometry import Pyramid
    from viewer.slide.given_scale import GivenScale
    from viewer.slide.source import Source
    from viewer.view.gaze import GazeSource

_DEEPEST_ZOOM_PX = 32.0
"""How many screen pixels a slide pixel may fill."""
_WIDEST_ZOOM = 4.0
"""How many times farther away than the fitting view the reader may go."""


class SlideView(QWidget):
    """Shows at most one slide. The source it is given is closed by it.

    ``colour`` and ``overlays`` are parts of their own.
    """

    view_changed = Signal()
    """The camera moved."""
    cursor_moved = Signal(object)  # slide point (x, y) under the cursor, or None
    sharp_changed = Signal(bool)
    failed_tiles_changed = Signal(int)
    failed_in_view_changed = Signal(int)
    source_changed = Signal()
    mpp_changed = Signal()
    build_progress = Signal(float)
    """How much of the missing coarse levels is built, 0 to 1."""
    foveated_changed = Signal(bool)  # the window must state it while it is on
    message = Signal(str)
    """A message for the reader about this slide."""
    undrawable = Signal(str)
    """The slide cannot be drawn with this OpenGL, and why."""
    frame_drawn = Signal()
    frame_report = Signal(object)
    """The FrameReport of each frame, for benchmarks and the HUD."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.SLIDE_NAME)
        self.setAccessibleDescription(strings.SLIDE_HELP)
        self._settings = settings
        self._source: Source | None = None
        self._streamer: Streamer | None = None
        self._builder: LevelBuilder | None = None
        self._levels_share = 1.0
        self._scale = SlideScale()
        self._report: FrameReport | None = None
        self._last_view: View | None = None
        self._failed_tiles = self._failed_in_view = 0
        self.compute_device = FrameStats().compute_device
        self._sharp = False
        self._fitted_px = 0.0, 0.0
        """The size of the canvas that the view was last limited and fitted to."""
        self.canvas = SlideCanvas(
            self,
            on_frame=self._frame_drawn,
            on_pointer=self.cursor_moved.emit,
            on_failure=self.undrawable.emit,
        )
        self.colour = ColourState(self.canvas, icc=settings.display.icc)
        self.overlays = CanvasOverlays(self.canvas)
        self._badge = AdjustedBadge(self)
        self.canvas.native.installEventFilter(self)
        self.canvas.native.setAccessibleName(strings.PICTURE_NAME)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas.native)
        self.setFocusProxy(self.canvas.native)
        self.apply_settings(settings)

    @property
    def source(self) -> Source | None:
        return self._source

    @property
    def pyramid(self) -> Pyramid | None:
        return None if self._source is None else self._source.pyramid

    @property
    def camera(self) -> Camera:
        return self.canvas.camera

    @property
    def sharp(self) -> bool:
        """Every visible pixel is shown at full resolution, and the view is at rest."""
        return self._sharp and self.camera.view == self.camera.target == self._last_view

    @property
    def levels_built(self) -> float:
        """How much of the coarse levels is there, 0 to 1: less than 1 while missing ones are built."""
        return self._levels_share

    @property
    def failed_tiles(self) -> int:
        return self._failed_tiles

    @property
    def failed_in_view(self) -> int:
        """Tiles in view that could not be read: marked, and no tissue."""
        return self._failed_in_view

    @property
    def mpp_um(self) -> tuple[float, float] | None:
        """Micrometres per slide pixel (x, y): the file's, or else what the reader entered."""
        return self._scale.mpp_um

    @property
    def mpp_estimated(self) -> bool:
        """Whether the pixel size in use was estimated from the slide itself."""
        return self._scale.mpp_estimated

    @property
    def mpp_entered(self) -> bool:
        """Whether the pixel size in use was entered or accepted by the reader."""
        return self._scale.is_entered

    @property
    def objective_power(self) -> float | None:
        """The objective that the file states; None where the reader has replaced the file's pixel size."""
        return self._scale.objective_power

    @property
    def mpp_origin(self) -> str:
        """Who gave the pixel size in use, and when, where that is known; "" for the file's own."""
        return self._scale.mpp_origin

    def set_mpp_um(
        self,
        mpp_um: tuple[float, float] | None,
        *,
        estimated: bool = False,
        overrides: bool = False,
        origin: str = "",
    ) -> None:
        """Set a pixel size that was entered by the reader or ``estimated``, or clear it; one that the file
        states wins unless the reader's ``overrides`` it.
        """
        self._scale.enter_mpp_um(mpp_um, estimated=estimated, overrides=overrides, origin=origin)
        self.mpp_changed.emit()
        self.view_changed.emit()

    @property
    def magnification(self) -> float | None:
        """Magnification of the picture on the display's pixels, None where the slide's scale is unknown."""
        return self._scale.magnification(self.camera.target.downsample / self.canvas.pixel_ratio)

    def set_magnification(self, magnification: float) -> None:
        """Zoom to a magnification; without effect while the slide's scale is unknown."""
        downsample = self._scale.downsample(magnification)
        if downsample is not None:
            self.zoom_to(downsample * self.canvas.pixel_ratio)

    @property
    def frame_stats(self) -> FrameStats:
        stats = FrameStats() if self._report is None else self.canvas.frame_stats(self._report)
        return replace(stats, compute_device=self.compute_device)

    def set_source(self, source: Source | None, *, given: GivenScale | None = None) -> None:
        """Show another slide, from its fitting view, or none. The one before is closed. ``given``: the pixel
        size that a reader gave to it.
        """
        self._close_slide()
        self._source = source
        if source is not None:
            settings = self._settings
            self._scale = SlideScale(source.info, given)
            self._streamer = Streamer(
                source,
                cache_bytes=settings.memory.cpu_cache_bytes,
                workers=settings.streaming.decode_threads,
                on_tile=self.canvas.wake,
                pinned=coarsest_tiles(source.pyramid),
            )
            self.colour.set_background(source.info.background_rgb)
            self._read_profile(source)
            self.camera.aspect = source.pyramid.pixel_aspect
            self.canvas.show_slide(self._streamer, settings.memory.gpu_cache_bytes)
            self._limit_camera()
            self.fit(instant=True)
            if isinstance(source, BuiltPyramid) and not source.is_complete:
                self._builder = LevelBuilder(source, self)
                self._builder.progressed.connect(self._show_levels_built)
                self._builder.failed.connect(self.message)
        self.source_changed.emit()

    def close_slide(self) -> None:
        """Close the slide and its threads."""
        self.set_source(None)

    def apply_settings(self, settings: Settings) -> None:
        """Take over settings that changed; cache sizes take effect at once, the texture pool is rebuilt."""
        pool_changed = settings.memory.gpu_cache_bytes != self._settings.memory.gpu_cache_bytes
        self._settings = settings
        streaming = settings.streaming
        self.canvas.budget = FrameBudget(
            streaming.upload_budget_moving_ms, streaming.upload_budget_rest_ms, streaming.fade_ms
        )
        self.canvas.hand.kinetic = settings.display.kinetic_pan
        self.canvas.hand.invert_wheel = settings.display.invert_wheel
        self.canvas.prefetch = streaming.prefetch
        display = settings.display
        self.canvas.display_size = DisplaySize(display.screen_diagonal_inch, display.screen_distance_cm)
        if self._streamer is not None:
            self._streamer.resize_cache(settings.memory.cpu_cache_bytes)
            if pool_changed:
                self.canvas.show_slide(self._streamer, settings.memory.gpu_cache_bytes)
        self.canvas.request_frame()

    def fit(self, *, instant: bool = False) -> None:
        """Show the whole scanned area."""
        if self._source is not None:
            rotation_rad = 0.0 if instant else self.camera.target.rotation_rad
            self._go(self._fitting_view(rotation_rad), instant=instant)

    @property
    def fitted(self) -> bool:
        """Whether the view shows the whole scanned area, no more and no less: it stays so at any size."""
        if self._source is None:
            return False
        target = self.camera.target
        bounds, aspect = self._source.info.bounds, self.camera.aspect
        return target == fitting_view(bounds, self._fitted_px, aspect, target.rotation_rad)

    def go_to(self, x: float, y: float, *, downsample: float | None = None, instant: bool = False) -> None:
        """Centre a slide point, at ``downsample`` slide pixels per screen pixel or as it is."""
        target = self.camera.target
        self._go(
            replace(target, centre_x=x, centre_y=y, downsample=downsample or target.downsample),
            instant=instant,
        )

    def restore(self, view: View) -> None:
        """Jump to a view that was saved."""
        self._go(view, instant=True)

    def zoom_to(self, downsample: float) -> None:
        """Zoom about the middle of the screen."""
        self.camera.zoom(downsample)
        self.canvas.camera_moved()

    def zoom_by(self, factor: float) -> None:
        """Magnify ``factor`` times."""
        self.zoom_to(self.camera.target.downsample / factor)

    def one_to_one(self) -> None:
        """One slide pixel on one pixel of the display."""
        self.zoom_to(1.0 * self.canvas.pixel_ratio)

    def pan_by(self, dx_px: float, dy_px: float) -> None:
        """Move the view by screen pixels."""
        self.camera.pan(dx_px, dy_px)
        self.canvas.camera_moved()

    def rotate_by(self, degrees: float) -> None:
        """Turn the slide clockwise."""
        self.camera.rotate(self.camera.target.rotation_rad + radians(degrees))
        self.canvas.camera_moved()

    def set_rotation(self, degrees: float) -> None:
        """Turn the slide to an angle clockwise of upright."""
        self.camera.rotate(radians(degrees))
        self.canvas.camera_moved()

    def set_debug(self, on: bool) -> None:
        """Show tile borders and levels."""
        self.canvas.look = replace(self.canvas.look, debug=on)
        self.canvas.request_frame()

    def frame_image(self) -> NDArray[np.uint8]:
        """The present view to keep, with layers and outlines: (h, w, 4) RGBA in framebuffer pixels."""
        return self.canvas.picture()

    def add_vector_layer(self, layer: VectorLayer) -> None:
        """Draw something over the tiles from now on."""
        self.canvas.layers.append(layer)
        self.canvas.request_frame()

    def set_region_loads(self, loads: Loads | None, *patch_px: float) -> None:
        """Load tiles by their ``loads``, for patches from the corner so wide and high; None: all alike."""
        self.canvas.steering = Steering()
        if loads is not None and self.pyramid is not None:
            self.canvas.steering = Steering(
                relevance=region_weight(self.pyramid, loads.weights, *patch_px),
                finest=region_level(self.pyramid, loads.levels, *patch_px),
            )

    def set_gaze(self, gaze: GazeSource) -> None:
        """Let loading follow another gaze; the one before is closed."""
        self.canvas.gaze.close()
        self.canvas.gaze = gaze

    def set_foveated(self, on: bool) -> None:
        """For research: draw coarse away from the gaze. Never in pictures that are kept."""
        self.canvas.foveated = on
        self.canvas.request_frame()
        self.foveated_changed.emit(on)

    def retry_failed_tiles(self) -> None:
        """Read tiles again that could not be read before."""
        if self._streamer is not None:
            self._streamer.retry_failed()
            self.canvas.show_slide(self._streamer, self._settings.memory.gpu_cache_bytes)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # Qt's name
        """Report that the cursor left the canvas, for which vispy has no event; keep a fitted view so."""
        if watched is self.canvas.native:
            if event.type() == QEvent.Type.Leave:
                self.canvas.pointer_left()
            elif event.type() == QEvent.Type.Resize:
                fitted = self.fitted
                self._limit_camera()
                if fitted:
                    self._go(self._fitting_view(self.camera.target.rotation_rad), instant=True)
        return super().eventFilter(watched, event)

    def _close_slide(self) -> None:
        self.canvas.show_slide(None, 0)
        self.canvas.overlays.clear()
        self.canvas.steering = Steering()
        streamer, source = self._streamer, self._source
        self._streamer = self._source = self._report = None
        self._scale = SlideScale()
        self._failed_tiles = self._failed_in_view = 0
        self._set_sharp(False)
        if self._builder is not None:
            self._builder.close()
            self._builder = None
        self._levels_share = 1.0
        if streamer is not None:
            streamer.close()
        if source is not None:
            source.close()

    def _read_profile(self, source: Source) -> None:
        try:
            self.colour.set_profile(source.info.icc_profile)
        except ValueError as error:
            text = strings.PROFILE_NOT_USED.format(file=source.info.path.name, error=error)
            self.message.emit(text)

    def _fitting_view(self, rotation_rad: float = 0.0) -> View:
        assert self._source is not None
        return fitting_view(self._source.info.bounds, self.canvas.size_px, self.camera.aspect, rotation_rad)

    def _limit_camera(self) -> None:
        if self._source is None:
            return
        self._fitted_px = self.canvas.size_px
        self.camera.centre_limits = self._source.pyramid.extent
        widest = max(self._fitting_view().downsample * _WIDEST_ZOOM, 1.0)
        self.camera.downsample_limits = (1 / _DEEPEST_ZOOM_PX, widest)

    def _go(self, view: View, *, instant: bool) -> None:
        if instant:
            self.camera.jump(view)
            self.canvas.camera_jumped()
        else:
            self.camera.go(view)
            self.canvas.camera_moved()

    def _frame_drawn(self, report: FrameReport) -> None:
        before = self._report.refused if self._report is not None else ()
        for reason in set(report.refused).difference(before):
            self.message.emit(strings.HATCHED.format(reason=reason))
        self._report = report
        view = self.camera.view
        if view != self._last_view:
            self._last_view = view
            self.view_changed.emit()
        self._set_sharp(report.complete and report.holes == 0 and not self.camera.moving)
        if self._streamer is not None and self._streamer.failed_count != self._failed_tiles:
            self._failed_tiles = self._streamer.failed_count
            self.failed_tiles_changed.emit(self._failed_tiles)
        if report.failed != self._failed_in_view:
            self._failed_in_view = report.failed
            self.failed_in_view_changed.emit(report.failed)
        self.frame_drawn.emit()
        self.frame_report.emit(report)

    def _show_levels_built(self, share: float) -> None:
        self._levels_share = share
        self.canvas.request_frame()
        self.build_progress.emit(share)

    def _set_sharp(self, sharp: bool) -> None:
        if sharp != self._sharp:
            self._sharp = sharp
            self.sharp_changed.emit(sharp)
