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
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if isinstance(path, Locator):
            found.setdefault(path.absolute(), path)
            continue
        is_list = path.is_dir() and not is_tile_folder(path)
        for slide in _slides_below(path, seen) if is_list else (path,):
            found.setdefault(slide.resolve(), slide)
    return list(found.values())


def _slides_below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """``seen``: folders that were listed before, by device and inode; links may lead back to them."""
    pending = [folder]
    while pending:
        path = pending.pop()
        if is_tile_folder(path):
            yield path
        elif path.is_dir():
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            trees = {f"{tree.stem}_files" for tree in path.glob("*.dzi")}
            inside = (one for one in path.iterdir() if one.name not in trees and not one.name.startswith("."))
            pending += sorted(inside, key=natural_key, reverse=True)
        elif is_listed(path) and path.is_file():
            yield path
