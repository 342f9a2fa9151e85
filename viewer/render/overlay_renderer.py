"""From overlays to draw calls: uploads new layers, and places each on the frame, in window and snapshot. Used
and released with its context current.

A layer with tokens takes several frames to upload; the one before it is drawn meanwhile.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from gpu.errors import GpuError
from gpu.gl.field_renderer import FieldPart, FieldPlace, FieldStyle, OverlayRenderer, TissueInView
from viewer.overlay.colour_map import colour_maps
from viewer.overlay.counted_mask import CountedMask
from viewer.overlay.layer import OverlayLayer, off_tissue
from viewer.render import strings
from viewer.render.view_parts import box_around, boxes, cells
from viewer.slide.geometry import Rect
from viewer.view.camera import field_of_view, slide_from_screen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.overlay.counted_mask import Rects
    from viewer.overlay.layer import Overlay, OverlayLook, OverlayScene
    from viewer.overlay.tissue import OverlayTissue
    from viewer.slide.geometry import Pyramid
    from viewer.view.camera import View
    from viewer.view.screen import Screen

_FADES_FROM_PX, _FADED_PX = 128.0, 384.0
"""Width of a patch on the screen from which its fill fades, at 10x, and at which none is left, at 30x."""
_PATTERNS = 8
_MAP_ROWS = {name: row for row, name in enumerate(colour_maps())}


class OverlayDrawing:
    """The overlays of one slide in one context. Costs nothing until the first is drawn.

    ``refused``: why layers of the last scene cannot be drawn, for people; they are hatched.
    """

    def __init__(self, pyramid: Pyramid) -> None:
        self._slide = Rect(0.0, 0.0, float(pyramid.width), float(pyramid.height))
        self._renderer: OverlayRenderer | None = None
        self._uploaded: dict[str, OverlayLayer] = {}
        self._refused: dict[str, str] = {}
        self._tissue: OverlayTissue | None = None
        self._off_tissue: dict[str, CountedMask | None] = {}

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(self._refused.values())

    def release(self) -> None:
        """Free every GL object."""
        if self._renderer is not None:
            self._renderer.release()
            self._renderer = None
            self._uploaded.clear()
            self._tissue = None

    def draw(self, scene: OverlayScene, view: View, screen: Screen, *, upload_budget_ms: float = inf) -> bool:
        """Draw a scene over the tiles in the bound framebuffer, and free what is no longer in it; whether all
        of it is uploaded. The view counts in framebuffer pixels."""
        if self._renderer is None:
            if not scene.drawn:
                return True
            self._renderer = OverlayRenderer(np.stack(list(colour_maps().values())))
        renderer = self._renderer
        names = {overlay.name for overlay in scene.overlays}
        if scene.tissue is not self._tissue:  # of layers laid before it was found, all is uploaded anew
            self._tissue = scene.tissue
            renderer.put_tissue(None if scene.tissue is None else scene.tissue.shade)
            renderer.keep_only(())
        renderer.keep_only(names)
        for known in (self._uploaded, self._refused, self._off_tissue):
            for name in known.keys() - names:
                del known[name]
        whole = True
        for overlay in scene.drawn:
            name, newest, look = overlay
            if not renderer.holds(name, newest.sequence):
                whole &= self._put(renderer, overlay, upload_budget_ms)
            layer = self._uploaded.get(name)
            if layer is None:
                continue
            light = _flashlight(look, scene)
            shown = self._shown(layer, view, screen)
            if look.flashlight_px is not None:
                shown = shown and light and shown.intersection(_lit(light, view, screen))
            if shown is not None:
                patches = _in_patches(shown, layer)
                patch_px = layer.patch_width_px / view.downsample
                faded = _faded(layer, look, patch_px / scene.pixel_ratio)
                style = FieldStyle(
                    colour_map=_MAP_ROWS[look.colour_map],
                    opacity=look.opacity,
                    threshold=look.threshold,
                    ends=look.ends,
                    fill=1 - faded if look.fill else 0.0,
                    outlines=faded if look.fill else 0.0,
                    smooth=look.smooth,
                    contours=look.contours and layer.levels is None,
                    flashlight_px=light,
                    level_weights=None if layer.levels is None else look.hierarchy.weights(patch_px),
                )
                place = self._place(layer, shown, patches, view, screen, scene)
                renderer.draw(name, style, place, self._parts(name, layer, style, shown, view, screen))
        return whole

    def _put(self, renderer: OverlayRenderer, overlay: Overlay, budget_ms: float) -> bool:
        """Upload the rest of a layer, or a hatched one where it is refused; whether it is complete."""
        name, layer, _look = overlay
        texels = layer.texels if self._tissue is None else layer.texels_on(self._tissue)
        try:
            whole = renderer.put(name, texels, layer.sequence, budget_ms)
            self._refused.pop(name, None)
        except GpuError as error:
            self._refused[name] = strings.LAYER_NOT_DRAWN.format(error=error)
            layer = _unknown(layer)
            texels = layer.texels
            whole = renderer.put(name, texels, layer.sequence)
        if whole:
            self._uploaded[name] = layer
            off = off_tissue(texels[0])
            step_px = layer.patch_width_px, layer.patch_height_px
            self._off_tissue[name] = CountedMask(off, step_px, margin=1) if off.any() else None
        return whole

    def _parts(
        self, name: str, layer: OverlayLayer, style: FieldStyle, shown: Rect, view: View, screen: Screen
    ) -> list[FieldPart]:
        """The parts of the screen in which anything of a layer is drawn."""
        box_px = box_around(shown, view, screen)
        if box_px is None:
            return []
        kinds = self._kinds(name, layer, style, cells(box_px, view, screen))
        parts = (
            FieldPart(TissueInView(kind & ~_PATTERNS), bool(kind & _PATTERNS), boxes_px)
            for kind, boxes_px in boxes(kinds, box_px).items()
        )
        hidden = TissueInView.NOTHING if style.outlines == 0 else None
        return [part for part in parts if part.patterns or part.tissue is not hidden]

    def _kinds(self, name: str, layer: OverlayLayer, style: FieldStyle, parts: Rects) -> NDArray[np.uint8]:
        """What each part of the screen needs: ``TissueInView``, and with ``_PATTERNS`` patterns too."""
        patterns = layer.unknown.any_in(parts) * np.uint8(_PATTERNS)
        if self._tissue is None or not style.smooth:
            return patterns | np.uint8(TissueInView.UNMASKED)
        faint = self._tissue.faint.any_in(parts)
        if not faint.any():
            return patterns | np.uint8(TissueInView.ALL)
        tissue = np.where(self._tissue.coloured.any_in(parts), TissueInView.EDGE, TissueInView.NOTHING)
        off = self._off_tissue.get(name)
        if off is not None:
            count, of = off.counts_in(parts)
            tissue[count > 0] = TissueInView.EDGE_OR_PATCHES
            tissue[(count > 0) & (count == of)] = TissueInView.ALL
        tissue[~faint] = TissueInView.ALL
        return patterns | tissue.astype(np.uint8)

    def _place(
        self,
        layer: OverlayLayer,
        shown: Rect,
        patches: tuple[float, float, float, float],
        view: View,
        screen: Screen,
        scene: OverlayScene,
    ) -> FieldPlace:
        scale_x, scale_y = 1 / view.downsample, screen.aspect / view.downsample
        return FieldPlace(
            width_px=int(screen.width_px),
            height_px=int(screen.height_px),
            rotation_rad=view.rotation_rad,
            rect_px=(
                (shown.x0 - view.centre_x) * scale_x,
                (shown.y0 - view.centre_y) * scale_y,
                (shown.x1 - view.centre_x) * scale_x,
                (shown.y1 - view.centre_y) * scale_y,
            ),
            rect_patches=patches,
            patch_px=(layer.patch_width_px * scale_x, layer.patch_height_px * scale_y),
            slide_patches=(
                self._slide.width / layer.patch_width_px,
                self._slide.height / layer.patch_height_px,
            ),
            pixel_ratio=scene.pixel_ratio,
            origin_px=scene.origin_px,
        )

    def _shown(self, layer: OverlayLayer, view: View, screen: Screen) -> Rect | None:
        """The part of slide and grid that is on the screen."""
        rows, cols = layer.scores.shape
        grid = Rect(0.0, 0.0, cols * layer.patch_width_px, rows * layer.patch_height_px)
        on_slide = self._slide.intersection(grid)
        return on_slide and on_slide.intersection(field_of_view(view, screen.size_px, screen.aspect))


def _unknown(layer: OverlayLayer) -> OverlayLayer:
    """A layer of the same size and sequence, of one patch that was not analysed."""
    rows, cols = layer.scores.shape
    nothing = np.zeros((1, 1), bool)
    size_px = cols * layer.patch_width_px, rows * layer.patch_height_px
    return OverlayLayer(nothing.astype(np.uint8), nothing, nothing, *size_px, layer.sequence)


def _flashlight(look: OverlayLook, scene: OverlayScene) -> tuple[float, float, float] | None:
    """Where it shines and how far, in framebuffer pixels; None where it does not."""
    if look.flashlight_px is None or scene.pointer_px is None:
        return None
    return (*scene.pointer_px, look.flashlight_px * scene.pixel_ratio)


def _lit(light_px: tuple[float, float, float], view: View, screen: Screen) -> Rect:
    """The slide under a flashlight: what lies beyond need not be drawn."""
    x_px, y_px, radius_px = light_px
    x, y = slide_from_screen(view, screen.size_px, screen.aspect, x_px, y_px)
    half_x = (radius_px + 1) * view.downsample
    half_y = half_x / screen.aspect
    return Rect(x - half_x, y - half_y, x + half_x, y + half_y)


def _in_patches(rect: Rect, layer: OverlayLayer) -> tuple[float, float, float, float]:
    width_px, height_px = layer.patch_width_px, layer.patch_height_px
    return rect.x0 / width_px, rect.y0 / height_px, rect.x1 / width_px, rect.y1 / height_px


def _faded(layer: OverlayLayer, look: OverlayLook, patch_px: float) -> float:
    """How much of the fill has given way to outlines: past its patch, a colour says no more and hides cells.
    Tokens are as small as cells, and fade never; nor do regions, which a reader has chosen."""
    weights = None if layer.levels is None else look.hierarchy.weights(patch_px)
    if weights is not None and ((weights.token > 0 and layer.has_tokens) or weights.patch == 0):
        return 0.0
    share = min(max((patch_px - _FADES_FROM_PX) / (_FADED_PX - _FADES_FROM_PX), 0.0), 1.0)
    return share * share * (3 - 2 * share)
