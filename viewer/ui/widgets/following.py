"""Signal connections that move from one object to the next: the active slide view, or a part of it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtCore import SignalInstance

    Slots = Mapping[str, Callable[..., object]]


class Following:
    """The connections of a component to the one object that it follows.

    ``slots``: functions to call, by signal name; a dotted name such as "overlays.changed" is a part's signal.
    ``queued``: the same, called later from the event loop: for signals sent in the middle of a frame.
    """

    def __init__(self, slots: Slots, *, queued: Slots | None = None) -> None:
        self._slots, self._queued = slots, queued or {}
        self._connected: list[tuple[SignalInstance, Callable[..., object]]] = []

    def follow(self, sender: object) -> None:
        """Connect to this object's signals, and disconnect from those of the one before."""
        self.stop()
        self._connect(sender, self._slots, Qt.ConnectionType.AutoConnection)
        self._connect(sender, self._queued, Qt.ConnectionType.QueuedConnection)

    def stop(self) -> None:
        """Disconnect from the followed object, if any."""
        for signal, slot in self._connected:
            signal.disconnect(slot)
        self._connected.clear()

    def _connect(self, sender: object, slots: Slots, kind: Qt.ConnectionType) -> None:
        for name, slot in slots.items():
            signal = attrgetter(name)(sender)
            signal.connect(slot, kind)
            self._connected.append((signal, slot))
