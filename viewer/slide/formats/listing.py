"""The slides among files and folders that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.slide.file_names import natural_key
from viewer.slide.formats.registry import is_listed
from viewer.slide.formats.tile_tree.detection import is_tile_folder
from viewer.slide.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def slides_among(paths: Sequence[Path | Locator]) -> list[Path | Locator]:
    """The files named, and the slides in the folders named and below them, each once, in the order of names;
    an image of a file has a Locator.

    A folder of tiles is one slide. Raises OSError where a folder cannot be listed.
    """
    found: dict[Path | Locator, Path | Locator] = {}
    seen: set[Path] = set()
    for path in paths:
        if isinstance(path, Locator):
            found.setdefault(path.absolute(), path)
            continue
        is_list = path.is_dir() and not is_tile_folder(path)
        for slide in _slides_below(path, seen) if is_list else (path,):
            found.setdefault(slide.resolve(), slide)
    return list(found.values())


def _slides_below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """``seen``: folders that were listed before; links may lead back to them."""
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    trees = {f"{path.stem}_files" for path in folder.glob("*.dzi")}
    for path in sorted(folder.iterdir(), key=natural_key):
        if path.name in trees or path.name.startswith("."):
            continue
        if is_tile_folder(path):
            yield path
        elif path.is_dir():
            yield from _slides_below(path, seen)
        elif is_listed(path) and path.is_file():
            yield path
