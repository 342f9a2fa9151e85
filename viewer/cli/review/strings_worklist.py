"""Sentences of the commands on the worklist."""

from __future__ import annotations

ADD = "add cases to the worklist: those of a folder (each slide, each sub-folder) or of a CSV"
ADD_WHERE = (
    "a folder, or a CSV with the columns case, slide and, where wanted, site, stain, question, reference"
)
PROTOCOL = "what the second reader looks for; see `foveola review protocols` (default: general)"
READER = "who does this (default: the login name)"
LIST = "list cases in the order in which they need reading, with the reason"
STATE = "only cases in this state; may be given several times: {states}"
OF_PROTOCOL = "only cases of this protocol"
FIND = "only cases that hold these words"
ORDER = "{orders} (default: priority)"
CSV = "print a CSV"
TITLES = "with titles, paths of slides (they may name a patient) and reference standards, in --json and --csv"
PROTOCOLS = (
    "list the protocols: what is looked for, what of that is not analysed, and what the reader answers"
)

READ_AS = "{path}: read as {encoding}"
ADDED = {True: "1 case added to {where}", False: "{count:,} cases added to {where}"}
"""By whether it is one."""
KNOWN = {
    True: "1 case with these slides is in the list already; it was left as it is",
    False: "{count:,} cases with these slides are in the list already; they were left as they are",
}
NO_CASES = "no case is like that"
NOTHING_TO_READ = "no cases yet; add some with `foveola review add`"
NO_NAME = "the login name is not known here; say who you are with --reader"

ONE_FORMAT = "--json and --csv are two ways to print the same; give one"
LINE = "{id:<14} {state:<13} {title:<24.24} {slides:>3}  {priority}"
HEADER = {"id": "case", "state": "state", "title": "title", "slides": "n", "priority": "priority"}
PROTOCOL_LINE = "{name:<16} {title}: {purpose}"
OWN = " (your own)"
LOOKS_FOR = "looks for {asked}"
BETWEEN = ", "
NOT_ANALYSED = "not analysed: {text}. {why}"
ANSWERS = "asks: {questions}"
COVERAGE = "tissue to be displayed at {magnification:g}x: {share:.0%}"
LIMITS = "limits: {limits}"
NOT_CALIBRATED = "thresholds were not calibrated on slides of your laboratory"
