"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Protocols.
NO_PROTOCOL = "there is no protocol {name!r}; there are {known}"
PROBLEM = "{path}: {error}"
UNREADABLE = "it cannot be read: {error}"
BAD_NAME = "the name of a protocol has letters, digits, - and _, {most} at most"
TOO_LARGE = "it is too large for a protocol"
TOO_MANY = "{path}: there are more than {most} protocols; the others are left out"
AT_KEY = "{key}: {error}"
MISSING = "it is missing"
UNKNOWN_KEY = "there is no such key; there are {known}"
NOT_TEXT = "it must be text that is not empty, not {value!r}"
NOT_NUMBER = "it must be a number from {low:g} to {high:g}, not {value!r}"
NOT_WHOLE = "it must be a whole number from {low:g} to {high:g}, not {value!r}"
NOT_TABLE = "it must be a table: [{key}]"
NOT_TABLES = "it must be a list of tables: [[{key}]], {most} at most"
NOT_OPTIONS = "it must be a list of two texts or more, each once, not {value!r}"
NO_OPTIONS = "only questions of the kinds choice and grade have options"
NOT_KIND = "it must be one of {known}, not {value!r}"
BAD_ID = "it must be letters, digits, - and _, {most} at most, not {value!r}"
TWICE = "{value!r} stands twice"
NO_QUERY = "“{text}” cannot be read as a query. {problem}"
NOTHING_ASKED = (
    "there is nothing to look for and nothing to answer: a protocol has a query, a head or a question"
)

# What is asked and not analysed.
NO_ENCODER = "its threshold is set for the encoder {encoder}, which is not here"
NO_TEXT_QUERIES = "{encoder} takes no words"
NO_HEAD = "there is no slide head {name}"
NO_CLASS = "the slide head {name} has no class {wanted}; it has {known}"
CLASS_OF_HEAD = "{name}: {wanted}"

# What was read.
UNREAD = "{count} of {patches} patches could not be read"

# Lesions, for calibration.
BAD_LESION = "{path}: shape {number}: {error}"
NOT_FINITE = "a corner of it is no number"

# Tables of reader studies.
STUDY_UNREADABLE = "{path} cannot be read: {error}"
STUDY_COLUMNS = "{path} is no table of a study: it lacks the columns {missing}"
STUDY_CELLS = "{path}, line {line}: {found} cells, not {wanted}"
STUDY_CONFIDENCE = "{path}, line {line}: {name} must be a whole number from 0 to 100, not {value!r}"
STUDY_ANSWER = "{path}, line {line}: {name} must be one of {known}, not {value!r}"
