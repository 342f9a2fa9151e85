"""Google Maps layout: folders of levels, rows and columns (``3/1/2.jpg``), level 0 one tile, no description.
A tree of one level alone (``--depth one``) calls it 0, of any number of tiles.

The picture's size is not stated: the slide ends with its last stored column and row. Source: the layout as
libvips writes it (``dzsave --layout google``), which pads tiles at the border and leaves blank ones out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.layout import ENDINGS, TreeLayout, TreeLevel
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeFiles

BLANK_TILE = "blank.png"
"""What libvips writes beside the levels, for servers to show where it left a tile out."""

_MAX_LEVEL = 24
_MOST_TILES = 2**19 - 1  # of a row or column of a single level: 2³¹ px in the largest tiles


def coarsest_tile(path: Path, files: TreeFiles) -> str:
    """The name of the first tile stored at level 0. Raises SlideError where there is none."""
    for row in sorted(_numbers(files.names_in("0"), limit=_MOST_TILES)):
        names = files.names_in(f"0/{row}")
        for ending in ENDINGS:
            for column in sorted(_numbers(names, limit=_MOST_TILES, ending=f".{ending}"))[:1]:
                return _tile_name(0, ending, column, row)
    raise SlideError(path, strings.TILE_NOT_FOUND.format(tile="0/0/0", endings=", ".join(ENDINGS)))


def google_layout(path: Path, files: TreeFiles, tile: str, tile_px: int) -> TreeLayout:
    """The layout of a folder; ``tile`` is its ``coarsest_tile``, of ``tile_px`` a side. Raises SlideError."""
    ending = tile.rpartition(".")[2]
    top = max(_numbers(files.names_in(""), limit=_MAX_LEVEL))
    limit = 2**top - 1 if top else _MOST_TILES
    rows = _numbers(files.names_in(str(top)), limit=limit)
    columns = {
        column
        for row in rows
        for column in _numbers(files.names_in(f"{top}/{row}"), limit=limit, ending=f".{ending}")
    }
    if not columns:
        raise SlideError(path, strings.GOOGLE_FINEST_MISSING.format(level=top))
    width, height = (max(columns) + 1) * tile_px, (max(rows) + 1) * tile_px
    return TreeLayout(
        name="Google Maps",
        reason=strings.GOOGLE_REASON,
        tile_width=tile_px,
        tile_height=tile_px,
        overlap_px=0,
        levels=tuple(
            TreeLevel(-(-width >> step), -(-height >> step), 2**step, partial(_tile_name, top - step, ending))
            for step in range(top + 1)
        ),
        has_full_tiles=True,
        notes=(strings.SIZE_NOT_STATED,),
    )


def _numbers(names: frozenset[str], *, limit: int, ending: str = "") -> set[int]:
    """The numbers that names are, up to ``limit``."""
    stems = (name.removesuffix(ending) for name in names if name.endswith(ending))
    return {int(stem) for stem in stems if stem.isdecimal() and len(stem) < 10 and int(stem) <= limit}


def _tile_name(level: int, ending: str, column: int, row: int) -> str:
    return f"{level}/{row}/{column}.{ending}"
