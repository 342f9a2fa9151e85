"""OpenGL state that the engine changes, put back afterwards: vispy and Qt draw in the same context.

PyOpenGL's thin layer is used (about 1 µs a call; its convenient layer takes 8 µs for a query).
"""

from __future__ import annotations

import ctypes

from OpenGL.raw.GL.VERSION.GL_1_0 import (
    glColorMask,
    glDisable,
    glEnable,
    glGetBooleanv,
    glGetIntegerv,
    glIsEnabled,
    glPixelStorei,
    glScissor,
    glViewport,
)
from OpenGL.raw.GL.VERSION.GL_1_1 import glBindTexture
from OpenGL.raw.GL.VERSION.GL_1_3 import glActiveTexture
from OpenGL.raw.GL.VERSION.GL_1_4 import glBlendFuncSeparate
from OpenGL.raw.GL.VERSION.GL_1_5 import glBindBuffer
from OpenGL.raw.GL.VERSION.GL_2_0 import glBlendEquationSeparate, glUseProgram
from OpenGL.raw.GL.VERSION.GL_3_0 import glBindVertexArray

# Units beside those that vispy counts up from 0; every OpenGL 3.3 has 16 per stage.
TILE_UNIT = 14
ICC_UNIT = 15

GL_TEXTURE0 = 0x84C0
GL_TEXTURE_2D_ARRAY = 0x8C1A
GL_TEXTURE_3D = 0x806F
_GL_TEXTURE_BINDING_2D_ARRAY = 0x8C1D
_GL_TEXTURE_BINDING_3D = 0x806A
_GL_ACTIVE_TEXTURE = 0x84E0
_GL_CURRENT_PROGRAM = 0x8B8D
_GL_VERTEX_ARRAY_BINDING = 0x85B5
_GL_ARRAY_BUFFER = 0x8892
_GL_ARRAY_BUFFER_BINDING = 0x8894
_GL_PIXEL_UNPACK_BUFFER = 0x88EC
_GL_PIXEL_UNPACK_BUFFER_BINDING = 0x88EF
_GL_VIEWPORT = 0x0BA2
_GL_COLOR_WRITEMASK = 0x0C23
_GL_SCISSOR_TEST = 0x0C11
_GL_SCISSOR_BOX = 0x0C10
# Blend, depth, cull, stencil, scissor, sRGB conversion: all off while tiles are drawn.
_CAPABILITIES = (0x0BE2, 0x0B71, 0x0B44, 0x0B90, 0x0C11, 0x8DB9)
# Row length, skip rows, skip pixels, image height, skip images; zero while tiles are uploaded.
_UNPACK_ZEROES = (0x0CF2, 0x0CF3, 0x0CF4, 0x806E, 0x806D)
_GL_UNPACK_ALIGNMENT = 0x0CF5
_GL_BLEND = 0x0BE2
_GL_ONE, _GL_ONE_MINUS_SRC_ALPHA = 1, 0x0303
_GL_FUNC_ADD = 0x8006
# For colour: source, destination; for alpha: source, destination.
_GL_BLEND_FACTORS = (0x80C9, 0x80C8, 0x80CB, 0x80CA)
_GL_BLEND_EQUATIONS = (0x8009, 0x883D)


def _integer(name: int) -> int:
    value = ctypes.c_int()
    glGetIntegerv(name, value)
    return value.value


class DrawState:
    """Context manager: whatever the renderer changes is as before on leaving."""

    def __enter__(self) -> DrawState:
        self._program = _integer(_GL_CURRENT_PROGRAM)
        self._vertex_array = _integer(_GL_VERTEX_ARRAY_BINDING)
        self._array_buffer = _integer(_GL_ARRAY_BUFFER_BINDING)
        self._unit = _integer(_GL_ACTIVE_TEXTURE)
        self._viewport = (ctypes.c_int * 4)()
        glGetIntegerv(_GL_VIEWPORT, self._viewport)
        self._colour_mask = (ctypes.c_ubyte * 4)()
        glGetBooleanv(_GL_COLOR_WRITEMASK, self._colour_mask)
        glActiveTexture(GL_TEXTURE0 + TILE_UNIT)
        self._array_texture = _integer(_GL_TEXTURE_BINDING_2D_ARRAY)
        glActiveTexture(GL_TEXTURE0 + ICC_UNIT)
        self._volume_texture = _integer(_GL_TEXTURE_BINDING_3D)
        self._enabled = [name for name in _CAPABILITIES if glIsEnabled(name)]
        for name in self._enabled:
            glDisable(name)
        return self

    def __exit__(self, *_error: object) -> None:
        for name in self._enabled:
            glEnable(name)
        glActiveTexture(GL_TEXTURE0 + ICC_UNIT)
        glBindTexture(GL_TEXTURE_3D, self._volume_texture)
        glActiveTexture(GL_TEXTURE0 + TILE_UNIT)
        glBindTexture(GL_TEXTURE_2D_ARRAY, self._array_texture)
        glActiveTexture(self._unit)
        glColorMask(*self._colour_mask)
        glViewport(*self._viewport)
        glBindVertexArray(self._vertex_array)
        glBindBuffer(_GL_ARRAY_BUFFER, self._array_buffer)
        glUseProgram(self._program)


class UploadState:
    """Context manager: pixels are read from plain memory, tightly packed; all as before on leaving."""

    def __enter__(self) -> UploadState:
        self._unit = _integer(_GL_ACTIVE_TEXTURE)
        glActiveTexture(GL_TEXTURE0 + TILE_UNIT)
        self._array_texture = _integer(_GL_TEXTURE_BINDING_2D_ARRAY)
        self._volume_texture = _integer(_GL_TEXTURE_BINDING_3D)
        self._buffer = _integer(_GL_PIXEL_UNPACK_BUFFER_BINDING)
        glBindBuffer(_GL_PIXEL_UNPACK_BUFFER, 0)
        self._alignment = _integer(_GL_UNPACK_ALIGNMENT)
        glPixelStorei(_GL_UNPACK_ALIGNMENT, 1)
        self._unpack = [(name, value) for name in _UNPACK_ZEROES if (value := _integer(name)) != 0]
        for name, _ in self._unpack:
            glPixelStorei(name, 0)
        return self

    def __exit__(self, *_error: object) -> None:
        for name, value in self._unpack:
            glPixelStorei(name, value)
        glPixelStorei(_GL_UNPACK_ALIGNMENT, self._alignment)
        glBindBuffer(_GL_PIXEL_UNPACK_BUFFER, self._buffer)
        glBindTexture(GL_TEXTURE_3D, self._volume_texture)
        glBindTexture(GL_TEXTURE_2D_ARRAY, self._array_texture)
        glActiveTexture(self._unit)


class Blending:
    """Context manager: what is drawn lies over what is there, by premultiplied alpha; all as before on
    leaving. Inside DrawState, which has switched blending off."""

    def __enter__(self) -> None:
        self._factors = [_integer(name) for name in _GL_BLEND_FACTORS]
        self._equations = [_integer(name) for name in _GL_BLEND_EQUATIONS]
        glEnable(_GL_BLEND)
        glBlendFuncSeparate(_GL_ONE, _GL_ONE_MINUS_SRC_ALPHA, _GL_ONE, _GL_ONE_MINUS_SRC_ALPHA)
        glBlendEquationSeparate(_GL_FUNC_ADD, _GL_FUNC_ADD)

    def __exit__(self, *_error: object) -> None:
        glDisable(_GL_BLEND)
        glBlendFuncSeparate(*self._factors)
        glBlendEquationSeparate(*self._equations)


class Scissors:
    """Context manager: only what is inside of the last ``cut`` is drawn; all as before on leaving. Inside
    DrawState, which has switched the scissor test off."""

    def __enter__(self) -> Scissors:
        self._box = (ctypes.c_int * 4)()
        glGetIntegerv(_GL_SCISSOR_BOX, self._box)
        glEnable(_GL_SCISSOR_TEST)
        return self

    def cut(self, x: int, y: int, width: int, height: int) -> None:
        """Draw only in this box: framebuffer pixels, y up."""
        glScissor(x, y, width, height)

    def __exit__(self, *_error: object) -> None:
        glDisable(_GL_SCISSOR_TEST)
        glScissor(*self._box)
