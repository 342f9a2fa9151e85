"""Off-screen contexts: made without a display, nested, and clear about what is missing."""

from __future__ import annotations

import ctypes
import re

import pytest
from OpenGL import GL
from OpenGL.platform import PLATFORM

from gpu.errors import GpuError
from gpu.gl import context, egl, strings
from gpu.gl.context import OffscreenContext, check, drain_errors, gl_info, prepare_egl_environment
from gpu.gl.egl import Egl
from tests.messages import pattern


def test_info_names_the_driver_and_its_limits():
    info = gl_info()
    assert info["renderer"]
    assert info["vendor"]
    assert str(info["version"])[0] in "34"
    assert info["max_layers"] >= 256
    assert info["max_3d_texture_size_px"] >= 64


def test_profile_is_compatible_with_vispy():
    """vispy's shaders are GLSL 1.20, which a core profile refuses."""
    shader = GL.glCreateShader(GL.GL_VERTEX_SHADER)
    GL.glShaderSource(shader, "#version 120\nvoid main() { gl_Position = vec4(0.0); }")
    GL.glCompileShader(shader)
    assert GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS)
    GL.glDeleteShader(shader)


def test_inner_context_gives_the_thread_back_to_the_outer():
    outer = Egl().current().context
    with OffscreenContext():
        assert Egl().current().context not in {None, outer}
    assert Egl().current().context == outer


def test_release_leaves_nothing_current_where_the_earlier_context_has_ended():
    outer, inner = OffscreenContext(), OffscreenContext()
    outer.__enter__()
    inner.__enter__()
    outer.release()
    inner.release()
    assert Egl().current().context is None


def test_release_is_idempotent_and_final():
    inner = OffscreenContext()
    inner.__enter__()
    inner.release()
    inner.release()
    with pytest.raises(GpuError, match="not open"):
        inner.make_current()


def test_context_current_in_another_thread_is_refused(gl):
    """EGL says BAD_ACCESS; the message must say that the call failed, not crash later."""
    import threading

    messages = []

    def steal():
        try:
            gl.make_current()
        except GpuError as error:
            messages.append(str(error))

    thread = threading.Thread(target=steal)
    thread.start()
    thread.join()
    failed = strings.EGL_CALL_FAILED.format(call="eglMakeCurrent")
    assert messages == [strings.EGL_ERROR.format(action=failed, error="EGL_BAD_ACCESS")]


def test_missing_library_says_what_to_install(monkeypatch):
    def no_library(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    error = "libEGL.so.1: cannot open shared object file"
    message = pattern(strings.NO_EGL_LIBRARY, error=error, hint=strings.INSTALL_HINT)
    with pytest.raises(GpuError, match=message):
        OffscreenContext().__enter__()


def test_no_usable_display_names_every_attempt(monkeypatch):
    choices = [egl.DisplayChoice("first", 0x31DD, 1), egl.DisplayChoice("second", 0xBAD, None)]
    monkeypatch.setattr(Egl, "display_choices", lambda _: choices)
    with pytest.raises(GpuError, match=r"first: .*second: .*" + re.escape(strings.INSTALL_HINT)):
        OffscreenContext().__enter__()


def test_old_opengl_is_refused(monkeypatch):
    monkeypatch.setattr(context, "_MINIMUM_GL", (9, 0))
    with pytest.raises(GpuError, match=pattern(strings.OLD_OPENGL)):
        OffscreenContext().__enter__()


def test_check_reports_all_errors_once():
    # Without PyOpenGL's own checks of errors.
    raw_enable = ctypes.CFUNCTYPE(None, ctypes.c_uint)(PLATFORM.getExtensionProcedure(b"glEnable"))
    raw_enable(0xDEAD)
    with pytest.raises(
        GpuError, match=pattern(strings.GL_ERRORS, action="drawing a test", errors="GL_INVALID_ENUM")
    ):
        check("drawing a test")
    assert drain_errors() == []


def test_environment_keeps_what_the_user_set(monkeypatch):
    monkeypatch.setenv("QT_XCB_GL_INTEGRATION", "xcb_glx")
    monkeypatch.delenv("EGL_PLATFORM", raising=False)
    prepare_egl_environment(screenless=True)
    assert context.os.environ["QT_XCB_GL_INTEGRATION"] == "xcb_glx"
    assert context.os.environ["EGL_PLATFORM"] == "surfaceless"


def test_environment_that_comes_too_late_is_an_error(monkeypatch):
    monkeypatch.setenv("PYOPENGL_PLATFORM", "glx")
    with pytest.raises(GpuError, match="imported before"):
        prepare_egl_environment()
