"""Google Maps layout: folders of levels, rows and columns (``3/1/2.jpg``), or columns and rows, level 0 one
tile, no description. A tree of one level alone (``--depth one``) calls it 0, of any number of tiles.

The picture's size is not stated: the slide ends with its last stored column and row, which may be cut there.
Source: the layout as libvips writes it (``dzsave --layout google``), which pads tiles at the border and
leaves blank ones out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.slide.formats.plain_image import DECODE_ERRORS
from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.google_border import level_border
from viewer.slide.formats.tile_tree.google_order import TileOrder, tile_order
from viewer.slide.formats.tile_tree.layout import ENDINGS, MAX_TILE_PX, TreeLayout, TreeLevel
from viewer.slide.formats.tile_tree.source import MAX_TILE_BYTES, image_size
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.slide.formats.tile_tree.google_border import LevelBorder
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


def _coarsest(path: Path, files: TreeFiles) -> tuple[int, str]:
    """The first level with stored tiles, 0 unless that is blank and was left out, and the suffix of its
    tiles. Raises SlideError where no level has any.
    """
    for level in sorted(_numbers(files.names_in(""), limit=_MAX_LEVEL)):
        for first in sorted(_numbers(files.names_in(str(level)), limit=_MOST_TILES)):
            names = files.names_in(f"{level}/{first}")
            for ending in ENDINGS:
                if _numbers(names, limit=_MOST_TILES, ending=f".{ending}"):
                    return level, ending
    raise SlideError(path, strings.TILE_NOT_FOUND.format(tile="0/0/0", endings=", ".join(ENDINGS)))


def google_layout(path: Path, files: TreeFiles) -> TreeLayout:
    """The layout of a folder of levels. Raises SlideError."""
    coarsest, ending = _coarsest(path, files)
    top = max(_numbers(files.names_in(""), limit=_MAX_LEVEL))
    limit = 2**top - 1 if top else _MOST_TILES
    places = _places(files, top, ending, limit)
    if not places:
        raise SlideError(path, strings.GOOGLE_FINEST_MISSING.format(level=top))
    border = level_border(places, partial(_tile_size, path, files, top, ending))
    tile_px = border.tile_px
    found = tile_order(files, places, partial(_tile_name, top, ending), tile_px)
    measured = partial(_stored_border, path, files, ending, tile_px)
    overview = measured(coarsest)
    if not (border.is_whole and overview is not None and overview.is_whole):
        orders = border.orders
        likely = [each for each in orders if overview and _is_reduced(overview, border, each, top - coarsest)]
        orders = likely or orders
        if not orders or found not in (None, *orders):
            raise SlideError(path, strings.GOOGLE_TILE_SIZES)
        is_assumed = found is None and len(orders) > 1 and max(map(max, places)) > 0
        return _cut_layout(border, measured, top, ending, found or orders[0], is_assumed=is_assumed)
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


def _cut_layout(
    border: LevelBorder,
    measured: Callable[[int], LevelBorder | None],
    top: int,
    ending: str,
    order: TileOrder,
    *,
    is_assumed: bool,
) -> TreeLayout:
    """Of tiles that end where the picture does; ``measured`` is the border of a level. Raises SlideError."""
    width, height = border.extent(order)
    levels = [TreeLevel(width, height, 1, partial(_tile_at, order, 0, top, ending))]
    for step in range(1, top + 1):
        size, stored = (-(-width >> step), -(-height >> step)), measured(top - step)
        # Writers round up or down; where blank tiles are left out at the end, the others show neither.
        if stored is not None and _is_reduced(stored, border, order, step):
            size = stored.extent(order)
        levels.append(TreeLevel(*size, 2**step, partial(_tile_at, order, 0, top - step, ending)))
    return TreeLayout(
        name=_NAMES[order],
        reason=strings.GOOGLE_REASON,
        tile_width=border.tile_px,
        tile_height=border.tile_px,
        overlap_px=0,
        levels=tuple(levels),
        notes=(strings.ORDER_ASSUMED,) if is_assumed else (),
    )


def _is_reduced(level: LevelBorder, finest: LevelBorder, order: TileOrder, step: int) -> bool:
    """Whether a level is as large as one that is ``step`` times halved, however that is rounded."""
    sides = zip(level.extent(order), finest.extent(order), strict=True)
    return all(abs(side - whole / 2**step) <= 1 for side, whole in sides)


def _stored_border(path: Path, files: TreeFiles, ending: str, tile_px: int, level: int) -> LevelBorder | None:
    """None of a level without tiles. Raises SlideError."""
    places = _places(files, level, ending, _MOST_TILES)
    if not places:
        return None
    return replace(level_border(places, partial(_tile_size, path, files, level, ending)), tile_px=tile_px)


def _places(files: TreeFiles, level: int, ending: str, limit: int) -> set[tuple[int, int]]:
    """The numbers of the tiles that a level stores."""
    return {
        (first, second)
        for first in _numbers(files.names_in(str(level)), limit=limit)
        for second in _numbers(files.names_in(f"{level}/{first}"), limit=limit, ending=f".{ending}")
    }


def _tile_size(
    path: Path, files: TreeFiles, level: int, ending: str, first: int, second: int
) -> tuple[int, int]:
    """(width, height) of a tile, by its header. Raises SlideError."""
    tile = _tile_name(level, ending, first, second)
    try:
        size = image_size(files.read(tile, MAX_TILE_BYTES))
        if max(size) > MAX_TILE_PX:
            raise ValueError(strings.TILE_TOO_LARGE)
    except DECODE_ERRORS as error:
        raise SlideError(path, strings.TILE_UNREADABLE.format(file=tile, error=error)) from error
    return size


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
