"""What outlives the window: the settings in force, the reader's state, and where its panels were."""

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
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QMainWindow

    from viewer.common.settings import Overlay, Settings
    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.shell.view_area import ViewArea
    from viewer.ui.widgets.messages import MessageArea

log = logger("ui")

VERSION = 1
"""Raised whenever docks or toolbars change so much that an old arrangement makes no sense."""


SAVE_STATE_EVERY_MS = 30_000


class Persistence(QObject):
    """The settings and the state of one window. Saves the state now and then, until ``close``."""

    applied = Signal(object)
    """The Settings in force from now on, the same ones or others."""

    def __init__(self, settings: Settings, state: ReaderState, area: ViewArea, messages: MessageArea) -> None:
        super().__init__()
        self.settings, self.state = settings, state
        self._area, self._messages = area, messages
        self._look_unsaved = False
        self._timer = QTimer(self, interval=SAVE_STATE_EVERY_MS)
        self._timer.timeout.connect(self.save_state)
        self._timer.start()

    def apply(self, settings: Settings) -> None:
        """Use other settings from now on, and save them."""
        changed, self.settings = settings != self.settings, settings
        self.applied.emit(settings)
        if changed:
            try:
                settings.save()
            except SaveError as error:
                self._messages.show_message(MessageKind.ERROR, str(error))

    def change(self, table: str, **values: object) -> None:
        """Use other values of one table of the settings, where they are other ones."""
        settings = self.settings.replace(table, **values)
        if settings != self.settings:
            self.apply(settings)

    def keep_look(self, look: Overlay) -> None:
        """Saved with the reader's state, not at each step of a slider."""
        self.settings = replace(self.settings, overlay=look)
        self._look_unsaved = True

    def remember_views(self) -> None:
        """Where the reader is on each slide."""
        for view in self._area.views:
            if view.source is not None:
                self.state.remember_view(view.source.info.path, view.camera.target)

    def save_state(self) -> None:
        """Write where the reader is, and the look of the overlays where it was changed."""
        self.remember_views()
        try:
            self.state.save()
            if self._look_unsaved:
                self._look_unsaved = False
                self.settings.save()
        except SaveError as error:
            self._messages.show_message(MessageKind.WARNING, str(error))

    def close(self, window: QMainWindow) -> None:
        """Save the state and the arrangement a last time."""
        self._timer.stop()
        self.save_state()
        if window.isFullScreen():
            return  # the next start should not surprise with it
        try:
            save_layout(window)
        except SaveError as error:
            log.warning("%s", error)


def layout_path() -> Path:
    """The file. May not exist."""
    return state_dir() / "window.json"


def save_layout(window: QMainWindow) -> None:
    """Write place, size and panels. Raises SaveError."""
    tables = {
        "geometry": _as_text(window.saveGeometry().data()),
        "state": _as_text(window.saveState(VERSION).data()),
    }
    save_atomically(layout_path(), json.dumps(tables).encode())


def restore_layout(window: QMainWindow) -> bool:
    """Put the window back as it was. False where nothing usable is kept, which is no error."""
    try:
        tables = json.loads(layout_path().read_bytes())
        geometry, state = (base64.b64decode(tables[name], validate=True) for name in ("geometry", "state"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError, KeyError, binascii.Error) as error:
        log.warning("%s is not used: %s", layout_path(), error)
        return False
    return window.restoreGeometry(geometry) and window.restoreState(state, VERSION)


def _as_text(data: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(data).decode()
