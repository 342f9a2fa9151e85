"""Sentences of ``foveola review``."""

REVIEW = "cases to be read a second time, their readings, and the record of who said what, and when"
RECORD = "the record: a file, or the address of a PostgreSQL (default: the usual file)"
VERIFY = "find every change of the record behind its back, and say where it is"

WHOLE = "{where}: whole. {count} events; the last has the digest {digest}"
NOT_WHOLE = {
    True: "{where}: 1 problem. The record is not what was recorded",
    False: "{where}: {count} problems. The record is not what was recorded",
}

READ = "have the second reader read cases: search their slides for what their protocol asks"
READ_CASES = "ids of cases (default: all that were not read yet)"
READ_AGAIN = "read slides again that were read with the same protocol"
PROGRESS_LINES = "print the progress as one JSON object a line"
READING = "Reading {case}"
CASE_READ = "{case}: {state}, findings: {count}"
CASE_READ_IN_READING = "{case}: read; its state is unchanged"
CASE_FAILED = "{case}: not read: {error}"
SLIDE_REPLACED = (
    "slide {number} of {case} has changed since it was read first; "
    "open the case in the window to use the new one"
)
HEAD_NOT_READ = "the second reader does not ask slide heads yet"
VERSION = "version {version}"
