"""Sentences of ``foveola review``."""

REVIEW = "cases to be read a second time, their readings, and the record of who said what, and when"
RECORD = "the record: a file, or the address of a PostgreSQL (default: the usual file)"
VERIFY = "find every change of the record behind its back, and say where it is"

WHOLE = "{where}: whole. {count} events; the last has the digest {digest}"
NOT_WHOLE = {
    True: "{where}: 1 problem. The record is not what was recorded",
    False: "{where}: {count} problems. The record is not what was recorded",
}
