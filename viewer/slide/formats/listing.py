"""The slides among files and folders that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.slide.file_names import natural_key
from viewer.slide.formats.registry import is_listed
from viewer.slide.formats.tile_tree.detection import is_tile_folder
from viewer.slide.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


def slides_among(
    paths: Sequence[Path | Locator], unreadable: Callable[[Path, OSError], None] | None = None
) -> list[Path | Locator]:
    """The files named, and the slides in the folders named and below them, each once, in the order of names;
    an image of a file has a Locator.

    A folder of tiles is one slide. ``unreadable`` is called with each folder that cannot be listed; without
    it the first one raises OSError.
    """
    found: dict[Path | Locator, Path | Locator] = {}
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if isinstance(path, Locator):
            found.setdefault(path.absolute(), path)
            continue
        for slide in _slides_below(path, seen, unreadable) if path.is_dir() else (path,):
            found.setdefault(slide.resolve(), slide)
    return list(found.values())


def _slides_below(
    folder: Path, seen: set[tuple[int, int]], unreadable: Callable[[Path, OSError], None] | None
) -> Iterator[Path]:
    """``seen``: folders that were listed before, by device and inode; links may lead back to them."""
    pending = [folder]
    while pending:
        path = pending.pop()
        try:
            if is_tile_folder(path):
                yield path
            elif path.is_dir():
                status = path.stat()
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    pending += sorted(_listed(path), key=natural_key, reverse=True)
            elif is_listed(path) and path.is_file():
                yield path
        except OSError as error:
            if unreadable is None:
                raise
            unreadable(path, error)


def _listed(folder: Path) -> list[Path]:
    """What lies in a folder, but for hidden files and the tiles of DeepZoom trees."""
    inside = list(folder.iterdir())
    trees = {f"{one.stem}_files" for one in inside if one.suffix == ".dzi"}
    return [one for one in inside if one.name not in trees and not one.name.startswith(".")]
