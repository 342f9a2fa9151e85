"""How large the tiles of a level are, and where its picture ends: the files state neither.

libvips and web maps pad the tiles at the border to whole ones; others cut them where the picture ends. A tile
that is cut tells which of its numbers counts columns too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree.google_order import TileOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeAlias

    Place: TypeAlias = tuple[int, int]
    Size: TypeAlias = tuple[int, int]

_FROM_ABOVE = (TileOrder.ROW_COLUMN, TileOrder.COLUMN_ROW)


@dataclass(frozen=True, slots=True)
class LevelBorder:
    """(width, height) of tiles of a level: of the first one that is not cut, if there is one, and of one each
    at the end of both numbers, ``last``. ``orders`` are those that these sizes allow.
    """

    tile_px: int
    last: Place
    sizes: dict[Place, Size]

    @property
    def orders(self) -> list[TileOrder]:
        return [order for order in _FROM_ABOVE if self._fits(order, 0) and self._fits(order, 1)]

    @property
    def is_whole(self) -> bool:
        """Whether no tile is cut."""
        return set(self.sizes.values()) == {(self.tile_px, self.tile_px)}

    def extent(self, order: TileOrder) -> Size:
        """(width, height) of the level, in one of ``orders``."""
        ends = [0, 0]
        for place in self.sizes:
            for axis, side in enumerate(_sides(order, self.sizes[place])):
                if place[axis] == self.last[axis]:
                    ends[axis] = self.last[axis] * self.tile_px + side
        return (ends[1], ends[0]) if order is TileOrder.ROW_COLUMN else (ends[0], ends[1])

    def _fits(self, order: TileOrder, axis: int) -> bool:
        """Whether along an axis tiles are whole, but for the end of the level, where they are alike."""
        before, at_end = set[int](), set[int]()
        for place, size in self.sizes.items():
            (at_end if place[axis] == self.last[axis] else before).add(_sides(order, size)[axis])
        return before <= {self.tile_px} and len(at_end) == 1 and max(at_end) <= self.tile_px


def level_border(places: Collection[Place], size_of: Callable[[int, int], Size]) -> LevelBorder:
    """Measured on three of the stored tiles at most; ``size_of`` reads the header of one."""
    last = max(first for first, _ in places), max(second for _, second in places)

    def at_ends(place: Place) -> tuple[int, Place]:
        return (place[0] == last[0]) + (place[1] == last[1]), place

    whole = min(places, key=at_ends)
    chosen = {
        whole,
        *(min((each for each in places if each[axis] == last[axis]), key=at_ends) for axis in (0, 1)),
    }
    sizes = {place: size_of(*place) for place in sorted(chosen)}
    return LevelBorder(max(sizes[whole]), last, sizes)


def _sides(order: TileOrder, size: Size) -> Size:
    """The sides of a tile along its first and its second number."""
    return (size[1], size[0]) if order is TileOrder.ROW_COLUMN else size
