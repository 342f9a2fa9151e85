"""Google Maps layout: folders of levels, rows and columns (``3/1/2.jpg``), or columns and rows, level 0 one
tile, no description. A tree of one level alone (``--depth one``) calls it 0, of any number of tiles.

The picture's size is not stated: the slide ends with its last stored column and row. Source: the layout as
libvips writes it (``dzsave --layout google``), which pads tiles at the border and leaves blank ones out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.google_order import TileOrder, tile_order
from viewer.slide.formats.tile_tree.layout import ENDINGS, TreeLayout, TreeLevel
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeFiles

BLANK_TILE = "blank.png"
"""What libvips writes beside the levels, for servers to show where it left a tile out."""

_NAMES = {
    TileOrder.ROW_COLUMN: "Google Maps",
    TileOrder.COLUMN_ROW: "XYZ tiles",
    TileOrder.COLUMN_ROW_FROM_BELOW: "TMS tiles",
}
_MAX_LEVEL = 24
_MOST_TILES = 2**19 - 1  # of a row or column of a single level: 2³¹ px in the largest tiles


def coarsest_tile(path: Path, files: TreeFiles) -> str:
    """The name of the first tile stored at level 0, or at the next one that has any where level 0 is blank
    and was left out: all are padded to one size. Raises SlideError where no level has any.
    """
    for level in sorted(_numbers(files.names_in(""), limit=_MAX_LEVEL)):
        for first in sorted(_numbers(files.names_in(str(level)), limit=_MOST_TILES)):
            names = files.names_in(f"{level}/{first}")
            for ending in ENDINGS:
                for second in sorted(_numbers(names, limit=_MOST_TILES, ending=f".{ending}"))[:1]:
                    return _tile_name(level, ending, first, second)
    raise SlideError(path, strings.TILE_NOT_FOUND.format(tile="0/0/0", endings=", ".join(ENDINGS)))


def google_layout(path: Path, files: TreeFiles, tile: str, tile_px: int) -> TreeLayout:
    """The layout of a folder; ``tile`` is its ``coarsest_tile``, of ``tile_px`` a side. Raises SlideError."""
    ending = tile.rpartition(".")[2]
    top = max(_numbers(files.names_in(""), limit=_MAX_LEVEL))
    limit = 2**top - 1 if top else _MOST_TILES
    places = {
        (first, second)
        for first in _numbers(files.names_in(str(top)), limit=limit)
        for second in _numbers(files.names_in(f"{top}/{first}"), limit=limit, ending=f".{ending}")
    }
    if not places:
        raise SlideError(path, strings.GOOGLE_FINEST_MISSING.format(level=top))
    found = tile_order(files, places, partial(_tile_name, top, ending), tile_px)
    is_assumed = found is None and max(map(max, places)) > 0
    order = found or TileOrder.ROW_COLUMN
    rows, columns = (max(numbers) + 1 for numbers in zip(*places, strict=True))
    if order is not TileOrder.ROW_COLUMN:
        rows, columns = columns, rows
    # Levels that are counted from below do not begin at one row.
    blank_rows = limit + 1 - rows if top and order is TileOrder.COLUMN_ROW_FROM_BELOW else 0
    rows += blank_rows
    width, height = columns * tile_px, rows * tile_px
    return TreeLayout(
        name=_NAMES[order],
        reason=strings.GOOGLE_REASON,
        tile_width=tile_px,
        tile_height=tile_px,
        overlap_px=0,
        levels=tuple(
            TreeLevel(
                -(-width >> step),
                -(-height >> step),
                2**step,
                partial(_tile_at, order, rows >> step, top - step, ending),
            )
            for step in range(top + 1)
        ),
        has_full_tiles=True,
        blank_above_px=blank_rows * tile_px,
        notes=(strings.SIZE_NOT_STATED, *((strings.ORDER_ASSUMED,) if is_assumed else ())),
    )


def _numbers(names: frozenset[str], *, limit: int, ending: str = "") -> set[int]:
    """The numbers that names are, up to ``limit``."""
    stems = (name.removesuffix(ending) for name in names if name.endswith(ending))
    return {int(stem) for stem in stems if stem.isdecimal() and len(stem) < 10 and int(stem) <= limit}


def _tile_at(order: TileOrder, rows: int, level: int, ending: str, column: int, row: int) -> str:
    if order is TileOrder.COLUMN_ROW_FROM_BELOW:
        return _tile_name(level, ending, column, rows - 1 - row)
    return _tile_name(level, ending, *((column, row) if order is TileOrder.COLUMN_ROW else (row, column)))


def _tile_name(level: int, ending: str, first: int, second: int) -> str:
    return f"{level}/{first}/{second}.{ending}"
