"""Frames drawn into memory: the same renderer as the window's, without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.context import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gpu.gl.tile_renderer import FrameState, TileRenderer


def max_picture_px() -> tuple[int, int]:
    """Largest width and height that render_to_array takes in the current context."""
    side = int(GL.glGetIntegerv(GL.GL_MAX_RENDERBUFFER_SIZE))
    width, height = (int(limit) for limit in GL.glGetIntegerv(GL.GL_MAX_VIEWPORT_DIMS))
    return min(side, width), min(side, height)


def render_to_array(
    renderer: TileRenderer,
    instances: NDArray[Any],
    frame: FrameState,
    *,
    draw_over: Callable[[], object] | None = None,
) -> NDArray[np.uint8]:
    """Draw a frame of frame.width_px × frame.height_px and read it back.

    Args:
        renderer: of the current context.
        instances: (n,) of gpu.gl.tile_renderer.TILE_INSTANCE.
        frame: size and everything else that holds for the frame.
        draw_over: called after the tiles are drawn, to draw over them.

    Returns:
        uint8 (height_px, width_px, 4), RGBA, top row first, alpha 255.

    Raises:
        GpuError: the picture is larger than max_picture_px (draw it in parts), or memory is short.
    """
    width, height = frame.width_px, frame.height_px
    max_width, max_height = max_picture_px()
    if width > max_width or height > max_height:
        raise GpuError(
            strings.PICTURE_LIMIT.format(
                width=width, height=height, max_width=max_width, max_height=max_height
            )
        )
    framebuffer_before = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))
    renderbuffer_before = int(GL.glGetIntegerv(GL.GL_RENDERBUFFER_BINDING))
    alignment_before = int(GL.glGetIntegerv(GL.GL_PACK_ALIGNMENT))
    framebuffer = int(GL.glGenFramebuffers(1))
    colour = int(GL.glGenRenderbuffers(1))
    try:
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, width, height)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
        status = int(GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER))
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise GpuError(strings.NO_FRAMEBUFFER.format(width=width, height=height, status=status))
        renderer.draw(instances, frame)
        if draw_over is not None:
            draw_over()
        pixels = np.empty((height, width, 4), np.uint8)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
        GL.glReadPixels(0, 0, width, height, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)
        check(strings.DRAWING_PICTURE.format(width=width, height=height))
    finally:
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, alignment_before)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer_before)
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, renderbuffer_before)
        GL.glDeleteFramebuffers(1, [framebuffer])
        GL.glDeleteRenderbuffers(1, [colour])
    return np.ascontiguousarray(pixels[::-1])
