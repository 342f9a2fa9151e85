"""Where the window and its panels were when it was closed, kept beside the reader's state."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from viewer.common.atomic_write import save_atomically
from viewer.common.log import logger
from viewer.common.paths import state_dir

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QMainWindow

log = logger("ui")

VERSION = 1
"""Raised whenever docks or toolbars change so much that an old arrangement makes no sense."""


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
