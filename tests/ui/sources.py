"""Slides made in memory for window tests: any size, any number of levels, with faults on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.source import SlideInfo, TileError

if TYPE_CHECKING:
    from threading import Event

    from numpy.typing import NDArray


class MadeSource:
    """A slide with pixels that encode their place: red grows with x, green with y, blue is the level.

    ``broken`` tiles cannot be read; while ``gate`` is clear, tiles finer than the coarsest level wait for it.
    """

    is_remote = False
    decodes_along = None

    def __init__(
        self,
        *,
        size: int = 8192,
        step: int = 2,
        levels: int | None = None,
        path: Path = Path("made.svs"),
        broken: frozenset[TileKey] = frozenset(),
        gate: Event | None = None,
        mpp_um: tuple[float, float] | None = (0.25, 0.25),
        icc_profile: bytes | None = None,
    ) -> None:
        sizes = [size]
        while sizes[-1] // step >= 512 and len(sizes) != levels:
            sizes.append(sizes[-1] // step)
        self.pyramid = Pyramid.from_sizes([(side, side) for side in sizes], [(256, 256)] * len(sizes))
        self.info = SlideInfo(
            path=path,
            format="made",
            reader="made",
            reader_reason="made by the test",
            bounds=self.pyramid.extent,
            file_levels=tuple((side, side) for side in sizes),
            mpp_um=mpp_um,
            objective_power=None if mpp_um is None else 40.0,
            icc_profile=icc_profile,
        )
        self.closed = False
        self._broken = broken
        self._gate = gate

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        coarsest = key.level == len(self.pyramid.levels) - 1 > 0
        if self._gate is not None and not coarsest:
            self._gate.wait()
        if key in self._broken or self.closed:
            raise TileError(f"{key}: broken for the test")
        width, height = self.pyramid.tile_size(key)
        rect = self.pyramid.tile_rect(key)
        pixels = np.full((height, width, 4), 255, np.uint8)
        pixels[..., 0] = np.linspace(rect.x0, rect.x1, width) / self.pyramid.width * 200
        pixels[..., 1] = (np.linspace(rect.y0, rect.y1, height) / self.pyramid.height * 200)[:, None]
        pixels[..., 2] = 40 * key.level
        return pixels

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        raise KeyError(name)

    def close(self) -> None:
        self.closed = True
