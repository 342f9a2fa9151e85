"""The few EGL calls that an off-screen context needs, bound with ctypes.

PyOpenGL's own EGL module cannot be imported once OpenGL.ERROR_CHECKING is off (PyOpenGL 3.1.10), which is
how the application runs; hence this binding. Numbers and signatures are those of the EGL 1.5 registry.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_uint, c_void_p
from typing import Any, NamedTuple

from gpu.errors import GpuError
from gpu.gl import strings

_OPENGL_API = 0x30A2
_EXTENSIONS = 0x3055
_NONE = 0x3038
_SURFACE_TYPE = 0x3033
_RENDERABLE_TYPE = 0x3040
_OPENGL_BIT = 0x0008
_DRAW = 0x3059
_READ = 0x305A
_PLATFORM_SURFACELESS_MESA = 0x31DD
_PLATFORM_DEVICE_EXT = 0x313F
_MAX_DEVICES = 16

_ERROR_NAMES = {
    0x3000: "EGL_SUCCESS",
    0x3001: "EGL_NOT_INITIALIZED",
    0x3002: "EGL_BAD_ACCESS",
    0x3003: "EGL_BAD_ALLOC",
    0x3004: "EGL_BAD_ATTRIBUTE",
    0x3005: "EGL_BAD_CONFIG",
    0x3006: "EGL_BAD_CONTEXT",
    0x3008: "EGL_BAD_DISPLAY",
    0x3009: "EGL_BAD_MATCH",
    0x300C: "EGL_BAD_PARAMETER",
    0x300E: "EGL_CONTEXT_LOST",
}

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "eglGetError": (c_int, []),
    "eglGetProcAddress": (c_void_p, [c_char_p]),
    "eglQueryString": (c_char_p, [c_void_p, c_int]),
    "eglGetDisplay": (c_void_p, [c_void_p]),
    "eglInitialize": (c_uint, [c_void_p, POINTER(c_int), POINTER(c_int)]),
    "eglBindAPI": (c_uint, [c_uint]),
    "eglChooseConfig": (c_uint, [c_void_p, POINTER(c_int), POINTER(c_void_p), c_int, POINTER(c_int)]),
    "eglCreateContext": (c_void_p, [c_void_p, c_void_p, c_void_p, POINTER(c_int)]),
    "eglDestroyContext": (c_uint, [c_void_p, c_void_p]),
    "eglMakeCurrent": (c_uint, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "eglGetCurrentContext": (c_void_p, []),
    "eglGetCurrentDisplay": (c_void_p, []),
    "eglGetCurrentSurface": (c_void_p, [c_int]),
}
_GET_PLATFORM_DISPLAY = ctypes.CFUNCTYPE(c_void_p, c_uint, c_void_p, POINTER(c_int))
_QUERY_DEVICES = ctypes.CFUNCTYPE(c_uint, c_int, POINTER(c_void_p), POINTER(c_int))
_QUERY_DEVICE_STRING = ctypes.CFUNCTYPE(c_char_p, c_void_p, c_int)


class DisplayChoice(NamedTuple):
    """One way to an EGL display: a platform and its native handle; platform None is the default display."""

    name: str
    platform: int | None
    native: int | None


class Current(NamedTuple):
    """What a thread has current: handles, None where there is nothing."""

    display: int | None
    draw: int | None
    read: int | None
    context: int | None


class Egl:
    """libEGL, with failures as GpuError. Handles are plain integers."""

    def __init__(self) -> None:
        try:
            self._library: Any = ctypes.CDLL("libEGL.so.1")
        except OSError as error:
            raise GpuError(strings.NO_EGL_LIBRARY.format(error=error, hint=strings.INSTALL_HINT)) from error
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments

    def display_choices(self) -> list[DisplayChoice]:
        """Ways to a display, best first: real devices, Mesa without a surface, the default.

        Named platforms precede the default, which may be the X display that Qt holds too, or may not exist.
        """
        extensions = (self._library.eglQueryString(None, _EXTENSIONS) or b"").decode().split()
        choices: list[DisplayChoice] = []
        if "EGL_EXT_platform_base" in extensions:
            if "EGL_EXT_platform_device" in extensions:
                for index, device in enumerate(self._hardware_devices()):
                    choices.append(DisplayChoice(f"device {index}", _PLATFORM_DEVICE_EXT, device))
            if "EGL_MESA_platform_surfaceless" in extensions:
                choices.append(DisplayChoice("surfaceless", _PLATFORM_SURFACELESS_MESA, None))
        choices.append(DisplayChoice("default display", None, None))
        return choices

    def open_display(self, choice: DisplayChoice) -> int:
        """The initialised display of `choice`; raises GpuError where it does not open."""
        if choice.platform is None:
            display = self._library.eglGetDisplay(None)
        else:
            get_platform_display = _GET_PLATFORM_DISPLAY(self._address("eglGetPlatformDisplayEXT"))
            display = get_platform_display(choice.platform, choice.native, None)
        if not display:
            raise self._error(strings.NO_DISPLAY)
        if not self._library.eglInitialize(display, None, None):
            raise self._error(strings.DISPLAY_NOT_OPENED)
        return int(display)

    def create_context(self, display: int) -> int:
        """A desktop OpenGL context (compatibility profile) on any config: no surface is drawn to."""
        if not self._library.eglBindAPI(_OPENGL_API):
            raise self._error(strings.NO_DESKTOP_OPENGL)
        attributes = (c_int * 5)(_SURFACE_TYPE, 0, _RENDERABLE_TYPE, _OPENGL_BIT, _NONE)
        config, count = (c_void_p * 1)(), c_int()
        found = self._library.eglChooseConfig(display, attributes, config, 1, ctypes.byref(count))
        if not found or count.value < 1:
            raise self._error(strings.NO_CONFIG)
        context = self._library.eglCreateContext(display, config[0], None, None)
        if not context:
            raise self._error(strings.EGL_CALL_FAILED.format(call="eglCreateContext"))
        return int(context)

    def destroy_context(self, display: int, context: int) -> None:
        """Destroy a context; it must not be used afterwards."""
        if not self._library.eglDestroyContext(display, context):
            raise self._error(strings.EGL_CALL_FAILED.format(call="eglDestroyContext"))

    def current(self) -> Current:
        """What the calling thread has current."""
        library = self._library
        return Current(
            library.eglGetCurrentDisplay(),
            library.eglGetCurrentSurface(_DRAW),
            library.eglGetCurrentSurface(_READ),
            library.eglGetCurrentContext(),
        )

    def make_current(self, current: Current) -> None:
        """Make a context, or with context None nothing, current in the calling thread."""
        if not self._library.eglMakeCurrent(current.display, current.draw, current.read, current.context):
            raise self._error(strings.EGL_CALL_FAILED.format(call="eglMakeCurrent"))

    def _hardware_devices(self) -> list[int]:
        """Devices that are not software renderers; those are reached by the surfaceless platform."""
        devices, count = (c_void_p * _MAX_DEVICES)(), c_int()
        query_devices = _QUERY_DEVICES(self._address("eglQueryDevicesEXT"))
        if not query_devices(_MAX_DEVICES, devices, ctypes.byref(count)):
            return []
        query_string = _QUERY_DEVICE_STRING(self._address("eglQueryDeviceStringEXT"))
        found = [device for device in devices[: count.value] if device]
        return [d for d in found if b"EGL_MESA_device_software" not in (query_string(d, _EXTENSIONS) or b"")]

    def _address(self, name: str) -> int:
        address = self._library.eglGetProcAddress(name.encode())
        if not address:
            raise GpuError(strings.NO_EGL_FUNCTION.format(name=name))
        return int(address)

    def _error(self, action: str) -> GpuError:
        code = self._library.eglGetError()
        name = _ERROR_NAMES.get(code, f"EGL error 0x{code:04x}")
        return GpuError(strings.EGL_ERROR.format(action=action, error=name))
