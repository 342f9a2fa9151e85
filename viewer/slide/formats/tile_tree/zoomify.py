"""Zoomify: ``ImageProperties.xml`` in a folder, tiles in groups of 256, counted from the coarsest level.

Writers round the sizes of coarser levels up or down; the number of tiles shows which. Source: the Zoomify
image format as libvips and OpenLayers describe it.
"""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.layout import (
    MAX_SIDE_PX,
    MAX_TILE_PX,
    TreeLayout,
    TreeLevel,
    halved,
    read_description,
    tile_ending,
    whole_number,
    xml_attributes,
)
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeFiles

DESCRIPTION = "ImageProperties.xml"
_TILES_PER_GROUP = 256


def zoomify_layout(path: Path, files: TreeFiles) -> TreeLayout:
    """The layout that ``ImageProperties.xml`` states. Raises SlideError, naming ``path``."""
    found = xml_attributes(path, read_description(path, files, DESCRIPTION))
    if "IMAGE_PROPERTIES" not in found:
        raise SlideError(path, strings.ZOOMIFY_NO_IMAGE)
    stated = found["IMAGE_PROPERTIES"]
    width = whole_number(path, "WIDTH", stated.get("WIDTH", ""), 1, MAX_SIDE_PX)
    height = whole_number(path, "HEIGHT", stated.get("HEIGHT", ""), 1, MAX_SIDE_PX)
    tile_px = whole_number(path, "TILESIZE", stated.get("TILESIZE", ""), 1, MAX_TILE_PX)
    count = whole_number(path, "NUMTILES", stated.get("NUMTILES", ""), 1, MAX_SIDE_PX)
    sizes = halved(width, height, fits_px=tile_px)
    if _tile_count(sizes, tile_px) != count:
        sizes = _halved_down(width, height, tile_px)
    if _tile_count(sizes, tile_px) != count:
        raise SlideError(path, strings.ZOOMIFY_TILE_COUNT.format(count=count, width=width, height=height))
    ending = tile_ending(path, files.names_in("TileGroup0"), "0-0-0")
    levels: list[TreeLevel] = []
    first = 0
    for tier, (level_width, level_height, downsample) in enumerate(reversed(sizes)):
        columns = ceil(level_width / tile_px)
        name = partial(_tile_name, tier, columns, first, ending)
        levels.insert(0, TreeLevel(level_width, level_height, downsample, name))
        first += columns * ceil(level_height / tile_px)
    return TreeLayout(
        name="Zoomify",
        reason=strings.ZOOMIFY_REASON,
        tile_width=tile_px,
        tile_height=tile_px,
        overlap_px=0,
        levels=tuple(levels),
    )


def _halved_down(width: int, height: int, fits_px: int) -> list[tuple[int, int, int]]:
    step, sizes = 1, [(width, height, 1)]
    while max(sizes[-1][:2]) > fits_px:
        step *= 2
        sizes.append((max(width // step, 1), max(height // step, 1), step))
    return sizes


def _tile_count(sizes: list[tuple[int, int, int]], tile_px: int) -> int:
    return sum(ceil(width / tile_px) * ceil(height / tile_px) for width, height, _ in sizes)


def _tile_name(tier: int, columns: int, first: int, ending: str, column: int, row: int) -> str:
    """``first``: the number of tiles in coarser levels."""
    group = (first + row * columns + column) // _TILES_PER_GROUP
    return f"TileGroup{group}/{tier}-{column}-{row}.{ending}"
