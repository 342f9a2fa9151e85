"""The formats in which findings are exchanged: one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.review.interchange import strings
from viewer.review.interchange.asap import read_asap, write_asap
from viewer.review.interchange.qupath import read_qupath, write_qupath
from viewer.review.interchange.shapes import InterchangeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.review.interchange.shapes import Exported, Marked


@dataclass(frozen=True, slots=True)
class Format:
    """``write`` returns the whole file; ``read`` takes a file and the slide's content hash."""

    endings: tuple[str, ...]
    write: Callable[[Exported], bytes]
    read: Callable[[Path, str], Iterator[Marked]]


FORMATS = {
    "qupath": Format((".geojson", ".json"), write_qupath, read_qupath),
    "asap": Format((".xml",), write_asap, read_asap),
}


def format_of(path: Path, name: str | None) -> Format:
    """By name or, without one, by the ending. Raises InterchangeError."""
    if name in FORMATS:
        return FORMATS[name]
    for one in FORMATS.values():
        if path.name.lower().endswith(one.endings):
            return one
    raise InterchangeError(path, strings.UNKNOWN_FORMAT)
