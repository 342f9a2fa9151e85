"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Places that are typed.
HOW_TO_TYPE_A_PLACE = (
    "Type two numbers, such as 12000, 8000, and a magnification if you like: 12000, 8000 20x"
)
NO_PIXEL_SIZE = "This slide does not state its pixel size; type pixels, or set the pixel size first"
NO_MAGNIFICATION = "This slide states neither objective nor pixel size; leave the magnification out"
OUTSIDE_THE_SLIDE = "That lies outside the slide: {axis} goes from 0 to {end}"
MAGNIFICATION_RANGE = "A magnification lies between 0 and {most:g}x"

# Eye trackers and recordings of gaze.
TRACKER_BACK = "Eye-tracker signal is back; following the gaze."
TRACKER_SILENT = "No eye-tracker signal; following the pointer."
FOLLOWING_POINTER = "{reason}. Following the pointer."
NEEDS_PYLSL = 'eye trackers need the package pylsl: pip install "foveola[gaze]" ({error})'
UNREADABLE = "{path}: cannot be read: {reason}"
TOO_LARGE = "{path}: larger than {most_mib} MiB; cut the recording into parts"
NOT_CSV = "{path}: not a CSV file: {error}"
FIRST_LINE = "{path}: the first line must be t_s,x,y or t_s,x,y,radius_deg"
BAD_LINE = "{path}, line {line}: {error}"
NO_SAMPLES = "{path}: holds no samples"
VALUE_COUNT = "{found} values instead of {expected}"
TIME_RUNS_BACKWARDS = "time runs backwards"
TIME_IS_NO_NUMBER = "the time is not a number of seconds"
NOT_SHARES = "x and y must be shares of the display: 0 to 1 lies on it"
RADIUS_RANGE = "radius_deg must be from 0 to {most:g}"
