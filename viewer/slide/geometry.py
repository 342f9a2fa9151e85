"""The geometry of a slide's pyramid: levels, tiles and the regions that they cover. No I/O.

Two spaces: ``slide`` is level-0 pixels (float64, x right, y down, origin at the corner of the level-0 image,
so that coordinates agree with OpenSlide and with every annotation format); ``level`` is pixels of one level.
A level always covers the whole slide: its scale is the exact per-axis size ratio, so odd vendor ratios (7515
for 30060 / 4) cost at most one level pixel at the far edge and never a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log2
from typing import NamedTuple

from viewer.slide import strings
from viewer.slide.planes import FIRST_PLANE, ONE_PLANE, Plane, PlaneAxes

MAX_LEVEL_TILES = 2**25
"""Two tera-pixels in tiles of 256 px: what is kept for each tile of a level stays within 128 MiB."""


class TileKey(NamedTuple):
    """One tile of one level of one plane."""

    level: int
    col: int
    row: int
    plane: Plane = FIRST_PLANE


class Rect(NamedTuple):
    """An axis-parallel rectangle in slide space: left, top, right, bottom in level-0 pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def intersection(self, other: Rect) -> Rect | None:
        """The common part, or None where the two share no area."""
        x0, y0 = max(self.x0, other.x0), max(self.y0, other.y0)
        x1, y1 = min(self.x1, other.x1), min(self.y1, other.y1)
        return Rect(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


class TileRange(NamedTuple):
    """A block of tiles of one level of one plane: columns col0 ≤ c < col1 and rows row0 ≤ r < row1."""

    level: int
    col0: int
    row0: int
    col1: int
    row1: int
    plane: Plane = FIRST_PLANE

    @property
    def tile_count(self) -> int:
        return (self.col1 - self.col0) * (self.row1 - self.row0)

    def key(self, col: int, row: int) -> TileKey:
        """The tile in a column and row that are counted from the block's corner."""
        return TileKey(self.level, self.col0 + col, self.row0 + row, self.plane)


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution of the slide, cut into tiles from its top left corner.

    ``scale_x`` and ``scale_y`` are slide pixels per level pixel. Tiles of the last column and row are cropped
    to the level.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    scale_x: float
    scale_y: float

    @property
    def downsample(self) -> float:
        """Slide pixels per level pixel, mean of both axes."""
        return (self.scale_x + self.scale_y) / 2

    @property
    def columns(self) -> int:
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        return -(-self.height // self.tile_height)

    @property
    def tile_count(self) -> int:
        return self.columns * self.rows


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The levels of a slide, finest first.

    ``pixel_aspect`` is the physical height of a pixel over its width: screens stretch y by it so that tissue
    keeps its shape on scanners with non-square pixels. ``planes`` are those whose tiles can be read; each has
    all the levels.
    """

    levels: tuple[Level, ...]
    pixel_aspect: float = 1.0
    planes: PlaneAxes = ONE_PLANE

    @staticmethod
    def from_sizes(
        sizes: list[tuple[int, int]], tile_sizes: list[tuple[int, int]], *, pixel_aspect: float = 1.0
    ) -> Pyramid:
        """Levels of the given (width, height), finest first, each with its own (width, height) of tile.

        Raises ValueError for an empty pyramid, sizes below 1, a level larger than the finer one before it, or
        one of more than MAX_LEVEL_TILES tiles.
        """
        if not sizes or len(sizes) != len(tile_sizes):
            raise ValueError("a pyramid needs at least one level, and one tile size per level")
        width0, height0 = sizes[0]
        levels: list[Level] = []
        for (width, height), (tile_width, tile_height) in zip(sizes, tile_sizes, strict=True):
            if min(width, height, tile_width, tile_height) < 1:
                raise ValueError(
                    strings.LEVEL_SIZE.format(
                        width=width, height=height, tile_width=tile_width, tile_height=tile_height
                    )
                )
            if levels and (width > levels[-1].width or height > levels[-1].height):
                raise ValueError(strings.LEVEL_ORDER.format(width=width, height=height))
            level = Level(width, height, tile_width, tile_height, width0 / width, height0 / height)
            if level.tile_count > MAX_LEVEL_TILES:
                raise ValueError(
                    strings.LEVEL_TILES.format(width=width, height=height, tiles=level.tile_count)
                )
            levels.append(level)
        return Pyramid(tuple(levels), pixel_aspect)

    @property
    def width(self) -> int:
        return self.levels[0].width

    @property
    def height(self) -> int:
        return self.levels[0].height

    @property
    def extent(self) -> Rect:
        """The whole level-0 image."""
        return Rect(0.0, 0.0, float(self.width), float(self.height))

    @property
    def tile_px(self) -> int:
        """The side of the smallest square that holds any tile."""
        return max(max(level.tile_width, level.tile_height) for level in self.levels)

    @property
    def mip_levels(self) -> int:
        """How many mips a tile needs (itself included) so that the widest step between levels is filtered, 2
        to 4.
        """
        steps = [b.downsample / a.downsample for a, b in zip(self.levels, self.levels[1:], strict=False)]
        return min(4, max(2, ceil(log2(max(steps, default=2.0)) - 0.01) + 1))

    def level_for_downsample(self, downsample: float) -> int:
        """The coarsest level whose pixels are no larger than one screen pixel of ``downsample`` slide pixels.

        2 % of tolerance keeps odd ratios (3.9998) from selecting the next finer level at 4x.
        """
        best = 0
        for index, level in enumerate(self.levels):
            if level.downsample <= downsample * 1.02:
                best = index
        return best

    def visible_tiles(self, level_index: int, region: Rect, plane: Plane = FIRST_PLANE) -> TileRange:
        """The tiles of a level that share area with ``region``; an empty range where none does."""
        level, inside = self.levels[level_index], region.intersection(self.extent)
        if inside is None:
            return TileRange(level_index, 0, 0, 0, 0, plane)
        step_x, step_y = level.tile_width * level.scale_x, level.tile_height * level.scale_y
        col0, row0 = floor(inside.x0 / step_x), floor(inside.y0 / step_y)
        col1, row1 = min(ceil(inside.x1 / step_x), level.columns), min(ceil(inside.y1 / step_y), level.rows)
        return TileRange(level_index, col0, row0, col1, row1, plane)

    def contains(self, key: TileKey) -> bool:
        """Whether the tile exists in this pyramid."""
        if not 0 <= key.level < len(self.levels) or not self.planes.contains(key.plane):
            return False
        level = self.levels[key.level]
        return 0 <= key.col < level.columns and 0 <= key.row < level.rows

    def tile_size(self, key: TileKey) -> tuple[int, int]:
        """Width and height in level pixels of a tile, cropped at the level's far edges."""
        level = self.levels[key.level]
        return (
            min(level.tile_width, level.width - key.col * level.tile_width),
            min(level.tile_height, level.height - key.row * level.tile_height),
        )

    def tile_rect(self, key: TileKey) -> Rect:
        """The part of the slide that a tile shows."""
        level = self.levels[key.level]
        width, height = self.tile_size(key)
        x, y = key.col * level.tile_width, key.row * level.tile_height
        return Rect(
            x * level.scale_x, y * level.scale_y, (x + width) * level.scale_x, (y + height) * level.scale_y
        )
