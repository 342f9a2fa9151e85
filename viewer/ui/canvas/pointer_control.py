"""Pointer to camera: what wheel, drag, throw, double click and arrow keys do. Free of Qt and tiles."""

from __future__ import annotations

from math import hypot, radians
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.view.camera import Camera

ZOOM_PER_NOTCH = 2**0.5
TURN_PER_NOTCH_DEG = 5.0
_KEY_PAN_SHARE = 0.2
_THROW_MIN_PX_S = 150.0
_THROW_MEMORY_S = 0.08


class HandControl:
    """Turns gestures, in pixels of the canvas, into movements of a camera.

    ``kinetic`` lets a released drag glide on; ``invert_wheel`` makes wheel-up zoom out.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.kinetic = True
        self.invert_wheel = False
        self._trail: list[tuple[float, float, float]] = []

    def wheel(self, notches: float, pos: tuple[float, float], size: tuple[float, float]) -> None:
        """Zoom about the cursor; one notch of a wheel is 1."""
        notches = -notches if self.invert_wheel else notches
        about = pos[0] - size[0] / 2, pos[1] - size[1] / 2
        self.camera.zoom(self.camera.target.downsample / ZOOM_PER_NOTCH**notches, about_px=about)

    def turn(self, notches: float, pos: tuple[float, float], size: tuple[float, float]) -> None:
        """Rotate about the cursor."""
        about = pos[0] - size[0] / 2, pos[1] - size[1] / 2
        angle = self.camera.target.rotation_rad + radians(TURN_PER_NOTCH_DEG * notches)
        self.camera.rotate(angle, about_px=about)

    def double_click(self, pos: tuple[float, float], size: tuple[float, float]) -> None:
        about = pos[0] - size[0] / 2, pos[1] - size[1] / 2
        self.camera.zoom(self.camera.target.downsample / 2, about_px=about)

    @property
    def holding(self) -> bool:
        """Whether the slide is being dragged."""
        return bool(self._trail)

    def press(self, pos: tuple[float, float]) -> None:
        """Take hold of the slide: a glide under way stops."""
        self.camera.drag(0.0, 0.0)
        self._trail = [(perf_counter(), *pos)]

    def drag(self, pos: tuple[float, float]) -> None:
        if not self._trail:
            return
        _, x, y = self._trail[-1]
        self.camera.drag(pos[0] - x, pos[1] - y)
        now = perf_counter()
        self._trail = [entry for entry in self._trail if now - entry[0] < _THROW_MEMORY_S]
        self._trail.append((now, *pos))

    def release(self, pos: tuple[float, float]) -> None:
        """End a drag; the slide glides on if the pointer was moving."""
        self.drag(pos)  # the last stretch: moves are reported only a hundred times a second
        trail, self._trail = self._trail, []
        now = perf_counter()
        recent = [entry for entry in trail if now - entry[0] < _THROW_MEMORY_S]
        if not self.kinetic or len(recent) < 2:
            return
        elapsed_s = max(now - recent[0][0], 1e-3)
        vx, vy = (pos[0] - recent[0][1]) / elapsed_s, (pos[1] - recent[0][2]) / elapsed_s
        if hypot(vx, vy) > _THROW_MIN_PX_S:
            self.camera.throw(vx, vy)

    def step(self, dx: int, dy: int, size: tuple[float, float]) -> None:
        """An arrow key: a fifth of the screen towards dx, dy (each −1, 0 or 1)."""
        self.camera.pan(dx * size[0] * _KEY_PAN_SHARE, dy * size[1] * _KEY_PAN_SHARE)
