"""TurnedSource: a slide that is stored on its side, upside down or mirrored, shown upright.

Source: TIFF 6.0, tag Orientation (274), values 2 to 8; EXIF has the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.source import Source

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.pixels import Pixels
    from viewer.slide.source import SlideInfo

    # What the stored slide's ``fetch_tile`` gave, by tile.
    Fetched: TypeAlias = dict[TileKey, object]

UPRIGHT = 1


class Turn(NamedTuple):
    """Rows become columns first, then the picture is mirrored left to right, then top to bottom."""

    transposes: bool
    mirrors_x: bool
    mirrors_y: bool

    def upright(self, pixels: Pixels) -> Pixels:
        """(h, w, samples) as stored, turned; C-contiguous."""
        if self.transposes:
            pixels = pixels.transpose(1, 0, 2)
        pixels = pixels[:: -1 if self.mirrors_y else 1, :: -1 if self.mirrors_x else 1]
        return np.ascontiguousarray(pixels)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Of what is stored in this size, or is shown in it."""
        return (height, width) if self.transposes else (width, height)

    def stored_rect(self, rect: Rect, width: float, height: float) -> Rect:
        """Where a rectangle of the upright picture of ``width`` and ``height`` lies in the stored one."""
        x0, x1 = (width - rect.x1, width - rect.x0) if self.mirrors_x else (rect.x0, rect.x1)
        y0, y1 = (height - rect.y1, height - rect.y0) if self.mirrors_y else (rect.y0, rect.y1)
        return Rect(y0, x0, y1, x1) if self.transposes else Rect(x0, y0, x1, y1)

    def shown_rect(self, rect: Rect, width: float, height: float) -> Rect:
        """Where a rectangle of the stored picture of ``width`` and ``height`` lies in the upright one."""
        if self.transposes:
            rect, width, height = Rect(rect.y0, rect.x0, rect.y1, rect.x1), height, width
        return Turn(False, self.mirrors_x, self.mirrors_y).stored_rect(rect, width, height)


TURNS = {
    2: Turn(False, True, False),
    3: Turn(False, True, True),
    4: Turn(False, False, True),
    5: Turn(True, False, False),
    6: Turn(True, True, False),
    7: Turn(True, True, True),
    8: Turn(True, False, True),
}


class TurnedSource(Source):
    """A Source over another one's tiles. ``turn`` makes the stored picture upright; ``note`` says so."""

    def __init__(self, stored: Source, turn: Turn, note: str) -> None:
        self._stored = stored
        self._turn = turn
        levels = stored.pyramid.levels
        aspect = stored.pyramid.pixel_aspect
        self._pyramid = Pyramid.from_sizes(
            [turn.size(level.width, level.height) for level in levels],
            [turn.size(level.tile_width, level.tile_height) for level in levels],
            pixel_aspect=1 / aspect if turn.transposes else aspect,
        )
        info = stored.info
        mpp_um = info.mpp_um[::-1] if info.mpp_um and turn.transposes else info.mpp_um
        self._info = replace(
            info,
            bounds=turn.shown_rect(info.bounds, stored.pyramid.width, stored.pyramid.height),
            file_levels=tuple(turn.size(*size) for size in info.file_levels),
            mpp_um=mpp_um,
            notes=(*info.notes, note),
        )

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    @property
    def is_remote(self) -> bool:
        return self._stored.is_remote

    @property
    def decodes_along(self) -> Literal["rows", "columns"] | None:
        along = self._stored.decodes_along
        if along is None or not self._turn.transposes:
            return along
        return "columns" if along == "rows" else "rows"

    def read_tile(self, key: TileKey) -> Pixels:
        """See ``Source.read_tile``."""
        return self.decode_tile(key, None)

    def fetch_tile(self, key: TileKey) -> Fetched:
        """See ``Source.fetch_tile``."""
        return {stored: self._stored.fetch_tile(stored) for stored in self._stored_tiles(key)[1]}

    def decode_tile(self, key: TileKey, fetched: Fetched | None) -> Pixels:
        """See ``Source.decode_tile``: mirrored, a tile lies over up to four of the stored ones."""
        rect, keys = self._stored_tiles(key)
        left, top, right, bottom = (int(side) for side in rect)
        level = self._stored.pyramid.levels[key.level]
        samples = self._info.samples
        pixels: NDArray[np.uint8 | np.uint16]
        pixels = np.empty((bottom - top, right - left, samples.per_pixel), samples.dtype)
        for each in keys:
            tile = self._stored.decode_tile(each, None if fetched is None else fetched[each])
            x, y = each.col * level.tile_width, each.row * level.tile_height
            part = tile[max(0, top - y) : bottom - y, max(0, left - x) : right - x]
            y0, x0 = max(0, y - top), max(0, x - left)
            pixels[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
        return self._turn.upright(pixels)

    def _stored_tiles(self, key: TileKey) -> tuple[Rect, list[TileKey]]:
        """Where a tile lies in its stored level, and the tiles there. Raises TileError."""
        x, y, width, height = self.tile_region(key)
        shown, stored = self._pyramid.levels[key.level], self._stored.pyramid.levels[key.level]
        rect = self._turn.stored_rect(Rect(x, y, x + width, y + height), shown.width, shown.height)
        columns = range(int(rect.x0) // stored.tile_width, -(-int(rect.x1) // stored.tile_width))
        rows = range(int(rect.y0) // stored.tile_height, -(-int(rect.y1) // stored.tile_height))
        return rect, [key._replace(col=column, row=row) for row in rows for column in columns]

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """See ``Source.read_associated_image``; these are pictures of their own, not turned."""
        return self._stored.read_associated_image(name)

    def close(self) -> None:
        """See ``Source.close``."""
        self._stored.close()
