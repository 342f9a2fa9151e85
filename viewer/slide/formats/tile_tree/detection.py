"""Folders that are slides: those of Zoomify, IIIF and Google Maps tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import iiif, zoomify
from viewer.slide.formats.tile_tree.google import BLANK_TILE
from viewer.slide.formats.tile_tree.layout import ENDINGS

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTIONS = {zoomify.DESCRIPTION: zoomify.zoomify_layout, iiif.DESCRIPTION: iiif.iiif_layout}
"""The layouts of folders that hold a description, by its name."""


def is_tile_tree(path: Path) -> bool:
    """Whether a path is a folder of tiles, or the description in one."""
    return path.name in DESCRIPTIONS or is_tile_folder(path)


def is_tile_folder(path: Path) -> bool:
    """Whether a path is a folder of tiles. Opening it may still fail."""
    return path.is_dir() and (any((path / name).is_file() for name in DESCRIPTIONS) or is_google(path))


def is_google(folder: Path) -> bool:
    """Whether a folder holds the first tile of the Google Maps layout, or, as where libvips leaves blank
    tiles out, its blank tile beside its coarsest level.
    """
    is_first = any((folder / f"0/0/0.{ending}").is_file() for ending in ENDINGS)
    return is_first or ((folder / BLANK_TILE).is_file() and (folder / "0").is_dir())
