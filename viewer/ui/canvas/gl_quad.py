"""A picture drawn at four points of the canvas: what scale bar, cursor cross and cached shapes share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from vispy import gloo

from gpu.gl.program import read_shader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QImage


def rgba_from_image(image: QImage) -> NDArray[np.uint8]:
    """A copy of an image's pixels, (h, w, 4) RGBA with premultiplied alpha."""
    image = image.convertToFormat(image.Format.Format_RGBA8888_Premultiplied)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 4].reshape(image.height(), image.width(), 4).copy()


def set_overlay_state(framebuffer_px: tuple[int, int]) -> None:
    """What every vector drawing expects of OpenGL: premultiplied alpha laid over the whole framebuffer."""
    gloo.set_viewport(0, 0, *framebuffer_px)
    gloo.set_state(
        blend=True,
        blend_func=("one", "one_minus_src_alpha"),
        depth_test=False,
        cull_face=False,
        scissor_test=False,
        stencil_test=False,
    )


class Quad:
    """Draws a gloo texture, premultiplied RGBA, with its first row at the top."""

    def __init__(self, texture: gloo.Texture2D) -> None:
        self._program = gloo.Program(read_shader("quad.vert"), read_shader("quad.frag"))
        self._points = gloo.VertexBuffer(np.zeros((4, 2), np.float32))
        self._program["point"] = self._points
        self._program["texture_point"] = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
        self.show(texture)

    def show(self, texture: gloo.Texture2D) -> None:
        """Draw another texture from now on."""
        self._program["picture"] = texture

    def draw(self, corners: Sequence[tuple[float, float]], screen_px: tuple[float, float]) -> None:
        """Draw with the corners (top left, top right, bottom left, bottom right) at logical pixels."""
        self._points.set_data(np.array(corners, np.float32))
        self._program["screen_px"] = screen_px
        self._program.draw("triangle_strip")


class ImageQuad:
    """An image of Qt's painter on the canvas, uploaded again only when it changes."""

    def __init__(self) -> None:
        self._quad: Quad | None = None
        self._key: object = None
        self._size_px = (0.0, 0.0)

    def context_lost(self) -> None:
        """Rebuild at the next draw."""
        self._quad = None
        self._key = None

    def shows(self, key: object) -> bool:
        """Whether the image in use was given with this key."""
        return self._quad is not None and key == self._key

    def set_image(self, image: QImage, key: object) -> None:
        """Use another image; ``key`` identifies what it shows."""
        texture = gloo.Texture2D(rgba_from_image(image), interpolation="nearest")
        if self._quad is None:
            self._quad = Quad(texture)
        else:  # while the reader zooms, the scale bar changes with every frame: no program is linked for that
            self._quad.show(texture)
        ratio = image.devicePixelRatio()
        self._size_px = (image.width() / ratio, image.height() / ratio)
        self._key = key

    def draw(self, left: float, top: float, screen_px: tuple[float, float], pixel_ratio: float) -> None:
        """Draw with the top left corner at a logical pixel, on whole framebuffer pixels: text stays sharp."""
        if self._quad is None:
            return
        x0, y0 = round(left * pixel_ratio) / pixel_ratio, round(top * pixel_ratio) / pixel_ratio
        x1, y1 = x0 + self._size_px[0], y0 + self._size_px[1]
        self._quad.draw([(x0, y0), (x1, y0), (x0, y1), (x1, y1)], screen_px)
