"""What is kept between starts: the settings, the reader's state, and the layout of the window."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.common.atomic_write import SaveError, save_atomically
from viewer.common.log import logger
from viewer.common.paths import state_dir
from viewer.ui.widgets.dock_folding import DockSizes
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.common.settings import Overlay, Settings
    from viewer.ui.shell.main_window import MainWindow
    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.shell.view_area import ViewArea
    from viewer.ui.widgets.messages import MessageArea

log = logger("ui")

VERSION = 1
"""To be raised when docks or toolbars change so much that an old layout does not fit them."""

SAVE_STATE_EVERY_MS = 30_000


class Persistence(QObject):
    """The settings and the state of one window. Saves the state every 30 s until ``close``."""

    applied = Signal(object)
    """The Settings that apply from now on; they may be unchanged."""

    def __init__(self, settings: Settings, state: ReaderState, area: ViewArea, messages: MessageArea) -> None:
        super().__init__()
        self.settings, self.state = settings, state
        self._area, self._messages = area, messages
        self._overlay_unsaved = False
        self._reported: set[str] = set()
        self._timer = QTimer(self, interval=SAVE_STATE_EVERY_MS)
        self._timer.timeout.connect(self.save_state)
        self._timer.start()

    def apply(self, settings: Settings) -> None:
        """Apply settings, and save them where they differ. A failure to save is shown as a message."""
        changed, self.settings = settings != self.settings, settings
        self.applied.emit(settings)
        if changed:
            try:
                settings.save()
            except SaveError as error:
                self.report(error)

    def change(self, table: str, **values: object) -> None:
        """Change values of one table of the settings; does nothing where they are the same."""
        settings = self.settings.replace(table, **values)
        if settings != self.settings:
            self.apply(settings)

    def set_overlay(self, overlay: Overlay) -> None:
        """Change the overlay settings; saved with the reader's state, not at each step of a slider."""
        self.settings = replace(self.settings, overlay=overlay)
        self._overlay_unsaved = True

    def remember_views(self) -> None:
        """Put the present view of each open slide into the reader's state; none of a slide that is shown as a
        whole, which will be fitted anew."""
        for view in self._area.views:
            if view.source is not None:
                where = view.source.info.locator
                self.state.remember_view(where, None if view.fitted else view.camera.target)

    def save_state(self) -> None:
        """Save the reader's state, and changed overlay settings. A failure is shown as a message."""
        self.remember_views()
        try:
            self.state.save()
            if self._overlay_unsaved:
                self._overlay_unsaved = False
                self.settings.save()
        except SaveError as error:
            self.report(error)
        else:
            self._reported.clear()

    def report(self, error: SaveError, chosen: bool = False) -> None:
        """Show why a file is not saved, once until all can be: what all files share, and what returns every
        30 s, is one message. What the reader has ``chosen`` to save is said again once that was dismissed."""
        shown = any(error.reason in message.text for message in self._messages.messages)
        if not shown and (chosen or error.reason not in self._reported):
            self._reported.add(error.reason)
            self._messages.show_message(MessageKind.WARNING, str(error), stays=True)

    def close(self, window: MainWindow) -> None:
        """Save the state and the layout a last time."""
        self._timer.stop()
        self.save_state()
        if window.isFullScreen():
            return  # the next start should be in a window
        try:
            save_layout(window)
        except SaveError as error:
            log.warning("%s", error)


def layout_path() -> Path:
    """The file of the window's layout; it may not exist."""
    return state_dir() / "window.json"


def save_layout(window: MainWindow) -> None:
    """Save position, size and panels, and the sizes of these where there is room. Raises SaveError."""
    sizes = window.docks.folding.sizes
    tables = {
        "geometry": _as_text(window.saveGeometry().data()),
        "state": _as_text(window.saveState(VERSION).data()),
        "widths": sizes.widths,
        "heights": sizes.heights,
    }
    save_atomically(layout_path(), json.dumps(tables).encode())


def restore_layout(window: MainWindow) -> bool:
    """Restore panels, and position and size within the screen. Returns False where the window still needs a
    place: nothing usable is saved, or only for a much larger screen."""
    try:
        tables = json.loads(layout_path().read_bytes())
        geometry, state = (base64.b64decode(tables[name], validate=True) for name in ("geometry", "state"))
        sizes = DockSizes(*(_lengths(tables.get(name, {})) for name in ("widths", "heights")))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        log.warning("%s is not used: %s", layout_path(), error)
        return False
    placed = window.restoreGeometry(geometry)
    if window.restoreState(state, VERSION):
        window.docks.folding.sizes = sizes
    if placed and not window.isMaximized():
        _keep_on_screen(window)
    return placed


def _lengths(table: dict[str, int]) -> dict[str, int]:
    """The pixels that are saved for each dock. Raises ValueError, TypeError or AttributeError."""
    lengths = {name: int(px) for name, px in table.items()}
    if min(lengths.values(), default=1) < 1:
        raise ValueError(f"{table} are no sizes of panels")
    return lengths


def _keep_on_screen(window: MainWindow) -> None:
    """Shrink and move a window to where all of it is seen: it may have been saved on a larger screen."""
    available, place = window.screen().availableGeometry(), window.geometry()
    place.setSize(place.size().boundedTo(available.size()))
    place.moveRight(min(place.right(), available.right()))
    place.moveBottom(min(place.bottom(), available.bottom()))
    place.moveLeft(max(place.left(), available.left()))
    place.moveTop(max(place.top(), available.top()))
    window.setGeometry(place)


def _as_text(data: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(data).decode()
