"""How a part follows one object after another: the active slide view, or what belongs to it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtCore import SignalInstance

    Slots = Mapping[str, Callable[..., object]]


class Following:
    """The connections of one part to the one object that it follows now.

    ``slots``: what to call, by the name of the object's signal, "overlays.changed" for one of its parts.
    ``queued``: the same for signals that come at a time when nothing may be done yet.
    """

    def __init__(self, slots: Slots, *, queued: Slots | None = None) -> None:
        self._slots, self._queued = slots, queued or {}
        self._connected: list[tuple[SignalInstance, Callable[..., object]]] = []

    def follow(self, sender: object) -> None:
        """Let the signals of this object arrive from now on, and those of the one before no longer."""
        self.stop()
        self._connect(sender, self._slots, Qt.ConnectionType.AutoConnection)
        self._connect(sender, self._queued, Qt.ConnectionType.QueuedConnection)

    def stop(self) -> None:
        """Follow nothing."""
        for signal, slot in self._connected:
            signal.disconnect(slot)
        self._connected.clear()

    def _connect(self, sender: object, slots: Slots, kind: Qt.ConnectionType) -> None:
        for name, slot in slots.items():
            signal = attrgetter(name)(sender)
            signal.connect(slot, kind)
            self._connected.append((signal, slot))
