"""Attention at three levels, regions, their patches and the patches' tokens, and which a view shows. Pure.

Values of all levels are codes of 8 bits; the middle means the average of the neighbours. Factors of
attention are coded by their logarithm, so that their product is a sum, and levels fade in and out by weights.
shaders/overlay.frag composes them as ``composed`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.overlay import strings
from viewer.relevance.patches.attention_codes import (
    CODES_PER_OCTAVE,
    MIDDLE,
    OCTAVES,
    PATCHES_A_SIDE,
    TOKENS_A_SIDE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOG_GAIN = 255 / (CODES_PER_OCTAVE * OCTAVES)

MODES = ("factorised", "blend", "single")
LEVELS = ("zoom", "region", "patch", "token")
_WEIGHT_IN_MEAN = 0.5
_FAINT_CODE = 8
_WITHOUT_REGIONS = "blend"
"""As published, it ranks patches and tokens."""
_FADES_IN_FROM_PX, _FADED_IN_AT_PX = 2.0, 6.0
_LARGE_PX = 1e6
"""A patch of this size shows all its levels."""


def levels_of(mode: str) -> tuple[str, ...]:
    """Those of ``LEVELS`` that a mode has; the blend has no regions."""
    return tuple(level for level in LEVELS if mode != _WITHOUT_REGIONS or level != "region")


class LevelWeights(NamedTuple):
    """Factors of the distances of the codes of regions, patches and tokens from the middle, in a likeness."""

    region: float
    patch: float
    token: float


class LevelsSeen(NamedTuple):
    """Which levels count in what is shown, at some zoom."""

    region: bool
    patch: bool
    token: bool


@dataclass(frozen=True, slots=True)
class HierarchyLook:
    """How levels are combined, and the finest of them: ``mode`` "factorised", "blend" or "single"; ``level``
    "zoom" to follow the view, or one of ``levels_of`` the mode. Raises ValueError for another."""

    mode: str = "factorised"
    level: str = "zoom"

    def __post_init__(self) -> None:
        if self.mode not in MODES or self.level not in levels_of(self.mode):
            raise ValueError(strings.NO_LEVEL.format(mode=self.mode, level=self.level))

    @property
    def seen(self) -> LevelsSeen:
        """Which levels count: a fixed one may leave others out, and following the zoom each comes once."""
        coarse, middle, fine = (self.weights(px) for px in (1.0, _FADED_IN_AT_PX, _LARGE_PX))
        return LevelsSeen(*(any(weights) for weights in zip(coarse, middle, fine, strict=True)))

    def weights(self, patch_px: float) -> LevelWeights:
        """The weights of a view in which a patch is ``patch_px`` wide on the screen.

        A level fades in as its squares grow from 2 to 6 pixels: smaller ones would appear as noise.
        """
        if self.level == "zoom":
            patch, token = _faded_in(patch_px), _faded_in(patch_px / TOKENS_A_SIDE)
        else:
            patch, token = float(self.level != "region"), float(self.level == "token")
        if self.mode == "factorised":
            return LevelWeights(_LOG_GAIN, _LOG_GAIN * patch, _LOG_GAIN * token)
        if self.mode == "blend":
            return LevelWeights(0.0, 1 / (1 + token), token / (1 + token))
        return LevelWeights(
            _LOG_GAIN * (1 - patch), _LOG_GAIN * patch * (1 - token), _LOG_GAIN * patch * token
        )


@dataclass(frozen=True, slots=True, eq=False)
class HierarchyLevels:
    """The levels above and below a layer's patches (rows, columns), whose scores are codes too.

    ``regions`` uint8 (rows / 16, columns / 16), rounded up; ``tokens`` uint8 (rows · 16, columns · 16);
    ``tokens_known`` bool (rows, columns). Raises ValueError where they do not fit together.
    """

    regions: NDArray[np.uint8]
    tokens: NDArray[np.uint8]
    tokens_known: NDArray[np.bool_]

    def __post_init__(self) -> None:
        rows, cols = self.tokens_known.shape
        regions = -(-rows // PATCHES_A_SIDE), -(-cols // PATCHES_A_SIDE)
        if self.regions.shape != regions or self.tokens.shape != (rows * TOKENS_A_SIDE, cols * TOKENS_A_SIDE):
            raise ValueError(
                f"{self.regions.shape} regions and {self.tokens.shape} tokens for {rows} × {cols} patches"
            )

    def token_texels(self, tissue: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """(rows · 16, columns · 16, 2): code times weight, and weight: 255 known in ``tissue`` (rows,
        columns), 0 not: glass is not blended with it."""
        rows, cols = self.tokens_known.shape
        texels = np.empty((rows, TOKENS_A_SIDE, cols, TOKENS_A_SIDE, 2), np.uint8)
        weight = ((self.tokens_known & tissue) * np.uint8(255))[:, None, :, None]
        np.bitwise_and(self.tokens.reshape(texels.shape[:-1]), weight, out=texels[..., 0])
        texels[..., 1] = weight
        return texels.reshape(rows * TOKENS_A_SIDE, cols * TOKENS_A_SIDE, 2)

    def region_texels(self, tissue: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """(rows / 16, columns / 16, 2): code times weight, and weight: 255 with ``tissue``, 0 without."""
        starts = (np.arange(0, side, PATCHES_A_SIDE) for side in tissue.shape)
        weight = tissue.astype(np.uint8) * np.uint8(255)
        for axis, start in enumerate(starts):
            weight = np.maximum.reduceat(weight, start, axis)
        return np.stack([self.regions & weight, weight], axis=-1)


def composed(
    region: NDArray[np.uint8], patch: NDArray[np.uint8], token: NDArray[np.uint8], weights: LevelWeights
) -> NDArray[np.float32]:
    """The likeness, 0 to 1, of codes of one shape. Uniform attention is ``MIDDLE`` of 255. Where tokens
    are factors, which weigh more than in a mean, a token of 0 makes the likeness 0."""
    codes = np.stack([region, patch, token], axis=-1).astype(np.float32)
    beyond = (codes - np.float32(MIDDLE)) @ np.array(weights, np.float32)
    likeness: NDArray[np.float32] = np.asarray(np.clip((np.float32(MIDDLE) + beyond) / np.float32(255), 0, 1))
    factor = np.float32(min(max(weights.token / _WEIGHT_IN_MEAN - 1, 0.0), 1.0))
    likeness *= 1 - factor * (1 - np.minimum(codes[..., 2] / np.float32(_FAINT_CODE), 1))
    return likeness


def _faded_in(size_px: float) -> float:
    share = min(max((size_px - _FADES_IN_FROM_PX) / (_FADED_IN_AT_PX - _FADES_IN_FROM_PX), 0.0), 1.0)
    return share * share * (3 - 2 * share)
