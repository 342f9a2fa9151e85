"""The reader's state: recent slides, and the last view of each.

A slide is identified by path, size and modification time: a changed file has no last view.
"""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

from viewer.common.atomic_write import save_atomically
from viewer.common.paths import state_dir
from viewer.ui.shell import strings
from viewer.view.camera import View

log = logging.getLogger("foveola.state")

MAX_RECENT = 20
MAX_VIEWS = 500
VERSION = 1


class ReaderState:
    """Recent slides and last views, kept in one JSON file. Belongs to the GUI thread.

    ``notice`` is a message where the file could not be used at loading, else None.
    """

    def __init__(self, path: Path, *, notice: str | None = None) -> None:
        self.notice = notice
        self._path = path
        self._recent: list[Path] = []
        self._views: dict[str, View] = {}  # oldest first

    @classmethod
    def load(cls, path: Path | None = None) -> ReaderState:
        """The state in ``path`` (None: the default file). A damaged file is renamed."""
        file = path or state_dir() / "reader.json"
        state = cls(file)
        try:
            state._restore(json.loads(file.read_bytes()))
        except FileNotFoundError:
            pass  # the first start
        except OSError as error:
            state = cls(file, notice=strings.STATE_UNREADABLE.format(path=file, reason=error.strerror))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s is damaged: %s", file, error)
            state = cls(file, notice=_rename_damaged(file))
        return state

    @property
    def recent(self) -> tuple[Path, ...]:
        """Slides opened last, newest first, at most 20."""
        return tuple(self._recent)

    def opened(self, path: Path) -> None:
        """Make a slide the newest of the recent ones."""
        absolute = path.absolute()
        self._recent = [absolute, *(other for other in self._recent if other != absolute)][:MAX_RECENT]

    def forget(self, path: Path) -> None:
        """Remove a slide from the recent ones."""
        self._recent = [other for other in self._recent if other != path.absolute()]

    def forget_all(self) -> None:
        """Remove all recent slides and views."""
        self._recent.clear()
        self._views.clear()

    def remember_view(self, path: Path, view: View | None) -> None:
        """Keep the view of a slide, or none; the 500 newest are kept. Does nothing for a slide that does not
        exist."""
        key = _slide_key(path)
        if key is None:
            return
        self._views.pop(key, None)
        if view is not None:
            self._views[key] = view
        while len(self._views) > MAX_VIEWS:
            del self._views[next(iter(self._views))]

    def last_view(self, path: Path) -> View | None:
        """The last view of a slide; None for one that is new, changed or missing."""
        key = _slide_key(path)
        return None if key is None else self._views.get(key)

    def save(self) -> None:
        """Write the file atomically. Raises SaveError."""
        tables = {
            "version": VERSION,
            "recent": [str(path) for path in self._recent],
            "views": {
                key: [view.centre_x, view.centre_y, view.downsample, view.rotation_rad]
                for key, view in self._views.items()
            },
        }
        save_atomically(self._path, json.dumps(tables, indent=1).encode())

    def _restore(self, tables: dict[str, Any]) -> None:
        """Restore from a file's tables. Raises ValueError, TypeError, KeyError or AttributeError."""
        if tables["version"] != VERSION:
            raise ValueError(f"version {tables['version']!r} is not {VERSION}")
        recent = [Path(path) for path in tables["recent"][:MAX_RECENT]]
        views = {str(key): _view(numbers) for key, numbers in list(tables["views"].items())[-MAX_VIEWS:]}
        self._recent, self._views = recent, views


def _view(numbers: list[float]) -> View:
    view = View(*(float(number) for number in numbers))
    finite = all(math.isfinite(n) for n in (view.centre_x, view.centre_y, view.downsample, view.rotation_rad))
    if not finite or view.downsample <= 0:
        raise ValueError(f"{numbers} is not a view")
    return view


def _slide_key(path: Path) -> str | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return f"{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"


def _rename_damaged(file: Path) -> str:
    """Rename a damaged file, so that nothing is lost. Returns the message about it."""
    backup = file.with_name(file.name + ".unreadable")
    try:
        file.replace(backup)
    except OSError as error:
        return strings.STATE_NOT_RENAMED.format(path=file, reason=error.strerror)
    return strings.STATE_DAMAGED.format(path=file, backup=backup.name)
