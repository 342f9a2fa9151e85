"""Sentences of the command on findings to and from other programs."""

from __future__ import annotations

FINDINGS = "export a reading's findings to QuPath or ASAP, or take over what was marked there"
CASE = "a case of the worklist"
OUT = "write the findings that the reader was shown or marked: .geojson (QuPath) or .xml (ASAP)"
FROM = "add the shapes of a file as the reader's own findings; needs --reader, and a reading that is open"
READER = "whose reading (export: default the login name)"
SLIDE = "number of the slide in the case, from 1, where it has several"
FORMAT = "instead of what the ending says"
WHICH_SLIDE = "{case} has {count} slides; say which with --slide 1 to {count}"
NOT_READ = "slide {number} of {case} was never opened; open it or run `foveola review read {case}` first"
NO_FINDINGS = "{reader} has no findings to export on slide {number} of {case}"
READER_MISSING = "name the reader who takes the findings over with --reader NAME"
EXPORTED = "{path}: {count} findings"
IMPORTED = "{case}: {count} findings added for {reader}"
