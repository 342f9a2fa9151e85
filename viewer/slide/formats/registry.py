"""Every slide format, and ``open_slide``, which tries one reader after the other."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from viewer.common.log import described
from viewer.common.paths import cache_dir
from viewer.plugins import plugins
from viewer.slide.built_pyramid import BuiltPyramid, needs_coarse_levels
from viewer.slide.formats import strings
from viewer.slide.formats.slide_format import SlideFile, SlideFormat
from viewer.slide.formats.tile_tree.detection import is_tile_folder, is_tile_tree
from viewer.slide.source import NotThisReader, SlideError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.slide.locator import Locator
    from viewer.slide.source import Source


# Readers are imported when a slide is opened: they bring codecs with them.


def _open_tile_tree(file: SlideFile) -> Source:
    from viewer.slide.formats.tile_tree.opening import open_tile_tree

    return open_tile_tree(file.path)


def _open_tiff(file: SlideFile) -> Source:
    from viewer.slide.formats.tiff.source import open_tiff

    return open_tiff(file)


def _open_dicom(file: SlideFile) -> Source:
    from viewer.slide.formats.dicom.source import open_dicom

    return open_dicom(file)


def _open_openslide(file: SlideFile) -> Source:
    from viewer.slide.formats.openslide import open_openslide

    return open_openslide(file)


def _open_image(file: SlideFile) -> Source:
    from viewer.slide.formats.plain_image import open_image

    return open_image(file.path)


_TIFF = (".svs", ".tif", ".tiff", ".btf", ".tf8", ".qptiff")
_OPENSLIDE = (".svslide", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".bif", ".czi")
_IMAGES = (".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".bmp", ".gif", ".webp", ".avif")

# In the order in which they are tried; those of other packages come last.
_FORMATS = (
    SlideFormat(
        "tile_tree",
        strings.AS_TILE_TREE,
        (".dzi", ".szi"),
        _open_tile_tree,
        only_by_suffix=True,
        is_offered=is_tile_tree,
    ),
    SlideFormat("tiff", strings.AS_TIFF, _TIFF, _open_tiff, reads_remote=True),
    SlideFormat("dicom", strings.AS_DICOM, (".dcm",), _open_dicom),
    SlideFormat("openslide", strings.WITH_OPENSLIDE, _OPENSLIDE, _open_openslide),
    SlideFormat("image", strings.AS_IMAGE, _IMAGES, _open_image),
)


def slide_formats() -> tuple[SlideFormat, ...]:
    """Every format, in the order in which they are tried."""
    return *_FORMATS, *plugins("foveola.slide_formats", SlideFormat)[0]


def slide_suffixes() -> frozenset[str]:
    """The suffixes, in lower case, that lists of slides show. A file of any name can be opened by itself."""
    return frozenset(suffix for card in slide_formats() for suffix in card.suffixes)


def is_listed(path: Path) -> bool:
    """Whether lists of slides show a path: a name that slides have, or a folder of tiles; not hidden."""
    is_hidden = path.name.startswith(".")
    return not is_hidden and (path.suffix.lower() in slide_suffixes() or is_tile_folder(path))


def open_slide(where: Path | str | Locator) -> Source:
    """Open any slide or image with the first reader that takes it.

    Raises SlideError, naming the file and every reader's reason, where none does. Reads headers and one tile
    (an image without tiles is decoded whole), but may take seconds on a slow share.
    """
    with closing(SlideFile(where)) as file:
        for card in slide_formats():
            if not card.is_for(file.path):
                continue
            if not (card.reads_remote or file.locator.is_local):
                refusal = strings.ATTEMPT.format(attempt=card.attempt, reason=strings.LOCAL_ONLY)
                file.refusals.append(refusal)
                continue
            try:
                return card.open(file)
            except NotThisReader as error:
                file.refusals.append(strings.ATTEMPT.format(attempt=card.attempt, reason=error.reason))
            except Exception as error:
                if card in _FORMATS or isinstance(error, SlideError):
                    raise
                # A format of another package: what it raises costs no format after it.
                file.refusals.append(strings.ATTEMPT.format(attempt=card.attempt, reason=described(error)))
    reasons = "; ".join((*file.refusals, *plugins("foveola.slide_formats", SlideFormat)[1]))
    raise SlideError(str(file.locator), strings.CANNOT_OPEN.format(reasons=reasons))


def open_for_viewing(where: Path | str | Locator) -> Source:
    """Open a slide, with built coarse levels where it has none. Raises SlideError."""
    source = open_slide(where)
    return BuiltPyramid(source, cache_dir()) if needs_coarse_levels(source) else source
