"""The slide that a benchmark runs on when it is given none: a phantom, made once in the cache folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.common.paths import cache_dir
from viewer.slide.phantom.slide import write_phantom

if TYPE_CHECKING:
    from pathlib import Path

SIZE_PX = 32_768


def slide_or_phantom(slide: Path | None) -> Path:
    """The slide, or a phantom of a gigapixel."""
    path = slide or cache_dir() / f"bench-{SIZE_PX}.tif"
    if slide is None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_phantom(path, size_px=SIZE_PX)
    return path
