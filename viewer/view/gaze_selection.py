"""From what the reader chose to a source of gaze: off, pointer, tracker or recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.view import strings
from viewer.view.gaze import GazeOrPointer, NoGaze, PointerGaze
from viewer.view.gaze_lsl import LslGaze, NoTrackerError
from viewer.view.gaze_recording import GazeFileError, RecordedGaze

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.view.gaze import GazeSource


def chosen_gaze(
    choice: str,
    *,
    recording: str,
    pointer_radius_deg: float,
    tracker_radius_deg: float,
    report: Callable[[str], None],
) -> GazeSource:
    """The source for "off", "pointer", "tracker" or "recording". ``recording`` is a file's path.

    ``report(message)`` says why a tracker or recording cannot be used, and when one vanishes; the pointer
    takes its place.
    """
    pointer = PointerGaze(pointer_radius_deg)
    if choice == "off":
        return NoGaze()
    if choice == "pointer":
        return pointer
    try:
        tracker = (
            LslGaze(tracker_radius_deg)
            if choice == "tracker"
            else RecordedGaze(Path(recording), tracker_radius_deg)
        )
    except (NoTrackerError, GazeFileError) as error:
        report(strings.FOLLOWING_POINTER.format(reason=error))
        return pointer
    return GazeOrPointer(tracker, pointer, report)
