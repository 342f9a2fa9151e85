"""Overlays drawn off-screen into arrays, for tests of their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from OpenGL import GL

from viewer.overlay.colour_map import colour_maps
from viewer.overlay.layer import Overlay, OverlayLayer, OverlayLook, OverlayScene
from viewer.render.overlay_renderer import OverlayDrawing
from viewer.slide.geometry import Pyramid
from viewer.view.camera import View
from viewer.view.screen import Screen

PATCH_PX = 100.0
SLIDE = Pyramid.from_sizes([(800, 600)], [(256, 256)])
SOLID = OverlayLook("magma", opacity=1.0, smooth=False)


def layer(scores: Any, known: Any = True, estimated: Any = False, sequence: int = 1) -> OverlayLayer:
    scores = np.asarray(scores, np.uint8)
    masks = [np.broadcast_to(mask, scores.shape).copy() for mask in (known, estimated)]
    return OverlayLayer(scores, masks[0], masks[1], PATCH_PX, PATCH_PX, sequence)


def ramp(rows: int = 6, cols: int = 8) -> Any:
    return np.broadcast_to(np.rint(np.linspace(40, 250, cols)), (rows, cols))


def draw(
    scene: OverlayScene,
    *,
    view: View = View(400, 300, 1.0),  # noqa: B008 - frozen
    screen: Screen = Screen(800, 600),  # noqa: B008 - frozen
    drawing: OverlayDrawing | None = None,
    pyramid: Pyramid = SLIDE,
    upload_budget_ms: float = np.inf,
) -> Any:
    """(h, w, 3): a scene on white, top row first."""
    width, height = int(screen.width_px), int(screen.height_px)
    framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
    GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
    GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, width, height)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
    GL.glClearColor(1, 1, 1, 1)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT)
    own = drawing or OverlayDrawing(pyramid)
    try:
        own.draw(scene, view, screen, upload_budget_ms=upload_budget_ms)
        pixels = np.empty((height, width, 4), np.uint8)
        GL.glReadPixels(0, 0, width, height, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)
    finally:
        if drawing is None:
            own.release()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
        GL.glDeleteFramebuffers(1, [framebuffer])
        GL.glDeleteRenderbuffers(1, [colour])
    assert (pixels[..., 3] == 255).all(), "the frame stays opaque"
    return pixels[::-1, :, :3].astype(int)


def scene(field: OverlayLayer, look: OverlayLook = SOLID, **more: Any) -> OverlayScene:
    return OverlayScene((Overlay("query", field, look),), **more)


def colour_of(score: int, name: str = "magma") -> Any:
    return colour_maps()[name][score].astype(int)


def textures() -> int:
    """How many of the first names the driver gives are in use."""
    return sum(bool(GL.glIsTexture(name)) for name in range(1, 4000))
