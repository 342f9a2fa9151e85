"""Opening tile trees: by their description (.dzi), their archive (.szi) or their folder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.slide.formats.tile_tree import strings
from viewer.slide.formats.tile_tree.deepzoom import deepzoom_layout
from viewer.slide.formats.tile_tree.detection import DESCRIPTIONS, is_google
from viewer.slide.formats.tile_tree.files import TreeArchive, TreeFolder
from viewer.slide.formats.tile_tree.google import google_layout
from viewer.slide.formats.tile_tree.source import TileTreeSource
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.slide.formats.tile_tree.layout import TreeLayout


def open_tile_tree(path: Path) -> TileTreeSource:
    """Open a .dzi or .szi file, a folder of tiles, or the description in such a folder. Raises SlideError."""
    if path.name in DESCRIPTIONS:
        path = path.absolute().parent
    if path.is_dir():
        return _open_folder(path)
    if path.suffix.lower() == ".szi":
        return _open_archive(path)
    layout = deepzoom_layout(path, TreeFolder(path.parent), path.name)
    return _source(path, path.parent, layout)


def _open_folder(folder: Path) -> TileTreeSource:
    files = TreeFolder(folder)
    for name, layout_of in DESCRIPTIONS.items():
        if (folder / name).is_file():
            return _source(folder, folder, layout_of(folder, files))
    if not is_google(folder):
        raise SlideError(folder, strings.NO_TREE)
    return _source(folder, folder, google_layout(folder, files))


def _open_archive(path: Path) -> TileTreeSource:
    files = TreeArchive(path)
    try:
        # At the top, or in a folder there.
        found = [name for name in files.names if name.lower().endswith(".dzi") and name.count("/") <= 1]
        if not found:
            raise SlideError(path, strings.SZI_NO_TREE)
        layout = deepzoom_layout(path, files, min(found, key=lambda name: (name.count("/"), name)))
        return TileTreeSource(path, replace(layout, reason=strings.SZI_REASON), files)
    except BaseException:
        files.close()
        raise


def _source(path: Path, root: Path, layout: TreeLayout) -> TileTreeSource:
    return TileTreeSource(path, layout, TreeFolder(root), tuple(_coarsest_files(root, layout)))


def _coarsest_files(root: Path, layout: TreeLayout) -> Iterator[Path]:
    """They identify a tree: all trees of one size have the same description."""
    for level in layout.levels[-3:]:
        file = root / level.tile_name(0, 0)
        if file.is_file():
            yield file
