"""TreeLayout: what the description of a tile tree states, and the files in which its tiles lie."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from xml.parsers import expat

from viewer.slide.formats.tile_tree import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_DESCRIPTION_BYTES = 2**20
MAX_TILE_PX, MAX_OVERLAP_PX = 4096, 256
MAX_SIDE_PX = 2**31
ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "gif")
"""The suffixes of tile files, in the order in which a folder is searched for them."""


class TreeFiles(Protocol):
    """The files of a tree, in a folder or in an archive. Names have "/" between their parts."""

    def read(self, name: str, most_bytes: int) -> bytes:
        """The first ``most_bytes`` of a file. Raises FileNotFoundError, OSError."""

    def names_in(self, folder: str) -> frozenset[str]:
        """The names of files and folders in a folder; none where there is no such folder. Raises OSError."""

    def close(self) -> None:
        """Release what is held."""


@dataclass(frozen=True, slots=True)
class TreeLevel:
    """One level. ``tile_name(column, row)`` names a tile's file.

    ``downsample`` is level-0 pixels per pixel by the layout's own rule, which rounds sizes.
    """

    width: int
    height: int
    downsample: int
    tile_name: Callable[[int, int], str]


@dataclass(frozen=True, slots=True)
class TreeLayout:
    """``levels``: finest first. Neighbours share ``overlap_px`` on each side.

    ``has_full_tiles``: files at the right and lower border are as large as the others; ``may_be_padded``:
    they may be, or have one pixel more, of a size that was not whole. ``blank_above_px``: rows of the finest
    level, the first ones, that hold nothing. ``notes``: see ``SlideInfo``.
    """

    name: str
    reason: str
    tile_width: int
    tile_height: int
    overlap_px: int
    levels: tuple[TreeLevel, ...]
    has_full_tiles: bool = False
    may_be_padded: bool = False
    blank_above_px: int = 0
    notes: tuple[str, ...] = ()


def halved(width: int, height: int, *, fits_px: int) -> list[tuple[int, int, int]]:
    """(width, height, downsample) of each level, finest first, 2× apart and rounded up, to the first that is
    not above ``fits_px``.
    """
    step, sizes = 1, [(width, height, 1)]
    while max(sizes[-1][:2]) > fits_px:
        step *= 2
        sizes.append((-(-width // step), -(-height // step), step))
    return sizes


def tile_ending(path: Path, names: frozenset[str], stem: str) -> str:
    """The suffix of the tile files, by that of the tile ``stem`` among ``names``. Raises SlideError."""
    for ending in ENDINGS:
        if f"{stem}.{ending}" in names:
            return ending
    raise SlideError(path, strings.TILE_NOT_FOUND.format(tile=stem, endings=", ".join(ENDINGS)))


def read_description(path: Path, files: TreeFiles, name: str) -> bytes:
    """The description of a tree. Raises SlideError."""
    try:
        data = files.read(name, MAX_DESCRIPTION_BYTES + 1)
    except OSError as error:
        reason = strings.DESCRIPTION_UNREADABLE.format(file=name, error=error.strerror or error)
        raise SlideError(path, reason) from error
    if len(data) > MAX_DESCRIPTION_BYTES:
        raise SlideError(path, strings.TOO_LARGE)
    return data


def xml_attributes(path: Path, data: bytes) -> dict[str, dict[str, str]]:
    """The attributes of the first element of each name, without its prefix. Raises SlideError."""
    found: dict[str, dict[str, str]] = {}
    parser = expat.ParserCreate()

    def refuse_doctype(*_: object) -> None:
        raise SlideError(path, strings.DOCTYPE)

    def keep(name: str, attributes: dict[str, str]) -> None:
        found.setdefault(name.rpartition(":")[2], attributes)

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = keep
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: of its encoding
        raise SlideError(path, strings.NOT_XML.format(error=error)) from error
    return found


def json_object(path: Path, name: str, data: bytes) -> dict[str, Any]:
    """The object that the description ``name`` is. Raises SlideError."""
    try:
        stated = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SlideError(path, strings.NOT_JSON.format(file=name, error=error)) from error
    return stated if isinstance(stated, dict) else {}


def whole_number(path: Path, name: str, value: object, low: int, high: int) -> int:
    """A whole number of a description, in digits or as a JSON number. Raises SlideError."""
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or not low <= int(text) <= high:
        raise SlideError(path, strings.NUMBER.format(name=name, text=text[:20], low=low, high=high))
    return int(text)
