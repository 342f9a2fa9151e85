"""The order in which people expect the names of files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts slide 2 before slide 10 and ignores case."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
