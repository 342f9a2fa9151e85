"""Progress of one stage of an analysis."""

from __future__ import annotations

from typing import NamedTuple


class StageProgress(NamedTuple):
    """``done`` of ``total`` items; ``failed`` are among those done."""

    done: int
    total: int
    failed: int = 0
