"""Overlays of the slide: likeness per patch, and its appearance. Pure: ``gpu.gl.field_renderer`` and the
navigator draw it.

Three states are never confused: a patch was analysed (its score has a colour; 0 is clear), its score is only
estimated from patches near by (dotted), or it was not analysed (hatched, whatever its score).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.common.settings import LEAST_RANGE
from viewer.overlay import strings
from viewer.overlay.attention_look import HierarchyLook
from viewer.overlay.colour_map import colour_maps, colour_stops
from viewer.overlay.counted_mask import CountedMask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.common import settings
    from viewer.overlay.attention_look import HierarchyLevels
    from viewer.overlay.tissue import OverlayTissue

__all__ = [
    "COLOUR_MAPS",
    "Overlay",
    "OverlayLayer",
    "OverlayLook",
    "OverlayScene",
    "OverlayStack",
    "colour_stops",
    "cover",
    "in_range",
]

COLOUR_MAPS = tuple(colour_maps())
KNOWN_WEIGHT, OFF_TISSUE_WEIGHT, ESTIMATED_WEIGHT, GLASS_WEIGHT = 255, 254, 128, 1
"""Weights of patches where values blend from patch to patch; 0 for those not analysed. ``OFF_TISSUE_WEIGHT``:
scored, though no tissue is seen in it; less 1, 2, 4, 8 where the next of ``_SIDES`` is such a one too, or
there is none. ``GLASS_WEIGHT``: scores 0; clear up to its edge."""
_NEXT_TO_NOTHING = 5
"""A score up to this, 0.02, is not drawn where no tissue is seen: it would have its neighbours' colour."""
_SIDES = (0, -1), (-1, 0), (0, 1), (1, 0)
"""Left, above, right, below: rows and columns."""
FAINT_BELOW = 0.1
"""From this likeness down to 0 the colour fades out; shaders/overlay.frag has the same number."""
CHOSEN = "colour_map", "opacity", "threshold", "low", "high", "fill", "contours", "smooth"
"""What the reader chooses for each layer: fields of ``OverlayLook`` and of ``settings.Overlay``."""
_BY_ZOOM = HierarchyLook()


@dataclass(frozen=True, slots=True, eq=False)
class OverlayLayer:
    """Scores of a grid of patches from the slide's corner; patches of ``patch_width_px`` ×
    ``patch_height_px`` level-0 pixels. Arrays are (rows, columns).

    ``scores`` uint8: 0 to 255 for likeness 0 to 1; 0 is taken for glass, as long as nobody knows better
    (``texels_on``). ``levels``: more than patches, whose scores are then the codes of their own level, with 0
    for glass, which is clear whatever the other levels are. ``sequence``
    changes whenever an array does: a layer of the same name and sequence is not uploaded again.

    ``texels`` are what shaders/overlay.frag reads of patches, or of patches, regions and tokens: each uint8
    (rows, columns, 2), code times weight and weight, so that linear filtering blends only known
    values. They are made here, not by the drawing thread. Raises ValueError where arrays do not
    fit together.
    """

    scores: NDArray[np.uint8]
    known: NDArray[np.bool_]
    estimated: NDArray[np.bool_]
    patch_width_px: float
    patch_height_px: float
    sequence: int
    levels: HierarchyLevels | None = None
    texels: tuple[NDArray[np.uint8], ...] = field(init=False, repr=False)
    unknown: CountedMask = field(init=False, repr=False)
    """Patches of which something was not analysed."""

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or self.scores.size == 0 or self.scores.dtype != np.uint8:
            raise ValueError(f"scores are uint8 (rows, columns), not {self.scores.dtype} {self.scores.shape}")
        for name in ("known", "estimated"):
            array = getattr(self, name)
            if array.shape != self.scores.shape or array.dtype != np.bool_:
                raise ValueError(f"{name} is bool {self.scores.shape}, not {array.dtype} {array.shape}")
        if self.levels is not None and self.levels.tokens_known.shape != self.scores.shape:
            raise ValueError(f"levels of {self.levels.tokens_known.shape} patches, not {self.scores.shape}")
        if not (0 < self.patch_width_px < np.inf and 0 < self.patch_height_px < np.inf):
            raise ValueError(f"a patch of {self.patch_width_px} × {self.patch_height_px} px covers nothing")
        object.__setattr__(self, "texels", self._texels())
        whole = self.known if self.levels is None else self.known & self.levels.tokens_known
        object.__setattr__(self, "unknown", CountedMask(~whole, (self.patch_width_px, self.patch_height_px)))

    @property
    def glass(self) -> NDArray[np.bool_]:
        """What is clear and blends with nothing (rows, columns)."""
        glass: NDArray[np.bool_] = self.known & (self.scores == 0)
        return glass

    @property
    def has_tokens(self) -> bool:
        """Whether anything finer than patches is known of the tissue."""
        return self.levels is not None and bool((self.levels.tokens_known & ~self.glass).any())

    def texels_on(self, tissue: OverlayTissue) -> tuple[NDArray[np.uint8], ...]:
        """``texels``, with tissue that scores 0 told from glass. A layer with levels knows its glass."""
        if self.levels is not None:
            return self.texels
        rows, cols = self.scores.shape
        stained = tissue.patches(rows, cols, (self.patch_width_px, self.patch_height_px))
        texels = self.texels[0].copy()
        texels[self.glass & stained, 1] = KNOWN_WEIGHT
        off = self.known & (self.scores > _NEXT_TO_NOTHING) & ~stained
        weights = _off_tissue_weights(off)[off]
        texels[off, 0] = (self.scores[off].astype(np.uint16) * weights + 127) // 255
        texels[off, 1] = weights
        return (texels,)

    def _texels(self) -> tuple[NDArray[np.uint8], ...]:
        weight = np.where(self.known, np.uint8(KNOWN_WEIGHT), self.estimated * np.uint8(ESTIMATED_WEIGHT))
        weight[self.glass] = GLASS_WEIGHT
        weighted = (self.scores.astype(np.uint16) * weight + 127) // 255
        patches = np.stack([weighted.astype(np.uint8), weight], axis=-1)
        if self.levels is None:
            return (patches,)
        tissue = self.scores > 0
        return (patches, self.levels.region_texels(tissue), self.levels.token_texels(tissue))


def off_tissue(texels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which patches (rows, columns) of ``texels_on`` are scored, though no tissue is seen in them."""
    weights = texels[..., 1]
    least = OFF_TISSUE_WEIGHT - (1 << len(_SIDES)) + 1
    found: NDArray[np.bool_] = (weights >= least) & (weights <= OFF_TISSUE_WEIGHT)
    return found


def _off_tissue_weights(off: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The weight of each patch were it ``off`` the tissue, (rows, columns)."""
    rows, cols = off.shape
    padded = np.pad(off, 1, constant_values=True)
    weights = np.full(off.shape, OFF_TISSUE_WEIGHT, np.uint8)
    for side, (row, col) in enumerate(_SIDES):
        weights -= padded[1 + row : 1 + row + rows, 1 + col : 1 + col + cols] * np.uint8(1 << side)
    return weights


@dataclass(frozen=True, slots=True)
class OverlayLook:
    """How a layer is drawn. None of this touches its data.

    ``threshold``: likeness below it is not drawn. ``low`` and ``high``: the likeness that has the first and
    the last colour. ``fill``, or ``contours`` at 0.25, 0.5, 0.75 and the threshold, or both.
    ``flashlight_px``: only within this radius of the pointer, in logical pixels; None everywhere.
    ``smooth``: blend from patch to patch. ``hierarchy``: of a layer with levels. Raises ValueError for values
    out of range.
    """

    colour_map: str = "viridis"
    opacity: float = 0.6
    threshold: float = 0.0
    low: float = 0.0
    high: float = 1.0
    fill: bool = True
    contours: bool = False
    visible: bool = True
    flashlight_px: float | None = None
    smooth: bool = True
    hierarchy: HierarchyLook = _BY_ZOOM

    def __post_init__(self) -> None:
        if self.colour_map not in COLOUR_MAPS:
            raise ValueError(strings.NO_COLOUR_MAP.format(name=self.colour_map, names=", ".join(COLOUR_MAPS)))
        if not (0 <= self.opacity <= 1 and 0 <= self.threshold <= 1):
            raise ValueError(f"opacity {self.opacity} and threshold {self.threshold} lie between 0 and 1")
        if not (0 <= self.low <= self.high - LEAST_RANGE + 1e-6 and self.high <= 1):
            raise ValueError(f"the colours cannot run from {self.low} to {self.high}")
        if not (self.fill or self.contours):
            raise ValueError("without fill and contours nothing is drawn")
        if self.flashlight_px is not None and not self.flashlight_px > 0:
            raise ValueError(f"a flashlight of {self.flashlight_px} px shows nothing")

    @property
    def ends(self) -> tuple[float, float]:
        """The likeness of the first colour and of the last."""
        return self.low, self.high

    @staticmethod
    def of(chosen: settings.Overlay) -> OverlayLook:
        """The look that the reader has chosen for a layer."""
        flashlight_px = chosen.flashlight_px if chosen.flashlight else None
        return OverlayLook(flashlight_px=flashlight_px, **{name: getattr(chosen, name) for name in CHOSEN})

    def above(self, threshold: float | None) -> OverlayLook:
        """Where values below a threshold are weak they are not drawn either."""
        return self if threshold is None else replace(self, threshold=max(self.threshold, threshold))

    def as_chosen(self, common: settings.Overlay) -> settings.Overlay:
        """What is chosen for this layer, and what ``common`` has chosen for all."""
        return replace(common, **{name: getattr(self, name) for name in CHOSEN})


class Overlay(NamedTuple):
    """A layer with its look. ``name`` is unique among the layers of a slide."""

    name: str
    layer: OverlayLayer
    look: OverlayLook


@dataclass(frozen=True, slots=True)
class OverlayScene:
    """The overlays of one frame, the lowest first, also those that are not seen now: what is in the scene
    stays on the GPU. Pixels are the framebuffer's, y down.

    ``tissue``: blended colours keep to it; None draws them everywhere.
    ``pointer_px`` is where flashlights shine, None nowhere. ``origin_px`` is where the frame lies in the
    whole picture, so that hatching runs through pictures that are drawn in parts.
    """

    overlays: tuple[Overlay, ...] = ()
    hidden: bool = False
    pointer_px: tuple[float, float] | None = None
    pixel_ratio: float = 1.0
    origin_px: tuple[float, float] = (0.0, 0.0)
    tissue: OverlayTissue | None = None

    @property
    def drawn(self) -> tuple[Overlay, ...]:
        """The visible overlays, the lowest first."""
        return () if self.hidden else tuple(overlay for overlay in self.overlays if overlay.look.visible)


class OverlayStack:
    """The layers of a view in the order of their first ``put``; ``hidden`` hides all of them. ``tissue``:
    that of the slide, once it is found."""

    def __init__(self) -> None:
        self._overlays: dict[str, Overlay] = {}
        self.hidden = False
        self.tissue: OverlayTissue | None = None

    def put(self, name: str, layer: OverlayLayer, look: OverlayLook) -> None:
        """Add a layer on top, or replace the one of this name in place."""
        self._overlays[name] = Overlay(name, layer, look)

    def restyle(self, name: str, look: OverlayLook) -> None:
        """Give a layer another look. Raises KeyError where there is none of this name."""
        self._overlays[name] = self._overlays[name]._replace(look=look)

    def remove(self, name: str) -> None:
        """Remove a layer, where there is one."""
        self._overlays.pop(name, None)

    def clear(self) -> None:
        """Remove all layers; the next are those of another slide."""
        self._overlays.clear()
        self.tissue = None

    def scene(
        self, *, pointer_px: tuple[float, float] | None = None, pixel_ratio: float = 1.0
    ) -> OverlayScene:
        """The overlays of a frame."""
        overlays = tuple(self._overlays.values())
        return OverlayScene(overlays, self.hidden, pointer_px, pixel_ratio, tissue=self.tissue)

    @property
    def follows_pointer(self) -> bool:
        """Whether the picture depends on the position of the pointer."""
        return any(overlay.look.flashlight_px is not None for overlay in self.scene().drawn)


def in_range(likeness: NDArray[np.floating], ends: tuple[float, float]) -> NDArray[np.floating]:
    """Where each likeness lies between that of the first colour, 0, and that of the last, 1."""
    place: NDArray[np.floating] = np.clip((likeness - ends[0]) / (ends[1] - ends[0]), 0, 1)
    return place


def cover(
    likeness: NDArray[np.floating], threshold: float, ends: tuple[float, float] = (0.0, 1.0)
) -> NDArray[np.floating]:
    """The share of the background that a layer's colour hides at each likeness, 0 to 1, before its
    opacity. ``ends``: the likeness of the first colour and the last."""
    share: NDArray[np.floating] = np.clip(in_range(likeness, ends) / FAINT_BELOW, 0, 1)
    return share * (likeness >= threshold)
