"""Draws straight strokes with round ends, a quad each, as shaders/stroke.vert takes them."""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING

import numpy as np
from OpenGL import GL
from OpenGL.raw.GL.VERSION.GL_1_0 import glViewport
from OpenGL.raw.GL.VERSION.GL_2_0 import glUseProgram

from gpu.gl import strings
from gpu.gl.context import check
from gpu.gl.gl_state import Blending, DrawState
from gpu.gl.program import Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

STROKE_VERTEX = np.dtype(
    [
        ("start", np.float32, 2),
        ("end", np.float32, 2),
        ("corner", np.float32, 2),
        ("colour", np.float32, 4),
        ("half_width", np.float32),
    ]
)
_CORNERS = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)
_TRIANGLES = np.array([0, 1, 2, 2, 1, 3], np.uint32)
_AT_ONCE = 100_000
"""Strokes: 18 MB of vertices."""


def stroke_vertices(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    rgba: NDArray[np.float32],
    width_px: NDArray[np.float32],
    origin: tuple[float, float],
) -> NDArray[np.void]:
    """Four ``STROKE_VERTEX`` a stroke. The origin is subtracted in float64: what is left fits float32 on any
    slide."""
    vertices = np.empty((len(starts), 4), STROKE_VERTEX)
    vertices["start"] = (starts - origin)[:, None]
    vertices["end"] = (ends - origin)[:, None]
    vertices["corner"] = _CORNERS
    vertices["colour"] = rgba[:, None]
    vertices["half_width"] = width_px[:, None] / 2
    return vertices.reshape(-1)


def stroke_indices(count: int) -> NDArray[np.uint32]:
    """Six indices into the vertices of each stroke."""
    return (np.arange(count, dtype=np.uint32)[:, None] * 4 + _TRIANGLES).reshape(-1)


class StrokeRenderer:
    """The program of the current context. Raises GpuError where the shaders do not compile."""

    def __init__(self) -> None:
        self._program = Program("stroke.vert", "stroke.frag")
        self._vertex_array = int(GL.glGenVertexArrays(1))
        self._buffers = [int(name) for name in GL.glGenBuffers(2)]

    def draw(
        self,
        vertices: NDArray[np.void],
        *,
        framebuffer_px: tuple[int, int],
        downsample: float,
        aspect: float,
        rotation_rad: float,
        origin_px: tuple[float, float],
    ) -> None:
        """Draw strokes once over what the bound framebuffer holds.

        ``vertices``: of ``stroke_vertices``; ``origin_px``: where their origin lies in the framebuffer, y
        down; ``aspect``: height of a slide pixel over its width. Widths are framebuffer pixels.
        """
        c, s = math.cos(rotation_rad) / downsample, math.sin(rotation_rad) / downsample
        with DrawState(), Blending():
            glUseProgram(self._program.name)
            self._program.set_uniforms(
                screen_from_slide=(c, -s * aspect, s, c * aspect),
                origin_px=origin_px,
                screen_px=framebuffer_px,
                pixel_ratio=1.0,
            )
            glViewport(0, 0, *framebuffer_px)
            GL.glBindVertexArray(self._vertex_array)
            GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffers[0])
            GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, self._buffers[1])
            for name in STROKE_VERTEX.names or ():
                kind, offset = STROKE_VERTEX.fields[name][:2]  # type: ignore[index]
                location = GL.glGetAttribLocation(self._program.name, name)
                GL.glEnableVertexAttribArray(location)
                GL.glVertexAttribPointer(
                    location,
                    math.prod(kind.shape),
                    GL.GL_FLOAT,
                    False,
                    STROKE_VERTEX.itemsize,
                    ctypes.c_void_p(offset),
                )
            for begin in range(0, len(vertices), 4 * _AT_ONCE):
                some = vertices[begin : begin + 4 * _AT_ONCE]
                indices = stroke_indices(len(some) // 4)
                GL.glBufferData(GL.GL_ARRAY_BUFFER, some.nbytes, some, GL.GL_STREAM_DRAW)
                GL.glBufferData(GL.GL_ELEMENT_ARRAY_BUFFER, indices.nbytes, indices, GL.GL_STREAM_DRAW)
                GL.glDrawElements(GL.GL_TRIANGLES, len(indices), GL.GL_UNSIGNED_INT, None)
        check(strings.DRAWING_STROKES)

    def release(self) -> None:
        """Free every GL object; the context must be current."""
        self._program.release()
        GL.glDeleteVertexArrays(1, [self._vertex_array])
        GL.glDeleteBuffers(2, self._buffers)
