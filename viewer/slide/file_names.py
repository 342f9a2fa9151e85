"""The order in which people expect the names of files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts slide 2 before slide 10 and ignores case."""
    return natural_text_key(path.name)


def natural_text_key(text: str) -> list[tuple[int, int, str]]:
    """The same of any text."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
