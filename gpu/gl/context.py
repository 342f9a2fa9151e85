"""OpenGL contexts that need no display, and facts and errors of the context in use.

PyOpenGL binds itself to GLX or EGL while it is imported, by an environment variable; entry points therefore
call prepare_egl_environment() first, and this module imports OpenGL only inside its functions.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.egl import Current, DisplayChoice, Egl

_MAX_DRAINED_ERRORS = 32
_MINIMUM_GL = (3, 3)

_ERROR_NAMES = {
    0x0500: "GL_INVALID_ENUM",
    0x0501: "GL_INVALID_VALUE",
    0x0502: "GL_INVALID_OPERATION",
    0x0503: "GL_STACK_OVERFLOW",
    0x0504: "GL_STACK_UNDERFLOW",
    0x0505: "GL_OUT_OF_MEMORY",
    0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION",
    0x0507: "GL_CONTEXT_LOST",
}


def prepare_egl_environment(*, screenless: bool = False) -> None:
    """Choose EGL for PyOpenGL and for Qt's xcb plug-in, on Linux; elsewhere this does nothing.

    Window and off-screen contexts then share one way to OpenGL in one process.
    Values the user has set are kept.

    Args:
        screenless: there is no display at all, so Mesa's default EGL platform must be the surfaceless one.

    Raises:
        GpuError: OpenGL was imported before with another platform, so that the choice would come too late.
    """
    if not sys.platform.startswith("linux"):
        return
    if "OpenGL.platform" in sys.modules and os.environ.get("PYOPENGL_PLATFORM") != "egl":
        raise GpuError(
            "OpenGL was imported before its platform was chosen; call prepare_egl_environment() first"
        )
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    os.environ.setdefault("QT_XCB_GL_INTEGRATION", "xcb_egl")
    if screenless:
        os.environ.setdefault("EGL_PLATFORM", "surfaceless")


def drain_errors() -> list[str]:
    """Names of all errors the current context has recorded; it has none afterwards."""
    from OpenGL.raw.GL.VERSION.GL_1_0 import glGetError

    names: list[str] = []
    # A lost context may report the same error without end, hence the bound.
    while len(names) < _MAX_DRAINED_ERRORS:
        code = int(glGetError())
        if code == 0:
            break
        names.append(_ERROR_NAMES.get(code, f"GL error 0x{code:04x}"))
    return names


def check(action: str) -> None:
    """Raise GpuError, naming `action`, if the current context has recorded errors."""
    errors = drain_errors()
    if errors:
        raise GpuError(strings.GL_ERRORS.format(action=action, errors=", ".join(errors)))


def gl_info() -> dict[str, str | int]:
    """Facts about the current context.

    Returns:
        vendor, renderer, version and glsl_version as text; max_layers (of a texture array),
        max_texture_size_px, max_3d_texture_size_px and max_renderbuffer_size_px as numbers.
    """
    from OpenGL import GL

    def text(name: Any) -> str:
        value = GL.glGetString(name)
        if value is None:
            raise GpuError(strings.NO_CONTEXT)
        return str(value.decode("utf-8", "replace"))

    return {
        "vendor": text(GL.GL_VENDOR),
        "renderer": text(GL.GL_RENDERER),
        "version": text(GL.GL_VERSION),
        "glsl_version": text(GL.GL_SHADING_LANGUAGE_VERSION),
        "max_layers": int(GL.glGetIntegerv(GL.GL_MAX_ARRAY_TEXTURE_LAYERS)),
        "max_texture_size_px": int(GL.glGetIntegerv(GL.GL_MAX_TEXTURE_SIZE)),
        "max_3d_texture_size_px": int(GL.glGetIntegerv(GL.GL_MAX_3D_TEXTURE_SIZE)),
        "max_renderbuffer_size_px": int(GL.glGetIntegerv(GL.GL_MAX_RENDERBUFFER_SIZE)),
    }


def is_software() -> bool:
    """Whether the current context draws on the processor (Mesa's llvmpipe or softpipe, or SwiftShader)."""
    renderer = str(gl_info()["renderer"]).lower()
    return any(name in renderer for name in ("llvmpipe", "softpipe", "swiftshader"))


class OffscreenContext:
    """A compatibility-profile OpenGL context without window or display; use as a context manager.

    It is current inside the `with` block; whatever EGL context the thread had before is current again
    afterwards. Draw into framebuffer objects (gpu.gl.offscreen): there is no default framebuffer.
    """

    def __init__(self) -> None:
        self._egl: Egl | None = None
        self._own = Current(None, None, None, None)
        self._previous = Current(None, None, None, None)

    def __enter__(self) -> OffscreenContext:
        if not sys.platform.startswith("linux"):
            raise GpuError(strings.LINUX_ONLY)
        prepare_egl_environment()
        egl = self._egl = Egl()
        self._previous = egl.current()
        failures: list[str] = []
        for choice in egl.display_choices():
            try:
                self._open(egl, choice)
            except GpuError as error:
                failures.append(f"{choice.name}: {error}")
            else:
                return self
        raise GpuError(
            strings.NO_OFFSCREEN_CONTEXT.format(failures="; ".join(failures), hint=strings.INSTALL_HINT)
        )

    def __exit__(self, *_error: object) -> None:
        self.release()

    def make_current(self) -> None:
        """Make this context current in the calling thread.

        Raises:
            GpuError: the context was released, or is current in another thread.
        """
        if self._egl is None or self._own.context is None:
            raise GpuError("the off-screen context is not open")
        self._egl.make_current(self._own)

    def release(self) -> None:
        """Destroy the context and make the thread's earlier one current again, if that still exists. A second
        call does nothing.

        The EGL display stays open: it is one per process, and other contexts may use it.
        """
        if self._egl is None or self._own.context is None or self._own.display is None:
            return
        display, context = self._own.display, self._own.context
        self._own = Current(None, None, None, None)
        nothing = Current(display, None, None, None)
        try:
            self._egl.make_current(nothing if self._previous.context is None else self._previous)
        except GpuError:  # the earlier context ended meanwhile, with its window for instance
            self._egl.make_current(nothing)
        self._egl.destroy_context(display, context)

    def _open(self, egl: Egl, choice: DisplayChoice) -> None:
        display = egl.open_display(choice)
        self._own = Current(display, None, None, egl.create_context(display))
        try:
            self.make_current()
            _require_minimum_version()
        except GpuError:
            self.release()
            raise


def _require_minimum_version() -> None:
    from OpenGL import GL

    version = (int(GL.glGetIntegerv(GL.GL_MAJOR_VERSION)), int(GL.glGetIntegerv(GL.GL_MINOR_VERSION)))
    if version < _MINIMUM_GL:
        raise GpuError(strings.OLD_OPENGL.format(major=version[0], minor=version[1]))
