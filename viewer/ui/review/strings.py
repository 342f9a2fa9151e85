"""The texts of the second reader in the window."""

from __future__ import annotations

TITLE = "Tissue not displayed at {magnification:g}x"
SHORT_TITLE = "Not displayed at {magnification:g}x"
OVERVIEW_ONLY = "not displayed at {low:g}x or more"
LESS_MAGNIFIED = "displayed at {low:g}x to {magnification:g}x only"
SHARES = (
    "displayed at {magnification:g}x or more: {enough:.0f} %, "
    "at {low:g}x to {magnification:g}x only: {less:.0f} %, at most as an overview: {overview:.0f} %"
)
DISPLAYED_ONLY = "displayed does not mean seen"
NOMINAL = "pixel size unknown: 1:1 counts as 40x"
TISSUE_PENDING = "Finding the tissue of this slide first…"
NO_TISSUE = "No tissue was found on this slide: nothing is listed as not displayed."
ALL_DISPLAYED = "All tissue that was found on this slide was displayed at {magnification:g}x or more."
SAVE_STREAM = "Export viewing record"
STREAM_FILE = "Viewing record (*.jsonl)"
NOTHING_DISPLAYED = "Nothing of this slide was displayed yet."
STREAM_SAVED = "Viewing record saved: {file}"
