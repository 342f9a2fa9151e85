"""What of each slide was displayed: the map over it, the next place to go to, and the record to save."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal
from scipy import ndimage

from viewer.common.atomic_write import SaveError
from viewer.common.scale import format_position
from viewer.overlay.colour_map import colour_stops
from viewer.overlay.layer import OverlayLayer, OverlayLook
from viewer.overlay.legend_entry import LegendEntry
from viewer.review.coverage import OVERVIEW, next_place, pieces, shares
from viewer.review.recordings import Recordings
from viewer.slide.identity import slide_identity
from viewer.slide.source import SlideError
from viewer.ui.review import strings
from viewer.ui.review.coverage_recorder import CoverageRecorder
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.messages import MessageKind
from viewer.ui.widgets.throttle import Throttle

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

    from viewer.review.coverage import Shares
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.widgets.messages import MessageArea

    Mask = NDArray[np.bool_]

NAME = "coverage"
REQUIRED = 10.0
"""The magnification at which tissue is to be displayed, where no protocol asks for another: nuclei can be
judged at it."""
_OVERVIEW, _LESS = 150, 215  # in all three colour maps two hues that stand out on tissue
_COLOUR_MAPS = "magma", "ember", "viridis"
_REFRESH_MS = 1000


class CoverageController(QObject):
    """Records every view that was active; map and commands act on the active one."""

    changed = Signal()
    """The map was switched on or off."""
    noted = Signal(str)
    """A sentence for the status line."""

    def __init__(
        self, slide_view: SlideView, overlays: OverlayController, messages: MessageArea, window: QWidget
    ) -> None:
        super().__init__(window)
        self._overlays, self._messages = overlays, messages
        self._recordings = Recordings()
        self._recorders: dict[SlideView, CoverageRecorder] = {}
        self._is_on = False
        self._required = REQUIRED
        self._sequence = 0
        self._look: OverlayLook | None = None
        self._refresh = Throttle(window, self._show, _REFRESH_MS)
        self._following = Following(
            {"overlays.changed": self._tissue_found, "source_changed": self._slide_changed}
        )
        self._following_recorder = Following({"changed": self._refresh.request})
        self._following_layers = Following({"look_chosen": self._take_look})
        self._had_tissue = self._is_awaiting_tissue = False
        self.follow(slide_view)

    @property
    def required(self) -> float:
        """The magnification at which tissue is to be displayed."""
        return self._required

    def require(self, magnification: float | None) -> None:
        """Ask for another magnification from now on; None: the usual one."""
        self._required = magnification or REQUIRED
        self._show()

    def find_tissue(self) -> None:
        """Find the tissue of the active slide, for the shares."""
        self._overlays.of(self._view).layers.find_tissue()

    @property
    def shares(self) -> Shares | None:
        """Of the active slide's tissue; None where that is not found, or there is none."""
        coverage, tissue = self.recorder.coverage, self._tissue()
        return None if coverage is None or tissue is None else shares(coverage, tissue, self._required)

    def places_not_displayed(self, most: int) -> list[tuple[float, float]]:
        """Middles (x, y) of the largest pieces of tissue of the active slide that were not displayed at the
        required magnification, the largest first."""
        coverage, tissue = self.recorder.coverage, self._tissue()
        return [] if coverage is None or tissue is None else pieces(coverage, tissue, self._required, most)

    def in_words(self, x: float, y: float) -> str:
        """A point of the active slide."""
        return format_position(x, y, mpp_um=self._view.mpp_um)

    @property
    def on(self) -> bool:
        """Whether the map is shown."""
        return self._is_on

    @property
    def has_record(self) -> bool:
        """Whether anything of the active slide was displayed."""
        recording = self.recorder.recording
        return recording is not None and len(recording.stream) > 0

    @property
    def recorder(self) -> CoverageRecorder:
        """That of the active view."""
        return self._recorders[self._view]

    def follow(self, slide_view: SlideView) -> None:
        """Act on another view, and record it from now on."""
        self._view = slide_view
        if slide_view not in self._recorders:
            self._recorders[slide_view] = CoverageRecorder(slide_view, self._recordings)
        self._following.follow(slide_view)
        self._following_recorder.follow(self.recorder)
        self._following_layers.follow(self._overlays.of(slide_view).layers)
        self._show()

    def set_on(self, on: bool) -> None:
        """Show or hide the map of what was not displayed."""
        self._is_on = on
        self._show()
        self.changed.emit()

    def go_to_next(self) -> None:
        """Go to tissue near by that was not displayed at the required magnification."""
        recorder, tissue = self.recorder, self._tissue()
        self._is_awaiting_tissue = False
        if recorder.coverage is None:
            return
        if tissue is None:
            self._is_awaiting_tissue = True
            self._overlays.of(self._view).layers.find_tissue()
            self.noted.emit(strings.TISSUE_PENDING)
            return
        if not tissue.any():
            self.noted.emit(strings.NO_TISSUE)
            return
        coverage, display = recorder.coverage, recorder.display
        missing = tissue & ~coverage.displayed(self._required)
        downsample = self._required_downsample()
        is_close_enough = self._view.camera.target.downsample <= downsample * 1.02
        here = coverage.cells_in(replace(display, covered=())) if is_close_enough else np.False_
        width_px, height_px = display.size_px
        field_px = width_px * downsample, height_px * downsample / display.aspect
        near = display.view.centre_x, display.view.centre_y
        cell_px = coverage.cell_px
        # What is missing in view lies under a legend, or was there too briefly: into the middle with it.
        place = next_place(missing & ~here, cell_px, field_px, near) or next_place(
            missing, cell_px, (cell_px, cell_px), near
        )
        if place is None:
            self.noted.emit(strings.ALL_DISPLAYED.format(magnification=self._required))
            return
        self._view.go_to(*place, downsample=downsample)

    def save_stream(self, path: Path) -> bool:
        """Write the viewing record of the active slide; an error is shown in the window."""
        source, recording = self._view.source, self.recorder.recording
        assert source is not None
        assert recording is not None
        try:
            recording.stream.save(path, slide_identity(source), recording.coverage.slide_px)
        except (SaveError, SlideError) as error:
            self._messages.show_message(MessageKind.ERROR, str(error))
            return False
        return True

    def _required_downsample(self) -> float:
        """Slide pixels per logical pixel at the required magnification."""
        return self.recorder.power / self._required

    def _tissue(self) -> Mask | None:
        """The cells with tissue, None while it is not found."""
        coverage, found = self.recorder.coverage, self._view.canvas.overlays.tissue
        if coverage is None or found is None:
            return None
        cells = found.patches(*coverage.shape, (coverage.cell_px, coverage.cell_px))
        # White between the walls of fat cells belongs to the tissue.
        closed: Mask = cells | ndimage.binary_closing(cells, np.ones((3, 3), np.bool_))
        return closed

    def _slide_changed(self) -> None:
        self._is_awaiting_tissue = False
        self._show()

    def _tissue_found(self) -> None:
        has_tissue = self._view.canvas.overlays.tissue is not None
        if has_tissue != self._had_tissue:
            self._had_tissue = has_tissue
            self._show()
        if has_tissue and self._is_awaiting_tissue:
            self.go_to_next()

    def _take_look(self, name: str, look: OverlayLook) -> None:
        if name == NAME:
            self._look = look
            self._show()

    def _show(self) -> None:
        layers, coverage = self._overlays.of(self._view).layers, self.recorder.coverage
        if not self._is_on or coverage is None:
            layers.remove(NAME)
            return
        tissue = self._tissue()
        if tissue is None:
            layers.find_tissue()
            return
        scores = np.zeros(coverage.shape, np.uint8)
        scores[tissue & ~coverage.displayed(self._required)] = _LESS
        scores[tissue & ~coverage.displayed(OVERVIEW)] = _OVERVIEW
        self._sequence += 1
        layer = OverlayLayer(
            scores=scores,
            known=np.ones(coverage.shape, np.bool_),
            estimated=np.zeros(coverage.shape, np.bool_),
            patch_width_px=coverage.cell_px,
            patch_height_px=coverage.cell_px,
            sequence=self._sequence,
        )
        look = self._look or OverlayLook(
            colour_map=layers.free_map(_COLOUR_MAPS, besides=NAME), opacity=0.5, smooth=False
        )
        self._look = look
        layers.put(NAME, layer, look, self._entry(tissue, look))

    def _entry(self, tissue: Mask, look: OverlayLook) -> LegendEntry:
        coverage = self.recorder.coverage
        assert coverage is not None
        found = shares(coverage, tissue, self._required)
        facts = (
            [strings.NO_TISSUE]
            if found is None
            else [
                strings.SHARES.format(
                    enough=100 * found.at_magnification,
                    less=100 * found.less_magnified,
                    overview=100 * found.overview,
                    magnification=self._required,
                    low=OVERVIEW,
                )
            ]
        )
        facts += [] if self._view.mpp_um is not None else [strings.NOMINAL]
        colours = colour_stops(look.colour_map)
        at = [round(score / 255 * (len(colours) - 1)) for score in (_OVERVIEW, _LESS)]
        names = (
            strings.OVERVIEW_ONLY.format(low=OVERVIEW),
            strings.LESS_MAGNIFIED.format(low=OVERVIEW, magnification=self._required),
        )
        return LegendEntry(
            strings.TITLE.format(magnification=self._required),
            colours,
            look.threshold,
            "; ".join([*facts, strings.DISPLAYED_ONLY]),
            has_scale=False,
            keys=tuple((colours[index], name) for index, name in zip(at, names, strict=True)),
            short_title=strings.SHORT_TITLE.format(magnification=self._required),
        )
