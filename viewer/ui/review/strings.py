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

READING = "Reading"
NO_CASE = (
    "No case is open. The worklist holds the cases to be read; your opinion comes first, then the program's."
)
OPEN_WORKLIST = "Open the worklist…"
SLIDES = "Slides of this case"
SLIDE_OF_CASE = "Slide {number}{facts}"
CASE_FACTS = "{protocol} · {mode}"
QUESTION = "Question: {question}"
TAB_WITH_COUNT = "{title} {count}"

OPINION = "Opinion"
FINDINGS = "Findings"
SIGN = "Sign"

YES, NO = "Yes", "No"
ANSWER_NAME = "{question} {answer}"
NOT_ANSWERED = "not answered"
CONFIDENCE = "How sure are you?"
CONFIDENCE_TIP = "From 0 (a guess) to 100 (certain); it may stay open"
NO_CONFIDENCE = "not given"
REASON = "Reason of the change"
REASON_HINT = "Why do you change your opinion?"
RECORD_FIRST = "Record first opinion"
RECORD_FIRST_TIP = "Write your answers to the record. The first opinion is kept as it is for good"
RECORD_CHANGE = "Record a changed opinion"
RECORD_CHANGE_TIP = "Write other answers to the record, beside the first ones"
REVEAL = "Show the program's findings"
REVEAL_TIP = "From then on, changes of your opinion are counted as changes after the findings were shown"
MODE_SENTENCES = {
    "blinded first": "Read blinded: nothing of the program is shown before your first opinion is recorded.",
    "concurrent": "Read with the program's findings from the start.",
    "unaided": "Read unaided: nothing of the program is shown.",
}
FIRST_RECORDED = "First opinion recorded at {time}."
CHANGED = "First opinion recorded at {time}; changed since: {count}."

ANSWER_BUTTONS = {
    "agree": "Agree (A)",
    "disagree": "Disagree (D)",
    "defer": "Defer (F)",
    "not sure": "Not sure (U)",
}
ANSWER_TIPS = {
    "agree": "This is what the program says it is",
    "disagree": "It is something else, or nothing",
    "defer": "Leave it to another reader",
    "not sure": "It cannot be decided on this slide",
}
REASON_CODE = "Reason"
REASON_CODES = {
    "": "no reason given",
    "artefact": "artefact",
    "benign mimic": "benign mimic",
    "inflammation": "inflammation",
    "out of focus": "out of focus",
    "outside the tissue": "outside the tissue",
    "other place already marked": "already marked beside it",
    "other": "other",
}
COMMENT = "Comment"
COMMENT_HINT = "Comment"
MARK = "Mark here (Z)"
MARK_TIP = "Mark what lies in the middle of the view; the key Z marks what lies under the pointer"
MARK_AS = "Mark as"
MARK_AS_TIP = "What you mark is called so; Alt+1 to Alt+9 mark and name it at once"
NO_CLASS = "no class"
WITHDRAW = "Take back this mark"
WITHDRAW_TIP = "Take the mark off the slide; the record keeps that it was made"
FINDING_LINE = "{number}  {label}{score}{by}\n     {said}"
BY_YOU = " (yours)"
NO_ANSWER = "not answered"
BECAUSE = "Because: {reasons}"
LOCKED_FINDINGS = (
    "The program's findings are shown after your first opinion. What you mark yourself is listed here."
)
UNAIDED_FINDINGS = "Unaided: only what you mark yourself is listed."
READING_NOW = "The program is reading this case: {percent:.0f} %. Findings appear when it is done."
NOT_READ = "The program has not read this case."
NO_FINDINGS = (
    "The program found no place above its threshold in what it analysed. That is not the same as negative."
)
SOME_FINDINGS = {
    True: "1 finding of the program, yours in blue.",
    False: "{count} findings of the program, yours in blue.",
}

OPEN_POINTS = "Points on which you and others differ"
NO_OPEN_POINTS = "No open point."
OPEN_COUNT = {
    True: "1 open point: resolve or defer it.",
    False: "{count} open points: resolve or defer each.",
}
POINT_LINE = "{text} · {state}"
STATES = {"open": "open", "resolved": "resolved", "deferred": "deferred"}
RESOLVE = "Resolved"
RESOLVE_TIP = "You have considered it; your opinion stands as it is now"
DEFER = "Defer"
DEFER_TIP = "Leave it to another reader"
NOT_DISPLAYED = "Places that were not displayed"
DISPLAYED = (
    "{slide}: {share:.0f} % of the tissue displayed at {magnification:g}x or more "
    "(asked for: {wanted:.0f} %)."
)
DISPLAYED_UNKNOWN = "{slide}: not opened, or its tissue not found yet."
TISSUE_PLACE = "Tissue not displayed at {magnification:g}x, {place}"
FINDING_PLACE = "Never displayed: {label}, {place}"
NOT_ANALYSED_LINE = "Not analysed: {what} ({why})"
NAME = "Your name"
NAME_HINT = "Your name, as it stands in the report"
SIGN_BUTTON = "Sign"
SIGN_TIP = "Your last opinion, with name and time, goes into the record"
MEANING = "I have read this case; the last recorded opinion is mine."
SIGNED_BY = "Signed by {name}, {time} UTC."

CASE_OPENED = "{case} opened: {mode}"
LOCKED = "Record your first opinion first: this case is read blinded."
LOCKED_UNAIDED = "This case is read unaided."
NOT_MARKED = "Nothing was marked: the slide that is shown is not one of this case."
MARKED = "Marked: {label}, {place}"
OPINION_RECORDED = "Opinion recorded."
SLIDE_CHANGED = (
    "{slide} is not the slide that this case was read on: its content has changed, or another file has its "
    "name. "
    "Nothing is recorded on it until you choose."
)
USE_CHANGED = "Use this slide from now on"
LEAVE_CASE = "Leave the case"
SLIDE_MISSING = "{slide} is not there. Where is it now?"

WORKLIST = "Worklist"
COLUMNS = {
    "case": "Case",
    "state": "State",
    "why": "Why it stands here",
    "question": "Clinical question",
    "slides": "Slides",
    "protocol": "Protocol",
}
SEARCH_CASES = "Search cases"
STATE = "State"
ALL_STATES = "all states ({count})"
STATE_COUNT = "{state} ({count})"
ORDER = "Order"
ORDERS = {"priority": "by priority", "added": "by time of adding", "title": "by title"}
PRIORITY_HIDDEN = "by priority (not when blinded)"
NO_CASES = (
    "No case yet. Add a folder of slides, or a table (CSV) with the columns case, slide, site, stain, "
    "question, reference."
)
NO_MATCH = "No case matches."
PROTOCOL = "Protocol of new cases"
MODE = "Reading mode"
MODES = {"blinded first": "blinded first", "concurrent": "with the program's findings", "unaided": "unaided"}
READER = "Your name"
OPEN_CASE = "Open case"
OPEN_CASE_TIP = "Open the selected case to read it"
RESUME = "Resume"
RESUME_TIP = "Go on with the case that you left last"
READ_ALL = "Have all read"
READ_ALL_TIP = "The program reads all unread cases, one after the other, in the background"
READ_STOP = "Stop reading"
READ_PROGRESS = "%p % · cases left: {count}"
READER_ENDED = "it ended with status {code}"
READER_FAILED = "The program could not read a case: {reason}"
ADD_FOLDER = "Add folder…"
ADD_FOLDER_TIP = "Each slide of the folder becomes a case, each folder in it one case with its slides"
ADD_FOLDER_TITLE = "Add the cases of a folder"
ADD_TABLE = "Add table…"
ADD_TABLE_TIP = "Add the cases that a CSV file names"
ADD_TABLE_TITLE = "Add the cases of a table"
TABLE_FILES = "Tables (*.csv *.tsv *.txt)"
CASES_ADDED = "Cases added: {count}{known}"
CASES_KNOWN = "; already in the list: {count}"
CASE_ERASED = "Case {case} was erased, and is closed: nothing more is recorded about it."
NO_FURTHER_CASE = "There is no further case in the list."

SAVE_REPORT = "Save report"
PDF_FILE = "Report as PDF"
HTML_FILE = "Report as a web page"
JSON_FILE = "Report as data"
REPORT_BEING_SAVED = "Writing {file}…"
REPORT_SAVED = "Report saved: {file}"

DECISION_HINT = "Why do you decide so?"
ADJUDICATE = "Adjudicate"
ADJUDICATE_TIP = "Your last opinion decides between the readers, and is recorded with name, reason and time"
OTHER_OPINION = "Reader {number} said: {answers}"

SIGN_WITHOUT = "Show them then, or sign without them."
