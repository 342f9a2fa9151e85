"""Sentences of ``foveola review calibrate``."""

from __future__ import annotations

CALIBRATE = "set the thresholds of a protocol from slides with marked lesions, and say how well they do"
LESIONS = "folder with a SLIDE.geojson for each slide: lesions as polygons; empty for a slide without any"
CLASS = "only polygons of this class are lesions (default: all)"
QUERY = "only this query of the protocol (default: all)"
DISTANCE = "a place this near to a lesion, in µm, hits it (default: 0, its peak lies in the lesion)"
FALSE = "most false places a slide, on average, at the threshold (default: 1)"
SAVE = "save the protocol with these thresholds under this name, among your own"

NO_QUERY = "protocol {protocol}: there is no query {query!r} that is analysed; there are {known}"
NONE_ANALYSED = "protocol {protocol}: it has no query that is analysed; there is nothing to calibrate"
NO_LESIONS_FILE = "{path}: there is no such file; a slide without lesions needs one with an empty list"
NOT_ANALYSED = "not analysed: {text}. {why}"
READING = "{slide}: {text}"

QUERY_LINE = "{query} ({encoder}): {slides} slides, {lesions} lesions"
THRESHOLD_LINE = (
    "  threshold {threshold:.4f}: {hit} of {lesions} lesions hit, {false_a_slide:.2f} false a slide"
)
NO_THRESHOLD = "  no threshold: no lesion is hit with so few false places"
SAVED = "saved as {path}"
FROC_LINE = "  FROC: mean sensitivity {mean:.2f}{between}; {at}"
FROC_BETWEEN = " (95 % of draws of slides {low:.2f} to {high:.2f})"
FROC_AT = "{share:.2f} at {false:g}"
