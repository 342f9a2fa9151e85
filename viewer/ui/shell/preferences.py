"""The preferences dialog: edits a ``Settings`` object and hands it out; who opened it applies and saves it.

What is allowed stands in ``viewer.common.settings``: ranges and choices of the fields come from there.
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
from viewer.ui.shell.shortcut_editor import ShortcutEditor
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

_THEME_WORDS = {"system": "Like the system", "light": "Light", "dark": "Dark"}
_GAZE_WORDS = {
    "pointer": "The mouse pointer",
    "tracker": "An eye tracker",
    "recording": "A recording",
    "off": "Nowhere",
}
_MPX = 1_000_000


class Preferences(QDialog):
    """Tabs of fields. Apply and OK send ``applied``; nothing is sent while a key is used twice."""

    applied = Signal(object)
    """The new Settings."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self._settings = settings
        self._fields: dict[tuple[str, str], tuple[Callable[[], Any], Callable[[Any], None]]] = {}
        self._tabs = QTabWidget()
        self._tabs.setAccessibleName("Preferences")
        self._add_window_tab()
        self._add_mouse_tab()
        self._add_memory_tab()
        self._add_search_tab()
        self._add_gaze_tab()
        self.shortcuts = ShortcutEditor(settings.shortcuts)
        self.shortcuts.changed.connect(self._check)
        self._tabs.addTab(self.shortcuts, "&Keys")
        self._problem = QLabel(wordWrap=True)
        self._problem.setAccessibleName("What is wrong")
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
        """What keeps the settings from being applied; empty where nothing does."""
        return self._problem.text()

    def value(self, group: str, name: str) -> Any:
        """What a field shows, in the settings' unit."""
        return self._fields[group, name][0]()

    def set_value(self, group: str, name: str, value: Any) -> None:
        """Put a value into a field, in the settings' unit."""
        self._fields[group, name][1](value)

    def apply(self) -> bool:
        """Send the settings as they are now. False where something is wrong, which is then shown."""
        if not self._check():
            return False
        changed = self._settings
        try:
            for (group, name), (read, _) in self._fields.items():
                changed = changed.replace(group, **{name: read()})
            changed = dataclasses.replace(changed, shortcuts=MappingProxyType(self.shortcuts.chosen))
        except SettingsError as error:
            self._problem.setText(f"⚠ {error}")
            return False
        self._settings = changed
        self.applied.emit(changed)
        return True

    def restore_defaults(self) -> None:
        """Show the settings of a fresh start; they count once they are applied."""
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
        self._problem.setText(f"⚠ {problem}" if problem else "")
        for button in (QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Apply):
            self._buttons.button(button).setEnabled(not problem)
        return not problem

    def _add_window_tab(self) -> None:
        form = self._tab("&Window")
        self._add_choice(form, "display", "theme", "&Theme", _THEME_WORDS)
        self._add_switch(form, "display", "icc", "Apply the slide's &colour profile (ICC)")
        self._add_number(form, "display", "screen_diagonal_inch", "Screen &diagonal", " inch", step=0.5)
        self._add_number(form, "display", "screen_distance_cm", "Distance to the &screen", " cm", step=1)
        form.addRow(_remark("Size and distance of the screen tell how large a field appears to the eye."))

    def _add_mouse_tab(self) -> None:
        form = self._tab("&Mouse")
        self._add_switch(form, "display", "invert_wheel", "Wheel forwards zooms &out")
        self._add_switch(form, "display", "kinetic_pan", "The slide &glides on after a quick drag")

    def _add_memory_tab(self) -> None:
        form = self._tab("Memory and &speed")
        self._add_whole(
            form, "memory", "cpu_cache_bytes", "Decoded tiles in &memory", " MiB", unit=MIB, step=32
        )
        self._add_whole(
            form, "memory", "gpu_cache_bytes", "Tiles on the &graphics processor", " MiB", unit=MIB, step=32
        )
        self._add_whole(
            form, "memory", "plain_image_max_px", "Largest &plain image", " megapixels", unit=_MPX, step=50
        )
        self._add_number(
            form, "streaming", "upload_budget_moving_ms", "Upload while m&oving", " ms a frame", step=0.5
        )
        self._add_number(
            form, "streaming", "upload_budget_rest_ms", "Upload at &rest", " ms a frame", step=0.5
        )
        self._add_number(form, "streaming", "fade_ms", "&Fade from coarse to sharp", " ms", step=10)
        self._add_whole(
            form, "streaming", "decode_threads", "&Decoding threads", "", zero="one less than cores"
        )
        self._add_switch(form, "streaming", "prefetch", "Read &ahead in the direction of movement")
        form.addRow(_remark("Threads and the largest plain image count from the next slide on."))

    def _add_search_tab(self) -> None:
        form = self._tab("&Search")
        self._add_switch(
            form, "relevance", "analyse_ahead", "&Begin with the analysis when the query panel is shown"
        )
        self._add_switch(form, "relevance", "steers_loading", "&Load first what the query points to")
        self._add_whole(
            form, "relevance", "store_bytes", "&Measurements kept on disk", " MiB", unit=MIB, step=1024
        )
        self._add_whole(
            form, "relevance", "worker_threads", "&Threads of the analysis", "", zero="one less than cores"
        )
        form.addRow(
            _remark(
                "Disk and threads count from the next slide on. The slides not looked at longest go "
                "first when the disk share is full."
            )
        )

    def _add_gaze_tab(self) -> None:
        form = self._tab("&Gaze")
        self._add_choice(form, "gaze", "source", "&Gaze from", _GAZE_WORDS)
        self._add_text(form, "gaze", "recording", "&Recording (CSV)")
        self._add_number(form, "gaze", "pointer_radius_deg", "Eye from &pointer, up to", "°", step=0.5)
        self._add_number(form, "gaze", "tracker_radius_deg", "&Tracker errs, up to", "°", step=0.5)
        form.addRow(
            _remark(
                "What you look at loads and is analysed first. Nothing else follows from it, and it is not "
                "kept. Trackers are heard through the Lab Streaming Layer, which needs the extra “gaze”."
            )
        )

    def _tab(self, title: str) -> QFormLayout:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(em_px(0.8), em_px(0.8), em_px(0.8), em_px(0.8))
        self._tabs.addTab(page, title)
        return form

    def _rule(self, group: str, name: str) -> Any:
        return type(getattr(self._settings, group)).rule(name)

    def _add_choice(
        self, form: QFormLayout, group: str, name: str, label: str, words: dict[str, str]
    ) -> None:
        rule = self._rule(group, name)
        assert isinstance(rule, Choice)
        box = QComboBox()
        for option in rule.options:
            box.addItem(words[option], option)
        self._add_row(form, label, box)
        self._fields[group, name] = (box.currentData, lambda value: box.setCurrentIndex(box.findData(value)))

    def _add_switch(self, form: QFormLayout, group: str, name: str, label: str) -> None:
        box = QCheckBox(label)
        box.setToolTip(label.replace("&", ""))
        form.addRow(box)
        self._fields[group, name] = (box.isChecked, box.setChecked)

    def _add_text(self, form: QFormLayout, group: str, name: str, label: str) -> None:
        field = QLineEdit()
        self._add_row(form, label, field)
        self._fields[group, name] = (field.text, field.setText)

    def _add_number(
        self, form: QFormLayout, group: str, name: str, label: str, suffix: str, *, step: float
    ) -> None:
        rule = self._rule(group, name)
        assert isinstance(rule, Limits)
        spin = QDoubleSpinBox(decimals=1, minimum=rule.low, maximum=rule.high, singleStep=step, suffix=suffix)
        self._add_row(form, label, spin, f"from {rule.low:g} to {rule.high:g}{suffix}")
        self._fields[group, name] = (spin.value, spin.setValue)

    def _add_whole(
        self,
        form: QFormLayout,
        group: str,
        name: str,
        label: str,
        suffix: str,
        *,
        unit: int = 1,
        step: int = 1,
        zero: str = "",
    ) -> None:
        rule = self._rule(group, name)
        assert isinstance(rule, Limits)
        low, high = int(rule.low) // unit, int(rule.high) // unit
        spin = QSpinBox(minimum=low, maximum=high, singleStep=step, suffix=suffix)
        spin.setSpecialValueText(zero)
        spin.setGroupSeparatorShown(True)
        self._add_row(form, label, spin, f"from {low:,} to {high:,}{suffix}")
        self._fields[group, name] = (
            lambda: spin.value() * unit,
            lambda value: spin.setValue(round(value / unit)),
        )

    def _add_row(self, form: QFormLayout, label: str, field: QWidget, allowed: str = "") -> None:
        plain = label.replace("&", "")
        field.setAccessibleName(plain)
        field.setToolTip(f"{plain}, {allowed}" if allowed else plain)
        form.addRow(label, field)


def _remark(text: str) -> QLabel:
    remark = QLabel(text, wordWrap=True)
    remark.setProperty("muted", True)
    return remark
