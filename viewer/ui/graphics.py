"""Whether windows can draw with OpenGL here, asked first: without it Qt shows windows that are all black."""

from __future__ import annotations

from PySide6.QtGui import QOffscreenSurface, QOpenGLContext

from viewer.ui.display import DisplayError

MINIMUM_GL = (3, 3)
_ADVICE = (
    "Install or update the graphics driver, or Mesa, which draws on the processor "
    "(Debian and Ubuntu: apt-get install libgl1-mesa-dri libegl1); `foveola doctor` tells more"
)


class GraphicsError(DisplayError):
    """There is a display, but no OpenGL to draw slides with; the message says why and what to do."""


def require_opengl() -> None:
    """Raise GraphicsError unless Qt can make an OpenGL context that is new enough. Needs a Qt application."""
    context = QOpenGLContext()
    surface = QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        raise GraphicsError(f"no OpenGL context can be made on this display. {_ADVICE}")
    version = context.format().version()
    context.doneCurrent()
    if version < MINIMUM_GL:
        raise GraphicsError(f"OpenGL {version[0]}.{version[1]} is too old: 3.3 or newer is needed. {_ADVICE}")
