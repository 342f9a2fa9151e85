"""The preferences dialog: edits a ``Settings`` object and sends it to its opener, which applies and saves it.

Ranges and choices of the fields come from ``viewer.common.settings``.
"""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from viewer.common.settings import MIB, Choice, Limits, Settings, SettingsError
from viewer.ui.shell import strings
from viewer.ui.shell.shortcuts import ShortcutEditor
from viewer.ui.widgets.limited_scroll_area import YieldingArea
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

_MPX = 1_000_000


class Preferences(QDialog):
    """Tabs of fields. Apply and OK send ``applied``; nothing is sent while a key is used twice."""

    applied = Signal(object)
    """The new Settings."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(strings.PREFERENCES)
        self._settings = settings
        self._fields: dict[tuple[str, str], tuple[Callable[[], Any], Callable[[Any], None]]] = {}
        self._tabs = QTabWidget()
        self._tabs.setAccessibleName(strings.PREFERENCES)
        self._add_window_tab()
        self._add_mouse_tab()
        self._add_memory_tab()
        self._add_search_tab()
        self._add_gaze_tab()
        self.shortcuts = ShortcutEditor(settings.shortcuts)
        self.shortcuts.changed.connect(self._check)
        self._tabs.addTab(self.shortcuts, strings.KEYS_TAB)
        self._problem = QLabel(wordWrap=True)
        self._problem.setAccessibleName(strings.PROBLEM)
        standard = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(
            standard.Ok | standard.Apply | standard.Cancel | standard.RestoreDefaults
        )
        without_icons(self._buttons.buttons())
        self._buttons.accepted.connect(self._accept)
        self._buttons.rejected.connect(self.reject)
        self._buttons.button(standard.Apply).clicked.connect(self.apply)
        self._buttons.button(standard.RestoreDefaults).clicked.connect(self.restore_defaults)
        layout = QVBoxLayout(self)
        layout.addWidget(self._tabs, 1)
        layout.addWidget(self._problem)
        layout.addWidget(self._buttons)
        self.resize(em_px(36), em_px(30))
        self._show(settings)

    @property
    def problem(self) -> str:
        """Why the settings cannot be applied; empty where they can."""
        return self._problem.text()

    def value(self, group: str, name: str) -> Any:
        """The value of a field, in the settings' unit."""
        return self._fields[group, name][0]()

    def set_value(self, group: str, name: str, value: Any) -> None:
        """Set the value of a field, in the settings' unit."""
        self._fields[group, name][1](value)

    def apply(self) -> bool:
        """Send the settings of the fields. Returns False, and shows the problem, where one is not allowed."""
        if not self._check():
            return False
        changed = self._settings
        try:
            for (group, name), (read, _) in self._fields.items():
                changed = changed.replace(group, **{name: read()})
            changed = dataclasses.replace(changed, shortcuts=MappingProxyType(self.shortcuts.chosen))
        except SettingsError as error:
            self._problem.setText(strings.PROBLEM_TEXT.format(problem=error))
            return False
        self._settings = changed
        self.applied.emit(changed)
        return True

    def restore_defaults(self) -> None:
        """Put the default settings into the fields; they count once they are applied."""
        self._show(Settings.default())
        self.shortcuts.reset()

    def _accept(self) -> None:
        if self.apply():
            self.accept()

    def _show(self, settings: Settings) -> None:
        for (group, name), (_, write) in self._fields.items():
            write(getattr(getattr(settings, group), name))
        self._check()

    def _check(self) -> bool:
        problem = self.shortcuts.problem
        self._problem.setText(strings.PROBLEM_TEXT.format(problem=problem) if problem else "")
        for button in (QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Apply):
            self._buttons.button(button).setEnabled(not problem)
        return not problem

    def _add_window_tab(self) -> None:
        form = self._tab(strings.WINDOW_TAB)
        self._add_choice(form, "display", "theme", strings.THEMES)
        self._add_choice(form, "display", "surround", strings.SURROUNDS)
        self._add_whole(form, "display", "font_percent", step=5)
        form.addRow(_remark(strings.LOOK_REMARK))
        self._add_switch(form, "display", "icc")
        self._add_number(form, "display", "screen_diagonal_inch", step=0.5)
        self._add_number(form, "display", "screen_distance_cm", step=1)
        form.addRow(_remark(strings.SCREEN_REMARK))

    def _add_mouse_tab(self) -> None:
        form = self._tab(strings.MOUSE_TAB)
        self._add_switch(form, "display", "invert_wheel")
        self._add_switch(form, "display", "kinetic_pan")

    def _add_memory_tab(self) -> None:
        form = self._tab(strings.MEMORY_TAB)
        self._add_whole(form, "memory", "cpu_cache_bytes", unit=MIB, step=32)
        self._add_whole(form, "memory", "gpu_cache_bytes", unit=MIB, step=32)
        self._add_whole(form, "memory", "plain_image_max_px", unit=_MPX, step=50)
        self._add_number(form, "streaming", "upload_budget_moving_ms", step=0.5)
        self._add_number(form, "streaming", "upload_budget_rest_ms", step=0.5)
        self._add_number(form, "streaming", "fade_ms", step=10)
        self._add_whole(form, "streaming", "decode_threads", zero=strings.ONE_LESS_THAN_CORES)
        self._add_switch(form, "streaming", "prefetch")
        form.addRow(_remark(strings.MEMORY_REMARK))

    def _add_search_tab(self) -> None:
        form = self._tab(strings.SEARCH_TAB)
        self._add_switch(form, "relevance", "analyse_ahead")
        self._add_switch(form, "relevance", "steers_loading")
        self._add_whole(form, "relevance", "store_bytes", unit=MIB, step=1024)
        self._add_whole(form, "relevance", "worker_threads", zero=strings.ONE_LESS_THAN_CORES)
        form.addRow(_remark(strings.SEARCH_REMARK))

    def _add_gaze_tab(self) -> None:
        form = self._tab(strings.GAZE_TAB)
        self._add_choice(form, "gaze", "source", strings.GAZE_SOURCES)
        self._add_text(form, "gaze", "recording")
        self._add_number(form, "gaze", "pointer_radius_deg", step=0.5)
        self._add_number(form, "gaze", "tracker_radius_deg", step=0.5)
        form.addRow(_remark(strings.GAZE_REMARK))

    def _tab(self, title: str) -> QFormLayout:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(em_px(0.8), em_px(0.8), em_px(0.8), em_px(0.8))
        self._tabs.addTab(YieldingArea(page), title)
        return form

    def _rule(self, group: str, name: str) -> Any:
        return type(getattr(self._settings, group)).rule(name)

    def _add_choice(self, form: QFormLayout, group: str, name: str, labels: dict[str, str]) -> None:
        rule = self._rule(group, name)
        assert isinstance(rule, Choice)
        box = QComboBox()
        for option in rule.options:
            box.addItem(labels[option], option)
        self._add_row(form, group, name, box)
        self._fields[group, name] = (box.currentData, lambda value: box.setCurrentIndex(box.findData(value)))

    def _add_switch(self, form: QFormLayout, group: str, name: str) -> None:
        label = strings.FIELDS[group, name]
        box = QCheckBox(label)
        box.setToolTip(label.replace("&", ""))
        form.addRow(box)
        self._fields[group, name] = (box.isChecked, box.setChecked)

    def _add_text(self, form: QFormLayout, group: str, name: str) -> None:
        field = QLineEdit()
        self._add_row(form, group, name, field)
        self._fields[group, name] = (field.text, field.setText)

    def _add_number(self, form: QFormLayout, group: str, name: str, *, step: float) -> None:
        rule = self._rule(group, name)
        assert isinstance(rule, Limits)
        spin = QDoubleSpinBox(decimals=1, minimum=rule.low, maximum=rule.high, singleStep=step)
        spin.setSuffix(strings.UNITS[group, name])
        self._add_row(form, group, name, spin, (f"{rule.low:g}", f"{rule.high:g}"))
        self._fields[group, name] = (spin.value, spin.setValue)

    def _add_whole(
        self, form: QFormLayout, group: str, name: str, *, unit: int = 1, step: int = 1, zero: str = ""
    ) -> None:
        """A field for a multiple of ``unit``; ``zero`` is shown in place of 0."""
        rule = self._rule(group, name)
        assert isinstance(rule, Limits)
        low, high = int(rule.low) // unit, int(rule.high) // unit
        spin = QSpinBox(minimum=low, maximum=high, singleStep=step)
        spin.setSuffix(strings.UNITS.get((group, name), ""))
        spin.setSpecialValueText(zero)
        spin.setGroupSeparatorShown(True)
        self._add_row(form, group, name, spin, (f"{low:,}", f"{high:,}"))
        self._fields[group, name] = (
            lambda: spin.value() * unit,
            lambda value: spin.setValue(round(value / unit)),
        )

    def _add_row(
        self, form: QFormLayout, group: str, name: str, field: QWidget, allowed: tuple[str, str] | None = None
    ) -> None:
        label = strings.FIELDS[group, name]
        plain = label.replace("&", "")
        field.setAccessibleName(plain)
        field.setToolTip(plain)
        if allowed is not None:
            low, high = allowed
            unit = strings.UNITS.get((group, name), "")
            field.setToolTip(strings.FIELD_TOOLTIP.format(field=plain, low=low, high=high, unit=unit))
        form.addRow(label, field)


def _remark(text: str) -> QLabel:
    remark = QLabel(text, wordWrap=True)
    remark.setProperty("muted", True)
    return remark
