"""Controls of how a layer is drawn: colours and their range, opacity, threshold, fill, contours; and of the
flashlight, which is one for all layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from viewer.common.settings import Choice, Limits, Overlay
from viewer.ui.overlays import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_LIKENESS = ("threshold", "low", "high")


class OverlayControls(QWidget):
    """Changes how values are drawn; none of it needs an analysis."""

    look_changed = Signal(object)
    """The new ``settings.Overlay``."""

    def __init__(self, look: Overlay, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.LOOK_NAME)
        self._look = look
        self._in_words: Callable[[float], str] | None = None
        self._values: dict[str, QLabel] = {}
        self._of = QLabel(wordWrap=True)
        self._map = QComboBox()
        rule = Overlay.rule("colour_map")
        assert isinstance(rule, Choice)
        for name in rule.options:
            self._map.addItem(name.capitalize(), name)
        self._map.setAccessibleName(strings.COLOURS_NAME)
        self._map.setToolTip(strings.COLOURS_TIP)
        self._map.currentIndexChanged.connect(lambda _row: self._change(colour_map=self._map.currentData()))
        self._form = QFormLayout()
        self._form.addRow(strings.COLOURS, self._map)
        self._sliders = {name: self._add_slider(name, *texts) for name, texts in strings.SLIDERS.items()}
        self._checks = {name: self._check(name, *texts) for name, texts in strings.SWITCHES.items()}
        checks = QGridLayout()
        for number, check in enumerate(self._checks.values()):
            checks.addWidget(check, number // 2, number % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(self._of)
        layout.addLayout(self._form)
        layout.addLayout(checks)
        self.show_look(look)

    @property
    def look(self) -> Overlay:
        return self._look

    @property
    def has_contours(self) -> bool:
        """Whether what is shown can be drawn as lines."""
        return self._checks["contours"].isEnabled()

    def show_look(
        self,
        look: Overlay,
        title: str = "",
        *,
        has_contours: bool = True,
        in_words: Callable[[float], str] | None = None,
    ) -> None:
        """Take over a look that was chosen elsewhere. ``title``: of its layer; "" where there is none yet.
        ``in_words``: what a likeness of 0 to 1 is in the numbers of the layer; None: itself.
        """
        self._in_words = in_words
        self._of.setText(strings.LOOK_OF.format(title=title) if title else strings.LOOK_OF_NEXT)
        for name in ("fill", "contours"):
            self._checks[name].setEnabled(has_contours)
        self._look = look
        self._show()

    def take_keyboard(self) -> None:
        """Give the first control the keyboard."""
        self._map.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show(self) -> None:
        look = self._look  # chosen already, so that the signals of the controls below change nothing
        self._map.setCurrentIndex(max(0, self._map.findData(look.colour_map)))
        for name, slider in self._sliders.items():
            slider.setValue(_step_from(name, getattr(look, name)))
            self._show_value(name)
        for name, check in self._checks.items():
            check.setChecked(getattr(look, name))
        self._sliders["flashlight_px"].setEnabled(look.flashlight)

    def _change(self, **changes: Any) -> None:
        look = self._look.changed(**changes)
        if look != self._look:
            self._look = look
            self._show()  # what was changed may have moved something else along
            self.look_changed.emit(look)

    def _add_slider(self, name: str, label: str, tip: str) -> QSlider:
        limits = _limits(name)
        low, high = _step_from(name, limits.low), _step_from(name, limits.high)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(low, high)
        slider.setPageStep((high - low) // 10)
        slider.setValue(_step_from(name, getattr(self._look, name)))
        slider.setAccessibleName(label.replace("&", ""))
        slider.setToolTip(tip)
        value = self._values[name] = QLabel()
        value.setMinimumWidth(
            QLabel(strings.SLIDER_VALUES["flashlight_px"].format(value=2000)).sizeHint().width()
        )
        row = QHBoxLayout()
        row.addWidget(slider, 1)
        row.addWidget(value)
        title = QLabel(label)
        title.setBuddy(slider)
        self._form.addRow(title, row)

        slider.valueChanged.connect(partial(self._slider_moved, name))
        self._show_value(name)
        return slider

    def _slider_moved(self, name: str, step: int) -> None:
        if step != _step_from(name, getattr(self._look, name)):
            self._change(**{name: _value_from(name, step)})

    def _show_value(self, name: str) -> None:
        value = getattr(self._look, name)
        if self._in_words is not None and name in _OF_LIKENESS:
            text = self._in_words(value)
        else:
            text = strings.SLIDER_VALUES[name].format(value=value)
        self._values[name].setText(text)

    def _check(self, name: str, label: str, tip: str) -> QCheckBox:
        check = QCheckBox(label)
        check.setToolTip(tip)
        check.toggled.connect(lambda on: self._change(**{name: on}))
        return check


def _limits(name: str) -> Limits:
    rule = Overlay.rule(name)
    assert isinstance(rule, Limits)
    return rule


def _step_from(name: str, value: float) -> int:
    return round(value) if name.endswith("_px") else round(value * 100)


def _value_from(name: str, step: int) -> float:
    return float(step) if name.endswith("_px") else step / 100
