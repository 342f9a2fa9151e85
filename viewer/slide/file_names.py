"""Which files look like slides by their names, and in which order people expect them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SLIDES = ".svs .svslide .ndpi .vms .vmu .scn .mrxs .bif .czi .dcm .dzi .tif .tiff .btf .tf8 .qptiff"
_PICTURES = ".png .jpg .jpeg .jp2 .j2k .bmp .gif .webp"
SLIDE_SUFFIXES = frozenset(f"{_SLIDES} {_PICTURES}".split())
"""Names that a folder's list shows. A file of any name can be opened by itself."""


def is_slide_name(path: Path) -> bool:
    """Whether a file looks like a slide by its name."""
    return path.suffix.lower() in SLIDE_SUFFIXES and not path.name.startswith(".")


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts slide 2 before slide 10, whatever the case of the letters."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
