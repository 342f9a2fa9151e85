"""Brightness, contrast, gamma and ICC: sliders beside the slide, and a badge on it while they are in use."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
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
from viewer.ui.widgets.throttle import Throttle

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView

_STEPS = 100
_FACTOR_RANGE = 4.0
"""Contrast and gamma go from 1/4 to 4, evenly in their logarithm, so that the neutral 1 is in the middle."""
_BADGE_MARGIN_PX = 12
NO_PROFILE = "This slide carries no ICC profile, so its colours are shown as stored"


def factor_from_step(step: int) -> float:
    """Contrast or gamma at a slider position of −100 to 100."""
    return float(_FACTOR_RANGE ** (step / _STEPS))


def step_from_factor(factor: float) -> int:
    """The slider position of a contrast or gamma."""
    return round(_STEPS * log(factor, _FACTOR_RANGE))


class AdjustedBadge(QLabel):
    """Says on the slide itself that what is seen is not what is stored. Hidden while it is."""

    def __init__(self, slide_view: SlideView) -> None:
        super().__init__("◐ Picture adjusted", slide_view)
        self._slide_view = slide_view
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Brightness, contrast or gamma of the picture are changed")
        self.setStyleSheet(
            "background: rgba(16, 18, 24, 208); color: rgb(245, 246, 248);"
            "border-radius: 6px; padding: 4px 8px;"
        )
        slide_view.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when the slide's widget changes its size."""
        if event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    def place(self) -> None:
        """Move to the top right corner."""
        self.adjustSize()
        self.move(self._slide_view.width() - self.width() - _BADGE_MARGIN_PX, _BADGE_MARGIN_PX)
        self.raise_()


class AdjustmentsPanel(QWidget):
    """Live sliders. Arrow keys move a slider by 1 %, page keys by 10 %; a double click sets one back."""

    adjusted_changed = Signal(bool)
    """Whether the picture differs from what is stored."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self._adjusted = False
        self._badge = AdjustedBadge(slide_view)
        self._grid = QGridLayout()
        self._values: dict[str, QLabel] = {}
        self._sliders = {name: self._add_slider(name) for name in ("Brightness", "Contrast", "Gamma")}
        self._reset = QPushButton("Reset")
        self._reset.setToolTip("Show the picture as it is stored")
        self._reset.clicked.connect(self.reset)
        self._icc = QCheckBox("Colour profile (ICC)")
        self._icc.toggled.connect(slide_view.set_icc)
        layout = QVBoxLayout(self)
        layout.addLayout(self._grid)
        layout.addWidget(self._icc)
        layout.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addStretch(1)
        self.setAccessibleName("Adjustments")
        # Whatever changes the look has a frame drawn: commands elsewhere move these controls too.
        slide_view.source_changed.connect(self._take_over)
        slide_view.icc_changed.connect(self._take_over)
        slide_view.frame_drawn.connect(Throttle(self, self._take_over).ask)
        self._take_over()

    @property
    def adjustment(self) -> Adjustment:
        """What the sliders say."""
        return Adjustment(
            brightness=self._sliders["Brightness"].value() / _STEPS,
            contrast=factor_from_step(self._sliders["Contrast"].value()),
            gamma=factor_from_step(self._sliders["Gamma"].value()),
        )

    def reset(self) -> None:
        """Back to the picture as it is stored."""
        for slider in self._sliders.values():
            slider.setValue(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double click on a slider sets it back."""
        if event.type() == QEvent.Type.MouseButtonDblClick and isinstance(watched, QSlider):
            watched.setValue(0)
            return True
        return super().eventFilter(watched, event)

    def _add_slider(self, name: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(-_STEPS, _STEPS)
        slider.setPageStep(10)
        slider.setAccessibleName(name)
        slider.setToolTip(f"{name} of the picture; double-click to set it back")
        slider.installEventFilter(self)
        slider.valueChanged.connect(self._apply)
        value = QLabel(alignment=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("−1.00 "))
        value.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._values[name] = value
        row = self._grid.rowCount()
        label = QLabel(f"&{name}")
        label.setBuddy(slider)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(slider, row, 1)
        self._grid.addWidget(value, row, 2)
        return slider

    def _apply(self) -> None:
        self._slide_view.set_adjustment(self.adjustment)
        self._show_state()

    def _take_over(self) -> None:
        """Show what the view holds: the controls must never say something else than the picture."""
        held, view = self._slide_view.adjustment, self._slide_view
        steps = {
            "Brightness": round(held.brightness * _STEPS),
            "Contrast": step_from_factor(held.contrast),
            "Gamma": step_from_factor(held.gamma),
        }
        for name, slider in self._sliders.items():
            slider.blockSignals(True)
            slider.setValue(steps[name])
            slider.blockSignals(False)
        self._icc.blockSignals(True)
        self._icc.setEnabled(view.has_icc)
        self._icc.setChecked(view.has_icc and view.icc)
        self._icc.setToolTip("Correct colours by the slide's own profile" if view.has_icc else NO_PROFILE)
        self._icc.blockSignals(False)
        self._show_state()

    def _show_state(self) -> None:
        now = self.adjustment
        self._values["Brightness"].setText(f"{now.brightness:.2f}".replace("-", "−"))
        self._values["Contrast"].setText(f"{now.contrast:.2f}")
        self._values["Gamma"].setText(f"{now.gamma:.2f}")
        adjusted = now != Adjustment()
        self._reset.setEnabled(adjusted)
        if adjusted != self._adjusted:
            self._adjusted = adjusted
            self._badge.setVisible(adjusted)
            self._badge.place()
            self.adjusted_changed.emit(adjusted)
