"""How far the analysis of one stage is."""

from __future__ import annotations

from typing import NamedTuple


class StageProgress(NamedTuple):
    """How many of something are done, of how many; those that ``failed`` among them."""

    done: int
    total: int
    failed: int = 0
