"""The dialog in which the reader says how large a pixel is, where the file does not, with an estimate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.common.scale import format_magnification, power_at_full_resolution, whole_units
from viewer.ui.widgets.background_worker import SideThread
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.slide.source import Source
    from viewer.slide.tissue.pixel_size import PixelSizeEstimate
    from viewer.ui.canvas.slide_view import SlideView

WHY = (
    "This file does not state its pixel size. What you enter here makes lengths, magnifications and "
    "the scale bar possible, and they are only as right as it is. It is not written into the file."
)
_WHY_NOW = "This file does not state its pixel size, {} What you enter here is not written into the file."
TO_SEARCH = "and a search must know it: cells are told apart by their size."
TO_SHOW_ATTENTION = (
    "and attention must know it: regions, patches and tokens are squares of so many µm, and a model has "
    "learnt from pixels of one size."
)
TO_LAY_A_MAP = "and a map must know it: it is laid over the slide in patches of 128 µm."
_SMALLEST_UM, _LARGEST_UM = 0.001, 10_000.0
_DECIMALS = 4


def estimated_from(source: Source) -> PixelSizeEstimate:
    """The pixel size estimated from the slide's own tissue. Reads pixels for about a second."""
    from viewer.slide.tissue.mask import tissue_mask
    from viewer.slide.tissue.pixel_size import estimate_mpp_um

    return estimate_mpp_um(source, tissue_mask(source, None))


class PixelSize(QDialog):
    """Micrometres per pixel of the full resolution; closes with its slide.

    ``wanted``: what needs the size now, TO_SEARCH for instance; "" where nothing does.
    """

    def __init__(
        self,
        slide_view: SlideView,
        parent: QWidget | None = None,
        *,
        wanted: str = "",
        estimate: Callable[[Source], PixelSizeEstimate] = estimated_from,
    ) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self._estimate: float | None = None
        self._estimating = SideThread("pixel-size")
        self.setWindowTitle("Set pixel size")
        known = slide_view.mpp_um or (0.0, 0.0)
        self._x = self._spin("Pixel width", known[0])
        self._y = self._spin("Pixel height", known[1])
        self._square = QCheckBox("Pixels are square")
        self._square.setToolTip("Height equals width, as on nearly every scanner")
        self._square.setChecked(known[0] == known[1])
        self._square.toggled.connect(self._follow)
        self._meaning = QLabel()
        self._proposal = QLabel("Estimating from the tissue…", wordWrap=True)
        self._proposal.setAccessibleName("Estimated pixel size")
        self._use = QPushButton("Use the &estimate")
        self._use.setToolTip("Take the estimated size; everything made with it says that it is an estimate")
        self._use.clicked.connect(self.use_estimate)
        self._use.setEnabled(False)
        form = QFormLayout()
        form.addRow(self._proposal)
        form.addRow("", self._use)
        form.addRow("&Width", self._x)
        form.addRow("&Height", self._y)
        form.addRow("", self._square)
        form.addRow("Magnification at 1:1", self._meaning)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        without_icons(buttons.buttons())
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(_WHY_NOW.format(wanted) if wanted else WHY, wordWrap=True))
        layout.addLayout(form)
        layout.addWidget(buttons)
        self.setMinimumWidth(em_px(32))
        self._x.valueChanged.connect(self._follow)
        self._y.valueChanged.connect(self._follow)
        slide_view.source_changed.connect(self.reject)
        self.finished.connect(lambda _result: self._estimating.close(wait_s=0.0))
        self._follow()
        self._x.setFocus()
        self._x.selectAll()
        if slide_view.source is not None:
            self._estimating.run(partial(estimate, slide_view.source), self._show_estimate, self._no_estimate)

    @property
    def mpp_um(self) -> tuple[float, float]:
        """What is entered; 0 for nothing yet."""
        return self._x.value(), self._y.value()

    @property
    def is_estimate(self) -> bool:
        """Whether what is entered is the estimate, untouched."""
        return self._estimate is not None and self.mpp_um == (self._estimate, self._estimate)

    @property
    def proposal(self) -> str:
        """What is said about the estimate."""
        return self._proposal.text()

    def set_mpp_um(self, x: float, y: float) -> None:
        """Enter a size."""
        self._square.setChecked(x == y)
        self._x.setValue(x)
        self._y.setValue(y)
        self._x.selectAll()  # what is typed next takes its place

    def use_estimate(self) -> None:
        """Enter the estimate."""
        if self._estimate is not None:
            self.set_mpp_um(self._estimate, self._estimate)

    def accept(self) -> None:
        """Take the size over."""
        self._slide_view.set_mpp_um(self.mpp_um, estimated=self.is_estimate)
        super().accept()

    def _show_estimate(self, estimate: PixelSizeEstimate) -> None:
        if estimate.mpp_um is None:
            self._say_none(estimate.reason)
            return
        self._estimate = round(estimate.mpp_um, _DECIMALS)
        limits = f"between {estimate.low_um:.2g} and {estimate.high_um:.2g}"
        self._proposal.setText(whole_units(f"Estimate: ≈ {self._estimate:g} µm, {limits}: {estimate.reason}"))
        self._use.setEnabled(True)
        self._make_room()
        if not self._x.value() and not self._x.lineEdit().isModified():
            self.use_estimate()

    def _no_estimate(self, error: Exception) -> None:
        self._say_none(str(error))

    def _say_none(self, reason: str) -> None:
        self._proposal.setText(f"No estimate: {reason}")
        self._make_room()

    def _make_room(self) -> None:
        """Grow with the words: a form does not do so by itself once it is shown."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(self.width(), self.heightForWidth(self.width()))

    def _spin(self, name: str, value: float) -> QDoubleSpinBox:
        spin = QDoubleSpinBox(
            decimals=_DECIMALS, minimum=0.0, maximum=_LARGEST_UM, singleStep=0.01, suffix=" µm"
        )
        spin.setSpecialValueText("not known")
        spin.setValue(value)
        spin.setAccessibleName(name)
        spin.setToolTip(f"{name} in micrometres, at full resolution")
        return spin

    def _follow(self) -> None:
        square = self._square.isChecked()
        self._y.setEnabled(not square)
        if square:
            self._y.setValue(self._x.value())
        entered = min(self.mpp_um) >= _SMALLEST_UM
        self._ok.setEnabled(entered)
        source = self._slide_view.source
        power = power_at_full_resolution(
            objective_power=None if source is None else source.info.objective_power,
            mpp_um=self.mpp_um if entered else None,
        )
        self._meaning.setText(format_magnification(power))
