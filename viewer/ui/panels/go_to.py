"""The "go to" dialog: a place in pixels or micrometres, and optionally a magnification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from viewer.common.scale import magnification_from_downsample
from viewer.ui.panels import strings
from viewer.ui.widgets.theme import without_icons
from viewer.view.destination import Destination, DestinationError, parse_destination

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView


class GoTo(QDialog):
    """Checks the place while it is typed and moves the view there on Enter. Opens with the current place."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self.setWindowTitle(strings.GO_TO)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._field = QLineEdit()
        self._field.setAccessibleName(strings.PLACE_NAME)
        self._field.setToolTip(strings.PLACE_TIP)
        self._field.textChanged.connect(self._check)
        label = QLabel(strings.PLACE_LABEL)
        label.setBuddy(self._field)
        self._pixels = QRadioButton(strings.PIXELS)
        self._micrometres = QRadioButton(strings.MICROMETRES)
        self._pixels.setToolTip(strings.PIXELS_TIP)
        self._pixels.setChecked(True)
        self._micrometres.toggled.connect(self._unit_changed)
        self._problem = QLabel(wordWrap=True)
        self._problem.setAccessibleName(strings.PLACE_PROBLEM)
        self._problem.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText(strings.GO)
        without_icons(self._buttons.buttons())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        units = QHBoxLayout()
        units.addWidget(QLabel(strings.UNIT_LABEL))
        units.addWidget(self._pixels)
        units.addWidget(self._micrometres)
        units.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addWidget(label)
        layout.addWidget(self._field)
        layout.addLayout(units)
        layout.addWidget(self._problem)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(30 * self.fontMetrics().height())
        slide_view.source_changed.connect(self.reject)
        slide_view.mpp_changed.connect(self._pixel_size_changed)
        self._pixel_size_changed()
        self._fill_in_current_place()

    @property
    def problem(self) -> str:
        """What is wrong with the typed place; "" where it is valid."""
        return self._problem.text()

    def accept(self) -> None:
        """Move the view there and close; stay open where the place is invalid."""
        try:
            place = self._place()
        except DestinationError as error:
            self._problem.setText(strings.WARNING.format(text=error))
            return
        self._slide_view.go_to(place.x, place.y, downsample=place.downsample)
        super().accept()

    def _place(self) -> Destination:
        source = self._slide_view.source
        if source is None:
            raise DestinationError(strings.NO_SLIDE)
        return parse_destination(
            self._field.text(),
            unit="um" if self._micrometres.isChecked() else "px",
            extent=source.pyramid.extent,
            mpp_um=self._slide_view.mpp_um,
            objective_power=self._slide_view.objective_power,
        )

    def _check(self) -> None:
        try:
            self._place()
        except DestinationError as error:
            typed = self._field.text().strip()
            self._problem.setText(strings.WARNING.format(text=error) if typed else "")
            self._ok.setEnabled(False)
        else:
            self._problem.setText("")
            self._ok.setEnabled(True)

    def _pixel_size_changed(self) -> None:
        known = self._slide_view.mpp_um is not None
        self._micrometres.setEnabled(known)
        self._micrometres.setToolTip(strings.MICROMETRES_TIP if known else strings.NO_PIXEL_SIZE)
        if not known:
            self._pixels.setChecked(True)
        self._check()

    def _unit_changed(self) -> None:
        self._fill_in_current_place()

    def _fill_in_current_place(self) -> None:
        source = self._slide_view.source
        if source is None:
            return
        view, mpp_um = self._slide_view.camera.target, self._slide_view.mpp_um
        x, y = view.centre_x, view.centre_y
        if self._micrometres.isChecked() and mpp_um is not None:
            text = f"{x * mpp_um[0]:.1f}, {y * mpp_um[1]:.1f}"
        else:
            text = f"{x:.0f}, {y:.0f}"
        power = magnification_from_downsample(
            view.downsample, objective_power=self._slide_view.objective_power, mpp_um=mpp_um
        )
        self._field.setText(text if power is None else f"{text} {power:.4g}x")
        self._field.selectAll()
