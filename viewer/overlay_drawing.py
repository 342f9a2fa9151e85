"""From overlays to draw calls: uploads layers that are new, and places each on the frame. Window and snapshot
use it. Used and released with its context current.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from gpu.overlay import FieldPlace, FieldStyle, OverlayRenderer
from viewer.slide.geometry import Rect
from viewer.view.camera import field_of_view, slide_from_screen
from viewer.view.colour_map import colour_maps

if TYPE_CHECKING:
    from viewer.slide.geometry import Pyramid
    from viewer.view.camera import View
    from viewer.view.overlay import Overlay, OverlayScene
    from viewer.view.plan import Screen

_MAP_ROWS = {name: row for row, name in enumerate(colour_maps())}


class OverlayDrawing:
    """The overlays of one slide in one context. Costs nothing until the first is drawn."""

    def __init__(self, pyramid: Pyramid) -> None:
        self._slide = Rect(0.0, 0.0, float(pyramid.width), float(pyramid.height))
        self._renderer: OverlayRenderer | None = None

    def release(self) -> None:
        """Free every GL object."""
        if self._renderer is not None:
            self._renderer.release()
            self._renderer = None

    def draw(self, scene: OverlayScene, view: View, screen: Screen) -> None:
        """Draw a scene over the tiles in the bound framebuffer, and free what is no longer in it. The view
        counts in framebuffer pixels."""
        if self._renderer is None:
            if not scene.drawn:
                return
            self._renderer = OverlayRenderer(np.stack(list(colour_maps().values())))
        renderer = self._renderer
        renderer.keep_only(overlay.name for overlay in scene.overlays)
        for overlay in scene.drawn:
            name, layer, _look = overlay
            if not renderer.holds(name, layer.sequence):
                renderer.put(name, layer.texels(), layer.sequence)
            style = _style(overlay, scene)
            shown = self._shown(overlay, style, view, screen)
            if style is None or shown is None:
                continue
            scale_x, scale_y = 1 / view.downsample, screen.aspect / view.downsample
            renderer.draw(
                name,
                style,
                FieldPlace(
                    width_px=int(screen.width_px),
                    height_px=int(screen.height_px),
                    rotation_rad=view.rotation_rad,
                    rect_px=(
                        (shown.x0 - view.centre_x) * scale_x,
                        (shown.y0 - view.centre_y) * scale_y,
                        (shown.x1 - view.centre_x) * scale_x,
                        (shown.y1 - view.centre_y) * scale_y,
                    ),
                    rect_patches=(
                        shown.x0 / layer.patch_width_px,
                        shown.y0 / layer.patch_height_px,
                        shown.x1 / layer.patch_width_px,
                        shown.y1 / layer.patch_height_px,
                    ),
                    pixel_ratio=scene.pixel_ratio,
                    origin_px=scene.origin_px,
                ),
            )

    def _shown(self, overlay: Overlay, style: FieldStyle | None, view: View, screen: Screen) -> Rect | None:
        """The part of slide and grid that can be seen; a flashlight's is smaller than the screen."""
        rows, cols = overlay.layer.scores.shape
        grid = Rect(0.0, 0.0, cols * overlay.layer.patch_width_px, rows * overlay.layer.patch_height_px)
        field = field_of_view(view, screen.size_px, screen.aspect)
        shown = self._slide.intersection(grid)
        shown = None if shown is None else shown.intersection(field)
        if shown is not None and style is not None and style.flashlight_px is not None:
            x_px, y_px, radius_px = style.flashlight_px
            x, y = slide_from_screen(view, screen.size_px, screen.aspect, x_px, y_px)
            half_x = (radius_px + 1) * sqrt(2) * view.downsample
            half_y = half_x / screen.aspect
            shown = shown.intersection(Rect(x - half_x, y - half_y, x + half_x, y + half_y))
        return shown


def _style(overlay: Overlay, scene: OverlayScene) -> FieldStyle | None:
    """None where a flashlight has no pointer to shine from."""
    look = overlay.look
    flashlight_px = None
    if look.flashlight_px is not None:
        if scene.pointer_px is None:
            return None
        flashlight_px = (*scene.pointer_px, look.flashlight_px * scene.pixel_ratio)
    return FieldStyle(
        colour_map=_MAP_ROWS[look.colour_map],
        opacity=look.opacity,
        threshold=look.threshold,
        smooth=look.smooth,
        contours=look.contours,
        flashlight_px=flashlight_px,
    )
