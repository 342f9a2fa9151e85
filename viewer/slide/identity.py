"""The identity of a slide's content, whatever its file is called: a digest of size, ends and pyramid.

Reads two MiB, not gigabytes. A renamed or copied slide keeps its identity; one that was rewritten gets a new
one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from viewer.slide import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from viewer.slide.source import Source

_END_BYTES = 1 << 20


def slide_identity(source: Source) -> str:
    """64 hexadecimal digits that identify a slide's content. Raises SlideError where it cannot be read."""
    path, pyramid = source.info.path, source.pyramid
    digest = hashlib.sha256()
    digest.update(repr((pyramid.width, pyramid.height, source.info.file_levels)).encode())
    if (image := source.info.locator.image) is not None:
        digest.update(f"image {image};".encode())
    try:
        files = () if path.is_dir() else (path,)  # a folder of tiles is identified by some of them
        for file in (*files, *source.info.companions):
            size_bytes = file.stat().st_size
            digest.update(f"{size_bytes};".encode())
            with file.open("rb") as opened:
                digest.update(opened.read(_END_BYTES))
                opened.seek(max(0, size_bytes - _END_BYTES))
                digest.update(opened.read(_END_BYTES))
    except OSError as error:
        raise SlideError(path, strings.UNREADABLE.format(error=error.strerror)) from error
    return digest.hexdigest()
