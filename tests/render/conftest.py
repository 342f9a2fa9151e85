"""The off-screen context and its fixtures, shared with the tests of ``gpu.gl``."""

from __future__ import annotations

from tests.gpu.gl.conftest import assert_golden, cut, gl, gl_session, make_pool, render

__all__ = ["assert_golden", "cut", "gl", "gl_session", "make_pool", "render"]
