"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# States.
NOT_SET = "a case that is {state} cannot be set to {wanted}"
NOT_NOW = "{kind}: this cannot happen to a case that is {state}"

# Cases.
NO_CASE = "{where}: there is no case {case}; `foveola review list` names them"
UNKNOWN_CASE = "{case}: this case was never added"
BAD_EVENT = "event {number} ({kind}) of case {case} is not understood: {error}"
IGNORED = "Event {number} is left out: {error}"
TITLE_TAKEN = (
    "{place}: there is a case {title!r} with other slides in the list already. Nothing was added; "
    "give this one another name"
)

# Priority, in words.
FINDINGS = {True: "{count} finding", False: "{count:,} findings"}
"""By whether it is one."""
HIGHEST = ", highest {score:.2f}"
NOTHING_ABOVE = "nothing above the thresholds"
NOT_ANALYSED = "not analysed: {why}"
SIGNED = "signed"
WAITING_TODAY = "waiting since today"
WAITING = {True: "waiting since yesterday", False: "waiting since {days:,} days"}
"""By whether it is one day."""
AUDIT = "drawn for audit"
AND_THEN = "; "

# Folders and CSVs of cases.
UNREADABLE = "{path}: cannot be read: {error}. Nothing was added"
NO_FOLDER = "{path}: there is no such folder"
NO_SLIDES = "{path}: there is no slide in this folder"
CSV_TOO_LARGE = "{path}: a CSV of cases has {most_mb} MB at most; nothing was added, divide it"
TOO_MANY_ROWS = "{path}: there are more than {most:,} rows; nothing was added, divide the file"
NOT_TEXT = "{path}: this is no CSV of cases: it is not text. Nothing was added"
NO_ROWS = "{path}: there is no row below the names of the columns"
UNKNOWN_COLUMN = "{path}, line 1: there is no column {name!r}; there are {known}. Nothing was added"
NO_COLUMN = "{path}, line 1: the column {name} is missing; there are {known}. Nothing was added"
COLUMN_TWICE = "{path}, line 1: the column {name} stands twice. Nothing was added"
PLACE = "{path}, line {line}"
BAD_LINE = "line {line}: {error}"
LINE = "line {line}: {problem}"
CELL_COUNT = "{found} cells instead of {wanted}"
EMPTY_CELL = "the {name} is missing"
NO_SLIDE = "there is no slide {slide}"
SLIDE_TWICE = "the slide {slide} of case {case} stands twice"
OTHER_TEXT = "the {name} of case {case} is another one than before (line {line})"
WRONG_LINES = "{path}: {problems}{more}. Nothing was added"
AND_MORE = {True: "; and {count} more line", False: "; and {count:,} more lines"}
"""By whether it is one."""
