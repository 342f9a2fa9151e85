"""Static IIIF images (level 0): ``info.json`` in a folder, each tile named by its place in the picture.

Source: IIIF Image API 2.1 and 3.0, sections 4 (parameters), 4.7 and 5 (image information).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.layout import (
    MAX_SIDE_PX,
    MAX_TILE_PX,
    TreeLayout,
    TreeLevel,
    json_object,
    read_description,
    tile_ending,
    whole_number,
)
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeFiles

DESCRIPTION = "info.json"
_MAX_SCALE = 2**20
_MOST_SEARCHED = 10_000
_CONTEXT = "http://iiif.io/api/image/{version}/context.json"


def iiif_layout(path: Path, files: TreeFiles) -> TreeLayout:
    """The layout that ``info.json`` states. Raises SlideError, naming ``path``."""
    stated = json_object(path, DESCRIPTION, read_description(path, files, DESCRIPTION))
    version = _version(stated)
    if version is None:
        raise SlideError(path, strings.IIIF_NO_IMAGE)
    width = whole_number(path, "width", stated.get("width", ""), 1, MAX_SIDE_PX)
    height = whole_number(path, "height", stated.get("height", ""), 1, MAX_SIDE_PX)
    tiles = _first_tiles(path, stated)
    tile_width = whole_number(path, "tiles/width", tiles.get("width", ""), 1, MAX_TILE_PX)
    tile_height = whole_number(path, "tiles/height", tiles.get("height", tile_width), 1, MAX_TILE_PX)
    scales = tiles.get("scaleFactors")
    if not isinstance(scales, list) or not 0 < len(scales) <= 32:
        raise SlideError(path, strings.IIIF_NO_TILES)
    downsamples: list[int] = []
    for scale in sorted({whole_number(path, "scaleFactors", scale, 1, _MAX_SCALE) for scale in scales}):
        # Multiples, so that a tile lies in one tile of the next level.
        if not downsamples or scale % downsamples[-1] == 0:
            downsamples.append(scale)
    if downsamples[0] != 1:
        raise SlideError(path, strings.IIIF_NO_TILES)
    picture, tile = (width, height), (tile_width, tile_height)
    folders = {scale: partial(_tile_folder, version, picture, tile, scale) for scale in downsamples}
    ending = _ending(path, files, picture, tile, downsamples[-1], folders[downsamples[-1]])
    levels = tuple(
        TreeLevel(-(-width // scale), -(-height // scale), scale, partial(_tile_name, folder, ending))
        for scale, folder in folders.items()
    )
    return TreeLayout(
        name="IIIF",
        reason=strings.IIIF_REASON.format(version=version),
        tile_width=tile_width,
        tile_height=tile_height,
        overlap_px=0,
        levels=levels,
    )


def _version(stated: dict[str, Any]) -> int | None:
    context = stated.get("@context")
    contexts = context if isinstance(context, list) else [context]
    return next((version for version in (2, 3) if _CONTEXT.format(version=version) in contexts), None)


def _first_tiles(path: Path, stated: dict[str, Any]) -> dict[str, Any]:
    tiles = stated.get("tiles")
    if not isinstance(tiles, list) or not tiles or not isinstance(tiles[0], dict):
        raise SlideError(path, strings.IIIF_NO_TILES)
    return tiles[0]


def _ending(
    path: Path,
    files: TreeFiles,
    picture: tuple[int, int],
    tile: tuple[int, int],
    scale: int,
    folder: Callable[[int, int], str],
) -> str:
    """The suffix of the coarsest tiles, of which blank ones may be missing. Raises SlideError."""
    columns, rows = (-(-side // (of_tile * scale)) for side, of_tile in zip(picture, tile, strict=True))
    places = (divmod(index, rows) for index in range(min(columns * rows, _MOST_SEARCHED)))
    names = (files.names_in(folder(*place)) for place in places)
    return tile_ending(path, next(filter(None, names), frozenset()), "default")


def _tile_folder(
    version: int, picture: tuple[int, int], tile: tuple[int, int], scale: int, column: int, row: int
) -> str:
    """The canonical path of a tile without its quality: region, size, rotation."""
    x, y = column * tile[0] * scale, row * tile[1] * scale
    width, height = min(tile[0] * scale, picture[0] - x), min(tile[1] * scale, picture[1] - y)
    region = "full" if (width, height) == picture else f"{x},{y},{width},{height}"
    size_x, size_y = -(-width // scale), -(-height // scale)
    size = f"{size_x}," if version == 2 else f"{size_x},{size_y}"
    return f"{region}/{size}/0"


def _tile_name(folder: Callable[[int, int], str], ending: str, column: int, row: int) -> str:
    return f"{folder(column, row)}/default.{ending}"
