"""Drawing and uploading leave OpenGL as they found it, so that vispy and Qt can share the context."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from OpenGL import GL

from gpu.gl.gl_state import ICC_UNIT, TILE_UNIT
from gpu.gl.program import Program
from gpu.gl.tile_renderer import FrameState, TileRenderer
from gpu.gl.upload import upload_ready

CAPABILITIES = ("GL_BLEND", "GL_DEPTH_TEST", "GL_CULL_FACE", "GL_STENCIL_TEST", "GL_SCISSOR_TEST")
INTEGERS = (
    "GL_CURRENT_PROGRAM",
    "GL_VERTEX_ARRAY_BINDING",
    "GL_ARRAY_BUFFER_BINDING",
    "GL_PIXEL_UNPACK_BUFFER_BINDING",
    "GL_ACTIVE_TEXTURE",
    "GL_FRAMEBUFFER_BINDING",
    "GL_UNPACK_ALIGNMENT",
    "GL_UNPACK_ROW_LENGTH",
    "GL_UNPACK_SKIP_ROWS",
)


def state():
    seen = {name: bool(GL.glIsEnabled(getattr(GL, name))) for name in CAPABILITIES}
    seen |= {name: int(GL.glGetIntegerv(getattr(GL, name))) for name in INTEGERS}
    seen["viewport"] = list(GL.glGetIntegerv(GL.GL_VIEWPORT))
    seen["colour mask"] = list(GL.glGetBooleanv(GL.GL_COLOR_WRITEMASK))
    seen["clear colour"] = list(GL.glGetFloatv(GL.GL_COLOR_CLEAR_VALUE))
    active = seen["GL_ACTIVE_TEXTURE"]
    for unit in (0, 3, TILE_UNIT, ICC_UNIT):
        GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
        for name in ("GL_TEXTURE_BINDING_2D", "GL_TEXTURE_BINDING_2D_ARRAY", "GL_TEXTURE_BINDING_3D"):
            seen[f"{name} {unit}"] = int(GL.glGetIntegerv(getattr(GL, name)))
    GL.glActiveTexture(active)
    return seen


@pytest.fixture
def unusual_state():
    """A framebuffer, and everything else different from the default and from what the engine needs."""
    framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
    GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
    GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, 32, 32)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
    program = Program("tile.vert", "tile.frag")
    buffers = GL.glGenBuffers(2)
    vertex_array = GL.glGenVertexArrays(1)
    textures = GL.glGenTextures(4)
    GL.glUseProgram(program.name)
    GL.glBindVertexArray(vertex_array)
    GL.glBindBuffer(GL.GL_ARRAY_BUFFER, buffers[0])
    GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, buffers[1])
    for texture, unit, target in (
        (textures[0], TILE_UNIT, GL.GL_TEXTURE_2D_ARRAY),
        (textures[1], ICC_UNIT, GL.GL_TEXTURE_3D),
        (textures[2], 3, GL.GL_TEXTURE_2D),
        (textures[3], TILE_UNIT, GL.GL_TEXTURE_3D),
    ):
        GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
        GL.glBindTexture(target, texture)
    GL.glActiveTexture(GL.GL_TEXTURE3)
    for name in CAPABILITIES:
        GL.glEnable(getattr(GL, name))
    GL.glScissor(3, 3, 2, 2)
    GL.glViewport(1, 2, 30, 29)
    GL.glColorMask(0, 0, 0, 1)
    GL.glClearColor(0.25, 0.5, 0.75, 1.0)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 8)
    GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, 17)
    GL.glPixelStorei(GL.GL_UNPACK_SKIP_ROWS, 2)
    yield
    for name in CAPABILITIES:
        GL.glDisable(getattr(GL, name))
    GL.glColorMask(1, 1, 1, 1)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
    GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, 0)
    GL.glPixelStorei(GL.GL_UNPACK_SKIP_ROWS, 0)
    GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)
    GL.glUseProgram(0)
    GL.glBindVertexArray(0)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
    GL.glActiveTexture(GL.GL_TEXTURE0)
    program.release()
    GL.glDeleteBuffers(2, buffers)
    GL.glDeleteVertexArrays(1, [vertex_array])
    GL.glDeleteTextures(textures)
    GL.glDeleteFramebuffers(1, [framebuffer])
    GL.glDeleteRenderbuffers(1, [colour])


@pytest.fixture
def table():
    return np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3, indexing="ij"), -1).astype(np.uint8)


@pytest.mark.usefixtures("unusual_state")
def test_drawing_keeps_state_and_is_not_disturbed_by_it(cut, table):
    before = state()
    tiles = cut(np.full((32, 32, 3), 153, np.uint8), layer_px=32)
    renderer = TileRenderer(tiles.pool)
    renderer.set_lut(table)
    for icc in (False, True):
        renderer.draw(tiles.instances(downsample=1.0), FrameState(32, 32, icc=icc))
    renderer.release()
    assert state() == before
    # Scissor, colour mask, depth and stencil tests were on, and yet every pixel is there.
    pixels = np.zeros((32, 32, 4), np.uint8)
    GL.glReadPixels(0, 0, 32, 32, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)
    assert (pixels == (153, 153, 153, 255)).all()


@pytest.mark.usefixtures("unusual_state")
def test_uploading_keeps_state_and_is_not_disturbed_by_it(make_pool, rng):
    before = state()
    pool = make_pool(32, 2, 1)
    pixels = rng.integers(0, 256, (32, 32, 4), np.uint8)
    slot = upload_ready(pool, [("a", [pixels], 0, False)], 10.0, frame=0)["a"]
    assert state() == before
    texels = np.zeros((2, 32, 32, 4), np.uint8)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, pool.name)
    GL.glGetTexImage(
        GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, texels.ctypes.data_as(ctypes.c_void_p)
    )
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, 0)
    assert (texels[slot] == pixels).all()
