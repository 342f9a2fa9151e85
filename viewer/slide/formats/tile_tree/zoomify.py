"""Zoomify: ``ImageProperties.xml`` in a folder, tiles in groups of 256, counted from the coarsest level.

Writers round the sizes of coarser levels up or down, or store fewer or more of them; the tiers of the stored
tiles and their number show which. libvips, which rounds up, leaves blank tiles out and counts only the
others. Source: the Zoomify image format as libvips and OpenLayers describe it.
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
    usual = halved(width, height, fits_px=tile_px)
    rounded_down, to_one_px = _halved_down(width, height, tile_px), halved(width, height, fits_px=1)
    kinds, tiers = (usual, rounded_down, to_one_px, usual[:1]), _stored_tiers(files)
    likely = [sizes for sizes in kinds if len(sizes) == tiers] or kinds
    sizes = next((sizes for sizes in likely if _tile_count(sizes, tile_px) == count), likely[0])
    if count > max(_tile_count(sizes, tile_px), _tile_count(usual, tile_px)):
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
        levels=tuple(levels[: len(usual)]),
    )


def _stored_tiers(files: TreeFiles) -> int:
    """How many levels are stored: the last group of tiles holds those of the finest one. 0 where it has no
    tile: an empty folder says nothing of the levels."""
    groups = [name.removeprefix("TileGroup") for name in files.names_in("") if name.startswith("TileGroup")]
    last = max((int(group) for group in groups if group.isdecimal() and len(group) < 10), default=0)
    tiers = (name.partition("-")[0] for name in files.names_in(f"TileGroup{last}"))
    return 1 + max((int(tier) for tier in tiers if tier.isdecimal() and len(tier) < 3), default=-1)


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
