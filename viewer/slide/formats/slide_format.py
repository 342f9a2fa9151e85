"""SlideFormat: the card of a slide format, and SlideFile: the file that its reader opens.

Another package declares a card by an entry point of the group ``foveola.slide_formats``::

    TOY = SlideFormat("toy", "as toy slide", (".toy",), open_toy)  # open_toy(file: SlideFile) -> Source
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from viewer.slide.byte_source import open_bytes
from viewer.slide.formats.tiff.ifd import read_ifds
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError
from viewer.slide.strings import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.tiff.ifd import Ifd
    from viewer.slide.source import Source


class SlideFile:
    """A slide being opened: its place, its bytes, and ``refusals``, the reasons of the readers tried so far.

    Raises SlideError where the bytes cannot be opened.
    """

    def __init__(self, where: Path | str | Locator) -> None:
        self.locator = Locator.parse(where)
        is_folder = self.locator.is_local and self.path.is_dir()
        self._bytes = None if is_folder else open_bytes(self.locator)
        self.refusals: list[str] = []
        self._is_kept = False

    @property
    def bytes(self) -> ByteSource:
        """Raises SlideError for a folder."""
        if self._bytes is None:
            raise SlideError(self.path, FOLDER)
        return self._bytes

    @property
    def path(self) -> Path:
        return self.locator.path

    @cached_property
    def directories(self) -> tuple[list[Ifd], str]:
        """What ``read_ifds`` finds, parsed once for all readers. Raises TiffFormatError."""
        return read_ifds(self.bytes)

    def keep_bytes(self) -> None:
        """From now on the bytes are the reader's to close."""
        self._is_kept = True

    def close(self) -> None:
        """Release the bytes, unless a reader keeps them."""
        if self._bytes is not None and not self._is_kept:
            self._bytes.close()


@dataclass(frozen=True, slots=True)
class SlideFormat:
    """One reader and what it can do.

    ``attempt`` names in a refusal how the file was tried ("as TIFF"). ``suffixes``, in lower case, are those
    that lists of slides show. ``open`` returns the slide, or raises NotThisReader, and the next reader is
    tried, or SlideError, and none is. ``only_by_suffix``: files of other suffixes are not offered to it,
    unless ``is_offered`` returns True for them. ``reads_remote``: it reads only ``SlideFile.bytes``, never
    the path. ``opens_images``: it opens the image that ``SlideFile.locator`` names; others open what they
    take for the slide, and are asked for no other.
    """

    id: str
    attempt: str
    suffixes: tuple[str, ...]
    open: Callable[[SlideFile], Source]
    only_by_suffix: bool = False
    reads_remote: bool = False
    opens_images: bool = False
    is_offered: Callable[[Path], bool] | None = None

    def is_for(self, path: Path) -> bool:
        """Whether a path is offered to this reader."""
        return (
            not self.only_by_suffix
            or path.suffix.lower() in self.suffixes
            or (self.is_offered is not None and self.is_offered(path))
        )
