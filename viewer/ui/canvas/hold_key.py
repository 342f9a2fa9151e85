"""A key that does something only while it is held: hiding the overlay to see the tissue under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

HIDE_KEY = Qt.Key.Key_X
HIDE_KEY_NAME = "Hold X"


class HoldKey(QObject):
    """Watches widgets for one key without modifiers; a key that goes down in one of them counts."""

    held_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._held = False

    def watch(self, *widgets: QWidget) -> None:
        """Watch these widgets too."""
        for widget in widgets:
            widget.installEventFilter(self)

    @property
    def held(self) -> bool:
        return self._held

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Key down, key up, and a focus that leaves while the key is down, after which no key up comes."""
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) and isinstance(event, QKeyEvent):
            if event.key() == HIDE_KEY and not event.modifiers():
                if not event.isAutoRepeat():
                    self._set_held(kind == QEvent.Type.KeyPress)
                return True
        elif kind == QEvent.Type.FocusOut:
            self._set_held(False)
        return super().eventFilter(watched, event)

    def _set_held(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self.held_changed.emit(held)
