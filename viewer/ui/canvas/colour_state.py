"""How one slide view shows colours: the reader's adjustment, the slide's own profile, its surround."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

from viewer.slide.icc import lut_from_profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viewer.render.frame import Adjustment
    from viewer.ui.canvas.canvas import SlideCanvas


class ColourState(QObject):
    """Of one canvas. The adjustment, whether profiles are applied, and the surround outlive the slide."""

    changed = Signal()
    icc_chosen = Signal(bool)
    """Whether colour profiles are to be applied was changed, here or elsewhere."""

    def __init__(self, canvas: SlideCanvas, *, icc: bool) -> None:
        super().__init__(canvas.native)
        self._canvas = canvas
        self._icc_lut: NDArray[np.uint8] | None = None
        self._icc_on = icc
        self._background = QColor("white")
        self._surround: QColor | None = None

    @property
    def adjustment(self) -> Adjustment:
        """Brightness, contrast and gamma of the picture."""
        return self._canvas.look.adjustment

    def set_adjustment(self, adjustment: Adjustment) -> None:
        """Show the picture with another brightness, contrast or gamma."""
        self._canvas.look = replace(self._canvas.look, adjustment=adjustment)
        self._show()

    @property
    def has_icc(self) -> bool:
        """Whether the slide carries a colour profile that can be used."""
        return self._icc_lut is not None

    @property
    def icc(self) -> bool:
        """Whether the slide's colour profile is applied."""
        return self._canvas.look.icc_lut is not None

    def set_icc(self, on: bool) -> None:
        """Apply the slide's colour profile, or show stored values; counts for later slides too."""
        chosen, self._icc_on = on != self._icc_on, on
        self._apply_icc()
        if chosen:
            self.icc_chosen.emit(on)

    def set_profile(self, icc_profile: bytes | None) -> None:
        """Take over the profile of another slide. Raises ValueError where it cannot be used: then there is
        none."""
        self._icc_lut = None
        try:
            if icc_profile is not None:
                self._icc_lut = lut_from_profile(icc_profile)
        finally:
            self._apply_icc()

    def set_surround(self, colour: QColor | None) -> None:
        """Show slides in a surround of this colour; None: of each slide's own background."""
        self._surround = colour
        self._apply_surround()

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """The background of another slide, 0 to 255."""
        self._background = QColor(*rgb)
        self._apply_surround()

    def _apply_surround(self) -> None:
        colour = self._surround or self._background
        surround_rgb = colour.redF(), colour.greenF(), colour.blueF()
        self._canvas.look = replace(self._canvas.look, surround_rgb=surround_rgb)
        self._canvas.request_frame()

    def _apply_icc(self) -> None:
        self._canvas.look = replace(self._canvas.look, icc_lut=self._icc_lut if self._icc_on else None)
        self._show()

    def _show(self) -> None:
        self._canvas.request_frame()
        self.changed.emit()
