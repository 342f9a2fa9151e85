"""The dialog in which the reader enters a pixel size, or accepts an estimate of it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.common.scale import (
    MPP_UM_AT_1X,
    format_magnification,
    pixel_size_in_words,
    power_at_full_resolution,
    whole_units,
)
from viewer.slide.given_scale import GivenScale
from viewer.slide.resolution import GIVEN_MPP_UM
from viewer.ui.panels import strings
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.slide.source import Source
    from viewer.slide.tissue.pixel_size import PixelSizeEstimate
    from viewer.ui.canvas.slide_view import SlideView

_OBJECTIVES = (5.0, 10.0, 20.0, 40.0, 63.0, 100.0)
_DECIMALS = 4


def estimated_from(source: Source) -> PixelSizeEstimate:
    """The pixel size estimated from the slide's own tissue. Reads pixels for about a second."""
    from viewer.slide.tissue.mask import tissue_mask
    from viewer.slide.tissue.pixel_size import estimate_mpp_um

    return estimate_mpp_um(source, tissue_mask(source, None))


class PixelSize(QDialog):
    """Micrometres per pixel of the full resolution; closes with its slide.

    ``needed_by``: a sentence that names what needs the size now; "" where nothing does. A size that the file
    states is neither estimated nor replaced unasked.
    """

    given = Signal(object)
    """A GivenScale that the view uses from now on, to be kept; None: what was entered is forgotten."""

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
        self._is_typed = False
        self._estimating = BackgroundWorker("pixel-size")
        self.setWindowTitle(strings.PIXEL_SIZE)
        source = slide_view.source
        self._stated_um = None if source is None else source.info.mpp_um
        known = slide_view.mpp_um or (0.0, 0.0)
        self._x = self._spin(strings.PIXEL_WIDTH_NAME, known[0])
        self._y = self._spin(strings.PIXEL_HEIGHT_NAME, known[1])
        self._square = QCheckBox(strings.SQUARE_PIXELS)
        self._square.setToolTip(strings.SQUARE_PIXELS_TIP)
        self._square.setChecked(known[0] == known[1])
        self._scanned_at = self._objectives()
        self._square.toggled.connect(self._entry_changed)
        self._magnification = QLabel()
        self._estimate_label = QLabel(strings.ESTIMATING, wordWrap=True)
        self._estimate_label.setAccessibleName(strings.ESTIMATE_NAME)
        self._use = QPushButton(strings.USE_ESTIMATE)
        self._use.setToolTip(strings.USE_ESTIMATE_TIP)
        self._use.clicked.connect(self.use_estimate)
        self._use.setEnabled(False)
        form = QFormLayout()
        if self._stated_um is None:
            form.addRow(self._estimate_label)
            form.addRow("", self._use)
        form.addRow(strings.SCANNED_AT, self._scanned_at)
        form.addRow(strings.WIDTH_LABEL, self._x)
        form.addRow(strings.HEIGHT_LABEL, self._y)
        form.addRow("", self._square)
        form.addRow(strings.MAGNIFICATION_LABEL, self._magnification)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        forget = buttons.addButton(strings.FORGET_SIZE, QDialogButtonBox.ButtonRole.ResetRole)
        forget.setToolTip(strings.FORGET_SIZE_TIP)
        forget.setEnabled(slide_view.mpp_entered)
        forget.clicked.connect(self.forget)
        without_icons(buttons.buttons())
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(whole_units(self._why(needed_by)), wordWrap=True))
        layout.addLayout(form)
        layout.addWidget(buttons)
        self.setMinimumWidth(em_px(32))
        for spin in (self._x, self._y):
            spin.lineEdit().textEdited.connect(self._typed)
        self._x.valueChanged.connect(self._entry_changed)
        self._y.valueChanged.connect(self._entry_changed)
        slide_view.source_changed.connect(self.reject)
        self.finished.connect(lambda _result: self._estimating.close(wait_s=0.0))
        self._entry_changed()
        self._x.setFocus()
        self._x.selectAll()
        if source is not None and self._stated_um is None:
            self._estimating.run(partial(estimate, source), self._show_estimate, self._estimate_failed)

    @property
    def mpp_um(self) -> tuple[float, float]:
        """(x, y) as entered; 0 where nothing is entered yet."""
        return self._x.value(), self._y.value()

    @property
    def is_estimate(self) -> bool:
        """Whether the entered size is the estimate, unchanged, also one that was accepted before.

        A reader who types a size or names the objective does not estimate, whatever the size.
        """
        if self._is_typed or self._scanned_at.currentData() is not None:
            return False
        if self._slide_view.mpp_estimated and self.mpp_um == self._as_shown(self._slide_view.mpp_um):
            return True
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
            self._is_typed = False

    def accept(self) -> None:
        """Use what is entered in the view, and have it kept. What is unchanged stays as it is."""
        view = self._slide_view
        settled = view.mpp_estimated and not self.is_estimate
        if settled or self.mpp_um != self._as_shown(view.mpp_um):
            given = GivenScale(
                self.mpp_um,
                datetime.now(UTC).astimezone().date().isoformat(),
                estimated=self.is_estimate,
                power=self._scanned_at.currentData(),
                overrides=self._stated_um is not None,
            )
            use_scale(view, given)
            self.given.emit(given)
        super().accept()

    def forget(self) -> None:
        """Go back to what the file states, and have what was entered forgotten."""
        use_scale(self._slide_view, None)
        self.given.emit(None)
        super().accept()

    def _why(self, needed_by: str) -> str:
        if self._stated_um is not None:
            stated = pixel_size_in_words(self._stated_um, estimated=False, digits=4)
            return strings.WHY_OTHER_PIXEL_SIZE.format(stated=stated)
        if needed_by:
            return strings.WHY_PIXEL_SIZE_NOW.format(needed_by=needed_by)
        return strings.WHY_PIXEL_SIZE

    def _objectives(self) -> QComboBox:
        """The usual objectives; choosing one enters the size that its pixels have by convention."""
        box = QComboBox()
        box.setAccessibleName(strings.SCANNED_AT_NAME)
        box.setToolTip(strings.SCANNED_AT_TIP)
        box.addItem(strings.OBJECTIVE_UNKNOWN, None)
        for power in _OBJECTIVES:
            box.addItem(format_magnification(power), power)
        box.activated.connect(self._enter_objective)
        return box

    def _enter_objective(self, row: int) -> None:
        power = self._scanned_at.itemData(row)
        if power is not None:
            side_um = MPP_UM_AT_1X / power
            self.set_mpp_um(side_um, side_um)
            self._scanned_at.setCurrentIndex(row)  # what is entered side by side is another size for a moment

    @staticmethod
    def _as_shown(mpp_um: tuple[float, float] | None) -> tuple[float, float]:
        x, y = mpp_um or (0.0, 0.0)
        return round(x, _DECIMALS), round(y, _DECIMALS)

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
            decimals=_DECIMALS, minimum=0.0, maximum=GIVEN_MPP_UM[1], singleStep=0.01, suffix=" µm"
        )
        spin.setSpecialValueText(strings.PIXEL_SIDE_UNKNOWN)
        spin.setValue(value)
        spin.setAccessibleName(name)
        spin.setToolTip(strings.PIXEL_SIDE_TIP.format(name=name))
        return spin

    def _typed(self, _text: str) -> None:
        self._is_typed = True

    def _entry_changed(self) -> None:
        square = self._square.isChecked()
        self._y.setEnabled(not square)
        if square:
            self._y.setValue(self._x.value())
        entered = min(self.mpp_um) >= GIVEN_MPP_UM[0]
        power = self._scanned_at.currentData()
        if power is not None and self.mpp_um != self._as_shown((MPP_UM_AT_1X / power,) * 2):
            self._scanned_at.setCurrentIndex(0)  # another size was typed
        self._ok.setEnabled(entered)
        source = self._slide_view.source
        replaces = self._stated_um is not None and self.mpp_um != self._as_shown(self._stated_um)
        power = power_at_full_resolution(
            objective_power=None if source is None or replaces else source.info.objective_power,
            mpp_um=self.mpp_um if entered else None,
        )
        self._magnification.setText(format_magnification(power))


def use_scale(slide_view: SlideView, given: GivenScale | None) -> None:
    """Set the pixel size of a view's slide as a reader gave it; None clears it."""
    if given is None:
        slide_view.set_mpp_um(None)
    else:
        slide_view.set_mpp_um(
            given.mpp_um, estimated=given.estimated, overrides=given.overrides, origin=given.origin
        )
