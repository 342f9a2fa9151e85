"""What each patch is worth: tile loads and encoder tokens from scores, surprise and where the reader looks.

The formulas are those of ``gpu.compute.allocate``; here are the budgets, and what a slide's levels cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpu.compute.allocate import allocate_loads, allocate_tokens, focused, joint_relevance
from gpu.compute.device import compute_device
from gpu.compute.token_steps import MOST_TOKENS
from viewer.relevance.patches.loads import Loads
from viewer.relevance.patches.peaks import LEAST_SCORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpu.compute.device import Processor
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.slide.geometry import Pyramid
    from viewer.view.viewport import Viewport

LOAD_BYTES = 32 << 20
"""Of decoded tiles beyond the screen that are worth fetching before the view rests there: 3 MB of JPEG, a
second of a network of 20 Mbit/s."""
UNIFORM_TOKENS = 256
"""A region of 128 µm at 0.5 µm/px has as many where no region counts more than another."""
TOKEN_SHARE = 0.4
_FINE_MPP_UM = 0.45
_RGBA_BYTES = 4


@dataclass(frozen=True, slots=True)
class Allocation(Loads):
    """Loads, and the ``tokens`` (uint16, (rows, columns)) that the encoder may spend on each patch."""

    tokens: NDArray[np.uint16]


class Allocator:
    """For one slide; each allocation begins with the one before, so that slight changes move nothing.

    ``tissue`` (rows, columns): glass takes part in no budget of tokens.
    """

    def __init__(
        self,
        grid: PatchGrid,
        pyramid: Pyramid,
        tissue: NDArray[np.bool_],
        mpp_um: tuple[float, float],
    ) -> None:
        self._grid = grid
        self._pyramid = pyramid
        self._tissue = tissue
        self._bytes_per_level = bytes_per_level(grid, pyramid)
        self._most_tokens = MOST_TOKENS if min(mpp_um) < _FINE_MPP_UM else UNIFORM_TOKENS
        self._tokens: NDArray[np.uint16] | None = None
        self._token_price: int | None = None
        self._levels: NDArray[np.uint8] | None = None
        self._load_price: int | None = None

    def allocate(
        self,
        scores: NDArray[np.float32],
        surprise: NDArray[np.float32],
        attention: NDArray[np.float32],
        look: Viewport,
    ) -> Allocation:
        """All arrays (rows, columns); ``surprise`` NaN where it is not known. On the process's device."""
        return compute_device().run(
            lambda processor: self._allocate_on(processor, scores, surprise, attention, look)
        )

    def _allocate_on(
        self,
        processor: Processor,
        scores: NDArray[np.float32],
        surprise: NDArray[np.float32],
        attention: NDArray[np.float32],
        look: Viewport,
    ) -> Allocation:
        relevance = joint_relevance(scores, surprise)
        loads = allocate_loads(
            relevance,
            LOAD_BYTES,
            acuity=attention,
            on_screen=self._on_screen(look) | (scores >= LEAST_SCORE),  # a reader who asked goes there next
            required_level=min(
                self._pyramid.level_for_downsample(look.downsample), len(self._bytes_per_level) - 1
            ),
            bytes_per_level=self._bytes_per_level,
            previous=self._levels,
            warm=self._load_price,
            torch_device=processor.torch_device,
        )
        tokens = allocate_tokens(
            joint_relevance(focused(scores[self._tissue]), surprise[self._tissue]),
            int(TOKEN_SHARE * UNIFORM_TOKENS * int(self._tissue.sum())),
            previous=self._tokens,
            warm=self._token_price,
            most_tokens=self._most_tokens,
            processor=processor,
        )
        self._levels, self._load_price = loads.levels, loads.price
        self._tokens, self._token_price = tokens.tokens, tokens.price
        spread = np.zeros(self._grid.shape, np.uint16)
        spread[self._tissue] = tokens.tokens
        return Allocation(loads.weights, loads.levels, spread)

    def _on_screen(self, look: Viewport) -> NDArray[np.bool_]:
        """The patches of which the screen shows any part."""
        x = np.arange(self._grid.columns) * self._grid.patch_width_px
        y = (np.arange(self._grid.rows) * self._grid.patch_height_px)[:, None]
        shown: NDArray[np.bool_] = (
            (x < look.field.x1)
            & (x + self._grid.patch_width_px > look.field.x0)
            & (y < look.field.y1)
            & (y + self._grid.patch_height_px > look.field.y0)
        )
        return shown


def bytes_per_level(grid: PatchGrid, pyramid: Pyramid) -> tuple[int, ...]:
    """What a patch's pixels take at each level, finest first, as far as a coarser level takes less."""
    taken: list[int] = []
    for level in pyramid.levels:
        pixels = grid.patch_width_px / level.scale_x * grid.patch_height_px / level.scale_y
        size = max(1, round(pixels * _RGBA_BYTES))
        if taken and size >= taken[-1]:
            break
        taken.append(size)
    return tuple(taken)
