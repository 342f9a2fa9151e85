"""Texts of this room that the reader sees; ``{name}`` stands for a value."""

from __future__ import annotations

# Messages above the slide.
MESSAGE_KINDS = {"information": "Information", "warning": "Warning", "error": "Error"}
MESSAGE_NAME = "{kind}: {text}"
MESSAGE_BUTTON_TOOLTIP = "{button} ({kind})"
DISMISS = "Dismiss"

# The progress of an opening.
OPENING = "Opening {name} …"
OPENING_PROGRESS = "Progress of opening"
CANCEL = "Cancel"
CANCEL_TOOLTIP = "Stop opening; the slide that was open stays"

# Docks that are folded.
PANEL_TABS = "Panels"
# Saving files.
FILE_KIND = "{kind} (*{ending})"
REPLACE = "{file} exists already. Replace it?"
