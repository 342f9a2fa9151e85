"""The dialog in which the reader says how large a pixel is, where the file does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.theme import em_px, without_icons
from viewer.view.scale import format_magnification, power_at_full_resolution

if TYPE_CHECKING:
    from viewer.ui.slide_view import SlideView

USUAL_MPP_UM = 0.25
_RANGE_UM = (0.001, 10_000.0)


class PixelSize(QDialog):
    """Micrometres per pixel of the full resolution; closes with its slide."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self.setWindowTitle("Set pixel size")
        known = slide_view.mpp_um or (USUAL_MPP_UM, USUAL_MPP_UM)
        why = QLabel(
            "This file does not state its pixel size. What you enter here makes lengths, magnifications and "
            "the scale bar possible, and they are only as right as it is. It is not written into the file.",
            wordWrap=True,
        )
        self._x = self._spin("Pixel width", known[0])
        self._y = self._spin("Pixel height", known[1])
        self._square = QCheckBox("Pixels are square")
        self._square.setToolTip("Height equals width, as on nearly every scanner")
        self._square.setChecked(known[0] == known[1])
        self._square.toggled.connect(self._follow)
        self._meaning = QLabel()
        form = QFormLayout()
        form.addRow("&Width", self._x)
        form.addRow("&Height", self._y)
        form.addRow("", self._square)
        form.addRow("Magnification at 1:1", self._meaning)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        without_icons(buttons.buttons())
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(why)
        layout.addLayout(form)
        layout.addWidget(buttons)
        self.setMinimumWidth(em_px(28))
        self._x.valueChanged.connect(self._follow)
        slide_view.source_changed.connect(self.reject)
        self._follow()

    @property
    def mpp_um(self) -> tuple[float, float]:
        """What is entered."""
        return self._x.value(), self._y.value()

    def set_mpp_um(self, x: float, y: float) -> None:
        """Enter a size."""
        self._square.setChecked(x == y)
        self._x.setValue(x)
        self._y.setValue(y)

    def accept(self) -> None:
        """Take the size over."""
        self._slide_view.set_mpp_um(self.mpp_um)
        super().accept()

    def _spin(self, name: str, value: float) -> QDoubleSpinBox:
        spin = QDoubleSpinBox(
            decimals=4, minimum=_RANGE_UM[0], maximum=_RANGE_UM[1], singleStep=0.01, suffix=" µm"
        )
        spin.setValue(value)
        spin.setAccessibleName(name)
        spin.setToolTip(f"{name} in micrometres, at full resolution")
        return spin

    def _follow(self) -> None:
        square = self._square.isChecked()
        self._y.setEnabled(not square)
        if square:
            self._y.setValue(self._x.value())
        source = self._slide_view.source
        power = power_at_full_resolution(
            objective_power=None if source is None else source.info.objective_power, mpp_um=self.mpp_um
        )
        self._meaning.setText(format_magnification(power))
