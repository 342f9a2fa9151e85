"""Opens any slide: picks the first reader that takes the file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.common.paths import cache_dir
from viewer.slide.built_pyramid import BuiltPyramid, needs_coarse_levels
from viewer.slide.source import NotThisReader, SlideError, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.slide.source import Source


def open_slide(path: Path | str) -> Source:
    """Open any slide or image with the first reader that takes it: DeepZoom, tiled TIFF, OpenSlide, image.

    Raises SlideError, naming the file and every reader's reason, where none does. Reads headers and one tile
    (an image without tiles is decoded whole), but may take seconds on a slow share.
    """
    path = Path(path)
    _check_readable(path)
    refusals: list[str] = []
    readers: list[tuple[str, Callable[[Path], Source]]] = [
        ("as TIFF", _as_tiff),
        ("with OpenSlide", lambda path: _with_openslide(path, refusals)),
        ("as an image", _as_image),
    ]
    if path.suffix.lower() == ".dzi":
        readers = [("as DeepZoom", _as_deepzoom)]
    for name, open_with in readers:
        try:
            return open_with(path)
        except NotThisReader as refusal:
            refusals.append(f"{name}: {refusal.reason}")
    raise SlideError(path, f"it cannot be opened ({'; '.join(refusals)})")


def _as_deepzoom(path: Path) -> Source:
    from viewer.slide.formats.deepzoom import open_dzi

    return open_dzi(path)


def _as_tiff(path: Path) -> Source:
    from viewer.slide.formats.tiff.source import open_tiff

    return open_tiff(path)


def _with_openslide(path: Path, refusals: list[str]) -> Source:
    from viewer.slide.formats.openslide import open_openslide

    return open_openslide(path, because="; ".join(refusals))


def _as_image(path: Path) -> Source:
    from viewer.slide.formats.plain_image import open_image

    return open_image(path)


def _check_readable(path: Path) -> None:
    """Say in plain words what is wrong with a path before any reader looks inside."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SlideError(path, "this is a folder; choose a slide file inside it")
        if not stat.S_ISREG(mode):
            raise SlideError(path, "this is not a regular file")
        with path.open("rb") as file:
            if not file.read(1):
                raise SlideError(path, "the file is empty")
    except FileNotFoundError:
        raise SlideError(path, "there is no such file") from None
    except PermissionError:
        raise SlideError(path, "you have no permission to read it") from None
    except OSError as error:
        raise SlideError(path, f"it cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise SlideError(path, f"it cannot be read: {error}") from error


def open_for_viewing(path: Path) -> Source:
    """Open a slide, with coarse levels of our own where it has none. Raises SlideError."""
    source = open_slide(path)
    return BuiltPyramid(source, cache_dir()) if needs_coarse_levels(source) else source
