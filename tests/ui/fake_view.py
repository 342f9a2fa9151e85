"""A fake SlideView without a GL canvas: panels are tested against its interface, not OpenGL."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from viewer.overlay.layer import Overlay, OverlayLayer
from viewer.render.frame import Adjustment
from viewer.ui.canvas.frame_stats import FrameStats
from viewer.view.camera import Camera, View

if TYPE_CHECKING:
    from viewer.overlay.layer import OverlayLook
    from viewer.overlay.tissue import OverlayTissue
    from viewer.slide.formats.array import ArraySource

SLIDE_WIDTH, SLIDE_HEIGHT = 2000, 1000
_YES = np.ones((1, 1), bool)
ONE_PATCH = OverlayLayer(_YES.astype(np.uint8), _YES, ~_YES, 64.0, 64.0, sequence=1)
"""A layer of one analysed patch."""


class FakeColour(QObject):
    """The part of ColourState that panels use."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.adjustment = Adjustment()
        self.has_icc = False
        self.icc = False

    def set_adjustment(self, adjustment: Adjustment) -> None:
        self.adjustment = adjustment
        self.changed.emit()

    def set_icc(self, on: bool) -> None:
        self.icc = on
        self.changed.emit()


class FakeOverlays(QObject):
    """The part of CanvasOverlays that panels use: layers and their looks, by name."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.layers: dict[str, tuple[OverlayLayer, OverlayLook]] = {}
        self.hidden = False
        self.tissue: OverlayTissue | None = None

    @property
    def drawn(self) -> tuple[Overlay, ...]:
        return tuple(Overlay(name, *shown) for name, shown in self.layers.items() if not self.hidden)

    def put(self, name: str, layer: OverlayLayer, look: OverlayLook) -> None:
        self.layers[name] = layer, look
        self.changed.emit()

    def restyle(self, name: str, look: OverlayLook) -> None:
        self.layers[name] = self.layers[name][0], look
        self.changed.emit()

    def remove(self, name: str) -> None:
        self.layers.pop(name, None)
        self.changed.emit()

    def set_tissue(self, tissue: OverlayTissue | None) -> None:
        self.tissue = tissue

    def set_hidden(self, hidden: bool) -> None:
        self.hidden = hidden
        self.changed.emit()


class FakeSlideView(QWidget):
    """The part of SlideView that panels use; records calls of its methods in ``calls``."""

    view_changed = Signal()
    cursor_moved = Signal(object)
    source_changed = Signal()
    mpp_changed = Signal()
    build_progress = Signal(float)
    frame_drawn = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.resize(800, 600)
        self.calls: list[tuple[Any, ...]] = []
        self.camera = Camera(View(SLIDE_WIDTH / 2, SLIDE_HEIGHT / 2, 1.0))
        self.canvas = SimpleNamespace(
            size_px=(800.0, 600.0),
            pixel_ratio=1.0,
            update=lambda: None,
            request_frame=lambda: None,
            native=self,
            gaze_on_slide=None,
            hand=SimpleNamespace(holding=False),
        )
        self.source: ArraySource | None = None
        self.mpp_um: tuple[float, float] | None = None
        self.mpp_estimated = self.mpp_entered = False
        self.mpp_origin = ""
        self.levels_built = 1.0
        self.compute_device = "–"
        self.frame_stats = FrameStats(
            frame_ms_last=12.5, level=1, levels_count=4, visible_tiles=20, gpu_tiles=5, gpu_capacity=64
        )
        self.colour = FakeColour()
        self.vector_layers: list[Any] = []
        self.overlays = FakeOverlays()

    @property
    def pyramid(self) -> Any:
        return None if self.source is None else self.source.pyramid

    def show_source(self, source: ArraySource | None, *, has_icc: bool = False) -> None:
        """Show another slide, or none."""
        self.source = source
        self.overlays.layers.clear()
        self.mpp_um = None if source is None else source.info.mpp_um
        self.colour.has_icc = self.colour.icc = has_icc
        self.colour.changed.emit()
        self.source_changed.emit()

    @property
    def objective_power(self) -> float | None:
        return None if self.source is None else self.source.info.objective_power

    def set_mpp_um(
        self,
        mpp_um: tuple[float, float] | None,
        *,
        estimated: bool = False,
        overrides: bool = False,
        origin: str = "",
    ) -> None:
        self.mpp_um, self.mpp_entered = mpp_um, mpp_um is not None
        self.mpp_estimated, self.mpp_origin = estimated, origin
        self.mpp_changed.emit()

    def go_to(self, x: float, y: float, *, downsample: float | None = None, instant: bool = False) -> None:
        self.calls.append(("go_to", round(x), round(y), downsample, instant))
        view = replace(self.camera.view, centre_x=x, centre_y=y)
        self.camera.jump(replace(view, downsample=downsample or view.downsample))
        self.view_changed.emit()

    def zoom_by(self, factor: float) -> None:
        self.calls.append(("zoom_by", round(factor, 3)))

    def pan_by(self, dx_px: float, dy_px: float) -> None:
        self.calls.append(("pan_by", dx_px, dy_px))

    def set_debug(self, on: bool) -> None:
        self.calls.append(("set_debug", on))

    def set_region_loads(self, loads: Any, *_patch_px: float) -> None:
        self.calls.append(("set_region_loads", None if loads is None else float(loads.weights.max())))

    def add_vector_layer(self, layer: Any) -> None:
        self.vector_layers.append(layer)
