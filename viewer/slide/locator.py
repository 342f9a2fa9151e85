"""Locator: where a slide is, parsed from a path or a URL; ``#image=2`` at its end names one of its images."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

# A scheme has two letters at least: one letter and a colon are a drive of Windows. Names of files may hold a
# colon, so that only "//" after it makes a URL; file URLs may leave it out.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?://([^/]*))?(.*)", re.DOTALL)
_IMAGE = re.compile(r"(.+)#image=([1-9]\d{0,5})", re.DOTALL)
_FILE = "file"
_IS_WINDOWS = os.name == "nt"


@dataclass(frozen=True, slots=True)
class Locator:
    """``path`` is the local file where ``is_local``; elsewhere the URL's path, for its name and suffix.

    ``image`` is the number of an image of the file, from 1; None for the one that is taken for the slide.
    """

    scheme: str
    path: Path
    url: str = ""
    image: int | None = None

    @classmethod
    def parse(cls, where: Path | str | Locator) -> Locator:
        """A path as it is (relative ones stay so, ``~`` is a name), or a URL. Never fails: only opening
        shows whether there is a slide. Only a text names an image: a Path may end in anything.
        """
        if isinstance(where, Locator):
            return where
        if isinstance(where, str) and (named := _IMAGE.fullmatch(where)):
            return cls.parse(named[1]).with_image(int(named[2]))
        match = _URL.fullmatch(where) if isinstance(where, str) else None
        if match is None:
            return cls(_FILE, Path(where))
        scheme, host, place = match[1].lower(), match[2], match[3]
        if host is None and not (scheme == _FILE and place.startswith("/")):
            return cls(_FILE, Path(where))
        name = os.fsdecode(unquote_to_bytes(os.fsencode(place)))  # names need not be UTF-8
        if scheme != _FILE:
            return cls(scheme, Path(name), str(where))
        if _IS_WINDOWS and re.match(r"/[A-Za-z]:", name):
            name = name[1:]  # file:///C:/slide.svs
        elif host and host.lower() != "localhost":
            name = f"//{host}{name}"  # a share: \\host\share on Windows
        return cls(_FILE, Path(name))

    @property
    def is_local(self) -> bool:
        return self.scheme == _FILE

    @property
    def name(self) -> str:
        return self.path.name if self.image is None else f"{self.path.name}#image={self.image}"

    def absolute(self) -> Locator:
        """The same place, independent of the working folder."""
        return replace(self, path=self.path.absolute()) if self.is_local else self

    def with_image(self, image: int | None) -> Locator:
        """Another image of the same file."""
        return replace(self, image=image)

    def __str__(self) -> str:
        place = self.url or str(self.path)
        return place if self.image is None else f"{place}#image={self.image}"
