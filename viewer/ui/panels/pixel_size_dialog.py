"""The dialog in which the reader enters a pixel size that the file does not state, with an estimate."""

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
from viewer.ui.panels import strings
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.slide.source import Source
    from viewer.slide.tissue.pixel_size import PixelSizeEstimate
    from viewer.ui.canvas.slide_view import SlideView

_SMALLEST_UM, _LARGEST_UM = 0.001, 10_000.0
_DECIMALS = 4


def estimated_from(source: Source) -> PixelSizeEstimate:
    """The pixel size estimated from the slide's own tissue. Reads pixels for about a second."""
    from viewer.slide.tissue.mask import tissue_mask
    from viewer.slide.tissue.pixel_size import estimate_mpp_um

    return estimate_mpp_um(source, tissue_mask(source, None))


class PixelSize(QDialog):
    """Micrometres per pixel of the full resolution; closes with its slide.

    ``needed_by``: a sentence that names what needs the size now; "" where nothing does.
    """

    def __init__(
        self,
        slide_view: SlideView,
        parent: QWidget | None = None,
        *,
        needed_by: str = "",
        estimate: Callable[[Source], PixelSizeEstimate] = estimated_from,
    ) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self._estimate: float | None = None
        self._estimating = BackgroundWorker("pixel-size")
        self.setWindowTitle(strings.PIXEL_SIZE)
        known = slide_view.mpp_um or (0.0, 0.0)
        self._x = self._spin(strings.PIXEL_WIDTH_NAME, known[0])
        self._y = self._spin(strings.PIXEL_HEIGHT_NAME, known[1])
        self._square = QCheckBox(strings.SQUARE_PIXELS)
        self._square.setToolTip(strings.SQUARE_PIXELS_TIP)
        self._square.setChecked(known[0] == known[1])
        self._square.toggled.connect(self._entry_changed)
        self._magnification = QLabel()
        self._estimate_label = QLabel(strings.ESTIMATING, wordWrap=True)
        self._estimate_label.setAccessibleName(strings.ESTIMATE_NAME)
        self._use = QPushButton(strings.USE_ESTIMATE)
        self._use.setToolTip(strings.USE_ESTIMATE_TIP)
        self._use.clicked.connect(self.use_estimate)
        self._use.setEnabled(False)
        form = QFormLayout()
        form.addRow(self._estimate_label)
        form.addRow("", self._use)
        form.addRow(strings.WIDTH_LABEL, self._x)
        form.addRow(strings.HEIGHT_LABEL, self._y)
        form.addRow("", self._square)
        form.addRow(strings.MAGNIFICATION_LABEL, self._magnification)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        without_icons(buttons.buttons())
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        now = strings.WHY_PIXEL_SIZE_NOW.format(needed_by=needed_by)
        layout.addWidget(QLabel(now if needed_by else strings.WHY_PIXEL_SIZE, wordWrap=True))
        layout.addLayout(form)
        layout.addWidget(buttons)
        self.setMinimumWidth(em_px(32))
        self._x.valueChanged.connect(self._entry_changed)
        self._y.valueChanged.connect(self._entry_changed)
        slide_view.source_changed.connect(self.reject)
        self.finished.connect(lambda _result: self._estimating.close(wait_s=0.0))
        self._entry_changed()
        self._x.setFocus()
        self._x.selectAll()
        if slide_view.source is not None:
            self._estimating.run(
                partial(estimate, slide_view.source), self._show_estimate, self._estimate_failed
            )

    @property
    def mpp_um(self) -> tuple[float, float]:
        """(x, y) as entered; 0 where nothing is entered yet."""
        return self._x.value(), self._y.value()

    @property
    def is_estimate(self) -> bool:
        """Whether the entered size is the estimate, unchanged."""
        return self._estimate is not None and self.mpp_um == (self._estimate, self._estimate)

    def set_mpp_um(self, x: float, y: float) -> None:
        """Enter a size in µm per pixel."""
        self._square.setChecked(x == y)
        self._x.setValue(x)
        self._y.setValue(y)
        self._x.selectAll()  # typing replaces it

    def use_estimate(self) -> None:
        """Enter the estimate."""
        if self._estimate is not None:
            self.set_mpp_um(self._estimate, self._estimate)

    def accept(self) -> None:
        """Set the pixel size of the view."""
        self._slide_view.set_mpp_um(self.mpp_um, estimated=self.is_estimate)
        super().accept()

    def _show_estimate(self, estimate: PixelSizeEstimate) -> None:
        if estimate.mpp_um is None:
            self._show_no_estimate(estimate.reason)
            return
        self._estimate = round(estimate.mpp_um, _DECIMALS)
        text = strings.ESTIMATE.format(
            mpp_um=self._estimate, low_um=estimate.low_um, high_um=estimate.high_um, reason=estimate.reason
        )
        self._estimate_label.setText(whole_units(text))
        self._use.setEnabled(True)
        self._make_room()
        if not self._x.value() and not self._x.lineEdit().isModified():
            self.use_estimate()

    def _estimate_failed(self, error: Exception) -> None:
        self._show_no_estimate(str(error))

    def _show_no_estimate(self, reason: str) -> None:
        self._estimate_label.setText(strings.NO_ESTIMATE.format(reason=reason))
        self._make_room()

    def _make_room(self) -> None:
        """Grow with the text: a form does not do so by itself once it is shown."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(self.width(), self.heightForWidth(self.width()))

    def _spin(self, name: str, value: float) -> QDoubleSpinBox:
        spin = QDoubleSpinBox(
            decimals=_DECIMALS, minimum=0.0, maximum=_LARGEST_UM, singleStep=0.01, suffix=" µm"
        )
        spin.setSpecialValueText(strings.PIXEL_SIDE_UNKNOWN)
        spin.setValue(value)
        spin.setAccessibleName(name)
        spin.setToolTip(strings.PIXEL_SIDE_TIP.format(name=name))
        return spin

    def _entry_changed(self) -> None:
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
        self._magnification.setText(format_magnification(power))
