"""The priority of this process: work in the background yields to the window."""

from __future__ import annotations

import sys
from contextlib import suppress

import psutil

_LOWEST_NICENESS = 19


def yield_to_others() -> None:
    """The lowest priority for processor and disk that the system has."""
    process = psutil.Process()
    with suppress(
        psutil.Error, OSError, AttributeError
    ):  # a sandbox may forbid it: slower frames, no failure
        if sys.platform == "win32":
            process.nice(psutil.IDLE_PRIORITY_CLASS)
            process.ionice(psutil.IOPRIO_VERYLOW)
        else:
            process.nice(_LOWEST_NICENESS)
            if hasattr(process, "ionice"):
                process.ionice(psutil.IOPRIO_CLASS_IDLE)
