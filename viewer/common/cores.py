"""The number of processor cores that this process may use."""

from __future__ import annotations

import os


def core_count() -> int:
    """The cores that the system grants, which may be fewer than the machine has; at least one."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
