"""What a slide is, whatever its file is called: a digest of size, ends and pyramid.

Reads two MiB, not gigabytes. A renamed or copied slide keeps its identity; one that was written anew gets
another.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.slide.source import Source

_END_BYTES = 1 << 20
_MAX_COMPANION_BYTES = 4 << 20


def slide_identity(source: Source) -> str:
    """64 hexadecimal digits that name the content of a slide. Raises SlideError where it cannot be read."""
    path, pyramid = source.info.path, source.pyramid
    digest = hashlib.sha256()
    digest.update(repr((pyramid.width, pyramid.height, source.info.file_levels)).encode())
    try:
        for file in (path, *_companions(path)):
            size_bytes = file.stat().st_size
            digest.update(f"{size_bytes};".encode())
            with file.open("rb") as opened:
                digest.update(opened.read(_END_BYTES))
                opened.seek(max(0, size_bytes - _END_BYTES))
                digest.update(opened.read(_END_BYTES))
    except OSError as error:
        raise SlideError(path, f"it cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _companions(path: Path) -> Iterator[Path]:
    """Files beside the one that was opened, where that one says nothing of the picture.

    All DeepZoom trees of one size have the same .dzi file: their coarsest tiles tell them apart. A MIRAX
    slide is named in its Slidedat.ini.
    """
    if path.suffix.lower() == ".dzi":
        folder = path.with_name(f"{path.stem}_files")
        for level in range(10):  # up to 512 px: one file or two
            yield from sorted(folder.glob(f"{level}/0_0.*"))[:2]
    elif path.suffix.lower() == ".mrxs":
        index = path.with_suffix("") / "Slidedat.ini"
        if index.is_file() and index.stat().st_size <= _MAX_COMPANION_BYTES:
            yield index
