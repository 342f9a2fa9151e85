"""Google Maps layout: folders of levels, rows and columns (``3/1/2.jpg``), level 0 one tile, no description.

The picture's size is not stated: the slide ends with its last stored column and row. Source: the layout as
libvips writes it (``dzsave --layout google``), which pads tiles at the border and leaves blank ones out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.layout import TreeLayout, TreeLevel, tile_ending
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeFiles

_MAX_LEVEL = 24


def google_layout(path: Path, files: TreeFiles, tile_px: int) -> TreeLayout:
    """The layout of a folder; ``tile_px``: the side of its coarsest tile. Raises SlideError."""
    ending = tile_ending(path, files.names_in("0/0"), "0")
    top = max(_numbers(files.names_in(""), limit=_MAX_LEVEL))
    rows = _numbers(files.names_in(str(top)), limit=2**top - 1)
    columns = {
        column
        for row in rows
        for column in _numbers(files.names_in(f"{top}/{row}"), limit=2**top - 1, ending=f".{ending}")
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
