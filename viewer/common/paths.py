"""The folders of Foveola's own files: settings, state, logs, caches. One variable moves them all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable

HOME_VARIABLE = "FOVEOLA_HOME"
"""Environment variable: one folder that holds everything, instead of the system's usual places."""


def config_dir() -> Path:
    """The folder of the settings file. May not exist yet."""
    return _folder("config", platformdirs.user_config_path)


def cache_dir() -> Path:
    """The folder of files that can be made again: built levels, thumbnails, demo slide. May not exist yet."""
    return _folder("cache", platformdirs.user_cache_path)


def state_dir() -> Path:
    """The folder of what is kept between sessions: recent files, last views. May not exist yet."""
    return _folder("state", platformdirs.user_state_path)


def data_dir() -> Path:
    """The folder of what nothing can make again: the record of readings. May not exist yet."""
    return _folder("data", platformdirs.user_data_path)


def log_dir() -> Path:
    """The folder of the log file. May not exist yet."""
    return _folder("log", platformdirs.user_log_path)


OWN_FOLDERS = (config_dir, cache_dir, state_dir, data_dir, log_dir)
"""All of them: the reader chooses none of these in the window."""


def _folder(name: str, usual: Callable[..., Path]) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) / name if home else usual("foveola", appauthor=False)
