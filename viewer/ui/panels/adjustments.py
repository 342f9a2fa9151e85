"""The adjustments panel: brightness, contrast, gamma and the ICC profile."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from viewer.render.frame import Adjustment
from viewer.ui.panels import strings
from viewer.ui.widgets.following import Following

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView

_STEPS = 100
_FACTOR_RANGE = 4.0
"""Contrast and gamma go from 1/4 to 4, evenly in their logarithm, so that the neutral 1 is in the middle."""


def factor_from_step(step: int) -> float:
    """Contrast or gamma at a slider position of −100 to 100."""
    return float(_FACTOR_RANGE ** (step / _STEPS))


def step_from_factor(factor: float) -> int:
    """The slider position of a contrast or gamma."""
    return round(_STEPS * log(factor, _FACTOR_RANGE))


class AdjustmentsPanel(QWidget):
    """Sliders that act at once. Arrow keys move one by 1 %, page keys by 10 %; a double click resets it."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout()
        self._values: dict[str, QLabel] = {}
        self._sliders = {key: self._add_slider(key, name) for key, name in strings.SLIDERS.items()}
        self._reset = QPushButton(strings.RESET)
        self._reset.setToolTip(strings.RESET_TIP)
        self._reset.clicked.connect(self.reset)
        self._icc = QCheckBox(strings.COLOUR_PROFILE)
        self._icc.toggled.connect(self._apply_icc)
        layout = QVBoxLayout(self)
        layout.addLayout(self._grid)
        layout.addWidget(self._icc)
        layout.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addStretch(1)
        self.setAccessibleName(strings.ADJUSTMENTS)
        self._following = Following({"changed": self._take_over})
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show and change the colours of another view."""
        self._colour = slide_view.colour
        self._following.follow(self._colour)
        self._take_over()

    @property
    def adjustment(self) -> Adjustment:
        """The adjustment at the present slider positions."""
        return Adjustment(
            brightness=self._sliders["brightness"].value() / _STEPS,
            contrast=factor_from_step(self._sliders["contrast"].value()),
            gamma=factor_from_step(self._sliders["gamma"].value()),
        )

    def reset(self) -> None:
        """Show the picture as it is stored."""
        for slider in self._sliders.values():
            slider.setValue(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Reset a slider at a double click."""
        if event.type() == QEvent.Type.MouseButtonDblClick and isinstance(watched, QSlider):
            watched.setValue(0)
            return True
        return super().eventFilter(watched, event)

    def _add_slider(self, key: str, name: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(-_STEPS, _STEPS)
        slider.setPageStep(10)
        slider.setAccessibleName(name)
        slider.setToolTip(strings.SLIDER_TIP.format(name=name))
        slider.installEventFilter(self)
        slider.valueChanged.connect(self._apply)
        value = QLabel(alignment=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("−1.00 "))
        value.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._values[key] = value
        row = self._grid.rowCount()
        label = QLabel(f"&{name}")
        label.setBuddy(slider)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(slider, row, 1)
        self._grid.addWidget(value, row, 2)
        return slider

    def _apply_icc(self, on: bool) -> None:
        self._colour.set_icc(on)

    def _apply(self) -> None:
        self._colour.set_adjustment(self.adjustment)

    def _take_over(self) -> None:
        """Show the values of the view, so that controls and picture always agree."""
        colour, held = self._colour, self._colour.adjustment
        steps = {
            "brightness": round(held.brightness * _STEPS),
            "contrast": step_from_factor(held.contrast),
            "gamma": step_from_factor(held.gamma),
        }
        for key, slider in self._sliders.items():
            slider.blockSignals(True)
            slider.setValue(steps[key])
            slider.blockSignals(False)
        self._icc.blockSignals(True)
        self._icc.setEnabled(colour.has_icc)
        self._icc.setChecked(colour.has_icc and colour.icc)
        self._icc.setToolTip(strings.COLOUR_PROFILE_TIP if colour.has_icc else strings.NO_COLOUR_PROFILE)
        self._icc.blockSignals(False)
        self._show_state()

    def _show_state(self) -> None:
        now = self.adjustment
        self._values["brightness"].setText(f"{now.brightness:.2f}".replace("-", "−"))
        self._values["contrast"].setText(f"{now.contrast:.2f}")
        self._values["gamma"].setText(f"{now.gamma:.2f}")
        self._reset.setEnabled(now != Adjustment())
