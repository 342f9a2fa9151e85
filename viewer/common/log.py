"""The log file, hooks that log uncaught errors, and the text behind "copy diagnostics".

One logger per category below ``foveola`` (``foveola.slide``, ``foveola.ui`` …). Diagnostics are made to be
pasted into a public bug report: they hold no folder names, which may contain a patient's name.
"""

from __future__ import annotations

import importlib.metadata
import logging
import logging.handlers
import platform
import re
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

import viewer
from viewer.common import strings
from viewer.common.errors import is_defect
from viewer.common.paths import log_dir
from viewer.common.text import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from viewer.common.settings import Settings

FILE_BYTES = 1_000_000
OLD_FILES = 3
KEPT_LINES = 100
LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
LIBRARIES = (
    *("PySide6-Essentials", "vispy", "PyOpenGL", "numpy", "pillow", "openslide-python", "openslide-bin"),
    *("imagecodecs", "simplejpeg", "torch"),
)

_root = logging.getLogger("foveola")
_log = logging.getLogger("foveola.log")
# From the first word with a separator to the last separator of the line: rather too much than a name.
_FOLDERS = re.compile(r"\S*[\\/].*[\\/]|[\\/](?=\S)")


def logger(category: str) -> logging.Logger:
    """The logger of one category: "slide", "stream", "gpu", "ui"."""
    return logging.getLogger(f"foveola.{category}")


class _LastLines(logging.Handler):
    """Keeps the newest lines in memory for the diagnostics."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.extend(self.format(record).splitlines())


class Logging:
    """From ``start`` to ``stop``: a rotating file, the last lines in memory, hooks for uncaught errors.

    Where the file cannot be written, the program goes on and the log goes to stderr, with a warning.
    """

    def __init__(self, *, debug: bool = False, folder: Path | None = None) -> None:
        self.path = (folder or log_dir()) / "foveola.log"
        self._level = logging.DEBUG if debug else logging.INFO
        self._memory = _LastLines()
        self._handlers: list[logging.Handler] = [self._memory]
        self._hooks = (sys.excepthook, threading.excepthook)

    def start(self) -> None:
        """Begin to log. The hooks log an error and then call the hooks that were set before."""
        failure: OSError | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handlers.append(
                logging.handlers.RotatingFileHandler(
                    self.path,
                    maxBytes=FILE_BYTES,
                    backupCount=OLD_FILES,
                    encoding="utf-8",
                    errors="backslashreplace",
                )
            )
        except OSError as error:
            failure = error
            self._handlers.append(logging.StreamHandler())
        for handler in self._handlers:
            handler.setFormatter(logging.Formatter(LINE))
            _root.addHandler(handler)
        _root.setLevel(self._level)
        self._hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook, threading.excepthook = self._uncaught, self._uncaught_in_thread
        _log.info("Foveola %s on %s", viewer.__version__, platform.platform())
        if failure:
            _log.warning("no log file: %s: %s", self.path, failure.strerror)

    def stop(self) -> None:
        """Restore the hooks and close the file."""
        sys.excepthook, threading.excepthook = self._hooks
        for handler in self._handlers:
            _root.removeHandler(handler)
            handler.close()
        self._handlers = [self._memory]

    def last_lines(self) -> list[str]:
        """The newest lines, at most ``KEPT_LINES``."""
        return list(self._memory.lines)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _log.critical("uncaught error", exc_info=(kind, error, trace))
        self._hooks[0](kind, error, trace)

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            name = args.thread.name if args.thread else "unknown"
            _log.critical(
                "uncaught error in thread %s",
                name,
                exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
            )
        self._hooks[1](args)


def described(error: BaseException) -> str:
    """An error as one line for the user. A defect is logged with its traceback: at the end of the log file
    where this process (a command, a worker) keeps no log.
    """
    if is_defect(error):
        running = None if _root.handlers else Logging()
        if running is not None:
            running.start()
        _log.critical("uncaught error", exc_info=error)
        if running is not None:
            running.stop()
    return in_words(error)


def versions() -> dict[str, str]:
    """Versions of Foveola, Python, the system, and the libraries that are installed."""
    found = {
        "Foveola": viewer.__version__,
        "Python": platform.python_version(),
        "System": platform.platform(),
    }
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def without_folders(text: str) -> str:
    """The text with every path cut down to its file name, line by line."""
    return "\n".join(_FOLDERS.sub("…", line) for line in text.splitlines())


def diagnostics(
    *,
    lines: list[str],
    settings: Settings | None = None,
    gl_info: Mapping[str, object] | None = None,
    facts: Mapping[str, object] | None = None,
) -> str:
    """Text for a bug report: versions, graphics, settings, facts, log lines. Carries no folder names."""
    parts = [strings.DIAGNOSTICS, *_section(strings.VERSIONS, versions())]
    if gl_info:
        parts += _section(strings.GRAPHICS, gl_info)
    if settings:
        groups = {"memory": settings.memory, "streaming": settings.streaming, "display": settings.display}
        parts += _section(strings.SETTINGS, groups | {"shortcuts": dict(settings.shortcuts)})
    if facts:
        parts += _section(strings.FACTS, {name: without_folders(str(value)) for name, value in facts.items()})
    parts += ["", strings.LOG, *(f"  {without_folders(line)}" for line in lines)]
    return "\n".join(parts) + "\n"


def _section(title: str, facts: Mapping[str, object]) -> list[str]:
    return ["", title, *(f"  {name}: {value}" for name, value in facts.items())]
