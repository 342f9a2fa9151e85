"""DeepZoom: a description (.dzi, XML or JSON) beside a folder of levels, neighbours overlapping.

Level n of a tree is 2ⁿ px on its longer side at most. Trees whose levels end where one tile holds the
picture count from that level (libvips, ``--depth onetile``); those of one level call it 0. Source: the Deep
Zoom file format overview (Microsoft, 2008/2009 schemas).
"""

from __future__ import annotations

import codecs
from functools import partial
from typing import TYPE_CHECKING, Any

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.layout import (
    ENDINGS,
    MAX_OVERLAP_PX,
    MAX_SIDE_PX,
    MAX_TILE_PX,
    TreeLayout,
    TreeLevel,
    halved,
    json_object,
    read_description,
    whole_number,
    xml_attributes,
)
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeFiles

MIN_LEVEL_PX = 256


def deepzoom_layout(path: Path, files: TreeFiles, description: str) -> TreeLayout:
    """The layout that the file ``description`` of a tree states. Raises SlideError, naming ``path``."""
    image, size = _stated(path, files, description)
    ending = str(image.get("Format", ""))
    if ending.lower() not in ENDINGS:
        raise SlideError(path, strings.TILE_FORMAT.format(ending=ending[:20]))
    width = whole_number(path, "Width", size.get("Width", ""), 1, MAX_SIDE_PX)
    height = whole_number(path, "Height", size.get("Height", ""), 1, MAX_SIDE_PX)
    tile_px = whole_number(path, "TileSize", image.get("TileSize", ""), 1, MAX_TILE_PX)
    overlap_px = whole_number(path, "Overlap", image.get("Overlap", ""), 0, MAX_OVERLAP_PX)
    folder = f"{description.rpartition('.')[0]}_files"
    present = {int(name) for name in files.names_in(folder) if name.isdecimal() and len(name) < 3}
    if not present:
        raise SlideError(path, strings.DZI_FOLDER_MISSING.format(folder=folder))
    top = (max(width, height) - 1).bit_length()
    sizes = halved(width, height, fits_px=MIN_LEVEL_PX)
    if top not in present:
        # Fewer levels than the format asks for.
        top = 0 if present == {0} else len(halved(width, height, fits_px=tile_px)) - 1
        sizes = sizes[: top + 1]
    if top not in present or max(present) > top:
        raise SlideError(path, strings.DZI_FINEST_MISSING.format(folder=folder, level=top))
    ending = _stored_ending(path, files, [f"{folder}/{level}" for level in sorted(present)], ending)
    levels = tuple(
        TreeLevel(*size, partial(_tile_name, f"{folder}/{top - step}", ending))
        for step, size in enumerate(sizes)
        if top - step in present
    )
    missing = len(sizes) - len(levels)
    return TreeLayout(
        name="DeepZoom",
        reason=strings.DZI_REASON,
        tile_width=tile_px,
        tile_height=tile_px,
        overlap_px=overlap_px,
        levels=levels,
        notes=(strings.LEVELS_MISSING.format(missing=missing, expected=len(sizes)),) if missing else (),
    )


def _stated(path: Path, files: TreeFiles, description: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the description says of the image and of its size, as XML or as the same names in JSON, which
    OpenSeadragon takes too. Raises SlideError.
    """
    data = read_description(path, files, description)
    if data.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        found = json_object(path, description, data)
        image = found.get("Image")
        size = image.get("Size") if isinstance(image, dict) else None
    else:
        found = xml_attributes(path, data)
        image, size = found.get("Image"), found.get("Size")
    if "Collection" in found:
        raise SlideError(path, strings.DZI_COLLECTION)
    if not isinstance(image, dict) or not isinstance(size, dict):
        raise SlideError(path, strings.DZI_NO_IMAGE)
    return image, size


def _stored_ending(path: Path, files: TreeFiles, folders: list[str], stated: str) -> str:
    """The suffix of the coarsest tiles, which some writers state as "jpg" for "jpeg". Raises SlideError where
    there is no tile at all.
    """
    for folder in folders:
        endings = {name.rpartition(".")[2] for name in files.names_in(folder)}
        if (found := next((each for each in (stated, *ENDINGS) if each in endings), None)) is not None:
            return found
    raise SlideError(
        path, strings.TILE_NOT_FOUND.format(tile=f"{folders[-1]}/0_0", endings=", ".join(ENDINGS))
    )


def _tile_name(folder: str, ending: str, column: int, row: int) -> str:
    return f"{folder}/{column}_{row}.{ending}"
