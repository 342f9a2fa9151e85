"""Pictures into memory, and everything made anew after a context is gone."""

from __future__ import annotations

import numpy as np
import pytest
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.context import OffscreenContext
from gpu.gl.offscreen import max_picture_px, render_to_array
from gpu.gl.texture_pool import TexturePool
from gpu.gl.tile_renderer import TILE_INSTANCE, FrameState, TileRenderer
from tests.gpu.gl.conftest import put
from tests.messages import pattern


def one_tile(pool, value):
    slot = pool.slots.allocate("tile", depth=0, pinned=False, frame=0)
    put(pool, slot, [np.full((8, 8, 4), (value, value, value, 255), np.uint8)])
    tiles = np.zeros(1, TILE_INSTANCE)
    tiles["rect_px"] = (-4, -4, 4, 4)
    tiles["tile_size"] = 8
    tiles["fade"] = 1.0
    tiles["tile_slot"] = slot
    tiles["ancestor_slot"] = -1
    return tiles


def test_picture_beyond_the_limit_is_refused_with_the_limit(make_pool):
    renderer = TileRenderer(make_pool())
    width, height = max_picture_px()
    assert width >= 2048
    message = pattern(strings.PICTURE_LIMIT, max_width=width, max_height=height)
    with pytest.raises(GpuError, match=message):
        render_to_array(renderer, np.zeros(0, TILE_INSTANCE), FrameState(width + 1, 8))
    renderer.release()


def test_bindings_are_as_before(make_pool):
    renderer = TileRenderer(make_pool())
    framebuffer, renderbuffer = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, renderbuffer)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    render_to_array(renderer, np.zeros(0, TILE_INSTANCE), FrameState(8, 8))
    assert int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING)) == framebuffer
    assert int(GL.glGetIntegerv(GL.GL_RENDERBUFFER_BINDING)) == renderbuffer
    assert int(GL.glGetIntegerv(GL.GL_PACK_ALIGNMENT)) == 1
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
    GL.glDeleteFramebuffers(1, [framebuffer])
    GL.glDeleteRenderbuffers(1, [renderbuffer])
    renderer.release()


def test_everything_is_rebuilt_in_a_new_context():
    """As when a canvas moves to another window: the old objects are dropped unreleased."""
    with OffscreenContext():
        lost_pool = TexturePool(8, 2, 1)
        lost_renderer = TileRenderer(lost_pool)
        picture = render_to_array(lost_renderer, one_tile(lost_pool, 90), FrameState(8, 8))
        assert (picture[..., :3] == 90).all()
    with OffscreenContext():
        pool = TexturePool(8, 2, 1)
        renderer = TileRenderer(pool)
        again = render_to_array(renderer, one_tile(pool, 90), FrameState(8, 8))
        assert (again == picture).all()
        renderer.release()
        pool.release()


def test_release_twice_is_harmless_and_leaves_nothing(monkeypatch):
    made = []

    def recorded(make):
        def make_and_record(count):
            made.append(int(make(count)))
            return made[-1]

        return make_and_record

    monkeypatch.setattr(GL, "glGenVertexArrays", recorded(GL.glGenVertexArrays))
    monkeypatch.setattr(GL, "glGenBuffers", recorded(GL.glGenBuffers))
    pool = TexturePool(8, 2, 1)
    renderer = TileRenderer(pool)
    render_to_array(renderer, one_tile(pool, 90), FrameState(8, 8))
    vertex_array, instance_buffer = made
    assert GL.glIsVertexArray(vertex_array)
    assert GL.glIsBuffer(instance_buffer)
    renderer.release()
    renderer.release()
    pool.release()
    assert not GL.glIsVertexArray(vertex_array)
    assert not GL.glIsBuffer(instance_buffer)
