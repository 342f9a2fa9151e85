"""Checks for a display before Qt starts, as Qt aborts the process without one; displays in memory."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.common.errors import FoveolaError
from viewer.ui.shell import strings

if TYPE_CHECKING:
    from types import TracebackType

_START_TIMEOUT_S = 20.0
_NO_GL_PLATFORMS = ("offscreen", "minimal", "minimalegl", "vnc", "linuxfb")


class DisplayError(FoveolaError):
    """No window can be opened; the message gives the reason and what to do."""


def has_display() -> bool:
    """Whether the environment names a display; it may still be unreachable."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def require_display() -> None:
    """Raise DisplayError where opening a window would abort the process."""
    if sys.platform != "linux":
        return
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0]
    if platform in _NO_GL_PLATFORMS:
        raise DisplayError(strings.PLATFORM_WITHOUT_OPENGL.format(platform=platform))
    if not has_display():
        raise DisplayError(strings.NO_DISPLAY)
    if os.environ.get("WAYLAND_DISPLAY") and platform != "xcb":
        return
    _require_x_libraries()
    _require_x_server()


def _require_x_libraries() -> None:
    """Load Qt's X11 plug-in and all that it links to: where one library is missing, Qt would abort."""
    import PySide6

    plugin = Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():  # a distribution's own Qt keeps its plug-ins elsewhere and its packages complete
        return
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        library = str(error).split(":", maxsplit=1)[0]
        raise DisplayError(strings.LIBRARY_MISSING.format(library=library)) from error


def _require_x_server() -> None:
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if failed:
        raise DisplayError(strings.DISPLAY_UNREACHABLE.format(display=os.environ["DISPLAY"]))


class VirtualDisplay:
    """An X server in memory (Xvfb) on a free display number; DISPLAY names it inside the ``with`` block."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._screen = f"{width_px}x{height_px}x24"
        self._process: subprocess.Popen[bytes] | None = None
        self._before = os.environ.get("DISPLAY")

    def __enter__(self) -> VirtualDisplay:
        read_end, write_end = os.pipe()
        command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", self._screen, "-nolisten", "tcp"]
        try:
            self._process = subprocess.Popen(
                command, pass_fds=(write_end,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except FileNotFoundError as error:
            os.close(read_end)
            raise DisplayError(strings.NO_XVFB) from error
        finally:
            os.close(write_end)
        os.environ["DISPLAY"] = f":{self._number(read_end)}"
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = self._before
        self._stop()

    def _number(self, read_end: int) -> int:
        """The display number, which Xvfb writes when it is ready."""
        import select

        with os.fdopen(read_end) as answer:
            ready, _, _ = select.select([answer], [], [], _START_TIMEOUT_S)
            text = answer.readline().strip() if ready else ""
        if not text.isdecimal():
            self._stop()
            raise DisplayError(strings.XVFB_NOT_STARTED)
        return int(text)

    def _stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


MINIMUM_GL = (3, 3)


class GraphicsError(DisplayError):
    """The display has no usable OpenGL; the message gives the reason and what to do."""


def require_opengl() -> None:
    """Raise GraphicsError unless Qt can make an OpenGL context that is new enough. Needs a Qt application."""
    # Not at the top: where a system library is missing this import fails; require_display reports that first.
    from PySide6.QtGui import QOffscreenSurface, QOpenGLContext

    context = QOpenGLContext()
    surface = QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        raise GraphicsError(strings.NO_OPENGL.format(advice=strings.OPENGL_ADVICE))
    version = context.format().version()
    context.doneCurrent()
    if version < MINIMUM_GL:
        found, needed = (".".join(map(str, numbers)) for numbers in (version, MINIMUM_GL))
        raise GraphicsError(
            strings.OPENGL_TOO_OLD.format(version=found, needed=needed, advice=strings.OPENGL_ADVICE)
        )
